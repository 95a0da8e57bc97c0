//! The routes behind letters: who asks for one, and what its link does.

use super::{
    Cost, Rule, Table, Words,
    handlers::{links, losses, outbox},
};
use http::StatusCode;
use identity::Permission as P;

/// Registration, reset, change of address, device links, losses of a factor, recovery, the outbox.
#[must_use]
pub fn links_of(table: Table) -> Table {
    mail_of(recovery_of(loss_of(address_of(registration_of(table)))))
}

const ASKED: Rule = Rule::Open("nobody is signed in; answers are equal and limits guard it");
const LINKED: Rule = Rule::Open("the value of a mailed link is the proof; only a POST uses it up");

fn registration_of(table: Table) -> Table {
    table
        .get(
            "/api/v1/puzzle",
            ASKED,
            Words::new(Cost::Light, "A puzzle, where one is asked of this address")
                .json::<links::PuzzleGiven>(),
            links::puzzle,
        )
        .post(
            "/api/v1/letters",
            ASKED,
            Words::new(Cost::Moderate, "Asks for a letter: to register, for a forgotten password, for a new browser, for a lost factor")
                .takes::<links::LetterAsked>()
                .status(StatusCode::ACCEPTED),
            links::ask,
        )
        .post(
            "/api/v1/register/begin",
            LINKED,
            Words::new(Cost::Moderate, "Whom a link to register is for")
                .takes::<links::LinkFollowed>()
                .json::<links::Newcomer>(),
            links::register_begin,
        )
        .post(
            "/api/v1/register/finish",
            LINKED,
            Words::new(Cost::Hashing, "Makes the account of a link and signs its owner in")
                .takes::<links::Registration>()
                .json::<super::handlers::account::SignedIn>(),
            links::register_finish,
        )
        .post(
            "/api/v1/reset/begin",
            LINKED,
            Words::new(Cost::Moderate, "What a reset of the password asks for")
                .takes::<links::LinkFollowed>()
                .json::<links::ResetBegun>(),
            links::reset_begin,
        )
        .post(
            "/api/v1/reset/finish",
            LINKED,
            Words::new(Cost::Hashing, "Sets a new password by link and second factor")
                .takes::<links::NewPasswordForm>(),
            links::reset_finish,
        )
}

fn address_of(table: Table) -> Table {
    table
        .post(
            "/api/v1/address",
            Rule::Needs(P::OwnFactors),
            Words::new(Cost::Hashing, "Asks for another address, with all factors")
                .takes::<links::AddressAsked>()
                .status(StatusCode::ACCEPTED),
            links::address,
        )
        .post(
            "/api/v1/address/confirm",
            LINKED,
            Words::new(Cost::Moderate, "Changes the address by the link that went to the new one")
                .takes::<links::LinkFollowed>(),
            links::address_confirm,
        )
        .post(
            "/api/v1/address/stop",
            LINKED,
            Words::new(Cost::Moderate, "Keeps the address by the link that went to it")
                .takes::<links::LinkFollowed>(),
            links::address_stop,
        )
        .post(
            "/api/v1/device",
            LINKED,
            Words::new(Cost::Moderate, "Makes the browser that asked a known one; no sign-in")
                .takes::<links::LinkFollowed>(),
            links::device,
        )
}

fn loss_of(table: Table) -> Table {
    table
        .post(
            "/api/v1/loss/begin",
            LINKED,
            Words::new(Cost::Moderate, "How far the recovery of a lost factor is")
                .takes::<links::LinkFollowed>()
                .json::<losses::LossShown>(),
            losses::begin,
        )
        .post(
            "/api/v1/loss/declare",
            LINKED,
            Words::new(Cost::Hashing, "Says with the password that the second factor is lost")
                .takes::<losses::LossDeclared>()
                .json::<losses::LossShown>(),
            losses::declare,
        )
        .post(
            "/api/v1/loss/replace",
            LINKED,
            Words::new(Cost::Hashing, "Enrols another factor in place of the lost one")
                .takes::<losses::FactorReplaced>()
                .json::<losses::CodesShown>(),
            losses::replace,
        )
        .post(
            "/api/v1/loss/stop",
            LINKED,
            Words::new(Cost::Moderate, "Stops a recovery by the link of its letter")
                .takes::<links::LinkFollowed>(),
            losses::stop_by_link,
        )
        .post(
            "/api/v1/loss/vouch",
            Rule::Needs(P::AccountReset),
            Words::new(Cost::Moderate, "Vouches for somebody who lost a factor")
                .takes::<losses::LossOf>(),
            losses::vouch,
        )
        .post(
            "/api/v1/loss/cancel",
            Rule::Needs(P::OwnSessions),
            Words::new(
                Cost::Moderate,
                "Stops a recovery: one's own, or another's as administrator",
            )
            .takes::<losses::LossOf>(),
            losses::cancel,
        )
}

fn recovery_of(table: Table) -> Table {
    table
        .post(
            "/api/v1/recover/begin",
            LINKED,
            Words::new(Cost::Moderate, "Begins a recovery by the link printed on the host")
                .takes::<links::LinkFollowed>()
                .json::<losses::FactorBegun>(),
            losses::recover_begin,
        )
        .post(
            "/api/v1/recover/finish",
            LINKED,
            Words::new(Cost::Hashing, "Sets a new password and a new second factor")
                .takes::<losses::FactorReplaced>()
                .json::<losses::CodesShown>(),
            losses::recover_finish,
        )
}

fn mail_of(table: Table) -> Table {
    table.get(
        "/api/v1/outbox",
        Rule::Needs(P::LetterRead),
        Words::new(
            Cost::Moderate,
            "Letters that wait; with their texts where no mail server is set",
        )
        .json::<outbox::OutboxShown>(),
        outbox::show,
    )
}

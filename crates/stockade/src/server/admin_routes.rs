//! The rows of the table of routes for those who run the server.

use super::{
    AtOnce, Cost, Rule, Table, Words,
    handlers::{governance, machines, users},
};
use http::StatusCode;
use identity::{Level, Permission as P};

/// Accounts, invitations, approvals and the quarter's review.
pub(super) fn administration(table: Table) -> Table {
    machines_of(reviews_of(approvals_of(invitations_of(users_of(table)))))
}

fn users_of(table: Table) -> Table {
    let (read, manage) = (Rule::Needs(P::AccountRead), Rule::Needs(P::AccountManage));
    let act = |words| Words::new(Cost::Moderate, words);
    table
        .get(
            "/api/v1/users",
            read,
            act("Accounts of everybody, the newest first; looking is logged")
                .query::<users::Whom>()
                .json::<users::Users>(),
            users::list,
        )
        .get(
            "/api/v1/users/{id}",
            read,
            act("One account, without any secret; looking is logged").json::<users::UserDetail>(),
            users::show,
        )
        .post(
            "/api/v1/users/{id}/role",
            Rule::Needs(P::RoleGrant),
            act("Gives a role that decides nothing about others; other roles take two persons")
                .takes::<users::RoleForm>(),
            users::set_role,
        )
        .post(
            "/api/v1/users/{id}/disable",
            manage,
            act("Shuts an account out; of the last two who decide about others only two persons"),
            users::disable,
        )
        .post(
            "/api/v1/users/{id}/enable",
            manage,
            act("Lets a disabled account in again"),
            users::enable,
        )
        .post(
            "/api/v1/users/{id}/end-sessions",
            manage,
            act("Ends everything that an account has open"),
            users::end_sessions,
        )
        .post(
            "/api/v1/sessions/end-all",
            Rule::Fresh(P::AccountManage, Level::Dangerous),
            act("Ends everybody's sessions in one act, owners' only by an owner; tokens and bots stay")
                .takes::<users::EndAllForm>()
                .json::<users::EndedAll>(),
            users::end_all_sessions,
        )
        .post(
            "/api/v1/users/{id}/reset",
            Rule::Needs(P::AccountReset),
            act("Ends an account's sessions and asks its owner by mail for a new password"),
            users::reset,
        )
}

fn invitations_of(table: Table) -> Table {
    let invite = Rule::Needs(P::AccountInvite);
    table
        .get(
            "/api/v1/invitations",
            Rule::Needs(P::AccountRead),
            Words::new(Cost::Moderate, "Invitations that are out")
                .json::<governance::Invitations>(),
            governance::invitations,
        )
        .post(
            "/api/v1/invitations",
            invite,
            Words::new(Cost::Moderate, "Invites an address by mail")
                .takes::<governance::InvitationForm>()
                .status(StatusCode::CREATED),
            governance::invite,
        )
        .delete(
            "/api/v1/invitations/{id}",
            invite,
            Words::new(Cost::Moderate, "Takes an invitation back"),
            governance::withdraw,
        )
}

fn approvals_of(table: Table) -> Table {
    let decide = Rule::Needs(P::ActDecide);
    let act = |words| Words::new(Cost::Moderate, words);
    table
        .get(
            "/api/v1/proposals",
            Rule::Needs(P::AccountRead),
            act("Acts of two persons that wait").json::<governance::Proposals>(),
            governance::proposals,
        )
        .post(
            "/api/v1/proposals",
            decide,
            act("Proposes an act that needs two persons")
                .takes::<governance::ProposalForm>()
                .json::<governance::Proposed>()
                .status(StatusCode::CREATED),
            governance::propose,
        )
        .post(
            "/api/v1/proposals/{id}/approve",
            decide,
            act("Approves what another one proposed"),
            governance::approve,
        )
        .post(
            "/api/v1/proposals/{id}/cancel",
            decide,
            act("Takes a proposal back, or refuses it"),
            governance::cancel,
        )
        .post(
            "/api/v1/proposals/{id}/carry",
            decide,
            act("Carries out what was approved, or what has waited long enough"),
            governance::carry,
        )
}

fn reviews_of(table: Table) -> Table {
    table
        .get(
            "/api/v1/access-review",
            Rule::Needs(P::AccountRead),
            Words::new(
                Cost::Heavy(AtOnce::READING),
                "The quarter's review: who may do what, and who signed it; looking is logged",
            )
            .json::<governance::AccessReview>(),
            governance::review,
        )
        .post(
            "/api/v1/access-review/sign",
            Rule::Needs(P::ReviewSign),
            Words::new(Cost::Heavy(AtOnce::READING), "Signs the list that was read")
                .takes::<governance::SignatureForm>(),
            governance::sign,
        )
}

fn machines_of(table: Table) -> Table {
    let manage = Rule::Needs(P::MachineManage);
    table
        .get(
            "/api/v1/machines",
            Rule::Needs(P::MachineRead),
            Words::new(Cost::Light, "Workers and bots: who belongs, and how each stands")
                .json::<machines::MachinesPage>(),
            machines::list,
        )
        .post(
            "/api/v1/machines",
            manage,
            Words::new(Cost::Moderate, "Makes a token by which a machine comes in, once")
                .takes::<machines::MachineForm>()
                .json::<machines::AddedMachine>()
                .status(StatusCode::CREATED),
            machines::add,
        )
        .post(
            "/api/v1/machines/revoke",
            manage,
            Words::new(Cost::Moderate, "Puts a machine out; its connections end")
                .takes::<machines::MachineForm>(),
            machines::revoke,
        )
}

//! The routes of one's own account: passkeys, second factors, tokens, history, export, erasure.

use super::{
    AtOnce, Cost, Rule, Table, Words,
    handlers::{account, own_data, passkeys, petitions, security, tokens},
};
use http::StatusCode;
use identity::Permission as P;

/// For acts whose bodies bring proof of all factors: it is fresher than any session, and asking for a
/// fresh session besides would use up two codes.
const PROVEN: Rule = Rule::Needs(P::OwnSessions);

/// Mounts them.
pub(super) fn security_of(table: Table) -> Table {
    data(petitions_of(tokens_of(factors(own(doors(table))))))
}

fn doors(table: Table) -> Table {
    let door = Rule::Open("nobody is signed in yet; limits and equal answers guard it");
    table
        .get(
            "/.well-known/jwks.json",
            Rule::Open("public keys; whoever verifies an access token needs them"),
            Words::new(Cost::Light, "The keys that verify access tokens (RFC 7517)")
                .media("application/jwk-set+json"),
            own_data::jwks,
        )
        .post(
            "/api/v1/sign-in/passkey/begin",
            door,
            Words::new(Cost::Light, "Asks for a passkey as the only proof")
                .json::<passkeys::PasskeyRequest>(),
            passkeys::sign_in_begin,
        )
        .post(
            "/api/v1/sign-in/passkey",
            door,
            Words::new(Cost::Moderate, "Checks a passkey that verified its user; opens a session")
                .takes::<passkeys::PasskeySignIn>()
                .json::<account::SignedIn>(),
            passkeys::sign_in,
        )
        .post(
            "/api/v1/account/erasure/stop-by-link",
            Rule::Open("the link's value is the proof; it works once"),
            Words::new(Cost::Moderate, "Stops an erasure by the link of its letter")
                .takes::<own_data::StopLink>(),
            own_data::keep_by_link,
        )
}

fn own(table: Table) -> Table {
    table
        .post(
            "/api/v1/session/passkey",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Light, "Asks for one of one's own passkeys, as part of a proof")
                .json::<passkeys::PasskeyRequest>(),
            passkeys::own,
        )
        .get(
            "/api/v1/account",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Light, "One's own account and what it is entered with")
                .json::<security::OwnAccount>(),
            security::show,
        )
        .post(
            "/api/v1/account/name",
            Rule::Needs(P::OwnData),
            Words::new(Cost::Moderate, "Changes how one is called").takes::<security::NewName>(),
            security::rename,
        )
        .post(
            "/api/v1/account/password",
            PROVEN,
            Words::new(Cost::Hashing, "Changes the password; all other sessions end")
                .takes::<security::ChangedPassword>(),
            security::change_password,
        )
}

fn factors(table: Table) -> Table {
    let change = PROVEN;
    table
        .post(
            "/api/v1/account/totp/begin",
            change,
            Words::new(Cost::Light, "A secret for an authenticator; nothing is kept yet")
                .json::<security::TotpOffer>(),
            security::totp_begin,
        )
        .post(
            "/api/v1/account/totp",
            change,
            Words::new(Cost::Hashing, "Enrols an authenticator by the code that it shows")
                .takes::<security::NewTotp>()
                .json::<security::FreshCodes>(),
            security::totp_enrol,
        )
        .post(
            "/api/v1/account/passkeys/begin",
            change,
            Words::new(Cost::Light, "What a browser needs to make a passkey")
                .json::<passkeys::PasskeyCreation>(),
            security::passkey_begin,
        )
        .post(
            "/api/v1/account/passkeys",
            change,
            Words::new(Cost::Hashing, "Enrols a passkey that was just made")
                .takes::<security::NewPasskey>()
                .json::<security::FreshCodes>(),
            security::passkey_enrol,
        )
        .post(
            "/api/v1/account/factors/remove",
            change,
            Words::new(
                Cost::Hashing,
                "Removes a second factor; never the last one of a role that asks for it",
            )
            .takes::<security::OldFactorForm>(),
            security::remove_factor,
        )
        .post(
            "/api/v1/account/recovery-codes",
            change,
            Words::new(Cost::Hashing, "Fresh recovery codes; the old ones are void")
                .takes::<security::Proven>()
                .json::<security::FreshCodes>(),
            security::renew_codes,
        )
}

fn tokens_of(table: Table) -> Table {
    let change = Rule::Needs(P::OwnTokens);
    table
        .get(
            "/api/v1/account/tokens",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Light, "One's API tokens, never their secrets")
                .json::<tokens::TokenList>(),
            tokens::list,
        )
        .post(
            "/api/v1/account/tokens",
            change,
            Words::new(Cost::Moderate, "Makes an API token; its secret is shown once")
                .takes::<tokens::NewToken>()
                .json::<tokens::MadeToken>()
                .status(StatusCode::CREATED),
            tokens::make,
        )
        .delete(
            "/api/v1/account/tokens/{id}",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Moderate, "Revokes a token; its next request is refused"),
            tokens::revoke,
        )
}

fn petitions_of(table: Table) -> Table {
    let open = Rule::Open("a program that has no token yet asks for one; few wait at a time");
    table
        .post(
            "/api/v1/petitions",
            open,
            Words::new(Cost::Moderate, "Asks for a token that a person must grant (RFC 8628)")
                .takes::<petitions::NewPetition>()
                .json::<petitions::PetitionTaken>()
                .status(StatusCode::CREATED),
            petitions::ask,
        )
        .post(
            "/api/v1/petitions/state",
            open,
            Words::new(Cost::Light, "Whether the person has decided")
                .takes::<petitions::OwnPetition>()
                .json::<petitions::PetitionFar>(),
            petitions::state,
        )
        .post(
            "/api/v1/account/petition",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Light, "What the program wants whose code one typed")
                .takes::<petitions::TypedCode>()
                .json::<petitions::PetitionRow>(),
            petitions::look,
        )
        .post(
            "/api/v1/account/petition/grant",
            Rule::Needs(P::OwnTokens),
            Words::new(
                Cost::Moderate,
                "Grants it: its secret is a token of one's own from then on",
            )
            .takes::<petitions::TypedCode>(),
            petitions::grant,
        )
        .post(
            "/api/v1/account/petition/refuse",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Moderate, "Refuses it").takes::<petitions::TypedCode>(),
            petitions::refuse,
        )
}

fn data(table: Table) -> Table {
    let own = Rule::Needs(P::OwnSessions);
    table
        .get(
            "/api/v1/account/history",
            own,
            Words::new(Cost::Moderate, "One's own entries of the log, the newest first")
                .query::<own_data::WhichEntries>()
                .json::<own_data::OwnHistory>(),
            own_data::history,
        )
        .get(
            "/api/v1/account/history/{index}/receipt",
            own,
            Words::new(Cost::Moderate, "Proof that the log holds one of one's own entries")
                .media("text/plain"),
            own_data::receipt,
        )
        .post(
            "/api/v1/account/export",
            Rule::Needs(P::OwnData),
            Words::new(Cost::Heavy(AtOnce::EXPORT), "All that one owns, as one file")
                .media("application/jsonl"),
            own_data::export,
        )
        .post(
            "/api/v1/account/erasure",
            PROVEN,
            Words::new(Cost::Hashing, "Has one's account erased, after a wait")
                .takes::<security::Proven>()
                .json::<own_data::ErasureAsked>(),
            own_data::erase,
        )
        .post(
            "/api/v1/account/erasure/stop",
            own,
            Words::new(Cost::Moderate, "Stops the erasure of one's account"),
            own_data::keep,
        )
}

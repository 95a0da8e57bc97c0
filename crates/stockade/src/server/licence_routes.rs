//! The routes of licences: those of whoever issues them, and the two that instances ask without a session.

use super::{
    Cost, Rule, Table, Words,
    handlers::{leases, licences},
};
use http::StatusCode;
use identity::Permission as P;

/// Mounts them.
pub(super) fn licences_of(table: Table) -> Table {
    seats_of(acts_of(table))
}

fn acts_of(table: Table) -> Table {
    let (read, manage) = (Rule::Needs(P::LicenceRead), Rule::Needs(P::LicenceManage));
    let act = |words| Words::new(Cost::Moderate, words);
    table
        .get(
            "/api/v1/licences",
            read,
            act("Licences that were issued, the newest first")
                .query::<licences::Behind>()
                .json::<licences::LicencesPage>(),
            licences::list,
        )
        .post(
            "/api/v1/licences",
            manage,
            act("Issues a licence; its file is handed out this once")
                .takes::<licences::NewLicence>()
                .json::<licences::FreshLicence>()
                .status(StatusCode::CREATED),
            licences::issue,
        )
        .get(
            "/api/v1/licences/{name}",
            read,
            act("A licence, and which instances have its seats").json::<licences::LicencePart>(),
            licences::show,
        )
        .post(
            "/api/v1/licences/{name}/suspend",
            manage,
            act("Nobody gets a lease by it until it is resumed"),
            licences::suspend,
        )
        .post(
            "/api/v1/licences/{name}/resume",
            manage,
            act("Leases are given by it again"),
            licences::resume,
        )
        .post(
            "/api/v1/licences/{name}/revoke",
            manage,
            act("Takes a licence back for good; each instance hears of it when it asks"),
            licences::revoke,
        )
        .post(
            "/api/v1/licences/{name}/release",
            manage,
            act("Gives the seat of an instance back, for another one to take")
                .takes::<licences::SeatForm>(),
            licences::release,
        )
}

fn seats_of(table: Table) -> Table {
    let signed = Rule::Open("an instance has no session: it signs with a key of its own");
    table
        .post(
            "/v1/licences/activate",
            signed,
            Words::new(
                Cost::Moderate,
                "Takes a seat of a licence, by its file and a signed request",
            )
            .takes::<leases::Activation>()
            .json::<leases::Seat>(),
            leases::activate,
        )
        .post(
            "/v1/licences/check",
            signed,
            Words::new(Cost::Moderate, "Answers a signed request with a lease or a revocation")
                .takes::<leases::Question>()
                .json::<leases::Standing>(),
            leases::check,
        )
}

//! The routes of payments: where a processor tells what became of one, and where people read what it told.

use super::{Cost, Rule, Table, Words, Zone, handlers::payments};
use ::payments::nowpayments::BYTES_MAX;
use http::StatusCode;
use identity::Permission as P;

/// What a processor tells.
pub(super) fn notices_of(table: Table) -> Table {
    let signed = Rule::Open("a processor has no account; each notice is believed by its signature");
    table.post(
        "/v1/payments/nowpayments",
        signed,
        Words::new(Cost::Moderate, "Takes what NowPayments tells; the signature is over the body")
            .takes_signed::<payments::Notification>()
            .at_most(BYTES_MAX)
            .counted_as(Zone::Notices)
            .status(StatusCode::OK),
        payments::nowpayments,
    )
}

/// What whoever runs the server sees of it.
pub(super) fn payments_of(table: Table) -> Table {
    table.get(
        "/api/v1/payments/notices",
        Rule::Needs(P::AuditRead),
        Words::new(Cost::Moderate, "What payment processors told, the newest first")
            .query::<payments::Below>()
            .json::<payments::NoticesPage>(),
        payments::notices,
    )
}

//! The routes about limits: how much was asked and refused, lists of addresses, and blocks.

use super::{Cost, Rule, Table, Words, handlers::limits};
use http::StatusCode;
use identity::Permission as P;

/// Limits, lists and blocks.
pub(super) fn limits_of(table: Table) -> Table {
    let manage = Rule::Needs(P::AccountManage);
    table
        .get(
            "/api/v1/limits",
            Rule::Needs(P::AuditRead),
            Words::new(Cost::Moderate, "What is asked and refused, lists of addresses, blocks")
                .json::<limits::LimitsPage>(),
            limits::show,
        )
        .post(
            "/api/v1/limits/blocks",
            manage,
            Words::new(Cost::Moderate, "Shuts addresses out until a moment; never one's own")
                .takes::<limits::BlockForm>()
                .json::<limits::BlockRow>()
                .status(StatusCode::CREATED),
            limits::block,
        )
        .post(
            "/api/v1/limits/blocks/lift",
            manage,
            Words::new(Cost::Moderate, "Lets addresses in again before their time")
                .takes::<limits::LiftForm>(),
            limits::lift,
        )
}

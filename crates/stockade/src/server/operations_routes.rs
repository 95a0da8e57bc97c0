//! The routes by which the server is watched: by probes, by whoever runs it, and for those who reported a
//! weakness.

use super::{
    Cost, Rule, Table, Words,
    handlers::{operations, report_inbox, system},
};
use identity::Permission as P;

/// What probes of others ask.
pub(super) fn health_of(table: Table) -> Table {
    let probe = Rule::Open("balancers and probes ask, and learn nothing but what works");
    table
        .get(
            "/ready",
            probe,
            Words::new(Cost::Light, "Whether all that the server needs works; 503 where not")
                .json::<system::Ready>(),
            system::ready,
        )
        .get(
            "/.well-known/stockade/health.json",
            probe,
            Words::new(Cost::Light, "When each part was last looked at, signed (in-toto in DSSE)")
                .media("application/json"),
            system::signed_health,
        )
}

/// What whoever runs the server sees of it.
pub(super) fn operations_of(table: Table) -> Table {
    let watch = Rule::Needs(P::AuditRead);
    inbox_of(table)
        .get(
            "/api/v1/operations",
            watch,
            Words::new(Cost::Moderate, "What is red, the parts, who is limited, what is due")
                .json::<operations::OperationsPage>(),
            operations::show,
        )
        .get(
            "/api/v1/visits",
            watch,
            Words::new(Cost::Moderate, "How often pages were opened, by day; of nobody")
                .query::<operations::Days>()
                .json::<operations::VisitsPage>(),
            operations::visits,
        )
}

fn inbox_of(table: Table) -> Table {
    let answer = Rule::Needs(P::ReportAnswer);
    let act = |words| Words::new(Cost::Moderate, words);
    table
        .get(
            "/api/v1/security-reports",
            Rule::Needs(P::ReportRead),
            act("Reports of weaknesses, their clocks, and texts to answer with; never what they say")
                .json::<report_inbox::Inbox>(),
            report_inbox::list,
        )
        .get(
            "/api/v1/security-reports/{id}/sealed",
            answer,
            act("The sealed text of a report, for the machine where the key is; that is logged")
                .media("text/plain"),
            report_inbox::sealed,
        )
        .post(
            "/api/v1/security-reports/{id}/move",
            answer,
            act("Takes a step with a report; its sender sees it by the receipt")
                .takes::<report_inbox::StepForm>()
                .json::<report_inbox::InboxReport>(),
            report_inbox::step,
        )
        .post(
            "/api/v1/security-reports/{id}/thanks",
            answer,
            act("Thanks the sender of a published report in public, or takes that back")
                .takes::<report_inbox::ThanksForm>()
                .json::<report_inbox::InboxReport>(),
            report_inbox::thank,
        )
}

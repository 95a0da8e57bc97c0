//! The routes by which weaknesses are reported, without an account.

use super::{Cost, Rule, Table, Words, handlers::security_reports as reports, intake::FORM};
use http::StatusCode;

/// Bytes of a report's form: a sealed text of the largest size, as a browser writes it.
const REPORT_BYTES_MAX: usize = 128 * 1024;

pub(super) fn reports_of(table: Table) -> Table {
    form_of(terms_of(table))
}

fn terms_of(table: Table) -> Table {
    let public = Rule::Open("where a weakness is reported must be found without an account");
    let (html, text) = ("text/html", "text/plain");
    table
        .get(
            "/.well-known/security.txt",
            public,
            Words::new(Cost::Light, "Where weaknesses are reported (RFC 9116), signed").media(text),
            reports::security_txt,
        )
        .get(
            "/.well-known/stockade/security-key.asc",
            public,
            Words::new(Cost::Light, "The key that signs it, for `gpg --import`").media(text),
            reports::key,
        )
        .get(
            "/security/policy",
            public,
            Words::new(
                Cost::Moderate,
                "The terms for finders of weaknesses, and how all clocks stand",
            )
            .query::<reports::Tongue>()
            .media(html),
            reports::policy,
        )
        .get(
            "/security/policy/{language}",
            public,
            Words::new(Cost::Light, "The terms as plain text, whose digest is published")
                .media(text),
            reports::policy_text,
        )
        .get(
            "/security/thanks",
            public,
            Words::new(Cost::Moderate, "Whom we thank for reports, where they wished it")
                .query::<reports::Tongue>()
                .media(html),
            reports::thanks,
        )
        .get(
            "/security/report/recipients",
            public,
            Words::new(Cost::Light, "To whom a report is sealed, for `age -R`").media(text),
            reports::recipients,
        )
}

fn form_of(table: Table) -> Table {
    let door = Rule::Open("a report needs no account; budgets, size and puzzles guard it");
    let html = "text/html";
    table
        .get(
            "/security/report",
            door,
            Words::new(Cost::Light, "The form for a report, which needs no script")
                .query::<reports::Tongue>()
                .media(html),
            reports::form,
        )
        .post(
            "/security/report",
            door,
            Words::new(Cost::Moderate, "Takes a report: sealed by its sender, or here at once")
                .query::<reports::Tongue>()
                .takes_as::<reports::ReportForm>(FORM)
                .at_most(REPORT_BYTES_MAX)
                .media(html)
                .status(StatusCode::CREATED),
            reports::report,
        )
        .get(
            "/security/report.js",
            door,
            Words::new(Cost::Light, "Seals a report in the browser").media("text/javascript"),
            reports::script,
        )
        .get(
            "/security/report/status",
            door,
            Words::new(Cost::Light, "Where a receipt is pasted")
                .query::<reports::Tongue>()
                .media(html),
            reports::receipt,
        )
        .post(
            "/security/report/status",
            door,
            Words::new(Cost::Moderate, "How the report of a receipt stands")
                .query::<reports::Tongue>()
                .takes_as::<reports::ReceiptForm>(FORM)
                .media(html),
            reports::standing,
        )
}

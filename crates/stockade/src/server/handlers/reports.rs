//! Violations of the content security policy, as browsers report them.

use crate::server::{
    Answer, Problem,
    extract::{Json, body},
    state::App,
};
use axum::extract::{Request, State};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What browsers have reported.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reported {
    count: i64,
    latest: Vec<Line>,
}

/// A kind of violation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViolationRow)]
pub struct Line {
    page: String,
    directive: String,
    blocked: String,
    sample: String,
    seen: i64,
    first: String,
    last: String,
}

/// What a browser reports; its keys are the browser's.
#[derive(Debug, ToSchema)]
#[schema(value_type = Value)]
pub struct Report(#[allow(dead_code, reason = "it is read as it comes")] Value);

/// Reports taken from one request.
const REPORTS_MAX: usize = 20;

/// `POST /csp-report`
pub async fn collect(State(app): State<App>, request: Request) -> Answer<StatusCode> {
    let bytes = body(request, &app).await?;
    let report: Value =
        serde_json::from_slice(&bytes).map_err(|_| Problem::invalid("the report is not JSON"))?;
    let reports = match &report {
        Value::Array(reports) => reports.iter().take(REPORTS_MAX).collect(),
        one => vec![one],
    };
    for report in reports {
        // `report-uri` sends {"csp-report": {…}}, the Reporting API {"type", "body": {…}}.
        let inner = report.get("csp-report").or_else(|| report.get("body")).unwrap_or(report);
        let text = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| inner.get(*name));
            found.and_then(Value::as_str).unwrap_or_default()
        };
        let page = path_of(text(["document-uri", "documentURL"]));
        let directive = text(["effective-directive", "effectiveDirective"]);
        let blocked = without_query(text(["blocked-uri", "blockedURL"]));
        let sample = text(["script-sample", "sample"]);
        app.violations().count([page, directive, blocked, sample]);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A page's path alone: what follows it may hold a secret.
fn path_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    without_query(path)
}

fn without_query(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default()
}

/// `GET /api/v1/csp-reports`
pub async fn list(State(app): State<App>) -> Answer<Json<Reported>> {
    let found = app.desk().violations(app.violations()).await?;
    let count = found.iter().map(|violation| violation.seen).sum();
    let line = |violation: store::Violation| Line {
        page: violation.page,
        directive: violation.directive,
        blocked: violation.blocked,
        sample: violation.sample,
        seen: violation.seen,
        first: violation.first.to_string(),
        last: violation.last.to_string(),
    };
    Ok(Json(Reported { count, latest: found.into_iter().take(50).map(line).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_no_fragment_and_no_query() {
        let check = |address: &str, want: &str| assert_eq!(path_of(address), want);
        check("https://localhost:8443/setup#secret", "/setup");
        check("https://localhost:8443/a/b?x=1", "/a/b");
        check("https://localhost:8443", "/");
        check("", "/");
    }
}

//! What whoever runs the server sees of it at a glance, and how often its pages are opened.

use crate::{
    desk::now,
    server::{
        Answer, Problem,
        extract::{Json, Query},
        guard::Granted,
        operations::{Counting, Reading, visits::WHOLE},
        state::App,
    },
};
use audit::posture::{HealthPart, PostureRow, State as Standing};
use axum::extract::State;
use guard::Asker;
use jiff::{Span, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::VISIT_DAYS_MAX;
use utoipa::{IntoParams, ToSchema};

/// The server at a glance.
#[derive(Serialize, ToSchema)]
pub struct OperationsPage {
    version: &'static str,
    started: String,
    /// Whether every part that is needed works.
    ready: bool,
    parts: Vec<PartRow>,
    /// Claims that are not met, by id.
    red: Vec<RedRow>,
    /// How many claims stand how.
    claims: BTreeMap<&'static str, usize>,
    limits: Vec<ZoneRow>,
    /// Whoever was refused in the last ten minutes, the latest first.
    blocked: Vec<BlockedRow>,
    certificate: CertificateRow,
    reports: ReportsRow,
    errors: ErrorsRow,
    /// Where metrics are read; null where `metrics.listen` is not set.
    metrics: Option<String>,
}

/// A part of the installation.
#[derive(Serialize, ToSchema)]
pub struct PartRow {
    part: String,
    /// `good`, `off`, `warning`, `unknown` or `failing`.
    standing: &'static str,
    needed: bool,
    /// When it was last looked at.
    probed: Option<String>,
    /// How long that took.
    took_ms: Option<u64>,
    /// What was seen.
    detail: String,
    /// What to do about it.
    fix: Option<&'static str>,
}

/// A claim that is not met.
#[derive(Serialize, ToSchema)]
pub struct RedRow {
    id: String,
    words: String,
    /// The same in German.
    words_de: String,
    /// `platform` or `host`.
    owner: &'static str,
    why: String,
    /// What shows it.
    command: String,
    seen: Option<String>,
}

/// What the limiter said.
#[derive(Serialize, ToSchema)]
pub struct ZoneRow {
    /// `general`, `api`, `account` or `files`.
    zone: &'static str,
    admitted: u64,
    refused: u64,
}

/// Somebody who was refused.
#[derive(Serialize, ToSchema)]
pub struct BlockedRow {
    zone: &'static str,
    /// A network, or `account` for somebody who is signed in, or `local`.
    who: String,
    refused: u64,
    last: String,
}

/// The certificate.
#[derive(Serialize, ToSchema)]
pub struct CertificateRow {
    issuer: Option<String>,
    expires: Option<String>,
}

/// Reports of weaknesses, in numbers.
#[derive(Serialize, ToSchema)]
pub struct ReportsRow {
    received: usize,
    open: usize,
    overdue: usize,
}

/// Errors that were to be reported.
#[derive(Serialize, ToSchema)]
pub struct ErrorsRow {
    /// Whether there is somebody to be told.
    on: bool,
    sent: u64,
    dropped: u64,
    failed: u64,
}

/// Since when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// How many days, today being the first; 30 unless given, 400 at most.
    days: Option<i64>,
}

/// Openings of pages.
#[derive(Serialize, ToSchema)]
pub struct VisitsPage {
    /// Whether they are counted.
    counting: bool,
    /// Days, the newest first.
    days: Vec<DayRow>,
    /// Pages over all these days, the most opened first.
    pages: Vec<PageRow>,
}

/// A day.
#[derive(Serialize, ToSchema)]
pub struct DayRow {
    day: String,
    views: u64,
    visitors: u64,
}

/// A page.
#[derive(Serialize, ToSchema)]
pub struct PageRow {
    page: String,
    views: u64,
}

/// `GET /api/v1/operations`
pub async fn show(State(app): State<App>, _: Granted) -> Answer<Json<OperationsPage>> {
    let (now, operations) = (now(), app.operations());
    let readings = operations.health().readings();
    let of = |part: HealthPart| {
        let reading = readings.iter().find(|(known, _)| known.name() == part.part);
        part_row(part, reading.map(|(_, reading)| reading))
    };
    let parts = operations.health().parts(now).into_iter().map(of).collect();
    let standing = app.observatory().standing();
    let mut claims: BTreeMap<&'static str, usize> = BTreeMap::new();
    for row in &standing {
        *claims.entry(row.state.as_str()).or_default() += 1;
    }
    let red = standing.iter().filter(|row| row.state == Standing::NotMet).map(red_row).collect();
    let served = app.observatory().served();
    let tally = app.desk().report_tally().await?;
    let told = operations.reporter().map(|reporter| reporter.told());
    let on = told.is_some();
    let told = told.unwrap_or_default();
    Ok(Json(OperationsPage {
        version: env!("CARGO_PKG_VERSION"),
        started: operations.started().to_string(),
        ready: operations.health().lacking(now).is_empty(),
        parts,
        red,
        claims,
        limits: zones(&app),
        blocked: blocked(&app),
        certificate: CertificateRow {
            issuer: served.as_ref().map(|served| served.issuer.clone()),
            expires: served.map(|served| served.expires.to_string()),
        },
        reports: ReportsRow { received: tally.received, open: tally.open, overdue: tally.overdue },
        errors: ErrorsRow { on, sent: told.sent, dropped: told.dropped, failed: told.failed },
        metrics: operations.metrics_at().map(|address| address.to_string()),
    }))
}

fn part_row(part: HealthPart, reading: Option<&Reading>) -> PartRow {
    let took = reading.map(|reading| reading.took.as_millis());
    let fix = reading.map(|reading| reading.word.fix).filter(|fix| !fix.is_empty());
    PartRow {
        standing: part.standing.as_str(),
        needed: part.needed,
        probed: part.probed_at.map(|at| at.to_string()),
        took_ms: took.and_then(|ms| u64::try_from(ms).ok()),
        detail: reading.map(|reading| reading.word.detail.clone()).unwrap_or_default(),
        fix,
        part: part.part,
    }
}

fn red_row(row: &PostureRow) -> RedRow {
    let german = audit::claim(&row.id).map(|claim| claim.words_de.clone());
    RedRow {
        id: row.id.clone(),
        words_de: german.unwrap_or_else(|| row.words.clone()),
        words: row.words.clone(),
        owner: match row.owner {
            audit::Duty::Platform => "platform",
            audit::Duty::Host => "host",
        },
        why: row.reason.clone(),
        command: row.command.clone(),
        seen: row.observed_at.map(|at| at.to_string()),
    }
}

fn zones(app: &App) -> Vec<ZoneRow> {
    let row = |(zone, admitted, refused): (crate::server::Zone, u64, u64)| ZoneRow {
        zone: zone.as_str(),
        admitted,
        refused,
    };
    app.quotas().decisions().into_iter().map(row).collect()
}

/// Whoever was refused in the last minutes.
pub(super) fn blocked(app: &App) -> Vec<BlockedRow> {
    let row = |one: crate::server::Blocked| BlockedRow {
        zone: one.zone.as_str(),
        // Who an account is stands in the list of accounts, for those who may see it.
        who: match one.asker {
            Asker::Account(_) => "account".to_owned(),
            Asker::Address(std::net::IpAddr::V4(v4)) => v4.to_string(),
            Asker::Address(std::net::IpAddr::V6(v6)) => format!("{v6}/64"),
            Asker::Site(v6) => format!("{v6}/48"),
            Asker::Local => "local".to_owned(),
        },
        refused: one.refused,
        last: one.last.to_string(),
    };
    let quotas = app.quotas();
    quotas.blocked(quotas.now()).into_iter().map(row).collect()
}

/// `GET /api/v1/visits`
pub async fn visits(
    State(app): State<App>,
    _: Granted,
    Query(asked): Query<Days>,
) -> Answer<Json<VisitsPage>> {
    let days = asked.days.unwrap_or(30);
    if !(1..=VISIT_DAYS_MAX).contains(&days) {
        return Err(Problem::invalid("days are 1 to 400").at("query, days"));
    }
    // What was counted in this minute is shown, too.
    app.operations().visits().keep(app.desk()).await?;
    let today = now().to_zoned(TimeZone::UTC).date();
    let since = today.saturating_sub(Span::new().days(days - 1));
    let rows = app.desk().store().visits(since).await.map_err(crate::desk::Error::from)?;
    let mut of_pages: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.page != WHOLE) {
        *of_pages.entry(&row.page).or_default() += row.views;
    }
    let mut pages: Vec<PageRow> = of_pages
        .into_iter()
        .map(|(page, views)| PageRow { page: page.to_owned(), views })
        .collect();
    pages.sort_by(|a, b| b.views.cmp(&a.views).then_with(|| a.page.cmp(&b.page)));
    let whole = rows.iter().filter(|row| row.page == WHOLE).map(|row| DayRow {
        day: row.day.to_string(),
        views: row.views,
        visitors: row.visitors,
    });
    let counting = app.operations().visits().counting() == Counting::On;
    Ok(Json(VisitsPage { counting, days: whole.collect(), pages }))
}

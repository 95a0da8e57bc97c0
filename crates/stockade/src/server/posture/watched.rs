//! Probes of how the server is watched: its parts, its errors, its visits.

use super::looks::{Found, Sight};
use crate::{
    desk::now,
    server::{operations::Counting, state::App},
};
use audit::posture::Standing;
use store::VISIT_DAYS_MAX;

/// Whether every part is looked at, and those that are needed stand well.
pub(super) fn health(app: &App) -> Found {
    let parts = app.operations().health().parts(now());
    // Nobody has looked yet: that says nothing of the installation.
    if parts.iter().all(|part| part.probed_at.is_none()) {
        return Found::Nothing;
    }
    let count = |standing| parts.iter().filter(|part| part.standing == standing).count();
    let bad = |part: &&audit::posture::HealthPart| {
        matches!(part.standing, Standing::Failing | Standing::Unknown)
    };
    let fault = parts
        .iter()
        .find(bad)
        .map(|part| format!("the part {} is {}", part.part, part.standing.as_str()));
    let mut sight =
        Sight::new("a look at each part by itself, in turns of 15 seconds to 10 minutes");
    for standing in Standing::ALL {
        sight = sight.fact(&format!("parts that are {}", standing.as_str()), count(standing));
    }
    sight.fault(fault).found()
}

/// Who is told of errors. That nobody is keeps the promise as well: nothing leaves without a word of the owner's.
pub(super) fn errors(app: &App) -> Found {
    let sight = Sight::new("how this server reports errors");
    let Some(reporter) = app.operations().reporter() else {
        return sight.fact("errors are told", "to nobody: no errors.dsn is sealed").found();
    };
    let told = reporter.told();
    sight
        .fact("errors are told", "to the host of the sealed DSN, cleaned")
        .fact("sent", told.sent)
        .fact("dropped", told.dropped)
        .fact("not delivered", told.failed)
        .found()
}

/// What is kept of visits, and that the table has no room for more than numbers.
pub(super) async fn visits(app: &App) -> anyhow::Result<Found> {
    let is_on = app.operations().visits().counting() == Counting::On;
    let since = now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let since = since.saturating_sub(jiff::Span::new().days(30));
    let rows = app.desk().store().visits(since).await?;
    let sight = Sight::new("the table of visits: a day, a page, two numbers")
        .fact("openings of pages are counted", if is_on { "yes, here" } else { "no" })
        .fact("cookies for it", 0)
        .fact("rows of the last 30 days", rows.len())
        .fact("days that are kept", VISIT_DAYS_MAX);
    let fault = (!is_on).then(|| "nothing is counted: visits.count is off".to_owned());
    Ok(sight.fault(fault).found())
}

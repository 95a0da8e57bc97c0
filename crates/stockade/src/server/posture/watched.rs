//! Probes of how the server is watched: its parts, its errors, its visits, whom it keeps out.

use super::looks::{Found, Sight};
use crate::{
    desk::{ListView, now},
    server::{operations::Counting, state::App},
};
use audit::posture::Standing;
use guard::Passage;
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

/// Whether an address of each list is refused by what is held in memory now, and no list is stale. No request can be
/// made from such an address here; who may, asks `stockade limits show` for one.
pub(super) fn addresses(app: &App) -> Found {
    let (now, own) = (now(), app.addresses());
    let (gate, lists) = (own.gate(), own.lists(now));
    let mut sight = Sight::new("the lists in memory, each held against an address of its own")
        .fact("lists", gate.lists.len())
        .fact("blocks", gate.blocks.len())
        .fact("prefixes that always pass", gate.allowed.len())
        .fault(lists.is_empty().then(|| "no list is held: limits.lists names none".to_owned()));
    for list in &gate.lists {
        sight = sight.fact(&format!("date of {}", list.name), list.date);
        let passes = list.prefixes.first().filter(|one| gate.judge(*one, now) == Passage::Free);
        sight = sight.fault(passes.map(|_| format!("an address of {} passes", list.name)));
    }
    let is_ill = |one: &&ListView| one.stale || one.problem.is_some();
    let ill: Vec<&ListView> = lists.iter().filter(is_ill).collect();
    let fault = ill.first().map(|one| format!("{} is stale or damaged", one.file));
    sight.fact("lists that are stale or damaged", ill.len()).fault(fault).found()
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

/// What the machine says of itself, for everybody. Of the kernel the series: which patch it has is the doctor's,
/// who says whether it is the latest.
pub(super) async fn host_facts(app: &App) -> anyhow::Result<Found> {
    let read = || {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        (text("/etc/os-release"), text("/proc/sys/kernel/osrelease"))
    };
    let (release, kernel) = tokio::task::spawn_blocking(read).await?;
    let (system, series) = (system_of(&release), series_of(&kernel));
    let region = app.operations().terms().region.as_str();
    let mut sight = Sight::new("the settings, /etc/os-release and the kernel's own word");
    for (name, value) in [("region", Some(region)), ("system", system), ("kernel", series)] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            sight = sight.fact(name, value);
        }
    }
    let fault = match (region.is_empty(), system) {
        (true, _) => Some("nobody said where the machine stands: set server.region"),
        (false, None) => Some("the system does not say its name in /etc/os-release"),
        (false, Some(_)) => None,
    };
    Ok(sight.fact("processor", std::env::consts::ARCH).fault(fault.map(str::to_owned)).found())
}

/// The system's name in `/etc/os-release`.
fn system_of(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim().trim_matches('"')).filter(|name| !name.is_empty() && name.len() <= 120)
}

/// The first two numbers of a kernel's release.
fn series_of(text: &str) -> Option<&str> {
    let text = text.trim();
    let second = text.match_indices('.').nth(1).map_or(text.len(), |(at, _)| at);
    let series = text.get(..second)?;
    series.chars().all(|c| c.is_ascii_digit() || c == '.').then_some(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_told_by_its_name_and_a_kernel_by_its_series() {
        let release = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\n";
        assert_eq!(system_of(release), Some("Debian GNU/Linux 13 (trixie)"));
        assert_eq!(system_of("PRETTY_NAME=\"\"\n"), None);
        assert_eq!(system_of(""), None);
        for (kernel, want) in [
            ("6.12.57+deb13-amd64\n", Some("6.12")),
            ("6.1.0-40-amd64", Some("6.1")),
            ("6.12-custom.1", None),
            ("", Some("")),
        ] {
            assert_eq!(series_of(kernel), want, "{kernel}");
        }
    }
}

//! The scan of the sources that this program was built from: `cargo xtask scan --write` leaves its record here.

use super::looks::{Found, Sight};
use anyhow::Context;
use audit::posture::{Attested, Facts};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The record: date, tools, scope, findings.
pub const RECORD: &str = include_str!("../../../assets/scan/scan.json");
/// The parts of what is delivered, as `CycloneDX`.
pub const BOM: &str = include_str!("../../../assets/scan/sbom.cdx.json");
/// The findings, as SARIF.
pub const FINDINGS: &str = include_str!("../../../assets/scan/findings.sarif");

/// Advisories older than this say nothing of today.
const ADVISORIES_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Who says so.
const BY: &str = "whoever built this program: `cargo xtask scan` says the same of the same sources";

#[derive(Deserialize)]
struct Record {
    date: Timestamp,
    tools: Vec<Tool>,
    scope: Scope,
    watched: Option<Watched>,
    counts: BTreeMap<String, u64>,
    #[serde(default)]
    known: Vec<Known>,
}

/// A finding below high that is known, as the record has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Known {
    /// What the tool calls it.
    pub id: String,
    /// `note`, `low` or `medium`.
    pub severity: String,
    /// `open`, `accepted` or `fixed`.
    pub status: String,
    /// The file, or the package and its version.
    pub place: String,
    /// Why it stands, or what it is.
    pub reason: String,
    /// The scan that saw it first.
    pub since: Timestamp,
    /// The scan that saw it no more.
    pub fixed: Option<Timestamp>,
    /// The release that it is mended in.
    pub release: Option<String>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct Scope {
    excluded: BTreeMap<String, String>,
    files: u64,
    lines: u64,
    sha256: String,
    unsafe_words: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Watched {
    newest: String,
    advisories: u64,
    packages: u64,
}

/// When the sources were scanned, and the register of lesser findings that are known since.
pub fn known() -> anyhow::Result<(Timestamp, Vec<Known>)> {
    let record: Record = serde_json::from_str(RECORD).context("the record of the scan")?;
    Ok((record.date, record.known))
}

/// What the scan says of the sources.
pub(super) fn sources() -> anyhow::Result<Found> {
    said_of_sources(RECORD)
}

/// What the scan says of the dependencies.
pub(super) fn advisories(now: Timestamp) -> anyhow::Result<Found> {
    said_of_dependencies(RECORD, now)
}

fn said_of_sources(record: &str) -> anyhow::Result<Found> {
    let record: Record = serde_json::from_str(record).context("the record of the scan")?;
    let tools: Vec<String> =
        record.tools.iter().map(|tool| format!("{} {}", tool.name, tool.version)).collect();
    let tools = tools.join(", ");
    let count = |word: &str| record.counts.get(word).copied().unwrap_or(0);
    let severe = count("critical") + count("high");
    let lesser = count("medium") + count("low") + count("note");
    let day = record.date.strftime("%Y-%m-%d");
    let left_out: Vec<&str> = record.scope.excluded.keys().map(String::as_str).collect();
    let standing = |status: &str| record.known.iter().filter(|one| one.status == status).count();
    let known = ["open", "accepted", "fixed"].map(|word| format!("{} {word}", standing(word)));
    let facts = [
        ("last scan", format!("{day}: {severe} severe findings, {lesser} lesser ones; by {tools}")),
        ("tools", tools),
        ("severe findings", severe.to_string()),
        ("lesser findings", lesser.to_string()),
        ("known lesser findings", known.join(", ")),
        ("files", record.scope.files.to_string()),
        ("lines", record.scope.lines.to_string()),
        ("left out", left_out.join(", ")),
        ("sources, SHA-256", record.scope.sha256),
        ("files that say unsafe", record.scope.unsafe_words.len().to_string()),
    ];
    let facts: Facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if severe > 0 {
        let sight =
            facts.iter().fold(Sight::new("the record of the scan"), |sight, (name, value)| {
                sight.fact(name, value)
            });
        return Ok(sight.fault(Some(format!("{severe} severe findings are open"))).found());
    }
    // The server did not look at its sources itself: its builder's word, with a date.
    Ok(Found::Attested(Attested { by: BY.to_owned(), on: record.date, until: None, facts }))
}

fn said_of_dependencies(record: &str, now: Timestamp) -> anyhow::Result<Found> {
    let record: Record = serde_json::from_str(record).context("the record of the scan")?;
    let Some(watched) = record.watched else {
        let fault = "the scan consulted no advisories".to_owned();
        return Ok(Sight::new("the record of the scan").fault(Some(fault)).found());
    };
    let newest: Date = watched.newest.parse().context("the day of the newest advisory")?;
    let newest = newest.to_zoned(TimeZone::UTC)?.timestamp();
    let facts = [
        ("newest advisory", watched.newest.clone()),
        ("advisories", watched.advisories.to_string()),
        ("packages", watched.packages.to_string()),
        ("scanned", record.date.strftime("%Y-%m-%d").to_string()),
    ];
    if now.duration_since(newest) > ADVISORIES_AGE_MAX {
        let sight =
            facts.iter().fold(Sight::new("the record of the scan"), |sight, (name, value)| {
                sight.fact(name, value)
            });
        let fault = format!("the newest advisory that was consulted is of {}", watched.newest);
        return Ok(sight.fault(Some(fault)).found());
    }
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Found::Attested(Attested { by: BY.to_owned(), on: record.date, until: None, facts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(counts: &str, watched: &str) -> String {
        format!(
            "{{\"date\":\"2026-11-30T12:00:00Z\",\"tools\":[{{\"name\":\"t\",\"version\":\"1\"}}],\
             \"scope\":{{\"excluded\":{{\"docs\":\"prose\"}},\"files\":3,\"lines\":9,\
             \"sha256\":\"ab\",\"unsafe_words\":{{}}}},\"watched\":{watched},\"counts\":{counts}}}"
        )
    }

    #[test]
    fn a_scan_is_its_builders_word_and_a_severe_finding_is_told_as_a_fault() {
        let Ok(Found::Attested(said)) = said_of_sources(&record("{\"low\":2}", "null")) else {
            panic!("no severe finding");
        };
        assert_eq!(said.facts["last scan"], "2026-11-30: 0 severe findings, 2 lesser ones; by t 1");
        assert_eq!((said.facts["left out"].as_str(), said.on.as_second()), ("docs", 1_796_040_000));
        let Ok(Found::Seen(seen)) = said_of_sources(&record("{\"critical\":1}", "null")) else {
            panic!("a severe finding");
        };
        assert_eq!(seen.fault.as_deref(), Some("1 severe findings are open"));
        assert!(said_of_sources("{}").is_err());
    }

    #[test]
    fn advisories_of_long_ago_are_no_watch() {
        let watched = "{\"newest\":\"2026-11-20\",\"advisories\":5,\"packages\":7}";
        let record = record("{}", watched);
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let fresh = said_of_dependencies(&record, at("2026-11-26T00:00:00Z"));
        assert!(matches!(fresh, Ok(Found::Attested(_))));
        let Ok(Found::Seen(stale)) = said_of_dependencies(&record, at("2026-11-28T00:00:00Z"))
        else {
            panic!("it is stale");
        };
        assert!(stale.fault.expect("a fault").contains("2026-11-20"));
        let none = said_of_dependencies(&self::record("{}", "null"), at("2026-11-28T00:00:00Z"));
        assert!(matches!(none, Ok(Found::Seen(seen)) if seen.fault.is_some()));
    }

    #[test]
    fn what_this_program_carries_reads() {
        assert!(sources().is_ok() && advisories(Timestamp::UNIX_EPOCH).is_ok());
        for text in [RECORD, BOM, FINDINGS] {
            serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        }
    }
}

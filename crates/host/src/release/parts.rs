//! The parts of a program, as they are written inside of it in the format of `cargo auditable`; the list that was signed;
//! and what `RustSec`'s database says of them.

use super::found;
use crate::doctor::{Finding, Severity};
use auditable_info::{Limits, audit_info_from_file};
use auditable_serde::{DependencyKind, Source};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rustsec::{Advisory, Collection, Database, advisory::Informational};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// After so long, what is not in a snapshot says little.
const SNAPSHOT_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    name: String,
    version: rustsec::Version,
    /// Whether it is of the registry that advisories speak of.
    is_public: bool,
    /// Whether it runs, or only built what runs.
    runs: bool,
}

impl Part {
    /// As lists name it.
    pub(super) fn named(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// What a program says of its parts, or why it says nothing.
pub(super) fn carried(executable: &Path) -> Result<Vec<Part>, String> {
    let info = audit_info_from_file(executable, Limits::default())
        .map_err(|error| format!("{}: {error}", executable.display()))?;
    let part = |one: auditable_serde::Package| Part {
        is_public: one.source == Source::CratesIo,
        runs: one.kind == DependencyKind::Runtime,
        version: one.version,
        name: one.name,
    };
    Ok(info.packages.into_iter().map(part).collect())
}

/// Names and versions of a list of parts, as `CycloneDX` has them.
pub(super) fn listed(text: &str) -> Option<BTreeSet<String>> {
    let list: Value = serde_json::from_str(text).ok()?;
    let components = list.get("components")?.as_array()?;
    let word = |one: &Value, key: &str| one.get(key)?.as_str().map(str::to_owned);
    let named = |one| Some(format!("{} {}", word(one, "name")?, word(one, "version")?));
    Some(components.iter().filter_map(named).collect())
}

/// What a snapshot of the database says of the parts.
pub(super) fn consulted(snapshot: Option<&Path>, parts: &[Part], now: Timestamp) -> Finding {
    let why = "a weakness that is known is the first that is tried";
    let not_checked = |what: String| {
        let fix = "git clone --depth 1 https://github.com/RustSec/advisory-db\n\
                   stockade self-check --advisories advisory-db";
        found(Severity::NotChecked, what).claim("M36").why(why).fix(fix)
    };
    let Some(snapshot) = snapshot else {
        return not_checked(format!("its {} parts are not held against advisories", parts.len()));
    };
    if !snapshot.join("crates").is_dir() {
        let place = snapshot.display();
        return not_checked(format!("{place} is no checkout of RustSec's database"));
    }
    let database = match Database::open(snapshot) {
        Ok(database) => database,
        Err(error) => return not_checked(format!("{}: {error}", snapshot.display())),
    };
    let Some(newest) = database.iter().map(|one| one.metadata.date.as_str().to_owned()).max()
    else {
        return not_checked(format!("{} has no advisory", snapshot.display()));
    };
    let hits: Vec<(Severity, String)> =
        parts.iter().flat_map(|part| database.iter().filter_map(|one| hit(one, part))).collect();
    let evidence = format!(
        "{} advisories, the newest of {newest}; {} parts",
        database.iter().count(),
        parts.len()
    );
    if let Some(worst) = hits.iter().map(|(severity, _)| *severity).max() {
        let told: Vec<String> = hits.into_iter().map(|(_, told)| told).collect();
        let fix = "take a release that has the mended version, or build one: cargo update";
        return found(worst, told.join("; ")).claim("M36").why(why).fix(fix).evidence(evidence);
    }
    if is_old(&newest, now) {
        let what = format!("no advisory names a part, but the newest is of {newest}");
        let fix = format!("git -C {} pull", snapshot.display());
        return found(Severity::Warning, what).claim("M36").why(why).fix(fix).evidence(evidence);
    }
    found(Severity::Ok, "no advisory names a part of it").claim("M36").evidence(evidence)
}

/// Whether an advisory is about a part as it is here; what only says that nobody tends a crate is no weakness.
fn hit(advisory: &Advisory, part: &Part) -> Option<(Severity, String)> {
    let metadata = &advisory.metadata;
    let is_of_crates = metadata.collection.is_none_or(|it| it == Collection::Crates);
    let systems = advisory.affected.as_ref().map_or(&[][..], |affected| &affected.os);
    let is_here = systems.is_empty() || systems.iter().any(|os| os.as_str() == "linux");
    let is_named = part.is_public && metadata.package.as_str() == part.name;
    if !(is_of_crates && is_here && is_named && metadata.withdrawn.is_none()) {
        return None;
    }
    if !advisory.versions.is_vulnerable(&part.version) {
        return None;
    }
    let severity = match &metadata.informational {
        None if part.runs => Severity::Problem,
        None | Some(Informational::Unsound) => Severity::Warning,
        Some(_) => return None,
    };
    Some((severity, format!("{}: {} ({})", metadata.id, part.named(), metadata.title)))
}

/// Whether nothing came for longer than anything takes to come.
fn is_old(newest: &str, now: Timestamp) -> bool {
    let day = newest.parse::<Date>().ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    day.is_none_or(|day| now.duration_since(day.timestamp()) > SNAPSHOT_AGE_MAX)
}

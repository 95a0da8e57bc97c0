//! The 132 claims: each has a row, and says how it is observed. From both comes the list that the program carries.

use super::{FOLDER, List, Row};
use anyhow::{Context, Result};
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, fs, path::Path};
use toml::{Table, Value};

/// The list that `audit` reads, beside the files that it is made from.
pub const LIST: &str = "claims.json";
const PROBES: &str = "probes.toml";
const KINDS: [&str; 3] = ["sw", "dep", "org"];
const DUTIES: [&str; 2] = ["platform", "host"];
const HOURS_MAX: i64 = 24 * 366;

/// How a claim is observed.
#[derive(Debug, Clone)]
pub struct Observed {
    kind: String,
    duty: String,
    probe: String,
    command: String,
    hours: i64,
    german: String,
}

/// Every id that must have a row: M01 to M69, S01 to S63.
pub fn wanted() -> Vec<String> {
    let some =
        |letter: char, last: u8| (1..=last).map(move |number| format!("{letter}{number:02}"));
    some('M', 69).chain(some('S', 63)).collect()
}

/// How each claim is observed, and what cannot be read as such.
pub fn observed(file: &Table) -> (BTreeMap<String, Observed>, Vec<String>) {
    let (mut found, mut findings) = (BTreeMap::new(), Vec::new());
    for (id, value) in file {
        match value.as_table().ok_or_else(|| "is no table".to_owned()).and_then(one) {
            Ok(observed) => drop(found.insert(id.clone(), observed)),
            Err(why) => findings.push(format!("{PROBES}: {id}: {why}")),
        }
    }
    (found, findings)
}

fn one(table: &Table) -> Result<Observed, String> {
    const KEYS: [&str; 6] = ["kind", "owner", "probe", "fresh_hours", "command", "de"];
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("the key {key} is not known"));
    }
    let text = |key: &str| match table.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        Some(_) => Err(format!("{key} is empty or no text")),
        None => Err(format!("{key} is missing")),
    };
    let (kind, duty, probe) = (text("kind")?, text("owner")?, text("probe")?);
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!("the kind {kind:?} is not known: sw, dep or org"));
    }
    if !DUTIES.contains(&duty.as_str()) {
        return Err(format!("the owner {duty:?} is not known: platform or host"));
    }
    if let Some(strange) = probe.split(", ").find(|one| !is_probe(one)) {
        return Err(format!("{strange:?} is no probe: self:NAME, verify:NAME, evidence or none"));
    }
    let hours = table.get("fresh_hours").and_then(Value::as_integer);
    let hours = hours.filter(|hours| (1..=HOURS_MAX).contains(hours));
    let hours = hours.ok_or("fresh_hours is no number of hours from 1 to a year")?;
    Ok(Observed { kind, duty, probe, hours, command: text("command")?, german: text("de")? })
}

fn is_probe(text: &str) -> bool {
    let named = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    match text.split_once(':') {
        Some(("self" | "verify", name)) => named(name),
        Some(_) => false,
        None => matches!(text, "evidence" | "none"),
    }
}

/// Claims without a row, without a probe, or that nobody asked for.
pub fn lost(lists: &[List], observed: &BTreeMap<String, Observed>) -> Vec<String> {
    let rows: Vec<&Row> = claims(lists).collect();
    let mut findings = Vec::new();
    let wanted = wanted();
    for id in &wanted {
        if !rows.iter().any(|row| row.id == *id) {
            findings.push(format!("the claim {id} has no row in any list"));
        }
        if !observed.contains_key(id) {
            findings.push(format!("{PROBES}: {id} does not say how it is observed"));
        }
    }
    for id in observed.keys().filter(|id| !wanted.contains(id)) {
        findings.push(format!("{PROBES}: there is no claim {id}"));
    }
    findings
}

fn claims(lists: &[List]) -> impl Iterator<Item = &Row> {
    let own = lists.iter().filter(|list| list.name.starts_with("claims"));
    own.flat_map(|list| &list.rows)
}

/// The list that the program carries, as JSON; a line for each claim.
pub fn written(lists: &[List], observed: &BTreeMap<String, Observed>) -> Result<String> {
    let mut lines = Vec::new();
    for id in wanted() {
        let row = claims(lists).find(|row| row.id == id);
        let Some((row, how)) = row.zip(observed.get(&id)) else { continue };
        lines.push(serde_json::to_string(&line(row, how))?);
    }
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

fn line(row: &Row, how: &Observed) -> Json {
    let tests: Vec<String> = row.tests.iter().map(ToString::to_string).collect();
    json!({
        "id": row.id,
        "words": row.words,
        "words_de": how.german,
        "kind": how.kind,
        "owner": how.duty,
        "crate": row.owner,
        "build": row.state.name(),
        "reason": row.reason,
        "probe": how.probe,
        "command": how.command,
        "fresh_hours": how.hours,
        "tests": tests,
    })
}

/// What is read from the sources of `root`.
pub fn read(root: &Path) -> Result<(BTreeMap<String, Observed>, Vec<String>)> {
    let path = root.join(FOLDER).join(PROBES);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    Ok(observed(&table))
}

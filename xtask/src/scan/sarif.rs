//! The findings as SARIF 2.1.0 (OASIS), which editors and forges read.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null")]

use super::record::{Finding, Record, Severity};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One run for each tool that found something or could have.
pub fn of(record: &Record) -> Value {
    let named = record.tools.iter().map(|tool| tool.name.as_str());
    let found = record.findings.iter().map(|finding| finding.tool.as_str());
    let tools: BTreeSet<&str> = named.chain(found).collect();
    let runs: Vec<Value> = tools.into_iter().map(|tool| run(tool, record)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    })
}

fn run(tool: &str, record: &Record) -> Value {
    let version = record.tools.iter().find(|one| one.name == tool).map(|one| one.version.as_str());
    let mine: Vec<&Finding> = record.findings.iter().filter(|one| one.tool == tool).collect();
    let rules: BTreeSet<&str> = mine.iter().map(|one| one.id.as_str()).collect();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    let mut driver = json!({ "name": tool, "rules": rules });
    if let Some(version) = version {
        driver["version"] = json!(version);
    }
    json!({
        "tool": { "driver": driver },
        "invocations": [{ "executionSuccessful": true, "endTimeUtc": record.date.to_string() }],
        "results": mine.into_iter().map(result).collect::<Vec<Value>>(),
    })
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Note => "note",
        Severity::Low | Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    };
    let (uri, region) = match finding.place.rsplit_once(':') {
        Some((file, line)) => (file, line.parse::<u64>().ok()),
        // A package stands in the lock file.
        None => ("Cargo.lock", None),
    };
    let mut place = json!({ "artifactLocation": { "uri": uri } });
    if let Some(line) = region {
        place["region"] = json!({ "startLine": line });
    }
    let text = match region {
        Some(_) => finding.what.clone(),
        None => format!("{}: {}", finding.place, finding.what),
    };
    json!({
        "ruleId": finding.id,
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": place }],
        "properties": { "severity": finding.severity.as_str() },
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::record::tests::{finding, record},
        *,
    };

    #[test]
    fn a_finding_in_a_file_has_its_line_and_one_in_a_package_the_lock_file() {
        let found =
            vec![finding(Severity::High, "src/a.rs:7"), finding(Severity::Note, "serde 1.0.0")];
        let sarif = of(&record(found));
        let run = &sarif["runs"][0];
        assert_eq!(run["tool"]["driver"]["version"], "1");
        let (high, note) = (&run["results"][0], &run["results"][1]);
        let place = |one: &Value| one["locations"][0]["physicalLocation"].clone();
        assert_eq!((&high["level"], &note["level"]), (&json!("error"), &json!("note")));
        assert_eq!(place(high)["region"]["startLine"], 7);
        assert_eq!(place(high)["artifactLocation"]["uri"], "src/a.rs");
        assert_eq!(place(note)["artifactLocation"]["uri"], "Cargo.lock");
        assert_eq!(note["message"]["text"], "serde 1.0.0: w");
    }
}

//! What is said of a release: an in-toto statement with SLSA's provenance. It has no time but that of the commit, so
//! whoever builds the same commit with the same tools writes the same text.

use super::{
    APPROVALS, SCAN, TESTS, approvals::Approvals, build, file, source::Source, tested::Tested,
};
use anyhow::Result;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// How it is built, for programs that compare.
const BUILD_TYPE: &str = "https://stockade.dev/release/v1";
/// Files that decide what others' code goes in.
const LOCKS: [&str; 3] = ["Cargo.lock", "ui/package-lock.json", "rust-toolchain.toml"];

/// What others said of the commits.
pub struct Said<'a> {
    /// The tests, if they were run.
    pub tests: Option<&'a Tested>,
    /// Those who read it.
    pub approvals: &'a Approvals,
}

/// The statement, as it is signed.
pub fn of(
    source: &Source,
    facts: &BTreeMap<String, String>,
    programs: &BTreeMap<String, String>,
    out: &Path,
    said: &Said<'_>,
) -> Result<String> {
    let subject: Vec<Value> = programs
        .iter()
        .map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest } }))
        .collect();
    let mut materials = vec![json!({
        "name": "source",
        "digest": { "gitCommit": source.commit, "gitTree": source.tree },
    })];
    let project = crate::machine::project();
    for name in LOCKS {
        // Of the commit, not of what lies in the folder.
        let shown = ["show".to_owned(), format!("{}:{name}", source.commit)];
        let text = crate::process::output(&mut crate::process::command("git", &shown, &project))?;
        materials.push(json!({ "name": name, "digest": { "sha256": digest(text.as_bytes()) } }));
    }
    let mut byproducts = Vec::new();
    for name in [build::PARTS, SCAN] {
        let digest = file(&out.join(name))?;
        byproducts.push(json!({ "name": name, "digest": { "sha256": digest } }));
    }
    let Said { tests, approvals } = *said;
    byproducts.push(json!({
        "name": APPROVALS,
        "digest": { "sha256": file(&out.join(APPROVALS))? },
        "annotations": {
            "since": approvals.since,
            "commits": approvals.commits.len(),
            "read": approvals.read(),
        },
    }));
    if let Some(tests) = tests {
        byproducts.push(json!({
            "name": TESTS,
            "digest": { "sha256": digest(tests.text.as_bytes()) },
            "annotations": {
                "commit": tests.commit,
                "passed": tests.tally.passed,
                "failed": tests.tally.failed,
                "skipped": tests.tally.skipped,
            },
        }));
    }
    let committed = jiff::Timestamp::from_second(source.committed_at)?.to_string();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "version": source.version,
                    "committedAt": committed,
                    "profile": build::PROFILE,
                    "target": facts.get("target"),
                },
                "internalParameters": { "tools": facts },
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": { "id": "cargo xtask release", "version": { "xtask": env!("CARGO_PKG_VERSION") } },
                "byproducts": byproducts,
            },
        },
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&statement)?))
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    super::hex(&Sha256::digest(bytes))
}

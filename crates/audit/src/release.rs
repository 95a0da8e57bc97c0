//! A release: which programs, of which sources, by which tools, and what the tests of those sources said.
//!
//! It is an in-toto statement with SLSA's provenance in a DSSE envelope, under the key that signs the programs too. It
//! knows no time but that of its commit, so two builders who agree write the same statement.

use crate::{
    Error, Verifier,
    posture::{STATEMENT_TYPE, opened, sealed},
};
use jiff::Timestamp;
use seal::{SigningKey, VerifyingKey};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The predicate (<https://slsa.dev/spec/v1.0/provenance>).
pub const PROVENANCE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// How a release is built.
pub const BUILD_TYPE: &str = "https://stockade.dev/release/v1";
/// How the name of every key begins that signs releases.
const KEY_PREFIX: &str = "stockade.release/";
/// The file that says what the tests said.
const TESTS: &str = "tests.txt";
/// The file that says who has read which commit.
const APPROVALS: &str = "approvals.txt";
const FILES_MAX: usize = 1000;

/// What is said of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// The commit.
    pub commit: String,
    /// When that was committed: releases are told apart as older and newer by it.
    pub committed_at: Timestamp,
    /// For which machines.
    pub target: String,
    /// SHA-256 of each program, hexadecimal.
    pub programs: BTreeMap<String, String>,
    /// SHA-256 of what goes out beside them: the list of parts, the scan, the tests.
    pub records: BTreeMap<String, String>,
    /// What the tests said, if they were run.
    pub tests: Option<Tests>,
    /// How much of it was read by a second person, where that was looked at.
    pub approvals: Option<Approvals>,
}

/// Commits, and how many of them somebody has signed for who made none of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Approvals {
    /// The commit of the release before; none where all commits ever made are counted.
    pub since: Option<String>,
    /// Commits since then.
    pub commits: u64,
    /// Those of them that were read.
    pub read: u64,
}

/// A test run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tests {
    /// The commit that was tested.
    pub commit: String,
    /// Tests that did what they should.
    pub passed: u64,
    /// Tests that did not.
    pub failed: u64,
    /// Tests that were not run.
    pub skipped: u64,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Resource>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    build_definition: Definition,
    run_details: Details,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    build_type: String,
    external_parameters: Parameters,
    resolved_dependencies: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    version: String,
    committed_at: Timestamp,
    target: String,
}

#[derive(Deserialize)]
struct Details {
    byproducts: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    digest: BTreeMap<String, String>,
    #[serde(default)]
    annotations: Value,
}

/// The name under which a key signs releases.
#[must_use]
pub fn release_verifier(key: &VerifyingKey) -> Verifier {
    let digest = seal::sha256(key.as_bytes());
    let short = hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
    Verifier::new(&format!("{KEY_PREFIX}{short}"), *key)
        .expect("hexadecimal digits make a key name")
}

impl Release {
    /// Reads a statement that nobody signed yet.
    pub fn read(statement: &str) -> Result<Self, Error> {
        Self::parse(statement.as_bytes())
    }

    /// Signs a statement as it stands, if it is one of a release that was tested and found good.
    pub fn seal(statement: &str, key: &SigningKey) -> Result<(Self, String), Error> {
        let release = Self::parse(statement.as_bytes())?;
        release.may_go_out()?;
        let envelope = sealed(statement.as_bytes(), &release_verifier(key.verifying_key()), key);
        Ok((release, envelope))
    }

    /// Reads an envelope, and believes it if this key signed it.
    pub fn open(envelope: &str, key: &VerifyingKey) -> Result<Self, Error> {
        let malformed = |problem| Error::Release { problem };
        Self::parse(&opened(envelope, &release_verifier(key), malformed)?)
    }

    /// Nothing goes out whose own tests did not run, or failed.
    fn may_go_out(&self) -> Result<(), Error> {
        let refused = |problem| Err(Error::Release { problem });
        match &self.tests {
            None => refused("it does not carry what its tests said"),
            Some(tests) if tests.commit != self.commit => refused("another commit was tested"),
            Some(tests) if tests.failed > 0 => refused("a test failed"),
            Some(tests) if tests.passed == 0 => refused("no test passed"),
            Some(_) => Ok(()),
        }
    }

    fn parse(statement: &[u8]) -> Result<Self, Error> {
        let malformed = |problem| Error::Release { problem };
        let statement: Statement = serde_json::from_slice(statement)
            .map_err(|_| malformed("it is no statement about a release"))?;
        let Predicate { build_definition: built, run_details: Details { byproducts } } =
            statement.predicate;
        let types = (&*statement.kind, &*statement.predicate_type, &*built.build_type);
        if types != (STATEMENT_TYPE, PROVENANCE_TYPE, BUILD_TYPE) {
            return Err(malformed("its types are not those of a release"));
        }
        if statement.subject.is_empty() || statement.subject.len() + byproducts.len() > FILES_MAX {
            return Err(malformed("it names no program, or too many files"));
        }
        let mut commits =
            built.resolved_dependencies.iter().filter_map(|one| one.digest.get("gitCommit"));
        let commit = commits.next().ok_or(malformed("it names no commit"))?.clone();
        let said = |name| byproducts.iter().find(|one: &&Resource| one.name == name);
        let tests = said(TESTS).map(|one| serde_json::from_value(one.annotations.clone()));
        let approvals = said(APPROVALS).map(|one| serde_json::from_value(one.annotations.clone()));
        let approvals: Option<Approvals> =
            approvals.transpose().map_err(|_| malformed("it does not say who has read it"))?;
        if approvals.as_ref().is_some_and(|said| said.commits == 0 || said.read > said.commits) {
            return Err(malformed("more was read than there is"));
        }
        let Parameters { version, committed_at, target } = built.external_parameters;
        Ok(Self {
            version,
            commit,
            committed_at,
            target,
            programs: digests(statement.subject)?,
            records: digests(byproducts)?,
            tests: tests
                .transpose()
                .map_err(|_| malformed("it does not say how its tests ended"))?,
            approvals,
        })
    }
}

/// Files by name; one that stands twice could mean either.
fn digests(files: Vec<Resource>) -> Result<BTreeMap<String, String>, Error> {
    let malformed = |problem| Error::Release { problem };
    let mut found = BTreeMap::new();
    for Resource { name, mut digest, .. } in files {
        let digest = digest.remove("sha256").ok_or(malformed("a file has no SHA-256"))?;
        if found.insert(name, digest).is_some() {
            return Err(malformed("a file stands twice"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::Secret;
    use serde_json::json;

    fn statement() -> Value {
        let commit = "c".repeat(40);
        let file = |name: &str| json!({ "name": name, "digest": { "sha256": "ab" } });
        let tests = json!({
            "name": TESTS, "digest": { "sha256": "cd" },
            "annotations": { "commit": commit, "passed": 9, "failed": 0, "skipped": 1 },
        });
        json!({
            "_type": STATEMENT_TYPE,
            "subject": [file("stockade"), file("stockade-bot")],
            "predicateType": PROVENANCE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        "version": "0.1.0", "committedAt": "2026-11-30T00:00:00Z", "target": "t", "profile": "dist",
                    },
                    "resolvedDependencies": [{ "name": "source", "digest": { "gitCommit": commit } }],
                },
                "runDetails": { "byproducts": [file("sbom.cdx.json"), tests] },
            },
        })
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Secret::new([seed; 32]))
    }

    #[test]
    fn a_release_is_believed_by_its_key_and_no_other() {
        let text = statement().to_string();
        let (release, envelope) = Release::seal(&text, &key(1)).expect("seals");
        let opened = Release::open(&envelope, key(1).verifying_key());
        assert_eq!(opened, Ok(release.clone()));
        assert_eq!((release.programs.len(), release.records.len()), (2, 2));
        assert_eq!(release.tests.map(|tests| (tests.passed, tests.skipped)), Some((9, 1)));
        assert_eq!(release.approvals, None);
        let other = Release::open(&envelope, key(2).verifying_key());
        assert!(matches!(other, Err(Error::Unsigned { .. })), "{other:?}");
        let mut forged: Value = serde_json::from_str(&envelope).expect("JSON");
        let changed = text.replace("0.1.0", "0.2.0");
        forged["payload"] =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, changed.as_bytes())
                .into();
        let forged = Release::open(&forged.to_string(), key(1).verifying_key());
        assert!(matches!(forged, Err(Error::Signature { .. })), "{forged:?}");
    }

    #[test]
    fn who_has_read_it_is_told_as_it_was_counted() {
        let check = |commits: Value, read: Value, want: Result<u64, &str>| {
            let mut statement = statement();
            let said = json!({
                "name": APPROVALS, "digest": { "sha256": "ef" },
                "annotations": { "since": null, "commits": commits, "read": read },
            });
            let all = &mut statement["predicate"]["runDetails"]["byproducts"];
            all.as_array_mut().expect("a list").push(said);
            let said = Release::read(&statement.to_string()).map_err(|error| error.to_string());
            let said = said.map(|release| release.approvals.map_or(0, |said| said.read));
            match (said, want) {
                (Ok(read), Ok(want)) => assert_eq!(read, want),
                (Err(said), Err(want)) => assert!(said.contains(want), "{said}"),
                (said, want) => panic!("{said:?}, not {want:?}"),
            }
        };
        check(json!(9), json!(9), Ok(9));
        check(json!(9), json!(2), Ok(2));
        check(json!(9), json!(10), Err("more was read"));
        check(json!(0), json!(0), Err("more was read"));
        check(json!(9), json!("all"), Err("who has read it"));
    }

    #[test]
    fn what_was_not_tested_is_not_signed() {
        let check = |change: &dyn Fn(&mut Value), want: &str| {
            let mut statement = statement();
            change(&mut statement);
            let said = Release::seal(&statement.to_string(), &key(1));
            let said = said.map_or_else(|error| error.to_string(), |_| "signed".to_owned());
            assert!(said.contains(want), "{said:?} lacks {want:?}");
        };
        let tests = |statement: &mut Value, name: &str, value: Value| {
            statement["predicate"]["runDetails"]["byproducts"][1]["annotations"][name] = value;
        };
        check(&|_| {}, "signed");
        check(&|it| tests(it, "failed", json!(1)), "a test failed");
        check(&|it| tests(it, "passed", json!(0)), "no test passed");
        check(&|it| tests(it, "commit", json!("d")), "another commit was tested");
        check(&|it| tests(it, "failed", Value::Null), "how its tests ended");
        let records = |statement: &mut Value| {
            statement["predicate"]["runDetails"]["byproducts"] = json!([]);
        };
        check(&|it| records(it), "does not carry what its tests said");
        check(&|it| it["predicateType"] = json!("other"), "types are not those");
        check(&|it| it["subject"][1]["name"] = json!("stockade"), "stands twice");
        check(&|it| it["subject"] = json!([]), "names no program");
        check(&|it| it["subject"][0]["digest"] = json!({}), "no SHA-256");
        check(
            &|it| it["predicate"]["buildDefinition"]["resolvedDependencies"] = json!([]),
            "names no commit",
        );
    }
}

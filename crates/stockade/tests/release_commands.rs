//! A release is signed, found good by itself and by minisign, named in the log when it serves, and found out when it is
//! not what was signed.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the test makes files and runs programs"
)]
#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]

use crate::process::Program;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::process::Signal;
use seal::{Secret, SigningKey};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const COMMIT: &str = "cccccccccccccccccccccccccccccccccccccccc";

/// A directory as `cargo xtask release` leaves it, and a key as `minisign -G -W` makes it.
struct Made(tempfile::TempDir);

impl Made {
    fn new(failed: u64) -> Self {
        // Beside the program that it links: it is too large to copy.
        let program = Path::new(env!("CARGO_BIN_EXE_stockade"));
        let beside = program.parent().expect("a directory");
        let made =
            Self(tempfile::Builder::new().prefix("release-").tempdir_in(beside).expect("one"));
        fs::hard_link(program, made.path("stockade")).expect("links");
        made.write("sbom.cdx.json", "{}");
        made.write("tests.txt", "9 passed");
        let file = |name: &str| {
            let digest = hex::encode(seal::sha256(&fs::read(made.path(name)).expect("reads")));
            json!({ "name": name, "digest": { "sha256": digest } })
        };
        let mut tests = file("tests.txt");
        tests["annotations"] =
            json!({ "commit": COMMIT, "passed": 9, "failed": failed, "skipped": 0 });
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [file("stockade")],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "https://stockade.dev/release/v1",
                    "externalParameters": {
                        "version": env!("CARGO_PKG_VERSION"), "committedAt": "2026-11-30T00:00:00Z", "target": "t",
                    },
                    "resolvedDependencies": [{ "name": "source", "digest": { "gitCommit": COMMIT } }],
                },
                "runDetails": { "byproducts": [file("sbom.cdx.json"), tests] },
            },
        });
        made.write("release.json", &statement.to_string());
        let key = SigningKey::from_seed(&Secret::new([7; 32]));
        let public = key.verifying_key().as_bytes();
        let body = [b"Ed\0\0B2", &[0; 48][..], &[7; 8], &[7; 32], public, &[0; 32]].concat();
        made.write("key", &format!("untrusted comment: a test's\n{}\n", STANDARD.encode(body)));
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("writes");
    }

    /// The program itself, from its own directory.
    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(self.path("stockade"));
        command.arg("--data-dir").arg(self.path("data")).args(words).env_clear();
        command.current_dir(self.0.path()).output().expect("starts")
    }

    fn sign(&self) -> Output {
        self.run(&["release", "sign", ".", "--key", "key"])
    }

    /// How it ended, and what it found, by its words.
    fn self_check(&self, words: &[&str]) -> (Option<i32>, Vec<(String, String)>) {
        let output = self.run(&[&["self-check", "--json"], words].concat());
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = report["findings"].as_array().expect("findings").iter();
        (output.status.code(), findings.map(|f| (text(&f["severity"]), text(&f["what"]))).collect())
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn a_release_is_signed_and_its_twins_are_found_out() {
    let made = Made::new(0);
    let signed = made.sign();
    assert!(signed.status.success() && said(&signed).contains(COMMIT), "{}", said(&signed));
    let (code, found) = made.self_check(&[]);
    let has = |found: &[(String, String)], severity: &str, words: &str| {
        assert!(
            found.iter().any(|(s, w)| s == severity && w.contains(words)),
            "{words}: {found:?}"
        );
    };
    assert_eq!(code, Some(0), "{found:?}");
    has(&found, "not_checked", "seen for the first time");
    has(&found, "ok", COMMIT);
    has(&found, "ok", "its tests: 9 passed, 0 failed, 0 skipped");
    // A program with one byte more, beside the same statement.
    let mut twin = fs::read(made.path("sbom.cdx.json")).expect("reads");
    twin.push(b' ');
    fs::write(made.path("twin"), twin).expect("writes");
    let (code, found) = made.self_check(&["--executable", "twin"]);
    assert_eq!(code, Some(3));
    has(&found, "problem", "was released");
    // A key that is known from elsewhere, and is another one.
    let other = SigningKey::from_seed(&Secret::new([8; 32]));
    let line = STANDARD.encode([b"Ed", &[8; 8][..], other.verifying_key().as_bytes()].concat());
    let (code, found) = made.self_check(&["--key", &line]);
    assert_eq!(code, Some(3));
    has(&found, "problem", "not signed by");
    assert_eq!(made.run(&["self-check", "--key", "RW"]).status.code(), Some(2));
    let mut minisign = Command::new("minisign");
    let verify = minisign.args(["-Vm", "stockade", "-p", "release.pub"]).current_dir(made.0.path());
    match verify.output() {
        Ok(output) => {
            assert!(output.status.success() && said(&output).contains(COMMIT), "{output:?}");
        }
        Err(_) => println!("minisign is not on this machine (apt-get install minisign)"),
    }
}

#[test]
fn what_failed_its_tests_or_changed_since_is_not_signed() {
    let check = |made: &Made, want: &str| {
        let output = made.sign();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(want), "{}", said(&output));
        assert!(
            !made.path("release.dsse.json").exists() && !made.path("stockade.minisig").exists()
        );
    };
    check(&Made::new(1), "a test failed");
    let made = Made::new(0);
    made.write("sbom.cdx.json", "{ }");
    check(&made, "is not what the statement names");
}

#[test]
fn the_log_names_a_release_when_another_one_serves() {
    let made = Made::new(0);
    let serve = || {
        let log = made.path("log");
        let program = Program::start_file(&made.path("stockade"), &made.path("data"), &log);
        let logged = program.logged();
        assert!(program.end(Signal::TERM).success());
        logged
    };
    let entries = || {
        let output = made.run(&["audit", "ls", "--kind", "release.running", "--json"]);
        let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        list.as_array().map_or(&list["entries"], |_| &list).as_array().expect("a list").len()
    };
    serve();
    assert_eq!(entries(), 0, "nobody signed it");
    assert!(made.sign().status.success());
    serve();
    serve();
    assert_eq!(entries(), 1, "it is the same one");
    let statement = fs::read_to_string(made.path("release.dsse.json")).expect("reads");
    made.write("release.dsse.json", &statement.replace("\"sig\":\"", "\"sig\":\"AAAA"));
    let logged = serve();
    assert!(logged.contains("no release that is believed"), "{logged}");
    assert_eq!(entries(), 1);
    // Without its statement any old release would be one that nobody signed.
    fs::remove_file(made.path("release.dsse.json")).expect("is there");
    let logged = serve();
    assert!(logged.contains("ERROR") && logged.contains("was seen here"), "{logged}");
    let (code, found) = made.self_check(&[]);
    assert_eq!(code, Some(3), "{found:?}");
    assert_eq!(entries(), 1);
}

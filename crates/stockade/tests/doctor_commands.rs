//! `stockade doctor` as people type it, on whatever machine this is.

#![allow(clippy::disallowed_methods, reason = "the test runs the program and changes modes")]
#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]

use serde_json::Value;
use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

/// What it found, and what it said beside it.
fn doctor(place: &Path, words: &[&str]) -> (Vec<Value>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.args(["doctor", "--json", "--data-dir"]).arg(place.join("data")).args(words);
    let output = command.env_clear().current_dir(place).output().expect("starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Whether something was found depends on the machine; that it could look does not.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (report["findings"].as_array().expect("findings").clone(), said)
}

fn of<'a>(findings: &'a [Value], claim: &str, area: &str) -> &'a Value {
    let found = findings.iter().find(|f| f["claim"] == claim && f["area"] == area);
    found.unwrap_or_else(|| panic!("{claim} in {area}: {findings:?}"))
}

#[test]
fn a_server_machine_is_looked_at_and_each_finding_says_what_mends_it() {
    let place = tempfile::tempdir().expect("a directory");
    let data = place.path().join("data");
    std::fs::create_dir(&data).expect("is made");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("is ours");
    let (findings, _) = doctor(place.path(), &[]);
    for finding in &findings {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        assert!(!text("why").is_empty() && !text("evidence").is_empty(), "{finding}");
        assert!(text("severity") == "ok" || !text("fix").is_empty(), "{finding}");
    }
    assert_eq!(of(&findings, "M35", "database")["severity"], "ok");
    assert_eq!(of(&findings, "M10", "keys")["severity"], "warning", "a key file can be copied");
    assert_eq!(of(&findings, "S51", "listeners")["severity"], "ok");
    let backup = of(&findings, "S31", "storage");
    assert_eq!(backup["what"], "no backup of the server is named");
    let state = |findings: &[Value]| {
        let mine =
            findings.iter().find(|f| f["what"].as_str().is_some_and(|w| w.contains("state")));
        mine.expect("the data directory is looked at")["severity"].clone()
    };
    assert_eq!(state(&findings), "problem", "others look into it");
    let (findings, said) = doctor(place.path(), &["--fix"]);
    assert!(said.contains("chmod 0700") && said.contains("to take it back: chmod 0755"), "{said}");
    assert_eq!(state(&findings), "ok");
}

#[test]
fn a_listener_for_everybody_without_a_word_is_a_problem_and_a_bucket_is_not_checked() {
    let place = tempfile::tempdir().expect("a directory");
    let config = place.path().join("stockade.toml");
    let text = "[server]\nlisten = \"0.0.0.0:8443\"\n[backup]\nplace = \"s3://backups/house\"\n";
    std::fs::write(&config, text).expect("is written");
    let (findings, _) = doctor(place.path(), &["--config", "stockade.toml"]);
    assert_eq!(of(&findings, "S51", "listeners")["severity"], "problem");
    assert_eq!(of(&findings, "S31", "storage")["severity"], "not_checked");
}

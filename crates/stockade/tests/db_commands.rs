//! `stockade db`, typed: a database is checked, copied to the other kind, and no password is shown.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "tests run the program and make files"
)]

use crate::server_of_tests::fresh;
use std::{
    path::Path,
    process::{Command, Output},
};
use stockade::desk::{self, Actor, Desk};

fn stockade(root: &Path, url: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.arg("--data-dir").arg(root).args(arguments);
    command.env_remove("STOCKADE_DATABASE_URL").envs(url.map(|url| ("STOCKADE_DATABASE_URL", url)));
    command.output().expect("runs")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// The lines of tables, which are the same for the same rows.
fn tables(output: &Output) -> Vec<String> {
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let tables = document.get("tables").and_then(|tables| tables.as_array()).expect("tables");
    tables.iter().map(ToString::to_string).collect()
}

/// A data directory with a log, and nobody at work on it.
fn furnished(root: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let desk = Desk::open(root, "a test", desk::now()).await.expect("opens");
        desk.issue_setup(Actor::Host).await.expect("an act");
        desk.close().await;
    });
}

#[test]
fn a_database_moves_and_is_the_same_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("data");
    furnished(&root);
    let first = stockade(&root, None, &["--json", "db", "check"]);
    assert!(first.status.success(), "{}", said(&first));
    let mut places = vec![format!("sqlite:{}", directory.path().join("other.db").display())];
    places.extend(fresh().map(|database| database.url));
    let from = root.join("stockade.db").display().to_string();
    for to in places {
        let copied = stockade(&root, None, &["--json", "db", "copy", &from, &to]);
        assert!(copied.status.success(), "{}", said(&copied));
        let there = stockade(&root, Some(&to), &["--json", "db", "check"]);
        assert!(there.status.success(), "{}", said(&there));
        assert_eq!(tables(&there), tables(&first));
        let again = stockade(&root, None, &["db", "copy", &from, &to]);
        assert_eq!(again.status.code(), Some(1));
        assert!(said(&again).contains("is not empty: table audit_log"), "{}", said(&again));
        // The command line works on it as it does on a file.
        let log = stockade(&root, Some(&to), &["audit", "verify"]);
        assert!(log.status.success(), "{}", said(&log));
        let link = stockade(&root, Some(&to), &["setup-link"]);
        assert!(link.status.success(), "{}", said(&link));
    }
}

#[test]
fn a_damaged_file_and_a_wrong_address_are_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("data");
    furnished(&root);
    let check = |url: &str, code: i32, part: &str| {
        let done = stockade(&root, Some(url), &["db", "check"]);
        let text = said(&done);
        assert_eq!(done.status.code(), Some(code), "{text}");
        assert!(text.contains(part) && !text.contains("hunter2"), "{text}");
    };
    check("postgres://s:hunter2@127.0.0.1:1/db", 1, "postgres://s@127.0.0.1:1/db does not answer");
    check("postgres://s:hunter2@db.example.org/db?sslmode=disable", 1, "sslmode=verify-full");
    check("mysql://s:hunter2@db.example.org/db", 1, "database.url is refused");
    check("sqlite:/nowhere/at/all.db", 1, "there is no database at /nowhere/at/all.db");
    let url = "postgres://s:hunter2@127.0.0.1:1/db";
    let shown = stockade(&root, Some(url), &["config", "show", "--origin"]);
    let text = said(&shown);
    assert!(text.contains("****") && !text.contains("hunter2"), "{text}");
}

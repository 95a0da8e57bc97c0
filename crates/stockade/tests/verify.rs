//! The real server, looked at from outside by the real command.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of servers and programs that they started, against the clock"
)]

use crate::browser::{PASSWORD, options};
use crate::people::{New, house_with};
use serde_json::{Value, json};
use std::{
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};
use stockade::server::Server;

fn stockade(data: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("--data-dir")
        .arg(data)
        .args(words)
        .output()
        .expect("runs")
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// The rows of a visit to a server, by their ids, and how it ended.
async fn visited(server: &Server, data: &Path, words: &[&str]) -> (Option<i32>, Vec<Value>, Value) {
    let (url, data) = (server.started.url.clone(), data.to_owned());
    let authority = server.started.authority.clone();
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let ran = tokio::task::spawn_blocking(move || {
        let authority = authority.to_str().expect("a path");
        let mut all = vec!["verify", &url, "--json", "--authority", authority];
        all.extend(words.iter().map(String::as_str));
        stockade(&data, &all)
    });
    let output = ran.await.expect("joins");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no JSON: {}", told(&output)));
    let rows = report["rows"].as_array().expect("rows").clone();
    (output.status.code(), rows, report)
}

fn state<'a>(rows: &'a [Value], id: &str) -> &'a str {
    let row = rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no row {id}"));
    row["state"].as_str().expect("a state")
}

fn of(rows: &[Value], wanted: &str) -> Vec<String> {
    let rows = rows.iter().filter(|row| row["state"] == wanted);
    rows.map(|row| format!("{} {}", row["id"], row["seen"])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_real_server_is_looked_at_within_twenty_seconds() {
    let (root, data) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let server = Server::start(options(root.path())).await.expect("starts");
    let begun = Instant::now();
    let (code, rows, report) = visited(&server, data.path(), &[]).await;
    let took = begun.elapsed();
    println!("{took:?}, {} requests, not met: {:#?}", report["requests"], of(&rows, "not met"));
    println!("not checked: {:#?}", of(&rows, "not checked"));
    println!("proved: {:#?}", of(&rows, "proved"));
    for id in [
        "S04",
        "S12",
        "S13",
        "S14",
        "S15",
        "S16",
        "S49",
        "tls-hybrid",
        "certificate",
        "tls-weak-suites",
        "tls-old-versions",
        "cookies",
        "cross-origin",
        "no-store",
    ] {
        if rows.iter().any(|row| row["id"] == id) {
            assert_eq!(state(&rows, id), "proved", "{id}");
        }
    }
    // On this machine's own names there is no strict transport, and nobody is here for the second time.
    for id in ["S05", "S06", "S11", "M13", "S30"] {
        assert_eq!(state(&rows, id), "not checked", "{id}");
    }
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(code, Some(if of(&rows, "not met").is_empty() { 0 } else { 3 }));
    // The second visit holds the log against the first.
    server.app().desk().issue_setup(stockade::desk::Actor::Host).await.expect("an act");
    let (_, rows, _) = visited(&server, data.path(), &["--claim", "M13"]).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(state(&rows, "M13"), "proved", "{rows:?}");
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_people_of_the_real_server_are_kept_apart() {
    let (root, data) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let people = [
        New { email: "bob@example.org", role: "trader" },
        New { email: "eve@example.org", role: "viewer" },
    ];
    let (server, _, _) = house_with(root.path(), &people).await;
    let accounts = json!({ "accounts": [
        { "email": "bob@example.org", "password": PASSWORD },
        { "email": "eve@example.org", "password": PASSWORD },
    ] });
    let file = data.path().join("accounts.json");
    let mut options = std::fs::OpenOptions::new();
    let mut written = options.write(true).create_new(true).mode(0o600).open(&file).expect("opens");
    std::io::Write::write_all(&mut written, accounts.to_string().as_bytes()).expect("writes");
    let file = file.to_str().expect("a path");
    let (_, rows, report) = visited(&server, data.path(), &["--accounts", file]).await;
    println!("{} requests", report["requests"]);
    println!("not met: {:#?}", of(&rows, "not met"));
    println!("not checked: {:#?}", of(&rows, "not checked"));
    println!("proved: {:#?}", of(&rows, "proved"));
    for id in ["M23", "S19", "S21", "S26", "S27"] {
        assert_eq!(state(&rows, id), "proved", "{id}");
    }
    // What their probes saw held, and is not all that is claimed.
    for id in ["M15", "M18", "M22", "M26", "M34", "S10", "S20", "S39", "S48"] {
        let row = rows.iter().find(|row| row["id"] == id).expect("a row");
        let seen = row["seen"].as_str().expect("words");
        assert!(seen.starts_with("only a part shows from outside: "), "{id}: {seen}");
    }
    server.stop().await.expect("stops");
}

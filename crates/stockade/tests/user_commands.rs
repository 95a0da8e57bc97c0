//! `stockade users import`: accounts of another system, all of a file or none.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test runs the program and looks at files")]

use crate::browser::{Browser, start};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output},
};

/// bcrypt's own test string for "correct horse", and a PHC string of the reference implementation.
const BCRYPT: &str = "$2b$12$abcdefghijklmnopqrstuuFDJRuYeKkCzo3Wy7h8SxhBSHBAHiPK2";
const ARGON: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE";

fn run(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.env_clear().arg("--data-dir").arg(root).args(["--json", "--quiet", "users", "import"]);
    command.args(arguments).output().expect("runs")
}

fn answer(output: &Output) -> (Option<i32>, Value) {
    let text = String::from_utf8_lossy(&output.stdout);
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("no JSON: {text} {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), value)
}

fn lines(value: &Value) -> Vec<u64> {
    let refused = value["refused"].as_array().expect("a list");
    refused.iter().map(|one| one["line"].as_u64().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_judged_line_by_line_and_taken_whole_or_not_at_all() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let file = root.path().join("people.csv");
    let write = |text: String| std::fs::write(&file, text).expect("writes");
    let name = file.display().to_string();
    let bad = [
        format!("tom@people.example,Tom,trader,{BCRYPT}"),
        format!("not an address,Eve,trader,{BCRYPT}"),
        format!("eve@people.example,Eve,admin,{BCRYPT}"),
        "ann@people.example,Ann,viewer,hunter2".to_owned(),
        format!("TOM@people.example,Tom,trader,{BCRYPT}"),
        format!("ada@example.org,Ada,trader,{BCRYPT}"),
        "too,few".to_owned(),
        format!("joe@people.example,Joe,king,\"{ARGON}\""),
    ];
    write(format!("email,name,role,hash\n{}\n", bad.join("\n")));
    let (code, told) = answer(&run(root.path(), &[&name]));
    assert_eq!((code, told["imported"].as_u64()), (Some(3), Some(0)), "{told}");
    assert_eq!(lines(&told), [3, 4, 5, 6, 7, 8, 9], "{told}");
    assert!(
        !told.to_string().contains("hunter2") && !told.to_string().contains("abcdefghij"),
        "{told}"
    );
    let listed = async |owner: &mut Browser| {
        let users = owner.get("/api/v1/users").await.expect(200).json();
        users["users"].as_array().expect("users").len()
    };
    assert_eq!(listed(&mut owner).await, 1, "nothing of it");

    // By the server that runs, as JSON lines.
    let rows = [
        json!({ "email": "tom@people.example", "name": "Tom", "role": "trader", "hash": BCRYPT }),
        json!({ "email": "sue@people.example", "hash": ARGON }),
    ];
    write(rows.map(|row| format!("{row}\n")).concat());
    let (code, told) = answer(&run(root.path(), &[&name, "--check"]));
    assert_eq!(
        (code, told["lines"].as_u64(), told["imported"].as_u64()),
        (Some(0), Some(2), Some(0))
    );
    assert_eq!(listed(&mut owner).await, 1);
    let (code, told) = answer(&run(root.path(), &[&name]));
    assert_eq!((code, told["imported"].as_u64()), (Some(0), Some(2)), "{told}");
    assert_eq!(listed(&mut owner).await, 3);
    let log = owner.get("/api/v1/audit?kind=password.imported").await.expect(200).json();
    let entries = log["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry["actor"] == "host"), "{log}");
    let (code, told) = answer(&run(root.path(), &[&name]));
    assert_eq!((code, lines(&told)), (Some(3), vec![1, 2]), "they are there already: {told}");
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");

    // Without a server, the command does it itself.
    write(format!("hash,email\n{BCRYPT},joe@people.example\n"));
    let (code, told) = answer(&run(root.path(), &[&name]));
    assert_eq!((code, told["imported"].as_u64()), (Some(0), Some(1)), "{told}");
    let server = start(root.path()).await;
    let mut owner = owner.moved(&server);
    assert_eq!(listed(&mut owner).await, 4);
    // The hash of the other system opens the account, and no weak hash lies in the database.
    let mut tom = Browser::new(&server);
    let form = |password: &str| json!({ "email": "tom@people.example", "password": password });
    tom.post("/api/v1/sign-in", form("correct horse!")).await.expect(401);
    tom.post("/api/v1/sign-in", form("correct horse")).await.expect(200);
    server.stop().await.expect("stops");
    let stored = std::fs::read(stockade::desk::Paths::new(root.path()).database()).expect("reads");
    let digest = b"FDJRuYeKkCzo3Wy7h8SxhBSHBAHiPK2";
    assert!(!stored.windows(digest.len()).any(|some| some == digest), "the digest is wrapped");
}

#[test]
fn a_file_that_is_none_is_said_so() {
    let root = tempfile::tempdir().expect("a directory");
    let none = run(root.path(), &["nowhere.csv"]);
    assert_eq!(none.status.code(), Some(1));
    let said = String::from_utf8_lossy(&none.stderr);
    assert!(said.contains("nowhere.csv") && said.contains("check the path"), "{said}");
    let file = root.path().join("empty.csv");
    std::fs::write(&file, "").expect("writes");
    let (code, told) = answer(&run(root.path(), &[&file.display().to_string()]));
    assert_eq!((code, told["lines"].as_u64()), (Some(0), Some(0)), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_ends_everybodys_sessions_with_and_without_a_server() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    let end = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
        command.env_clear().arg("--data-dir").arg(root.path()).args(["--json", "--quiet", "users"]);
        command.arg("end-sessions").args(arguments).output().expect("runs")
    };
    assert_eq!(end(&[]).status.code(), Some(2), "it must be said whose");
    owner.get("/api/v1/sessions").await.expect(200);
    let (code, told) = answer(&end(&["--all"]));
    assert_eq!((code, told["ended"].as_u64()), (Some(0), Some(1)), "{told}");
    owner.get("/api/v1/sessions").await.expect(401);
    owner.sign_in("recovery", &codes[0]).await.expect(200);
    let log = owner.get("/api/v1/audit?kind=sessions.all_ended").await.expect(200).json();
    assert_eq!(log["entries"][0]["actor"], "host", "{log}");
    server.stop().await.expect("stops");
    let (code, told) = answer(&end(&["--all"]));
    assert_eq!((code, told["ended"].as_u64()), (Some(0), Some(1)), "{told}");
    let server = start(root.path()).await;
    owner.moved(&server).get("/api/v1/sessions").await.expect(401);
    server.stop().await.expect("stops");
}

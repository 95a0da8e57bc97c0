//! `stockade audit sample` and `stockade audit purge` as people type them, on a log that is older than the
//! seven years that its bodies are kept.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "the test runs the program, and makes a log of other days"
)]

use audit::{Entry, Kind};
use jiff::Timestamp;
use kms::SystemEntropy;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};
use stockade::desk::{self, Home, Paths};
use store::Store;

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");
/// Entries of 2015, and as many of 2024.
const EACH: u64 = 60;

struct House {
    scratch: tempfile::TempDir,
}

impl House {
    /// An installation that has kept its log since 2015.
    async fn old() -> Self {
        let house = Self { scratch: tempfile::tempdir().expect("a directory") };
        let home = Home::from(house.data());
        std::fs::create_dir(house.data()).expect("a directory");
        desk::keys_of(&home).await.expect("keys are made");
        let keys = desk::log_keys(&home).await.expect("keys");
        let then = |text: &str| text.parse::<Timestamp>().expect("a time");
        let founded = then("2015-03-01T00:00:00Z");
        let entropy = Box::new(SystemEntropy::new());
        let store = Store::open(home.database(), keys, entropy, founded).await.expect("opens");
        for now in ["2015-03-01T00:00:00Z", "2024-03-01T00:00:00Z"].map(then) {
            let act = store.begin().await.expect("an act");
            act.commit_all((0..EACH).map(entry).collect(), now).await.expect("kept");
        }
        store.close().await;
        house
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(STOCKADE);
        command.args(line.split(' ')).arg("--data-dir").arg(self.data());
        command.env_clear().current_dir(self.scratch.path());
        command
    }

    /// Types a command and expects an exit code; what it said on stdout, or else on stderr.
    fn ends(&self, line: &str, code: i32) -> String {
        let output = self.command(line).output().expect("starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{err}");
        if out.is_empty() { err } else { out }
    }

    fn json(&self, line: &str, code: i32) -> Value {
        serde_json::from_str(&self.ends(&format!("{line} --json"), code)).expect("JSON")
    }

    /// Changes the database behind the program's back.
    async fn meddle(&self, statement: &'static str) {
        let place = format!("sqlite://{}", Paths::new(&self.data()).database().display());
        let mut connection = SqliteConnection::connect(&place).await.expect("opens");
        sqlx::query(statement).execute(&mut connection).await.expect("does it");
        connection.close().await.expect("closes");
    }
}

fn entry(number: u64) -> Entry {
    Entry {
        kind: Kind::stated("a.b"),
        actor: "host".to_owned(),
        subject: format!("subject {number}"),
        detail: json!({}),
    }
}

#[tokio::test]
async fn a_purge_takes_what_is_seven_years_old_and_is_itself_in_the_log() {
    let house = House::old().await;
    // The log's own entries tell the time: before there is one of today, nothing of 2018 may go.
    let early = house.ends("audit purge --before 2018-01-01", 1);
    assert!(early.contains("kept until 2025-01-01"), "{early}");
    house.ends("setup-link", 0);
    let sampled = house.json("audit sample --count 20000", 0);
    assert_eq!((&sampled["pruned"], &sampled["missing"]), (&json!(0), &json!([])));
    assert_eq!(
        (&sampled["opened"], &sampled["looked"]),
        (&sampled["entries"], &sampled["entries"])
    );
    assert!(sampled["earliest"].as_str().expect("a time").starts_with("2015-03-01"), "{sampled}");
    let size = sampled["entries"].as_u64().expect("a number");
    // A day that is not seven years ago, and what is no day.
    let early = house.ends("audit purge --before 2024-01-01", 1);
    assert!(early.contains("seven years"), "{early}");
    house.ends("audit purge --before tomorrow", 2);
    house.ends("audit purge", 2);
    assert_eq!(house.json("audit sample --count 20000", 0)["pruned"], 0);
    let purged = house.json("audit purge --before 2015-03-02", 0);
    assert_eq!(
        (&purged["bodies"], &purged["before"]),
        (&json!(EACH), &json!("2015-03-02T00:00:00Z"))
    );
    let told = &house.json("audit ls --kind log.pruned", 0)[0];
    assert_eq!((&told["actor"], &told["detail"]["count"]), (&json!("host"), &json!(EACH)));
    // The tree is as it was, with one leaf more, and each pruned entry still has its receipt.
    let verified = house.json("audit verify", 0);
    assert_eq!(verified["size"], size + 1);
    assert_eq!(verified["bodies"], size + 1 - EACH);
    let receipt = house.scratch.path().join("receipt");
    std::fs::write(&receipt, house.ends("audit receipt 5", 0)).expect("writes");
    assert!(house.ends("audit verify receipt", 0).contains("entry       5"));
    let sampled = house.json("audit sample --count 20000", 0);
    assert_eq!((&sampled["pruned"], &sampled["missing"]), (&json!(EACH), &json!([])));
    assert!(house.ends("audit sample", 0).contains("pruned after seven years"));
    // Once: what is gone is gone, and nothing is written of it.
    assert_eq!(house.json("audit purge --before 2015-03-02", 0)["bodies"], 0);
    assert_eq!(house.json("audit verify", 0)["size"], size + 1);
}

#[tokio::test]
async fn a_sample_finds_bodies_that_went_too_early() {
    let house = House::old().await;
    house.ends("setup-link", 0);
    house.meddle("UPDATE audit_leaves SET sealed_body = NULL WHERE leaf_index = 100").await;
    let found = house.json("audit sample --count 20000", 3);
    assert_eq!(found["missing"], json!([100]));
    assert!(house.ends("audit sample --count 20000", 3).contains("GONE TOO EARLY: 100"));
    house.ends("audit verify", 3);
    house.ends("audit sample --count 0", 2);
    house.ends("audit sample --count 2000001", 2);
}

#[tokio::test]
async fn nothing_is_pruned_while_a_server_runs() {
    let house = House::old().await;
    let mut serve = house.command("serve --json --listen 127.0.0.1:0");
    let mut server = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("reads");
    let refused = house.ends("audit purge --before 2015-03-02", 1);
    // Whoever samples reads only, and may do so at any time.
    let sampled = house.json("audit sample --count 20000", 0);
    server.kill().and_then(|()| server.wait()).expect("ends");
    assert!(refused.contains("in use by the server") && refused.contains("stop it"), "{refused}");
    assert_eq!(sampled["pruned"], 0);
}

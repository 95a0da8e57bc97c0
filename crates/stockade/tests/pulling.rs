//! Another machine pulls the backups: it keeps them under a password that the server never sees.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of a server and of programs that they started"
)]

use crate::browser::{Browser, options};
use crate::house::{House, digests, told};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use stockade::{
    desk::BackupTerms,
    server::{Options, Server},
};

/// A server whose backups this machine pulls, and its owner.
pub async fn server(root: &Path, puller: &str) -> (Server, Browser) {
    let puller = Some(puller.parse().expect("a machine"));
    let backups = BackupTerms { puller, ..BackupTerms::default() };
    let machines = Some("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(Options { backups, machines, ..options(root) }).await;
    let server = server.expect("starts");
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    (server, owner)
}

/// What `stockade backup pull --join` says, by a token for this machine.
async fn joins(house: &House, server: &Server, owner: &mut Browser, machine: &str) -> Output {
    let made = owner.post("/api/v1/machines", json!({ "machine": machine })).await.expect(201);
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let at = server.started.machines.expect("machines come in").to_string();
    let mut command = house.command(&["backup", "pull", "--join", &at, "--json"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(token.as_bytes()).expect("reads");
    drop(stdin);
    tokio::task::spawn_blocking(move || child.wait_with_output().expect("ends"))
        .await
        .expect("ends")
}

async fn pulls(house: &House, words: &'static [&'static str]) -> Output {
    let mut command = house.command(&[&["backup", "pull"], words].concat());
    tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("ends")
}

async fn entries(owner: &mut Browser, kind: &str) -> usize {
    let log = owner.get(&format!("/api/v1/audit?kind={kind}")).await.expect(200).json();
    log["entries"].as_array().map_or(0, Vec::len)
}

/// Every file below a directory, as one.
fn everything(root: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for (path, _) in digests(root, "") {
        all.extend(std::fs::read(root.join(path)).expect("reads"));
    }
    all
}

fn holds(all: &[u8], needle: &str) -> bool {
    all.windows(needle.len()).any(|part| part == needle.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_pulls_what_production_cannot_open_and_it_comes_back() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner) = server(root.path(), "worker/keep").await;
    let house = House::new();
    let said = joins(&house, &server, &mut owner, "worker/keep").await;
    assert!(said.status.success(), "{}", told(&said));
    let done: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!((&done["taken"]["number"], &done["proved"]["number"]), (&1.into(), &1.into()));
    // The server's log has who got it, what was made of it, and that a restore was proved.
    for kind in ["backup.handed_out", "backup.taken", "backup.proved"] {
        assert_eq!(entries(&mut owner, kind).await, 1, "{kind}");
    }
    let page = owner.get("/api/v1/backups").await.expect(200).json();
    assert_eq!(page["place"], "worker/keep", "{page}");
    assert_eq!(page["snapshots"].as_array().map(Vec::len), Some(1), "{page}");
    let machines = owner.get("/api/v1/machines").await.expect(200).json();
    assert_eq!(machines["machines"][0]["world"], "worker", "{machines}");
    // Nothing is due; asked for, there is a second one, and the machine's own commands see both.
    let said = pulls(&house, &["--if-due"]).await;
    assert_eq!(told(&said).trim(), "nothing is due");
    let said = pulls(&house, &[]).await;
    assert!(told(&said).starts_with("backup 3 was pulled"), "{}", told(&said));
    let listed = house.json(&["backup", "ls"]);
    assert_eq!(listed["snapshots"].as_array().map(Vec::len), Some(2), "{listed}");
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());
    server.stop().await.expect("stops");
    // With all that production has, nothing of it can be opened: no password and no identity lies there.
    let password = std::fs::read_to_string(house.data().join("backup/password")).expect("reads");
    let there = everything(root.path());
    assert!(there.len() > 100_000, "it was read");
    assert!(!holds(&there, password.trim()) && !holds(&there, "AGE-SECRET-KEY"));
    // And with one recipient's key, it comes back.
    let into = house.at("back");
    let restored = house.restore(&into).output().expect("runs");
    assert!(restored.status.success(), "{}", told(&restored));
    let back = Server::start(options(&into)).await.expect("starts");
    back.app().desk().verify_log(&[]).await.expect("verifies");
    back.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_else_pulls_and_nothing_is_made_in_its_place() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner) = server(root.path(), "worker/keep").await;
    for machine in ["worker/other", "bot/keep"] {
        let house = House::new();
        let said = joins(&house, &server, &mut owner, machine).await;
        assert!(!said.status.success(), "{machine}");
        assert!(
            told(&said).contains("is not the machine that pulls backups here"),
            "{}",
            told(&said)
        );
        assert!(!house.place().join("repository").exists(), "{machine}");
    }
    assert_eq!(entries(&mut owner, "backup.handed_out").await, 0);
    // One that was put out gets nothing any more.
    let house = House::new();
    assert!(joins(&house, &server, &mut owner, "worker/keep").await.status.success());
    owner.post("/api/v1/machines/revoke", json!({ "machine": "worker/keep" })).await.expect(204);
    let said = pulls(&house, &[]).await;
    assert!(!said.status.success() && told(&said).contains("put out"), "{}", told(&said));
    // And what is typed on either side says where the backups are made.
    let asked = owner.post("/api/v1/backups", json!({})).await;
    assert!(!asked.status.is_success());
    let said = house.typed(&["backup", "now"]);
    assert!(told(&said).contains("stockade backup pull"), "{}", told(&said));
    let said = House::new().typed(&["backup", "pull"]);
    assert!(told(&said).contains("--join HOST:PORT"), "{}", told(&said));
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ledger_that_was_put_back_is_refused() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner) = server(root.path(), "worker/keep").await;
    let house = House::new();
    assert!(joins(&house, &server, &mut owner, "worker/keep").await.status.success());
    let ledger = house.place().join("ledger");
    let old = std::fs::read(&ledger).expect("reads");
    assert!(pulls(&house, &[]).await.status.success());
    std::fs::write(&ledger, old).expect("put back");
    let said = pulls(&house, &["--if-due"]).await;
    assert!(!said.status.success(), "{}", told(&said));
    // Under the certificate of nobody, it is not heard at all.
    std::fs::remove_file(house.data().join("machine/machine.pem")).expect("removed");
    let said = pulls(&house, &[]).await;
    assert!(told(&said).contains("machine.pem: is gone"), "{}", told(&said));
    server.stop().await.expect("stops");
}

#[test]
fn settings_that_exclude_each_other_are_refused_with_the_way_out() {
    let check = |lines: &str, says: &str| {
        let house = House::new();
        let path: PathBuf = house.data().join("stockade.toml");
        std::fs::write(&path, lines).expect("writes");
        let said = house.typed(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(!said.status.success() && told(&said).contains(says), "{lines}: {}", told(&said));
    };
    let machines = "[machines]\nlisten = \"127.0.0.1:0\"\n";
    check("[backup]\npull = \"worker/keep\"\n", "set machines.listen");
    check(&format!("[backup]\npull = \"bot/keep\"\n{machines}"), "write worker/NAME");
    check(&format!("[backup]\npull = \"keep\"\n{machines}"), "names no machine");
    let both = "[backup]\npull = \"worker/keep\"\nplace = \"/nowhere\"\n";
    check(&format!("{both}{machines}"), "take backup.place out here");
}

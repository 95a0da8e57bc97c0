//! Backups by the program itself: made, checked, proved, damaged, killed, brought back.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests run programs, kill them, and say what they skip"
)]

use crate::browser::{Browser, options, start};
use crate::house::{House, STOCKADE, digests, free, has, kill_at, pack, text, told};
use audit::Verifier;
use backup::Trigger;
use kms::SystemEntropy;
use seal::AgeIdentity;
use serde_json::Value;
use sqlx::Connection;
use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use stockade::{
    desk::{self, Actor, Desk, Restoring},
    server::{Options, Server},
};

#[test]
fn a_backup_is_made_checked_proved_and_brought_back() {
    let house = House::new();
    house.furnish();
    let made = house.json(&["backup", "now"]);
    assert_eq!((&made["number"], &made["forgotten"]), (&1.into(), &Value::Array(Vec::new())));
    let again = house.json(&["backup", "now"]);
    assert_eq!(again["number"], 2);
    let drilled = house.json(&["backup", "drill"]);
    assert!(drilled["rows"].as_u64() > Some(3), "{drilled}");
    let listed = house.json(&["backup", "ls"]);
    let proved: Vec<bool> = listed["snapshots"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["proved"] == true)
        .collect();
    assert_eq!((proved, &listed["foreign"]), (vec![false, true], &Value::Array(Vec::new())));
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());

    let into = house.at("restored");
    let mut restore = house.restore(&into);
    let said = restore.arg("--json").output().expect("runs");
    assert!(said.status.success(), "{}", told(&said));
    let restored: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(digests(&house.data(), "results"), digests(&into, "results"));
    // The keys came back under a key file of the kit's own.
    let key = |root: &Path| std::fs::read(root.join("stockade.key")).expect("reads");
    assert!(key(&house.data()) != key(&into) && into.join("stockade.ring").exists());
    // The old log verifies by itself, the new one as the directory's own.
    let old = into.join(restored["old_log"].as_str().expect("a file"));
    let verified = |root: &Path, words: &[&str]| {
        let mut command = Command::new(STOCKADE);
        command.arg("--data-dir").arg(root).args(["audit", "verify"]).args(words).env_clear();
        let said = command.output().expect("runs");
        assert!(said.status.success(), "{}", told(&said));
    };
    let elsewhere = house.at("elsewhere");
    verified(&elsewhere, &[text(&old)]);
    verified(&into, &[]);
    // Another restore of the same backup begins another log, under another key: no fork of the first.
    let twice = house.restore(&house.at("twice")).arg("--json").output().expect("runs");
    let twice: Value = serde_json::from_slice(&twice.stdout).expect("JSON");
    assert!(twice["log_key"].is_string() && twice["log_key"] != restored["log_key"], "{twice}");
    let witness = |root: &Path| {
        let mut command = Command::new(STOCKADE);
        command.arg("--data-dir").arg(root).args(["audit", "witness-key"]).env_clear();
        told(&command.output().expect("runs"))
    };
    assert_ne!(witness(&into), witness(&house.at("twice")), "and as a witness it is another one");
    // What is full is not restored into.
    let refused = house.restore(&into).output().expect("runs");
    assert!(told(&refused).contains("is not empty"), "{}", told(&refused));
}

#[test]
fn one_identity_is_enough_and_another_is_of_no_use() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let kit = std::fs::read(house.place().join("recovery.age")).expect("reads");
    for identity in &house.identities {
        let opened = identity.open(&kit).expect("each opens it");
        let kit = String::from_utf8(opened.expose().clone()).expect("text");
        assert!(kit.starts_with("stockade-recovery/1\n") && kit.contains("stockade-key/1"));
    }
    let other = AgeIdentity::generate(&mut SystemEntropy::new());
    std::fs::write(house.identity(0), other.to_file().as_bytes()).expect("writes");
    let refused = house.restore(&house.at("restored")).output().expect("runs");
    assert!(told(&refused).contains("not sealed to this identity"), "{}", told(&refused));
    assert!(!house.at("restored").exists());
    // One recipient alone could be lost: none is made for one.
    let text = std::fs::read_to_string(house.data().join("stockade.toml")).expect("reads");
    let (one, _) = text.split_once(", age1").expect("two");
    std::fs::write(house.data().join("stockade.toml"), format!("{one}\"\n")).expect("writes");
    let refused = house.typed(&["backup", "now"]);
    assert!(told(&refused).contains("1 recipients, and 2 are needed"), "{}", told(&refused));
    // Another password does not open the repository.
    house.configure(&house.place());
    std::fs::write(house.data().join("backup/password"), "00\n").expect("writes");
    let refused = house.typed(&["backup", "check"]);
    assert!(told(&refused).contains("the password does not open"), "{}", told(&refused));
}

#[test]
fn a_flipped_byte_in_a_pack_is_found_by_reading_it_and_fails_the_drill() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let pack = pack(&house.place());
    let mut bytes = std::fs::read(&pack).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pack, bytes).expect("writes");
    // The structure says nothing of the contents: the check that is not enough.
    assert_eq!(house.typed(&["backup", "check"]).status.code(), Some(0));
    let found = house.typed(&["backup", "check", "--read-data"]);
    assert_eq!(found.status.code(), Some(3), "{}", told(&found));
    let failed = house.typed(&["backup", "drill"]);
    assert_eq!(failed.status.code(), Some(1), "{}", told(&failed));
    assert!(told(&house.typed(&["audit", "ls"])).contains("backup.failed"));
    let restored = house.restore(&house.at("restored")).output().expect("runs");
    assert!(!restored.status.success() && !house.at("restored").exists(), "{}", told(&restored));
}

#[test]
fn stock_restic_lists_checks_and_restores_the_same_repository() {
    if !has("restic", "version") {
        return;
    }
    let house = House::new();
    house.furnish();
    let made = house.json(&["backup", "now"]);
    let repository = house.place().join("repository");
    let password = house.password_file();
    let restic = |words: &[&str]| {
        let mut command = Command::new("restic");
        command.args(["--no-cache", "-r", text(&repository), "-p", text(&password)]).args(words);
        let said = command.env("HOME", house.directory.path()).output().expect("runs");
        assert!(said.status.success(), "{words:?}: {}", told(&said));
        said
    };
    let listed = restic(&["snapshots", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(listed[0]["id"], made["snapshot"]);
    restic(&["check", "--read-data"]);
    let out = house.at("by-restic");
    restic(&["restore", "latest", "--target", text(&out)]);
    assert_eq!(digests(&house.data(), "results"), digests(&out.join("stockade"), "results"));
}

#[test]
fn stock_age_opens_the_recovery_kit() {
    if !has("age", "--version") {
        return;
    }
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let kit = house.place().join("recovery.age");
    let opened =
        Command::new("age").args(["-d", "-i", text(&house.identity(1)), text(&kit)]).output();
    let opened = opened.expect("runs");
    assert!(told(&opened).starts_with("stockade-recovery/1\n"), "{}", told(&opened));
}

#[test]
fn a_kill_at_any_moment_leaves_backups_that_are_whole() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let place = house.place();
    let entries = |name: &str| std::fs::read_dir(place.join(name)).map_or(0, Iterator::count);
    let stage = house.data().join("backup/stage");
    for what in ["staging", "the copy", "keys", "the worker's snapshot"] {
        let (keys, snapshots) = (entries("keys"), entries("repository/snapshots"));
        kill_at(&mut house.command(&["backup", "now"]), || match what {
            "staging" => stage.join("results").exists(),
            "the copy" => stage.join("stockade.db").exists(),
            "keys" => entries("keys") > keys,
            _ => entries("repository/snapshots") > snapshots,
        });
        free(&place);
        let made = house.typed(&["backup", "now"]);
        assert!(made.status.success(), "{what}: {}", told(&made));
    }
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());

    let scratch = house.data().join("backup/scratch/tree");
    kill_at(&mut house.command(&["backup", "drill"]), || scratch.exists());
    free(&place);
    let drilled = house.typed(&["backup", "drill"]);
    assert!(drilled.status.success(), "{}", told(&drilled));

    let (into, work) = (house.at("restored"), house.at("restored.restoring"));
    let signs: [&dyn Fn() -> bool; 3] = [
        &|| work.join("tree/results").exists(),
        &|| work.join("tree/stockade.key").exists(),
        &|| work.join("tree/stockade.era").exists(),
    ];
    for sign in signs {
        if kill_at(&mut house.restore(&into), sign) {
            std::fs::remove_dir_all(&into).expect("it was whole");
        }
        free(&place);
        // What was killed has put nothing where the server would be.
        assert!(!into.exists());
    }
    let restored = house.restore(&into).output().expect("runs");
    assert!(restored.status.success(), "{}", told(&restored));
}

#[test]
fn a_full_disk_is_named_and_what_was_there_stays_whole() {
    let house = House::new();
    house.furnish();
    let small = house.place();
    std::fs::create_dir(&small).expect("a directory");
    let run = |program: &str, words: &[&str]| {
        let status = Command::new(program).args(words).arg(&small).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !run("mount", &["-t", "tmpfs", "-o", "size=9m", "tmpfs"]) {
        println!("skipped: this user may not mount a small disk to fill");
        return;
    }
    let first = house.typed(&["backup", "now"]);
    // Nothing that compresses, and nothing that was there already.
    let more: Vec<u8> =
        (0_u64..500_000).flat_map(|at| seal::sha256(&at.to_le_bytes())).take(8 << 20).collect();
    std::fs::write(house.data().join("results/one/more"), more).expect("writes");
    let full = house.typed(&["backup", "now"]);
    let whole = house.typed(&["backup", "check", "--read-data"]);
    let larger = run("mount", &["-o", "remount,size=64m"]);
    let then = house.typed(&["backup", "now"]);
    let listed = house.json(&["backup", "ls"]);
    assert!(run("umount", &["-l"]), "unmounts");
    assert!(first.status.success(), "{}", told(&first));
    assert!(told(&full).contains("No space left"), "{}", told(&full));
    assert!(whole.status.success(), "{}", told(&whole));
    assert!(larger && then.status.success(), "{}", told(&then));
    assert_eq!(listed["snapshots"].as_array().expect("a list").len(), 2, "{listed}");
}

#[test]
fn an_older_ledger_put_back_is_refused() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let ledger = house.place().join("ledger");
    let old = std::fs::read(&ledger).expect("reads");
    house.json(&["backup", "now"]);
    std::fs::write(&ledger, &old).expect("writes");
    let refused = house.typed(&["backup", "now"]);
    assert!(told(&refused).contains("an older one was put back"), "{}", told(&refused));
    let mut changed = old;
    let at = changed.len() / 2;
    changed[at] ^= 1;
    std::fs::write(&ledger, changed).expect("writes");
    let refused = house.typed(&["backup", "ls"]);
    assert!(told(&refused).contains("ledger"), "{}", told(&refused));
}

async fn serve(house: &House) -> Server {
    let backups = house.terms();
    Server::start(Options { backups, ..options(&house.data()) }).await.expect("starts")
}

/// Waits until it is so, and not for ever.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} does not happen");
        tokio::task::yield_now().await;
    }
}

/// What was done to an account when nobody looked, as an erasure leaves it.
async fn erase(root: &Path, email: &str, ids: &Value) -> String {
    let rows = ids["users"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["email"] == email).expect("is there");
    let id = row["id"].as_str().expect("an id").to_owned();
    let mut connection = crate::people::open(root).await;
    for statement in [
        "DELETE FROM data_keys WHERE account_id = $1",
        "UPDATE accounts SET standing = 'disabled', erased_us = 7 WHERE account_id = $1",
    ] {
        sqlx::query(statement).bind(&id).execute(&mut connection).await.expect("erases");
    }
    connection.close().await.expect("closes");
    id
}

async fn standing(root: &Path, id: &str) -> (String, Option<i64>, i64) {
    let mut connection = crate::people::open(root).await;
    let row = "SELECT standing, erased_us, epoch FROM accounts WHERE account_id = $1";
    let row = sqlx::query_as(row).bind(id).fetch_one(&mut connection).await.expect("a row");
    connection.close().await.expect("closes");
    row
}

/// The new log is whole, and what the rows were made by is told by the log of before.
async fn nothing_is_missed(desk: &desk::Desk, restored: &Path) {
    desk.verify_log(&[]).await.expect("the new log is whole");
    let reading = desk::open_for_reading(&restored.into()).await.expect("opens");
    let compared = desk::reconcile(&reading).await.expect("reads");
    assert!(compared.orphans.is_empty() && compared.rows > 0, "{compared:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restored_server_begins_a_new_log_and_nothing_that_ended_lives_again() {
    let house = House::new();
    let people = [
        crate::people::New { email: "eve@example.org", role: "trader" },
        crate::people::New { email: "gone@example.org", role: "trader" },
    ];
    let (server, owner, others) = crate::people::house_with(&house.data(), &people).await;
    server.stop().await.expect("stops");
    // A server makes the backup that it never made, and proves it, by itself.
    let server = serve(&house).await;
    let (desk, backups) = (server.app().desk(), server.app().backups());
    until("a proof of the first backup", async || {
        let view = backups.view(desk).await.expect("a view");
        view.snapshots.len() == 1 && view.proved.is_some()
    })
    .await;
    let mut owner = owner.moved(&server);
    let page = owner.get("/api/v1/backups").await.expect(200).json();
    assert_eq!(page["proved"]["of"], page["snapshots"][0]["number"], "{page}");
    let first = backups.view(desk).await.expect("a view").snapshots.remove(0);
    let old_key: Verifier = desk.log_key().parse().expect("a key");
    // After it one is disabled, another erased, and the log goes on: a witness may have seen that.
    let listed = owner.get("/api/v1/users").await.expect(200).json();
    let rows = listed["users"].as_array().expect("rows").clone();
    let eve = rows.iter().find(|row| row["email"] == "eve@example.org").expect("is there");
    let eve = eve["id"].as_str().expect("an id").to_owned();
    let disabled = owner.post(&format!("/api/v1/users/{eve}/disable"), serde_json::json!({})).await;
    assert!(disabled.status.is_success(), "{}", disabled.text());
    let halt = Arc::default();
    server.stop().await.expect("stops");
    let gone = erase(&house.data(), "gone@example.org", &listed).await;
    let server = serve(&house).await;
    let (desk, backups) = (server.app().desk(), server.app().backups());
    backups.take(desk, (Trigger::Asked, Actor::Host), &halt).await.expect("is made");
    let seen = desk.log_head().await.expect("a head");
    server.stop().await.expect("stops");

    // Back to the first one, from before all that.
    let into = house.at("restored");
    let ask = Restoring {
        from: backup::Place::directory(&house.place()),
        into: into.clone(),
        identity: house.identities[1].clone(),
        number: Some(first.number),
        worker: Some(STOCKADE.into()),
    };
    let restored = desk::restore(ask, &halt).await.expect("is restored");
    assert!(restored.sessions >= 3 && restored.standings, "{restored:?}");
    assert_eq!((restored.lowered, restored.erased), (1, 1));
    let (was, erased, epoch) = standing(&into, &gone).await;
    assert_eq!((was.as_str(), erased), ("disabled", Some(7)));
    assert!(epoch > 0 && standing(&into, &eve).await.0 == "disabled");

    let server = start(&into).await;
    let desk = server.app().desk();
    assert_ne!(restored.log_key, old_key.to_string(), "another log");
    assert_eq!(desk.log_key(), restored.log_key);
    let page =
        desk.log(&store::LogPage { limit: 500, ..Default::default() }).await.expect("a page");
    let begin = page.lines.last().expect("the first entry");
    assert_eq!((begin.index, begin.kind.as_str()), (0, "backup.restored"));
    assert!(begin.summary.contains(&old_key.to_string()), "{}", begin.summary);
    nothing_is_missed(desk, &into).await;
    // Whoever witnesses the old log does not take this one for it.
    let note = desk.log_head().await.expect("a head").note;
    assert!(audit::Checkpoint::verify(&note, &old_key).is_err(), "no fork to be seen");
    let old = std::fs::read_to_string(into.join(&restored.old_log)).expect("reads");
    let left =
        audit::verify_export(old.lines(), Some(&old_key), &[]).expect("the old log is whole");
    assert_eq!(left.summary.checkpoint.size, restored.old_log_size);
    // Sessions of before are over, also of who was neither disabled nor erased.
    for browser in others.iter().chain([&owner]) {
        let mut browser: Browser = browser.moved(&server);
        browser.get("/api/v1/sessions").await.expect(401);
        browser.post("/api/v1/session/refresh", serde_json::json!({})).await.expect(401);
    }
    server.stop().await.expect("stops");
    as_it_would_be_without(&house, &first.snapshot.id, (&old_key, &seen)).await;
}

/// The weak twin: the files of the same snapshot, opened as they came back. It signs, under the key that its
/// witnesses know, a log that is shorter than what they saw.
async fn as_it_would_be_without(
    house: &House,
    snapshot: &str,
    (key, seen): (&Verifier, &store::Head),
) {
    let weak = house.at("weak");
    let password = house.password();
    let order = backup::Order::Restore { snapshot: snapshot.to_owned(), into: weak.clone() };
    let child = backup::Child::of(Path::new(STOCKADE));
    let repository = backup::Place::directory(&house.place()).repository();
    child.run((&repository, &password), order, &false.into()).expect("comes back");
    std::fs::copy(house.data().join("stockade.key"), weak.join("stockade.key")).expect("copies");
    let desk = Desk::open(&weak, "a test", desk::now()).await.expect("opens");
    desk.export_log(Actor::Host).await.expect("an act");
    let now = desk.log_head().await.expect("a head");
    let signed = audit::Checkpoint::verify(&now.note, key).expect("the witnesses' own log");
    assert!(signed.size <= seen.checkpoint.size && signed.root != seen.checkpoint.root);
    desk.close().await;
}

//! What a place of backups keeps, and for whom: others' snapshots, older sets of keys, what a run leaves that is
//! killed while it lets go, and what lies on the server itself.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests run programs, kill them, and look at their files"
)]

use crate::browser::{Browser, start};
use crate::house::{House, STOCKADE, digests, free, kill_at, text, told};
use crate::upkeep::prune;
use backup::{Act, Answer, Child, Ledger, Order, Place, Snapshot};
use jiff::{SignedDuration, Timestamp};
use kms::Purpose;
use seal::SigningKey;
use serde_json::{Value, json};
use std::path::Path;

/// Names of the files below a directory of the place.
fn names(house: &House, below: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(house.place().join(below)) else { return Vec::new() };
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn from(house: &House) -> Vec<String> {
    vec!["--from".to_owned(), text(&house.place()).to_owned()]
}

fn numbers(listed: &Value) -> Vec<u64> {
    let rows = listed["snapshots"].as_array().expect("a list").iter();
    rows.map(|one| one["number"].as_u64().expect("a number")).collect()
}

/// What the worker does when it is told so.
fn work(house: &House, order: Order) -> Answer {
    let target = Place::directory(&house.place()).repository();
    let child = Child::of(Path::new(STOCKADE));
    child.run((&target, &house.password()), order, &false.into()).expect("is done")
}

fn signer(house: &House) -> SigningKey {
    house.keys().signing(Purpose::Backups)
}

/// The snapshots that the ledger has.
fn taken(house: &House) -> Vec<Snapshot> {
    let ledger = Place::directory(&house.place()).ledger(signer(house).verifying_key());
    ledger.expect("reads").live().into_iter().map(|one| one.snapshot).collect()
}

/// Days before now.
fn ago(days: i64) -> Timestamp {
    let now = stockade::desk::now();
    now.checked_sub(SignedDuration::from_hours(24 * days)).expect("in range")
}

/// Writes another ledger, as this installation would.
fn write(house: &House, acts: Vec<(Timestamp, Act)>) {
    let mut ledger = Ledger::default();
    for (time, act) in acts {
        ledger.add(time, act);
    }
    std::fs::write(house.place().join("ledger"), ledger.render(&signer(house))).expect("writes");
}

fn holds(root: &Path, needle: &str) -> bool {
    digests(root, "").iter().any(|(path, _)| {
        let bytes = std::fs::read(root.join(path)).expect("reads");
        bytes.windows(needle.len()).any(|part| part == needle.as_bytes())
    })
}

#[test]
fn a_server_has_nothing_on_its_disk_that_opens_its_kit() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let directory = house.data().join("backup");
    let check = |when: &str| {
        for secret in ["AGE-SECRET-KEY", "stockade-key/1", house.password().expose().as_str()] {
            assert!(!holds(&directory, secret), "{when}: {secret}");
        }
    };
    check("after a backup");
    house.json(&["backup", "drill"]);
    check("after a drill");
    let scratch = directory.join("scratch/tree");
    kill_at(&mut house.command(&["backup", "drill"]), || scratch.exists());
    check("after a drill that was killed");
    // What a version before this one has left in plaintext is taken in, and goes on to work.
    free(&house.place());
    let password = house.password();
    std::fs::remove_file(directory.join("password.sealed")).expect("removes");
    std::fs::write(directory.join("password"), password.expose()).expect("writes");
    house.json(&["backup", "now"]);
    check("after plaintext was taken in");
    assert_eq!(house.password().expose(), password.expose());
    assert!(house.typed(&["backup", "check"]).status.success());
}

#[test]
fn a_set_of_keys_that_no_record_names_goes_with_the_next_backup() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    // A backup failed when its keys were written; then a drill took the number that it would have had.
    let keys = house.place().join("keys");
    std::fs::copy(keys.join("000001.sealed"), keys.join("000002.sealed")).expect("copies");
    house.json(&["backup", "drill"]);
    assert_eq!(names(&house, "keys").len(), 2);
    let made = house.json(&["backup", "now"]);
    assert_eq!(made["number"], 3);
    assert_eq!(names(&house, "keys"), ["000001.sealed", "000003.sealed"]);
}

#[test]
fn a_snapshot_that_somebody_planted_is_told_kept_and_never_brought_back() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let planted = house.at("planted");
    std::fs::create_dir(&planted).expect("a directory");
    std::fs::write(planted.join("stockade.db"), "of somebody else").expect("writes");
    let Answer::Snapshot(foreign) = work(&house, Order::Backup { source: planted }) else {
        panic!("no snapshot");
    };
    let is_there = || {
        let listed = house.json(&["backup", "ls"]);
        assert_eq!(listed["foreign"], json!([foreign.id]), "{listed}");
        assert_eq!(listed["lost"], json!([]), "{listed}");
        listed
    };
    is_there();
    house.json(&["backup", "now"]);
    let third = house.json(&["backup", "now"]);
    assert_eq!(third["forgotten"], json!([1]), "ours go by the rule");
    let pruned = prune(&house, from(&house));
    assert!(pruned.status.success(), "{}", told(&pruned));
    let live = numbers(&is_there());
    house.json(&["backup", "drill"]);
    let into = house.at("restored");
    let restored = house.restore(&into).arg("--json").output().expect("runs");
    assert!(restored.status.success(), "{}", told(&restored));
    let restored: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(restored["number"].as_u64(), live.last().copied());
    assert_eq!(digests(&house.data(), "results"), digests(&into, "results"));
    is_there();
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());
}

#[test]
fn a_prune_that_would_drop_too_much_is_refused_and_all_is_kept() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let one = taken(&house).remove(0);
    // Forty nights that have all been judged already: no new one can have pushed any of them out.
    let mut acts: Vec<(Timestamp, Act)> =
        (0..40).rev().map(|day| (ago(day), Act::Taken(one.clone()))).collect();
    acts.push((ago(0), Act::Forgotten { of: vec![1] }));
    write(&house, acts);
    let there = || {
        let ledger = std::fs::read(house.place().join("ledger")).expect("reads");
        let below = |name| digests(&house.place(), name);
        (ledger, below("keys"), below("repository/snapshots"))
    };
    let before = there();
    let refused = prune(&house, from(&house));
    assert!(!refused.status.success(), "{}", told(&refused));
    assert!(told(&refused).contains("nothing was let go"), "{}", told(&refused));
    assert!(there() == before, "something went");
    let restored = house.restore(&house.at("restored")).output().expect("runs");
    assert!(restored.status.success(), "{}", told(&restored));
}

#[test]
fn a_kill_between_forget_and_ledger_is_made_good_by_the_next_run() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    house.json(&["backup", "now"]);
    let snapshots = || names(&house, "repository/snapshots").len();
    let mut most = 0;
    kill_at(&mut house.command(&["backup", "now"]), || {
        most = most.max(snapshots());
        snapshots() < most
    });
    free(&house.place());
    // The ledger may name one that is gone. It is told, and another run lets it go for good.
    let listed = house.typed(&["backup", "ls", "--json"]);
    let said: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let want = if said["lost"] == json!([1]) { 3 } else { 0 };
    assert_eq!(listed.status.code(), Some(want), "{}", told(&listed));
    let made = house.typed(&["backup", "now"]);
    assert!(made.status.success(), "{}", told(&made));
    let listed = house.json(&["backup", "ls"]);
    assert_eq!((&listed["lost"], &listed["foreign"]), (&json!([]), &json!([])), "{listed}");
    assert!(!numbers(&listed).contains(&1), "{listed}");
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());
    house.json(&["backup", "drill"]);
}

#[test]
fn a_kill_between_sets_of_keys_and_ledger_is_made_good_by_the_next_run() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    house.json(&["backup", "now"]);
    let [first, second] = taken(&house).try_into().expect("two");
    let act = |snapshot: &Snapshot| Act::Taken(snapshot.clone());
    // The first one's keys are over, the snapshot itself is the newest of its month.
    write(&house, vec![(ago(80), act(&first)), (ago(0), act(&second))]);
    let identity = text(&house.identity(1)).to_owned();
    let words = ["backup", "prune", "--identity", &identity, "--from", text(&house.place())]
        .map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let set = house.place().join("keys").join(&first.keys);
    kill_at(&mut house.command(&words), || !set.exists());
    free(&house.place());
    assert!(!set.exists());
    // Whether or not the ledger has it: that snapshot comes back by the newest set.
    let into = house.at("restored");
    let restored = house.restore(&into).args(["--snapshot", "1"]).output().expect("runs");
    assert!(restored.status.success(), "{}", told(&restored));
    let pruned = prune(&house, from(&house));
    assert!(pruned.status.success(), "{}", told(&pruned));
    assert_eq!(names(&house, "keys"), [second.keys]);
    let key = signer(&house);
    let ledger = Place::directory(&house.place()).ledger(key.verifying_key()).expect("reads");
    assert_eq!((ledger.live().len(), ledger.key_sets().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_older_snapshot_comes_back_by_its_own_keys_or_not_at_all() {
    let house = House::new();
    let server = start(&house.data()).await;
    let codes = Browser::new(&server).set_up(&server).await;
    server.stop().await.expect("stops");
    house.json(&["backup", "now"]);
    // An account has four data keys: after as many changes none is left that opens what lies in the backup.
    let typed = |words: &[&str]| {
        let said = house.typed(words);
        assert!(said.status.success(), "{words:?}: {}", told(&said));
    };
    typed(&["keys", "move", "--to", "file", "--without-recovery"]);
    for _ in 0..4 {
        typed(&["keys", "rotate", "--accounts"]);
    }
    typed(&["backup", "now"]);
    typed(&["backup", "drill"]);
    let restore =
        |into: &Path| house.restore(into).args(["--snapshot", "1"]).output().expect("runs");
    let into = house.at("restored");
    let restored = restore(&into);
    assert!(restored.status.success(), "{}", told(&restored));
    let back = start(&into).await;
    Browser::new(&back).sign_in("recovery", &codes[0]).await.expect(200);
    back.stop().await.expect("stops");
    // Without its own keys it is not called equal: nobody could sign in.
    std::fs::remove_file(house.place().join("keys/000001.sealed")).expect("removes");
    let other = house.at("other");
    let refused = restore(&other);
    assert!(!refused.status.success() && !other.exists(), "{}", told(&refused));
    assert!(told(&refused).contains("does not open by the wrapped keys"), "{}", told(&refused));
    // And a drill finds a set that lacks somebody.
    let place = Place::directory(&house.place());
    let newest = names(&house, "keys").pop().expect("a set");
    let sealing = house_ring(&into).sealing(Purpose::Backups);
    let number = newest.trim_end_matches(".sealed").parse().expect("a number");
    let hold = place.hold().expect("is free");
    let mut entropy = kms::SystemEntropy::new();
    hold.keep_keys(number, b"", &sealing, &mut entropy).expect("is written");
    drop(hold);
    let failed = house.typed(&["backup", "drill"]);
    assert!(told(&failed).contains("does not open by the wrapped keys"), "{}", told(&failed));
}

/// The keys of a directory that has a ring under a key file; they are the same as where it came from.
fn house_ring(root: &Path) -> kms::KeyRing {
    let read = |name: &str| std::fs::read(root.join(name)).expect("reads");
    let place = Path::new("restored");
    let file = kms::KeyFile::from_text(&read("stockade.key"), place).expect("a key file");
    kms::RingFile::keys_of(&read("stockade.ring"), &file, place).expect("opens")
}

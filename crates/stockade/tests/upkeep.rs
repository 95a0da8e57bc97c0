//! Backups in a bucket, and in places where the server can only add: somebody else lets go.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests run programs, and say what they skip"
)]

use crate::house::{House, STOCKADE, digests, has, pack, text, told};
use backup::{Answer, Child, Order, Place, Shelf, Upkeep};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

fn run(house: &House, words: &[String]) -> Output {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    house.typed(&words)
}

fn numbers(house: &House) -> Vec<u64> {
    let listed = house.json(&["backup", "ls"]);
    let rows = listed["snapshots"].as_array().expect("a list").iter();
    rows.map(|one| one["number"].as_u64().expect("a number")).collect()
}

/// `stockade backup prune` by an identity of the kit's.
pub fn prune(house: &House, mut from: Vec<String>) -> Output {
    let identity = text(&house.identity(1)).to_owned();
    let mut words = vec!["backup".to_owned(), "prune".to_owned()];
    words.append(&mut from);
    words.extend(["--identity".to_owned(), identity, "--json".to_owned()]);
    run(house, &words)
}

#[test]
fn a_bucket_holds_what_a_directory_does() {
    let Some(store) = crate::bucket::store() else { return };
    let house = House::new();
    let root = house.directory.path();
    house.configure_as(&store.lines(root, "owner"));
    house.furnish();
    let made = house.json(&["backup", "now"]);
    assert_eq!(made["number"], 1);
    let drilled = house.json(&["backup", "drill"]);
    assert!(drilled["rows"].as_u64() > Some(3), "{drilled}");
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());
    house.json(&["backup", "now"]);
    // The third of a day pushes the first out.
    let third = house.json(&["backup", "now"]);
    assert_eq!(third["forgotten"], serde_json::json!([1]));
    assert_eq!(numbers(&house).len(), 2);

    let into = house.at("restored");
    let mut words = vec!["backup".to_owned(), "restore".to_owned()];
    words.extend(store.from(root, "owner"));
    for (name, path) in [("--into", &into), ("--identity", &house.identity(0))] {
        words.extend([name.to_owned(), text(path).to_owned()]);
    }
    let restored = run(&house, &words);
    assert!(restored.status.success(), "{}", told(&restored));
    assert_eq!(digests(&house.data(), "results"), digests(&into, "results"));

    // A secret that is another's is refused by the store, and neither is ever printed.
    let credentials = store.credentials(root, "owner");
    let text = std::fs::read_to_string(&credentials).expect("reads");
    let other = text.replace(store.secret("owner"), store.secret("writer"));
    std::fs::write(&credentials, other).expect("writes");
    let refused = house.typed(&["backup", "ls"]);
    let said = told(&refused);
    assert!(!refused.status.success() && said.contains("403"), "{said}");
    assert!(!said.contains(store.secret("owner")) && !said.contains(store.secret("writer")));
}

#[test]
fn stock_restic_reads_the_bucket() {
    let Some(store) = crate::bucket::store() else { return };
    if !has("restic", "version") {
        return;
    }
    let house = House::new();
    house.configure_as(&store.lines(house.directory.path(), "owner"));
    house.furnish();
    let made = house.json(&["backup", "now"]);
    let repository = format!("s3:{}/backups/one/server/repository", store.endpoint());
    let restic = |words: &[&str]| {
        let mut command = Command::new("restic");
        let file = house.password_file();
        command.args(["--no-cache", "-r", &repository, "-p", text(&file)]).args(words);
        command.env("AWS_ACCESS_KEY_ID", store.key("owner"));
        command.env("AWS_SECRET_ACCESS_KEY", store.secret("owner"));
        let said = command.env("HOME", house.directory.path()).output().expect("runs");
        assert!(said.status.success(), "{words:?}: {}", told(&said));
        said
    };
    let listed: Value =
        serde_json::from_slice(&restic(&["snapshots", "--json"]).stdout).expect("JSON");
    assert_eq!(listed[0]["id"], made["snapshot"]);
    restic(&["check", "--read-data"]);
}

#[test]
fn a_writer_of_a_bucket_adds_and_somebody_else_lets_go() {
    let Some(store) = crate::bucket::store() else { return };
    let house = House::new();
    let root = house.directory.path();
    house.configure_as(&(store.lines(root, "writer") + "upkeep = \"elsewhere\"\n"));
    house.furnish();
    for _ in 0..3 {
        let made = house.json(&["backup", "now"]);
        assert_eq!(made["forgotten"], serde_json::json!([]));
    }
    house.json(&["backup", "drill"]);
    let before = numbers(&house);
    assert_eq!(before.len(), 3);

    // Its worker does not do it even when told, and its rights would not let it: the store itself refuses.
    let child = Child::of(Path::new(STOCKADE));
    let listed = |place: &Place| {
        let target = place.repository();
        match child.run((&target, &house.password()), Order::List, &false.into()) {
            Ok(Answer::Snapshots { list }) => list,
            other => panic!("{other:?}"),
        }
    };
    let forget = |who, upkeep| {
        let place = store.place(root, (who, upkeep));
        let snapshots = listed(&place).into_iter().take(1).map(|one| one.id).collect();
        let target = place.repository();
        child.run((&target, &house.password()), Order::Forget { snapshots }, &false.into())
    };
    let said = forget("writer", Upkeep::Elsewhere).expect_err("is refused here").to_string();
    assert!(said.contains("backup.upkeep is elsewhere"), "{said}");
    let said = forget("writer", Upkeep::Here).expect_err("is refused there").to_string();
    assert!(said.contains("403"), "{said}");
    let refused = prune(&house, store.from(root, "writer"));
    assert!(told(&refused).contains("403"), "{}", told(&refused));
    assert_eq!(numbers(&house), before);
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());

    // Who has the rights, and an identity of the kit, needs nothing of the server's.
    let pruned = prune(&house, store.from(root, "owner"));
    assert!(pruned.status.success(), "{}", told(&pruned));
    let pruned: Value = serde_json::from_slice(&pruned.stdout).expect("JSON");
    assert_eq!((&pruned["snapshots"], &pruned["kept"]), (&serde_json::json!([1]), &2.into()));
    house.json(&["backup", "now"]);
    house.json(&["backup", "drill"]);
    assert!(told(&house.typed(&["audit", "ls"])).contains("backup.forgotten"), "the log hears");
}

/// Makes a directory, and all below it, one where nothing can be removed or replaced.
fn shut(place: &Path, sign: &str) -> bool {
    let mut command = Command::new("chattr");
    command.args(["-R", sign]).arg(place).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Opens it again, so that it can be cleared away.
struct Shut<'a>(&'a Path);

impl Drop for Shut<'_> {
    fn drop(&mut self) {
        shut(self.0, "-a");
    }
}

#[test]
fn in_a_directory_that_only_grows_the_server_adds_and_somebody_else_lets_go() {
    let house = House::new();
    let place = house.place();
    let line = format!("place = \"{}\"\n", place.display());
    house.configure_as(&(line.clone() + "upkeep = \"elsewhere\"\n"));
    house.furnish();
    house.json(&["backup", "now"]);
    if !shut(&place, "+a") {
        println!("skipped: this user or file system has no directories that only grow (chattr +a)");
        return;
    }
    let _open = Shut(&place);
    assert!(std::fs::remove_file(pack(&place)).is_err(), "the place refuses");
    for _ in 0..2 {
        house.json(&["backup", "now"]);
    }
    house.json(&["backup", "drill"]);
    let from = || vec!["--from".to_owned(), text(&place).to_owned()];
    let refused = prune(&house, from());
    assert!(told(&refused).contains("not permitted"), "{}", told(&refused));
    assert!(house.typed(&["backup", "check", "--read-data"]).status.success());
    assert_eq!(numbers(&house).len(), 3);
    // The weak twin: a server that keeps the place up itself cannot work there at all.
    house.configure_as(&line);
    let refused = house.typed(&["backup", "now"]);
    assert!(told(&refused).contains("not permitted"), "{}", told(&refused));

    house.configure_as(&(line + "upkeep = \"elsewhere\"\n"));
    assert!(shut(&place, "-a"), "opens");
    let pruned = prune(&house, from());
    assert!(pruned.status.success(), "{}", told(&pruned));
    let pruned: Value = serde_json::from_slice(&pruned.stdout).expect("JSON");
    assert!(pruned["snapshots"].as_array().is_some_and(|gone| !gone.is_empty()), "{pruned}");
    house.json(&["backup", "now"]);
    let listed = house.json(&["backup", "ls"]);
    assert_eq!(listed["lost"], serde_json::json!([]), "{listed}");
    assert!(told(&house.typed(&["audit", "ls"])).contains("backup.forgotten"), "the log hears");
}

#[test]
fn a_worker_reaches_its_repository_and_nothing_else() {
    let house = House::new();
    house.furnish();
    house.json(&["backup", "now"]);
    let place = house.place();
    let snapshots = place.join("repository/snapshots");
    // Whoever can write to the place lets its worker write elsewhere, by a link.
    let lead = |to: &Path| {
        std::fs::create_dir_all(to).expect("a directory");
        for entry in std::fs::read_dir(&snapshots).expect("lists") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copies");
        }
        if snapshots.is_symlink() {
            std::fs::remove_file(&snapshots).expect("removes");
        } else {
            std::fs::remove_dir_all(&snapshots).expect("removes");
        }
        std::os::unix::fs::symlink(to, &snapshots).expect("links");
    };
    let back_up = || {
        let target = Place::directory(&place).repository();
        assert!(matches!(target.shelf, Shelf::Directory(_)));
        let source = house.data().join("results");
        let order = Order::Backup { source };
        let child = Child::of(Path::new(STOCKADE));
        child.run((&target, &house.password()), order, &false.into())
    };
    // The weak twin: a link that stays below the repository is followed as ever.
    lead(&place.join("repository/inner"));
    back_up().expect("the link itself is no hindrance");
    if !has_landlock() {
        println!("skipped: this kernel has no landlock");
        return;
    }
    let outside = house.at("outside");
    lead(&outside);
    let there = || std::fs::read_dir(&outside).expect("lists").count();
    let before = there();
    let said = back_up().expect_err("is outside").to_string();
    assert!(said.contains("Permission denied"), "{said}");
    assert_eq!(there(), before);
}

/// By what the kernel says of itself: the worker's own word would be what is tested.
fn has_landlock() -> bool {
    let holds =
        |path: &str| std::fs::read_to_string(path).ok().map(|text| text.contains("landlock"));
    holds("/sys/kernel/security/lsm").or_else(|| holds("/proc/kallsyms")).unwrap_or(false)
}

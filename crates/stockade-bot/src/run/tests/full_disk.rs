//! A disk that is really full: a small file system of its own, filled to the last page.

use super::town::Town;
use crate::run::{Entry, Input, Recorded, Recorder, Switch, Tape};
use ::market::Timestamp;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// A file system of one mebibyte in memory, for as long as the test runs.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this user may not mount one.
    #[allow(clippy::print_stderr, reason = "a test that is left out says so")]
    fn mounted() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"]).arg(dir.path());
        match mount.output() {
            Ok(done) if done.status.success() => Some(Self(dir)),
            Ok(done) => {
                let why = String::from_utf8_lossy(&done.stderr).into_owned();
                eprintln!("left out: no file system can be mounted here: {why}");
                None
            }
            Err(error) => {
                eprintln!("left out: there is no `mount` here: {error}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.filler()).expect("a file");
        let page = [7; 4096];
        for _ in 0..1_000 {
            if let Err(error) = file.write_all(&page) {
                assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
                return;
            }
        }
        panic!("it is larger than it was made");
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("was there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted is in nobody's way but its own.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn is_told(town: &Town, part: &str) -> bool {
    town.told.iter().any(|told| told.key == "disk-full" && told.text.contains(part))
}

/// Trades until the journal has noticed: the page that it writes on takes some records more.
fn notices(town: &mut Town) {
    for _ in 0..60 {
        if is_told(town, "the disk is full") {
            return;
        }
        town.minute(10_000, 10_100);
        town.pass_seconds(5);
        town.minute(10_100, 10_000);
        town.pass_seconds(5);
    }
    panic!("nobody noticed: {:?}", town.told);
}

#[test]
fn a_full_disk_keeps_entries_back_and_nothing_else() {
    let Some(disk) = SmallDisk::mounted() else { return };
    let mut town = Town::new(disk.path());
    town.begin();
    town.run_to_ready();
    disk.fill();
    notices(&mut town);
    town.minute(10_000, 9_900);
    town.pass_seconds(5);
    assert!(town.view().positions.is_empty(), "an exit goes through: {}", town.view().text());
    let placed = town.placed;
    town.minute(9_900, 10_000);
    town.pass_seconds(5);
    assert_eq!(town.placed, placed, "an entry is kept back");
    assert!(town.view().positions.is_empty(), "{}", town.view().text());
    disk.make_room();
    town.pass_seconds(5);
    assert!(is_told(&town, "can be written again"), "{:?}", town.told);
    town.minute(10_000, 10_100);
    town.pass_seconds(5);
    let held = town.view();
    assert!(held.positions.iter().any(|one| one.stop.is_some()), "{}", held.text());
    // What the journal has by now is all that there was.
    town.restart();
    town.run_to_ready();
    assert_eq!(town.view().positions, held.positions);
}

#[test]
fn a_position_is_closed_on_a_full_disk() {
    let Some(disk) = SmallDisk::mounted() else { return };
    let mut town = Town::new(disk.path());
    town.begin();
    town.run_to_ready();
    town.minute(10_000, 10_100);
    town.pass_seconds(5);
    assert_eq!(town.view().positions.len(), 1);
    disk.fill();
    town.give(Input::Kill(Switch::Flatten));
    town.pass_seconds(30);
    assert!(town.view().positions.is_empty(), "{}", town.view().text());
    assert_eq!(town.account.working().count(), 0, "nothing works any more");
    // A life that begins on a full disk closes too.
    town.restart();
    town.run_to_ready();
    assert!(town.view().positions.is_empty());
}

#[test]
fn a_recording_ends_where_the_disk_is_full() {
    let Some(disk) = SmallDisk::mounted() else { return };
    let tape = Tape::create(&disk.path().join("tape"), Timestamp::from_nanos(1), 2);
    let mut recorder = Recorder::new(Some(tape.expect("is made")));
    let entry = Entry::Out("aa".repeat(500));
    assert_eq!(recorder.write(&entry).expect("is written"), Recorded::Yes);
    disk.fill();
    let mut all = (0..20).map(|_| recorder.write(&entry).expect("is no error"));
    assert!(all.any(|one| one == Recorded::Ends));
    drop(all);
    disk.make_room();
    assert_eq!(
        recorder.write(&entry).expect("is no error"),
        Recorded::Over,
        "a gap is no recording"
    );
    disk.fill();
    let none = Tape::create(&disk.path().join("other"), Timestamp::from_nanos(1), 3);
    if let Err(error) = none {
        assert!(crate::run::recorder::is_full(&error), "{error:#}");
    }
}

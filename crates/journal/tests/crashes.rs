//! A process killed at any moment loses nothing it was told is in the file; a full disk loses nothing
//! and is over once there is space.
//!
//! The process that dies is this test itself, started again with a directory in its environment.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "these tests start themselves as another process, talk to it over its output and kill it"
)]

use journal::{Committer, Error, Journal, Options, Recovery};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

const DIRECTORY: &str = "JOURNAL_TEST_DIRECTORY";
const KILLS: u32 = 60;
/// Records in one append, at most.
const BATCH: u64 = 100;
const SMALL: Options = Options {
    segment_bytes: 200_000,
    keep_segments: 1,
    record_bytes_max: 10_000,
    batch_bytes_max: 200_000,
    snapshot_bytes_max: 100_000,
    recovery_bytes_max: 64 << 20,
};

/// What record `sequence` holds: any of them can be told whole, and from any other.
fn record(sequence: u64) -> Vec<u8> {
    let length = usize::try_from(sequence * 7919 % 700).expect("small");
    let mut bytes = sequence.to_le_bytes().to_vec();
    bytes.extend((0..length).map(|at| u8::try_from(at % 251).expect("below 251")));
    bytes
}

/// The directory, if this process is the one that is to die.
fn asked_for() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

fn itself(test: &str) -> Vec<String> {
    let program = std::env::current_exe().expect("this program has a path");
    let program = program.to_str().expect("the path is text").to_owned();
    [program.as_str(), "--exact", test, "--nocapture"].map(str::to_owned).into()
}

/// Holds records `1..` without a gap, each as written; returns how many there are.
fn whole(recovery: &Recovery) -> u64 {
    let state = recovery.snapshot.as_deref().and_then(|bytes| bytes.first_chunk());
    let mut count = state.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    for (sequence, bytes) in &recovery.records {
        count += 1;
        assert_eq!((*sequence, bytes), (count, &record(count)));
    }
    count
}

#[test]
fn the_process_that_is_killed() {
    let Some(dir) = asked_for() else { return };
    let (mut journal, recovery) = Journal::open(&dir, SMALL).expect("it opens after every kill");
    let mut next = whole(&recovery) + 1;
    let committer = Committer::start(&journal, Duration::from_millis(1)).expect("a thread");
    let mut out = std::io::stdout().lock();
    loop {
        // A long batch now and then: a kill can only tear what takes the system several pages.
        let long = if next.is_multiple_of(37) { BATCH - 4 } else { 0 };
        let batch: Vec<_> = (next..next + 1 + next % 4 + long).map(record).collect();
        let last = journal.append_all(batch.iter().map(Vec::as_slice)).expect("space");
        next = last + 1;
        writeln!(out, "\nappended {last}").expect("the parent listens");
        if next.is_multiple_of(61) {
            committer.wait(last, Duration::from_mins(1)).expect("durable");
        }
        if journal.since_checkpoint() > 100 {
            let mut state = last.to_le_bytes().to_vec();
            state.resize(5_000, 7);
            journal.checkpoint(&state).expect("space");
        }
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_in_the_file() {
    let scratch = tempfile::tempdir().expect("a directory");
    let dir = scratch.path().join("journal");
    let mut random = StdRng::seed_from_u64(11);
    let (mut before, mut torn, mut unfinished) = (0, 0, 0);
    for kill in 0..KILLS {
        let program = itself("the_process_that_is_killed");
        let (first, rest) = program.split_first().expect("it has a name");
        let mut child = Command::new(first)
            .args(rest)
            .env(DIRECTORY, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut acknowledged = before;
        let mut hear = |line: Option<Result<String, _>>| {
            let line = line?.ok()?;
            if let Some(number) = line.strip_prefix("appended ") {
                acknowledged = number.parse().expect("a number");
            }
            Some(())
        };
        for _ in 0..random.random_range(4..200) {
            hear(lines.next()).expect("it does not end by itself");
        }
        for _ in 0..random.random_range(0..20_000) {
            std::hint::spin_loop();
        }
        child.kill().expect("it runs");
        child.wait().expect("it ended");
        while hear(lines.next()).is_some() {}
        unfinished += u32::from(fs::read_dir(&dir).expect("it is there").any(|entry| {
            entry.expect("an entry").path().extension().is_some_and(|name| name == "new")
        }));
        let (journal, recovery) = Journal::open(&dir, SMALL).expect("a kill is no damage");
        before = whole(&recovery);
        assert!(before >= acknowledged, "kill {kill}: {before} of {acknowledged}");
        assert!(before <= acknowledged + BATCH, "kill {kill}: what came after the last word");
        assert_eq!(journal.last(), before);
        torn += u32::from(recovery.torn.is_some());
        let files = fs::read_dir(&dir).expect("it is there").count();
        assert!(files < 30, "{files} files: checkpoints keep them few");
    }
    println!("{KILLS} kills, {before} records, {torn} torn ends, {unfinished} unfinished segments");
}

#[test]
fn the_process_on_a_small_disk() {
    let Some(dir) = asked_for() else { return };
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![1; 100_000]).expect("space");
    let journal_dir = dir.join("journal");
    let (mut journal, _) = Journal::open(&journal_dir, Options::default()).expect("space");
    let full = fill(&mut journal);
    let segment = journal_dir.join("0000000001.journal");
    let length = || fs::metadata(&segment).expect("it is there").len();
    let whole_bytes = length();
    for _ in 0..3 {
        // Again and again: nothing half-written is left behind.
        assert!(matches!(journal.append(&record(699)), Err(Error::Full { .. })));
        assert!(matches!(journal.checkpoint(&vec![1; 90_000]), Err(Error::Full { .. })));
        assert_eq!(length(), whole_bytes);
    }
    fs::remove_file(&ballast).expect("there is space again");
    assert_eq!(journal.append(&record(full + 1)).expect("space"), full + 1);
    let committer = Committer::start(&journal, Duration::from_millis(1)).expect("a thread");
    committer.wait(full + 1, Duration::from_mins(1)).expect("no flush failed");
    drop((committer, journal));
    let (mut journal, recovery) = Journal::open(&journal_dir, Options::default()).expect("whole");
    assert_eq!((whole(&recovery), recovery.torn), (full + 1, None));
    let full = fill(&mut journal);
    drop(journal);
    let (mut journal, recovery) = Journal::open(&journal_dir, Options::default()).expect("whole");
    assert_eq!((whole(&recovery), recovery.torn), (full, None), "opened on a full disk");
    assert!(matches!(journal.append(&record(699)), Err(Error::Full { .. })));
    println!("\nseen {full}");
}

/// Appends until the disk is full; the last record's sequence.
fn fill(journal: &mut Journal) -> u64 {
    loop {
        let next = journal.last() + 1;
        let batch = [record(next), record(next + 1), record(next + 2)];
        match journal.append_all(batch.iter().map(Vec::as_slice)) {
            Ok(last) => assert_eq!(last, next + 2),
            Err(Error::Full { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    // What is left of the space, a byte of payload at a time at the end.
    while let Ok(last) = journal.append(&record(journal.last() + 1)) {
        assert!(last < 1_000_000);
    }
    journal.last()
}

#[test]
fn a_full_disk_loses_nothing_and_passes() {
    let scratch = tempfile::tempdir().expect("a directory");
    let run = |wrapper: &str, dir: &Path| {
        let program = itself("the_process_on_a_small_disk");
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", wrapper, "sh"])
            .arg(dir)
            .args(program)
            .env(DIRECTORY, dir)
            .output()
    };
    let mount = "mount -t tmpfs -o size=400k,mode=700 none \"$1\" && shift && exec \"$@\"";
    match run("mount -t tmpfs none \"$1\"", scratch.path()) {
        Ok(output) if output.status.success() => {}
        other => {
            println!("skipped: no small disk can be mounted here ({other:?})");
            return;
        }
    }
    let output = run(mount, scratch.path()).expect("it ran a moment ago");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("\nseen "), "{said}");
}

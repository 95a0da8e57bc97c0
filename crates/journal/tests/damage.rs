//! What a crash leaves is cut off and reported; damage is named and never passed over.

#![allow(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests read, bend and write files they know the length of"
)]

use journal::{Entry, Error, Journal, Options, Recovery, Torn, read};
use std::{
    fs,
    ops::ControlFlow,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const HEADER_BYTES: usize = 73;
const OVERHEAD_BYTES: usize = 29;

/// A directory in which a journal can be made.
fn place() -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("a directory");
    let dir = scratch.path().join("journal");
    (scratch, dir)
}

fn open(dir: &Path) -> Result<Recovery, Error> {
    Journal::open(dir, Options::default()).map(|(_, recovery)| recovery)
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.journal"))
}

/// A journal of these records in one segment, and that segment's bytes.
fn written(dir: &Path, records: &[&[u8]]) -> Vec<u8> {
    let (mut journal, recovery) = Journal::open(dir, Options::default()).expect("a new journal");
    assert_eq!(recovery, Recovery::default());
    for record in records {
        journal.append(record).expect("there is space");
    }
    fs::read(segment(dir, 1)).expect("the segment")
}

fn told(dir: &Path) -> (Vec<u64>, Option<Torn>) {
    let mut sequences = Vec::new();
    let torn = read(dir, &mut |entry| {
        if let Entry::Record { sequence, .. } = entry {
            sequences.push(sequence);
        }
        ControlFlow::Continue(())
    });
    (sequences, torn.expect("it reads"))
}

const RECORDS: [&[u8]; 4] = [b"one", b"", b"three", b"the fourth record"];

fn ends() -> Vec<usize> {
    let mut at = HEADER_BYTES;
    let end = |record: &&[u8]| {
        at += OVERHEAD_BYTES + record.len();
        at
    };
    RECORDS.iter().map(end).collect()
}

#[test]
fn a_torn_end_is_cut_off_reported_and_written_over() {
    let (_scratch, dir) = place();
    let whole = written(&dir, &RECORDS);
    let ends = ends();
    assert_eq!(ends.last(), Some(&whole.len()));
    for length in HEADER_BYTES..=whole.len() {
        fs::write(segment(&dir, 1), &whole[..length]).expect("written");
        let count = ends.iter().filter(|end| **end <= length).count();
        let start = [HEADER_BYTES].iter().chain(&ends).copied().filter(|end| *end <= length).max();
        let start = start.expect("the header is there");
        assert_eq!(told(&dir).0.len(), count, "cut to {length}: read");
        let recovery = open(&dir).expect("a torn end is no damage");
        assert_eq!(recovery.records.len(), count, "cut to {length}");
        for ((sequence, bytes), (number, record)) in recovery.records.iter().zip((1..).zip(RECORDS))
        {
            assert_eq!((*sequence, bytes.as_slice()), (number, record));
        }
        let torn = recovery.torn.map(|torn| (torn.offset, torn.bytes));
        let expected = (length > start).then_some((start as u64, (length - start) as u64));
        assert_eq!(torn, expected, "cut to {length}");
        let (mut journal, recovery) = Journal::open(&dir, Options::default()).expect("it opens");
        assert_eq!((recovery.torn, recovery.records.len()), (None, count), "cut once");
        assert_eq!(journal.append(b"after").expect("space"), count as u64 + 1);
        drop(journal);
        let recovery = open(&dir).expect("it goes on");
        assert_eq!(recovery.records.last().map(|(_, bytes)| bytes.as_slice()), Some(&b"after"[..]));
    }
}

#[test]
fn a_header_is_never_torn() {
    let (_scratch, dir) = place();
    let whole = written(&dir, &RECORDS);
    for length in 0..HEADER_BYTES {
        fs::write(segment(&dir, 1), &whole[..length]).expect("written");
        let error = open(&dir).expect_err("the header was durable before it had a name");
        assert!(matches!(error, Error::Damaged { offset: 0, .. }), "cut to {length}: {error}");
    }
    let mut newer = whole;
    newer[7] = 2;
    fs::write(segment(&dir, 1), newer).expect("written");
    assert!(matches!(open(&dir), Err(Error::Layout { found: 2, .. })));
}

#[test]
fn every_flipped_byte_before_the_last_record_is_damage_and_named() {
    let (_scratch, dir) = place();
    let whole = written(&dir, &RECORDS);
    let ends = ends();
    for at in 0..whole.len() {
        for mask in [1, 0x80, 0xFF] {
            let mut bent = whole.clone();
            bent[at] ^= mask;
            fs::write(segment(&dir, 1), &bent).expect("written");
            if at >= ends[2] {
                let recovery = open(&dir).expect("the last record fails: a torn end");
                let torn = recovery.torn.expect("it is reported");
                assert_eq!((recovery.records.len(), torn.offset), (3, ends[2] as u64), "byte {at}");
                continue;
            }
            let error = open(&dir).expect_err("damage");
            assert_eq!(fs::read(segment(&dir, 1)).expect("it is there"), bent, "left alone");
            let expected = ends.iter().copied().filter(|end| *end <= at).max();
            let expected = expected.unwrap_or(if at < HEADER_BYTES { 0 } else { HEADER_BYTES });
            match error {
                Error::Damaged { offset, ref file, .. } => {
                    assert_eq!((offset, file), (expected as u64, &segment(&dir, 1)), "byte {at}");
                }
                Error::Layout { .. } => assert_eq!(at, 7),
                other => panic!("byte {at}: {other}"),
            }
            let text = error.to_string();
            assert!(text.contains("0000000001.journal") || at == 7, "{text}");
            assert!(text.contains("restore") || at == 7, "{text}");
        }
    }
}

#[test]
fn zeros_behind_the_last_record_are_a_torn_end() {
    let (_scratch, dir) = place();
    let whole = written(&dir, &RECORDS);
    for zeros in [1, 28, 29, 30, 4096, 100_000] {
        let mut bytes = whole.clone();
        bytes.resize(whole.len() + zeros, 0);
        fs::write(segment(&dir, 1), &bytes).expect("written");
        let recovery = open(&dir).expect("zeros are no damage");
        let torn = recovery.torn.expect("reported");
        assert_eq!((recovery.records.len(), torn.bytes), (4, zeros as u64));
        assert!(torn.why.contains("zeros"), "{}", torn.why);
        assert_eq!(fs::read(segment(&dir, 1)).expect("it is there"), whole);
    }
    // A record of which the length came to the disk and the rest did not.
    let mut bytes = whole.clone();
    bytes[ends()[2] + 13..].fill(0);
    fs::write(segment(&dir, 1), &bytes).expect("written");
    assert_eq!(open(&dir).expect("torn").records.len(), 3);
}

#[test]
fn a_hole_in_the_middle_is_damage() {
    let (_scratch, dir) = place();
    let whole = written(&dir, &RECORDS);
    let ends = ends();
    // At least one record that follows on the hole's last 16 bytes is whole: the fourth does.
    let check = |from: usize, to: usize| {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0);
        fs::write(segment(&dir, 1), &bytes).expect("written");
        assert!(matches!(open(&dir), Err(Error::Damaged { .. })), "{from}..{to}");
        let cut = [&whole[..from], &whole[to..]].concat();
        fs::write(segment(&dir, 1), &cut).expect("written");
        assert!(matches!(open(&dir), Err(Error::Damaged { .. })), "cut {from}..{to}");
    };
    check(HEADER_BYTES, ends[0]);
    check(ends[0], ends[1]);
    check(HEADER_BYTES + 5, ends[1]);
    check(HEADER_BYTES, ends[1] - 1 - 16);
}

/// A journal of several segments; a record a segment, the last headed by a snapshot if asked for.
fn segmented(dir: &Path, records: u64) {
    let options = Options { segment_bytes: 1, keep_segments: 100, ..Options::default() };
    let (mut journal, _) = Journal::open(dir, options).expect("a new journal");
    for number in 0..records {
        journal.append(&number.to_le_bytes()).expect("space");
    }
}

#[test]
fn a_segment_that_is_gone_cut_or_from_elsewhere_is_named() {
    let (_scratch, dir) = place();
    let (_other_scratch, other) = place();
    segmented(&dir, 3);
    segmented(&other, 3);
    let numbers: Vec<u64> = (1..=3).collect();
    let kept: Vec<Vec<u8>> =
        numbers.iter().map(|n| fs::read(segment(&dir, *n)).expect("a segment")).collect();
    let restore = || {
        for (number, bytes) in numbers.iter().zip(&kept) {
            fs::write(segment(&dir, *number), bytes).expect("written");
        }
    };
    let check = |what: &str, bend: &dyn Fn()| {
        bend();
        let error = open(&dir).map(|recovery| recovery.records.len()).expect_err(what);
        let seen = error.to_string();
        assert!(seen.contains(what), "{seen}");
        restore();
        assert_eq!(open(&dir).expect("whole again").records.len(), 3);
    };
    let gone = |number| move |dir: &Path| fs::remove_file(segment(dir, number)).expect("gone");
    check("0000000002.journal is missing", &|| gone(2)(&dir));
    check("0000000001.journal is missing", &|| gone(1)(&dir));
    check("0000000003.journal is damaged at byte 0 (it does not build on", &|| {
        let bytes = &kept[1];
        fs::write(segment(&dir, 2), &bytes[..HEADER_BYTES]).expect("cut at a record's end");
    });
    check("0000000002.journal is damaged at byte 73 (a record that is not whole", &|| {
        let bytes = &kept[1];
        fs::write(segment(&dir, 2), &bytes[..bytes.len() - 1]).expect("cut inside a record");
    });
    check("0000000002.journal is damaged at byte 0 (it does not build on", &|| {
        fs::copy(segment(&other, 2), segment(&dir, 2)).expect("another journal's");
    });
    check("0000000002.journal is damaged at byte 0 (a segment under another one's name", &|| {
        fs::copy(segment(&dir, 3), segment(&dir, 2)).expect("another segment");
    });
    check("0000000003.journal is damaged at byte 0", &|| {
        // The same journal, run on from an older copy: same place, same number, other history.
        fs::copy(segment(&other, 3), segment(&dir, 3)).expect("another journal's");
    });
    // A record taken from another segment does not fit behind this one's last.
    let bytes = [&kept[1][..], &kept[2][HEADER_BYTES..]].concat();
    fs::write(segment(&dir, 2), bytes).expect("written");
    assert!(matches!(open(&dir), Err(Error::Damaged { .. })));
}

#[test]
fn a_snapshot_is_never_torn_and_never_out_of_place() {
    let (_scratch, dir) = place();
    written(&dir, &RECORDS);
    let (mut journal, _) = Journal::open(&dir, Options::default()).expect("it opens");
    journal.checkpoint(b"the state").expect("space");
    drop(journal);
    let whole = fs::read(segment(&dir, 2)).expect("the new segment");
    for length in HEADER_BYTES..whole.len() {
        fs::write(segment(&dir, 2), &whole[..length]).expect("written");
        let error = open(&dir).expect_err("the snapshot was durable");
        assert!(matches!(error, Error::Damaged { .. }), "cut to {length}: {error}");
    }
    fs::write(segment(&dir, 2), &whole).expect("written");
    let recovery = open(&dir).expect("whole");
    assert_eq!(recovery.snapshot.as_deref(), Some(&b"the state"[..]));
    assert_eq!(recovery.records, []);
}

#[test]
fn one_process_at_a_time_and_its_owner_alone() {
    let (_scratch, dir) = place();
    let (journal, _) = Journal::open(&dir, Options::default()).expect("a new journal");
    let error = open(&dir).expect_err("it is held");
    let me = std::process::id();
    assert!(matches!(error, Error::Held { pid: Some(pid), .. } if pid == me), "{error}");
    assert!(error.to_string().contains(&format!("pid {me}")), "{error}");
    assert_eq!(told(&dir), (vec![], None), "reading needs no lock");
    drop(journal);
    open(&dir).expect("it is free again");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&segment(&dir, 1)), 0o600);
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("chmod");
    let error = open(&dir).expect_err("others may read it");
    assert!(matches!(error, Error::Exposed { mode: 0o755, .. }), "{error}");
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

#[test]
fn limits_are_held_and_leave_the_journal_as_it_was() {
    let (_scratch, dir) = place();
    let options = Options {
        record_bytes_max: 10,
        batch_bytes_max: 100,
        snapshot_bytes_max: 20,
        recovery_bytes_max: 25,
        ..Options::default()
    };
    let (mut journal, _) = Journal::open(&dir, options).expect("a new journal");
    let check = |result: Result<u64, Error>, named: &str| match result {
        Err(Error::TooLarge { what, .. }) => assert_eq!(what, named),
        other => panic!("{other:?}"),
    };
    check(journal.append(&[0; 11]), "a record");
    check(journal.append_all([&[0; 10][..], &[0; 10], &[0; 10]]), "a batch");
    check(journal.checkpoint(&[0; 21]).map(|()| 0), "a snapshot");
    for expected in 1..=3 {
        assert_eq!(journal.append(&[0; 10]).expect("space"), expected);
    }
    drop(journal);
    let error = Journal::open(&dir, options).expect_err("30 bytes are more than 25");
    assert!(matches!(error, Error::TooMuch { limit: 25, .. }), "{error}");
    let mut count = 0;
    let (mut journal, _) = Journal::open_with(&dir, options, &mut |_| count += 1).expect("folded");
    assert_eq!((count, journal.since_checkpoint(), journal.last()), (3, 3, 3));
    journal.checkpoint(b"state").expect("space");
    assert_eq!(journal.since_checkpoint(), 0);
    drop(journal);
    assert!(Journal::open(&dir, options).is_ok(), "after a checkpoint it opens");
}

//! Whatever is done to a journal, it gives back what was put in.

#![allow(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests index what they counted, and bend files"
)]

use journal::{Committer, Entry, Journal, Options, read};
use proptest::{collection::vec, prelude::*};
use std::{ops::ControlFlow, path::Path, time::Duration};

const OPTIONS: Options = Options {
    segment_bytes: 600,
    keep_segments: 2,
    record_bytes_max: 300,
    batch_bytes_max: 2000,
    snapshot_bytes_max: 5000,
    recovery_bytes_max: 1 << 20,
};

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u8>),
    Batch(Vec<Vec<u8>>),
    Checkpoint(Vec<u8>),
    Flush,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let record = || vec(any::<u8>(), 0..200);
    prop_oneof![
        6 => record().prop_map(Step::Append),
        2 => vec(record(), 0..6).prop_map(Step::Batch),
        1 => record().prop_map(Step::Checkpoint),
        1 => Just(Step::Flush),
        2 => Just(Step::Reopen),
    ]
}

/// What a journal should have.
#[derive(Debug, Default)]
struct Model {
    snapshot: Option<Vec<u8>>,
    since: Vec<(u64, Vec<u8>)>,
    all: Vec<Vec<u8>>,
}

impl Model {
    fn add(&mut self, record: &[u8]) {
        self.all.push(record.to_vec());
        self.since.push((self.all.len() as u64, record.to_vec()));
    }
}

fn reopened(journal: Option<Journal>, dir: &Path, model: &Model) -> Journal {
    drop(journal);
    let (journal, recovery) = Journal::open(dir, OPTIONS).expect("it opens");
    assert_eq!(recovery.snapshot, model.snapshot);
    assert_eq!(recovery.records, model.since);
    assert_eq!(recovery.torn, None);
    assert_eq!(journal.last(), model.all.len() as u64);
    assert_eq!(journal.since_checkpoint(), model.since.len() as u64);
    journal
}

/// Everything that is still there is a suffix of all that was written, without a gap.
fn history_is_a_suffix(dir: &Path, model: &Model) {
    let mut seen = Vec::new();
    let torn = read(dir, &mut |entry| {
        match entry {
            Entry::Record { sequence, bytes } => {
                assert_eq!(bytes, model.all[usize::try_from(sequence).expect("small") - 1]);
                seen.push(sequence);
            }
            Entry::Snapshot { sequence, .. } => {
                assert!(seen.last().is_none_or(|last| *last == sequence));
            }
        }
        ControlFlow::Continue(())
    });
    assert_eq!(torn.expect("it reads"), None);
    assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    assert!(seen.len() >= model.since.len());
    assert!(seen.last().is_none_or(|last| *last == model.all.len() as u64));
}

fn run(steps: &[Step]) {
    let scratch = tempfile::tempdir().expect("a directory");
    let dir = scratch.path().join("journal");
    let mut model = Model::default();
    let mut journal = reopened(None, &dir, &model);
    for step in steps {
        match step {
            Step::Append(record) => {
                model.add(record);
                assert_eq!(journal.append(record).expect("space"), model.all.len() as u64);
            }
            Step::Batch(records) => {
                for record in records {
                    model.add(record);
                }
                let last = journal.append_all(records.iter().map(Vec::as_slice)).expect("space");
                assert_eq!(last, model.all.len() as u64);
            }
            Step::Checkpoint(state) => {
                journal.checkpoint(state).expect("space");
                model.snapshot = Some(state.clone());
                model.since.clear();
                let kept = std::fs::read_dir(&dir).expect("it is there").count();
                assert!(kept <= 1 + 1 + 2, "{kept} files: the lock, this segment and two before");
            }
            Step::Flush => journal.sync().expect("a disk that flushes"),
            Step::Reopen => journal = reopened(Some(journal), &dir, &model),
        }
    }
    history_is_a_suffix(&dir, &model);
    drop(reopened(Some(journal), &dir, &model));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_walk_of_appends_checkpoints_and_restarts_gives_back_what_was_put_in(
        steps in vec(step(), 0..60)
    ) {
        run(&steps);
    }
}

/// What a disk may do to a file: bytes overwritten, put in, taken out, or the end gone.
#[derive(Debug, Clone)]
enum Harm {
    Overwrite(Vec<u8>),
    Insert(Vec<u8>),
    Delete(usize),
    Cut,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        vec(any::<u8>(), 1..60).prop_map(Harm::Overwrite),
        (1..200_usize).prop_map(|length| Harm::Overwrite(vec![0; length])),
        vec(any::<u8>(), 1..60).prop_map(Harm::Insert),
        (1..200_usize).prop_map(Harm::Delete),
        Just(Harm::Cut),
    ]
}

fn harmed(bytes: &[u8], at: usize, harm: &Harm) -> Vec<u8> {
    let (before, after) = bytes.split_at(at);
    let rest = |length: usize| after.get(length..).unwrap_or_default();
    match harm {
        Harm::Overwrite(with) => [before, with, rest(with.len())].concat(),
        Harm::Insert(with) => [before, with, after].concat(),
        Harm::Delete(length) => [before, rest(*length)].concat(),
        Harm::Cut => before.to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_happens_to_the_file_no_record_is_made_up(
        records in vec(vec(any::<u8>(), 0..80), 1..12),
        place in any::<prop::sample::Index>(),
        harm in harm(),
    ) {
        let scratch = tempfile::tempdir().expect("a directory");
        let dir = scratch.path().join("journal");
        let options = Options { segment_bytes: 1 << 20, ..OPTIONS };
        let (mut journal, _) = Journal::open(&dir, options).expect("a new journal");
        journal.append_all(records.iter().map(Vec::as_slice)).expect("space");
        drop(journal);
        let path = dir.join("0000000001.journal");
        let whole = std::fs::read(&path).expect("it is there");
        let bytes = harmed(&whole, place.index(whole.len()), &harm);
        std::fs::write(&path, &bytes).expect("written");
        if let Ok((_, recovery)) = Journal::open(&dir, options) {
            let kept: Vec<_> = recovery.records.iter().map(|(_, bytes)| bytes).collect();
            prop_assert_eq!(&kept, &records.iter().take(kept.len()).collect::<Vec<_>>());
            let unharmed = kept.len() == records.len();
            prop_assert!(unharmed || recovery.torn.is_some() || harm_at_a_seam(&whole, &bytes));
        }
    }
}

/// Whether the file merely ends earlier, which at a record's end cannot be told.
fn harm_at_a_seam(whole: &[u8], bytes: &[u8]) -> bool {
    whole.starts_with(bytes)
}

#[test]
fn the_committer_makes_durable_what_was_appended_across_segments() {
    let scratch = tempfile::tempdir().expect("a directory");
    let (mut journal, _) =
        Journal::open(&scratch.path().join("journal"), OPTIONS).expect("a new journal");
    let committer = Committer::start(&journal, Duration::from_hours(1)).expect("a thread");
    std::thread::scope(|scope| {
        let committer = &committer;
        for turn in 1..=8 {
            scope.spawn(move || {
                for sequence in (turn * 20..=200).step_by(3) {
                    committer.wait(sequence, Duration::from_mins(1)).expect("durable");
                    assert!(committer.durable() >= sequence);
                }
            });
        }
        for number in 1..=200_u64 {
            let sequence = journal.append(&[7; 50]).expect("space");
            assert_eq!(sequence, number);
            committer.request();
        }
    });
    committer.wait(200, Duration::from_mins(1)).expect("durable");
    assert_eq!(committer.durable(), 200);
    // Unasked, the thread flushes by itself before it ends.
    journal.append(b"last").expect("space");
    drop(committer);
    let again = Committer::start(&journal, Duration::from_hours(1)).expect("a thread");
    assert_eq!(again.durable(), 201);
}

#[test]
fn the_committer_flushes_unasked() {
    let scratch = tempfile::tempdir().expect("a directory");
    let (mut journal, _) =
        Journal::open(&scratch.path().join("journal"), OPTIONS).expect("a new journal");
    let committer = Committer::start(&journal, Duration::from_millis(1)).expect("a thread");
    let sequence = journal.append(b"x").expect("space");
    while committer.durable() < sequence {
        std::thread::yield_now();
    }
}

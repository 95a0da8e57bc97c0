//! What an append costs, and how many records a second become durable. `cargo bench -p journal`.
//!
//! Beside each durable figure stands what the disk gives alone: the same bytes, one flush a record.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a bench measures time and prints it"
)]

use journal::{Committer, Journal, Options};
use std::{
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

const RECORD_BYTES: usize = 160;
const APPENDS: usize = 200_000;
const DURABLE: u64 = 40_000;
const ALONE: u64 = 2_000;
const TIMEOUT: Duration = Duration::from_secs(30);

fn main() {
    let root = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let scratch = match root {
        Some(root) => tempfile::tempdir_in(root),
        None => tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")),
    }
    .expect("a scratch directory");
    println!("records of {RECORD_BYTES} bytes under {}", scratch.path().display());
    appends(&scratch.path().join("appends"), "nobody flushes", None);
    let every = Some(Duration::from_millis(20));
    appends(&scratch.path().join("beside"), "flushed every 20 ms", every);
    flushes(&scratch.path().join("alone"));
    for window in [1, 8, 32, 128, 512, 2048] {
        durable(&scratch.path().join(format!("window{window}")), window);
    }
    recovery(&scratch.path().join("recovery"));
}

/// The time of single appends.
fn appends(dir: &Path, name: &str, every: Option<Duration>) {
    let (mut journal, _) = Journal::open(dir, Options::default()).expect("a new journal");
    let committer = every.map(|every| Committer::start(&journal, every).expect("a thread"));
    let record = [0x42; RECORD_BYTES];
    let mut nanoseconds = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let start = Instant::now();
        journal.append(&record).expect("there is space");
        nanoseconds.push(start.elapsed().as_nanos());
    }
    drop(committer);
    nanoseconds.sort_unstable();
    let at = |part: usize| nanoseconds.get(APPENDS * part / 10_000).copied().unwrap_or_default();
    println!(
        "append, {name}: p50 {} ns, p99 {} ns, p99.9 {} ns, most {} ns",
        at(5_000),
        at(9_900),
        at(9_990),
        nanoseconds.last().copied().unwrap_or_default()
    );
}

/// One flush for each record: what a journal without group commit would do.
fn flushes(path: &Path) {
    let file = std::fs::File::create(path).expect("a file");
    let start = Instant::now();
    for number in 0..ALONE {
        file.write_all_at(&[0x42; RECORD_BYTES], number * RECORD_BYTES as u64).expect("space");
        file.sync_data().expect("a disk that flushes");
    }
    println!("one flush a record, plain file: {:.0} records/s", rate(ALONE, start));
}

/// Durable records a second with at most `window` of them under way.
fn durable(dir: &Path, window: u64) {
    let (mut journal, _) = Journal::open(dir, Options::default()).expect("a new journal");
    let committer = Committer::start(&journal, Duration::from_millis(20)).expect("a thread");
    let record = [0x42; RECORD_BYTES];
    let total = if window < 32 { DURABLE / 10 } else { DURABLE };
    let start = Instant::now();
    for number in 1..=total {
        journal.append(&record).expect("there is space");
        if number >= window {
            committer.wait(number - window + 1, TIMEOUT).expect("a disk that flushes");
        }
    }
    committer.wait(total, TIMEOUT).expect("a disk that flushes");
    println!("durable, {window} under way: {:.0} records/s", rate(total, start));
}

/// Opening a journal with many records, and after a checkpoint.
fn recovery(dir: &Path) {
    let (mut journal, _) = Journal::open(dir, Options::default()).expect("a new journal");
    for _ in 0..APPENDS {
        journal.append(&[0x42; RECORD_BYTES]).expect("there is space");
    }
    drop(journal);
    let start = Instant::now();
    let (mut journal, recovery) = Journal::open(dir, Options::default()).expect("a journal");
    println!("open with {} records: {:?}", recovery.records.len(), start.elapsed());
    journal.checkpoint(&[7; 10_000]).expect("there is space");
    drop(journal);
    let start = Instant::now();
    let (_, recovery) = Journal::open(dir, Options::default()).expect("a journal");
    println!("open after a checkpoint, {} records: {:?}", recovery.records.len(), start.elapsed());
}

#[allow(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(records: u64, start: Instant) -> f64 {
    records as f64 / start.elapsed().as_secs_f64()
}

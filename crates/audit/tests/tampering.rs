//! A log that is altered, cut, reordered or rewritten is found out; so is a receipt.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests index into what they made"
)]

use audit::{
    Batch, Checkpoint, Entry, Error, ExportLine, Frontier, Kind, Leaf, Ledger, Receipt, Replay,
    Row, Signer, Summary, Trust, inclusion_proof, verify_export, verify_receipt,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use std::collections::BTreeMap;

fn ledger(byte: u8) -> Ledger {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([byte; 32])));
    Ledger::new(signer, &SealingKey::new(Secret::new([byte; 32])))
}

fn entry(number: usize) -> Entry {
    Entry {
        kind: Kind::stated(if number.is_multiple_of(2) {
            "account.created"
        } else {
            "session.begun"
        }),
        actor: format!("actor {number}"),
        subject: "subject".to_owned(),
        detail: serde_json::json!({ "number": number }),
    }
}

/// A log of these batches: its rows, and the checkpoint after each batch.
struct Log {
    rows: Vec<Row>,
    notes: Vec<String>,
    batches: Vec<Batch>,
}

fn log(ledger: &Ledger, batches: &[usize], seed: u64) -> Log {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let mut entropy = SeededEntropy::new(seed);
    let mut frontier = Frontier::new();
    let mut log = Log { rows: Vec::new(), notes: Vec::new(), batches: Vec::new() };
    for (step, count) in (0..).zip(batches) {
        let entries: Vec<Entry> = (0..*count).map(|at| entry(log.rows.len() + at)).collect();
        let now = start + SignedDuration::from_secs(step);
        let batch = ledger.append(&mut frontier, &entries, now, &mut entropy).expect("appends");
        log.rows.extend(batch.rows.clone());
        log.notes.push(batch.checkpoint.clone());
        log.batches.push(batch);
    }
    log
}

fn replay<'a>(
    ledger: &Ledger,
    rows: &[Row],
    notes: impl IntoIterator<Item = &'a String>,
) -> Result<Summary, Error> {
    let notes = notes.into_iter().map(String::as_str);
    let mut replay = Replay::new(notes, ledger.verifier())?;
    for row in rows {
        replay.push(row, ledger.open(row)?.as_ref())?;
    }
    replay.finish()
}

fn export(ledger: &Ledger, log: &Log) -> Vec<String> {
    let key = ExportLine::Key { key: ledger.verifier().to_string() };
    let note = log.notes.last().expect("a checkpoint").clone();
    let leaves = log.rows.iter().map(|row| ExportLine::leaf(row, ledger).expect("opens"));
    let lines = [key, ExportLine::Checkpoint { note }].into_iter().chain(leaves);
    lines.map(|line| line.to_text()).collect()
}

fn receipt(ledger: &Ledger, log: &Log, index: usize) -> Receipt {
    let mut nodes: BTreeMap<_, _> =
        log.batches.iter().flat_map(|batch| batch.nodes.iter().copied()).collect();
    for row in &log.rows {
        nodes.insert(audit::NodeId { level: 0, index: row.index }, row.hash);
    }
    let row = &log.rows[index];
    let size = log.rows.len() as u64;
    Receipt {
        index: row.index,
        leaf: row.leaf.clone(),
        opening: ledger.open(row).expect("opens"),
        proof: inclusion_proof(row.index, size, |id| nodes.get(&id).copied()).expect("whole"),
        checkpoint: log.notes.last().expect("a checkpoint").clone(),
    }
}

#[test]
fn an_honest_log_replays_and_counts() {
    let ours = ledger(1);
    let log = log(&ours, &[1, 3, 1, 5], 1);
    let summary = replay(&ours, &log.rows, &log.notes).expect("an honest log");
    assert_eq!((summary.checkpoint.size, summary.checkpoints, summary.bodies), (10, 4, 10));
    assert_eq!(ours.record(&log.rows[3]).expect("opens").entry, Some(entry(3)));
    let nothing =
        ours.append(&mut Frontier::new(), &[], Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(1));
    assert_eq!(nothing, Err(Error::Silent));
}

#[test]
fn what_was_done_to_a_log_is_named() {
    let ours = ledger(1);
    let honest = log(&ours, &[1, 3, 1, 5], 1);
    let check = |what: &str, change: &dyn Fn(&mut Vec<Row>), expected: Error| {
        let mut rows = honest.rows.clone();
        change(&mut rows);
        assert_eq!(replay(&ours, &rows, &honest.notes), Err(expected), "{what}");
    };
    let kind = Kind::stated("session.ended");
    check(
        "a leaf altered",
        &|rows| {
            rows[4].leaf = Leaf::new(rows[4].leaf.time(), kind.clone(), *rows[4].leaf.commitment())
                .expect("a leaf");
        },
        Error::LeafAltered { index: 4 },
    );
    check(
        "a leaf altered together with its hash: no checkpoint from there on fits",
        &|rows| {
            rows[4].leaf = Leaf::new(rows[4].leaf.time(), kind.clone(), *rows[4].leaf.commitment())
                .expect("a leaf");
            rows[4].hash = rows[4].leaf.hash();
        },
        Error::RootMismatch { size: 5 },
    );
    check("a leaf removed", &|rows| drop(rows.remove(4)), Error::Gap { expected: 4, found: 5 });
    check(
        "the end cut off",
        &|rows| rows.truncate(9),
        Error::SizeMismatch { signed: 10, found: 9 },
    );
    check(
        "a batch cut off",
        &|rows| rows.truncate(5),
        Error::SizeMismatch { signed: 10, found: 5 },
    );
    check("all gone", &Vec::clear, Error::SizeMismatch { signed: 10, found: 0 });
    check("two leaves swapped", &|rows| rows.swap(2, 3), Error::Gap { expected: 2, found: 3 });
    let sealed = honest.rows[2].sealed.clone();
    let error = Error::Sealed { index: 1, source: seal::Error::Forged };
    check("a body moved", &|rows| rows[1].sealed.clone_from(&sealed), error);
}

#[test]
fn a_log_rewritten_by_the_holder_of_its_key_is_found_out_by_whoever_kept_a_checkpoint() {
    let ours = ledger(1);
    let honest = log(&ours, &[2, 2, 2], 1);
    let rewritten = log(&ours, &[2, 2, 2], 2);
    let kept = &honest.notes[1];
    assert!(replay(&ours, &rewritten.rows, &rewritten.notes).is_ok(), "by itself it looks whole");
    let with_kept = rewritten.notes.iter().chain([kept]);
    assert_eq!(replay(&ours, &rewritten.rows, with_kept), Err(Error::Fork { size: 4 }));
    let head_and_kept = [&rewritten.notes[2], kept];
    assert_eq!(replay(&ours, &rewritten.rows, head_and_kept), Err(Error::RootMismatch { size: 4 }));
    let strange = ledger(2);
    assert!(matches!(replay(&strange, &honest.rows, &honest.notes), Err(Error::Unsigned { .. })));
}

#[test]
fn an_export_verifies_alone_and_damage_is_found() {
    let ours = ledger(1);
    let honest = log(&ours, &[1, 3, 1, 5], 1);
    let lines = export(&ours, &honest);
    let verify = |lines: &[String], seen: &[String]| {
        verify_export(lines.iter().map(String::as_str), Some(ours.verifier()), seen)
    };
    let exported = verify(&lines, &honest.notes[..2]).expect("an honest export");
    assert_eq!((exported.summary.checkpoint.size, exported.trust), (10, Trust::Pinned));
    let alone = verify_export(lines.iter().map(String::as_str), None, &[]).expect("honest");
    assert_eq!(alone.trust, Trust::FirstUse);

    let check = |change: &dyn Fn(&mut Vec<String>), part: &str| {
        let mut lines = lines.clone();
        change(&mut lines);
        let error = verify(&lines, &[]).expect_err("damaged").to_string();
        assert!(error.contains(part), "{error}");
    };
    check(&|lines| lines.truncate(11), "signs 10 leaves, 9 were found");
    check(&|lines| lines.truncate(1), "ends before its checkpoint");
    check(&|lines| drop(lines.remove(5)), "leaf 3 is missing");
    check(&|lines| lines.swap(5, 6), "leaf 3 is missing");
    check(&|lines| lines[5] = lines[5].replace("actor 3", "actor 4"), "body of leaf 3 was altered");
    check(
        &|lines| lines[5] = lines[5].replace("session.begun", "session.ended"),
        "leaf 3 was altered",
    );
    check(&|lines| lines[5] = "{".to_owned(), "line 6 of the export");
    check(&|lines| lines.swap(0, 1), "out of order");
    let older = log(&ours, &[4], 1);
    let cut = export(&ours, &Log { notes: older.notes, ..older });
    let error = verify(&cut, &honest.notes).err();
    assert_eq!(error, Some(Error::RolledBack { seen: 5, size: 4 }));
}

#[test]
fn a_receipt_of_a_pruned_body_proves_its_leaf() {
    let ours = ledger(1);
    let mut pruned = log(&ours, &[2, 2], 1);
    pruned.rows[1].sealed = None;
    let text = receipt(&ours, &pruned, 1).to_text();
    assert_eq!(verify_receipt(&text, ours.verifier()).map(|verified| verified.entry), Ok(None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_receipt_verifies_and_no_bent_one_does(
        batches in proptest::collection::vec(1_usize..6, 1..6),
        seed in any::<u64>(),
        pick in any::<usize>(),
    ) {
        let ours = ledger(1);
        let log = log(&ours, &batches, seed);
        let index = pick % log.rows.len();
        let receipt = receipt(&ours, &log, index);
        let text = receipt.to_text();
        prop_assert_eq!(Receipt::parse(&text), Ok(receipt.clone()));
        let verified = verify_receipt(&text, ours.verifier()).expect("an honest receipt");
        prop_assert_eq!(verified.entry, Some(entry(index)));
        prop_assert_eq!(verified.checkpoint.size, log.rows.len() as u64);
        for at in 0..text.len() {
            let mut bent = text.clone().into_bytes();
            bent[at] ^= 1 << (pick % 7);
            let Ok(bent) = String::from_utf8(bent) else { continue };
            if let Ok(verified) = verify_receipt(&bent, ours.verifier()) {
                // Only what is not signed may bend: it must still prove the very same.
                prop_assert_eq!(verified.leaf, receipt.leaf.clone(), "byte {}", at);
                prop_assert_eq!(verified.index, receipt.index);
            }
        }
        let shrunk = Checkpoint::verify(&log.notes[0], ours.verifier()).expect("signed").size;
        if shrunk <= index as u64 {
            let early = Receipt { checkpoint: log.notes[0].clone(), ..receipt };
            prop_assert!(early.verify(ours.verifier()).is_err());
        }
    }

    #[test]
    fn no_single_change_to_a_log_goes_unnoticed(
        batches in proptest::collection::vec(1_usize..6, 1..6),
        seed in any::<u64>(),
        pick in any::<usize>(),
        other in any::<usize>(),
    ) {
        let ours = ledger(1);
        let log = log(&ours, &batches, seed);
        let count = log.rows.len();
        let (at, to) = (pick % count, other % count);
        let mut removed = log.rows.clone();
        removed.remove(at);
        prop_assert!(replay(&ours, &removed, &log.notes).is_err());
        let mut doubled = log.rows.clone();
        doubled.insert(at, log.rows[at].clone());
        prop_assert!(replay(&ours, &doubled, &log.notes).is_err());
        let mut bent = log.rows.clone();
        let (row, bit) = (&mut bent[at], other % 256);
        let mut commitment = *row.leaf.commitment();
        commitment[bit / 8] ^= 1 << (bit % 8);
        row.leaf = Leaf::new(row.leaf.time(), row.leaf.kind().clone(), commitment).expect("a leaf");
        row.hash = row.leaf.hash();
        prop_assert!(replay(&ours, &bent, &log.notes).is_err());
        if at != to {
            // Even renumbered, two leaves that changed places are found out.
            let mut moved = log.rows.clone();
            moved.swap(at, to);
            for (index, row) in moved.iter_mut().enumerate() {
                row.index = index as u64;
                row.sealed = None;
            }
            prop_assert!(replay(&ours, &moved, &log.notes).is_err());
        }
    }
}

//! The log in tiles, what witnesses said of it, and the memory of a witness, on both databases.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read and damage files that they made"
)]

use audit::{
    Cosigner, Entry, Frontier, Kind, Ledger, Quorum, Receipt, Seen, Signer, Submission, TileId,
    Verifier, judge, read_tile, verify_consistency, verify_receipt,
};
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::Store;

mod places;

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]))
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

async fn open(place: &Place, byte: u8) -> Store {
    let ledger =
        Ledger::new(Signer::named_by_key(key(byte)), &SealingKey::new(Secret::new([byte; 32])));
    let store = Store::open(&place.database, ledger, Box::new(SeededEntropy::new(1)), now()).await;
    store.expect("a store")
}

/// So many leaves, many to an act.
async fn grow(store: &Store, leaves: usize) {
    let entry = |number: usize| Entry {
        kind: Kind::stated("account.created"),
        actor: "host".to_owned(),
        subject: format!("subject {number}"),
        detail: serde_json::Value::Null,
    };
    for first in (0..leaves).step_by(100) {
        let act = store.begin().await.expect("an act");
        let entries: Vec<Entry> = (first..leaves.min(first + 100)).map(entry).collect();
        act.commit_all(entries, now()).await.expect("kept");
    }
}

#[tokio::test]
async fn tiles_are_the_tree_that_the_checkpoint_signs() {
    for place in both() {
        let store = open(&place, 1).await;
        grow(&store, 700).await;
        let head = store.log_head().await.expect("a head").checkpoint;
        assert_eq!(head.size, 700);
        let mut frontier = Frontier::new();
        for tile in TileId::all(head.size) {
            let bytes = store.log_tile(tile).await.expect("read").expect("it is there");
            for hash in
                read_tile(tile, &bytes).expect("whole").into_iter().filter(|_| tile.level == 0)
            {
                frontier.append(hash, |_, _| ());
            }
        }
        assert_eq!((frontier.size(), frontier.root()), (700, head.root));
        for beyond in
            ["0/003", "0/002.p/189", "1/000.p/3", "2/000.p/1", "0/x999/x999/x999/x999/x999/999"]
        {
            let tile: TileId = beyond.parse().expect("a path");
            assert_eq!(store.log_tile(tile).await.expect("read"), None, "{beyond}");
        }
        let earlier: TileId = "0/002.p/7".parse().expect("a path");
        let bytes = store.log_tile(earlier).await.expect("read").expect("an earlier partial tile");
        assert_eq!(bytes.len(), 7 * 32);
        let proof = store.log_extension(300, 700).await.expect("a proof");
        let mut old = Frontier::new();
        for tile in TileId::all(300).filter(|tile| tile.level == 0) {
            let bytes = store.log_tile(tile).await.expect("read").expect("it is there");
            for hash in read_tile(tile, &bytes).expect("whole") {
                old.append(hash, |_, _| ());
            }
        }
        assert_eq!(verify_consistency((300, &old.root()), (700, &head.root), &proof), Ok(()));
    }
}

#[tokio::test]
async fn the_newest_word_of_each_witness_is_kept() {
    for place in both() {
        let store = open(&place, 1).await;
        let [one, two] = ["w/1", "w/2"].map(|name| Cosigner::new(name, key(9)).expect("a name"));
        let mut notes = vec![store.log_head().await.expect("a head").note];
        for _ in 0..2 {
            grow(&store, 3).await;
            notes.push(store.log_head().await.expect("a head").note);
        }
        let [empty, small, large] = notes.as_slice() else { panic!("three heads") };
        let at = |second| now() + SignedDuration::from_secs(second);
        let says =
            |who: &Cosigner, note: &str, second| who.cosign(note, at(second)).expect("signed");
        let hear = async |who: &Cosigner, note: &str, line: &str| {
            store.cosigned(who.public(), note, line).await.expect("heard")
        };
        assert!(hear(&one, small, &says(&one, small, 5)).await);
        assert!(hear(&two, large, &says(&two, large, 6)).await);
        assert!(hear(&one, large, &says(&one, large, 7)).await);
        assert!(!hear(&one, empty, &says(&one, empty, 8)).await, "an older one");
        assert!(!hear(&one, large, &says(&two, large, 9)).await, "another's word");
        let swapped = store.cosigned(one.public(), large, &says(&one, small, 9)).await;
        assert!(swapped.is_err(), "of another checkpoint: {swapped:?}");
        let other = open(&both().remove(0), 2).await.log_head().await.expect("a head").note;
        assert!(store.cosigned(one.public(), &other, &says(&one, &other, 9)).await.is_err());
        let kept = store.cosignatures().await.expect("read");
        let kept: Vec<_> =
            kept.iter().map(|one| (one.witness.as_str(), one.size, one.time)).collect();
        let [first, second] = [one, two].map(|who| who.public().to_string());
        let mut expected = [(first.as_str(), 6, at(7)), (second.as_str(), 6, at(6))];
        expected.sort_unstable();
        assert_eq!(kept, expected);
    }
}

/// Two servers on one database judged against the same state: one of them answers.
#[tokio::test]
async fn a_witness_moves_on_from_what_it_judged_against_only() {
    for place in both() {
        let log = open(&both().remove(0), 3).await;
        let witness = open(&place, 1).await;
        let key = log.log_key().parse().expect("a key");
        let mut seen: Vec<Option<Seen>> = vec![None];
        for _ in 0..3 {
            grow(&log, 2).await;
            let head = log.log_head().await.expect("a head");
            let before = seen.last().cloned().flatten();
            let old = before.as_ref().map_or(0, |seen| seen.checkpoint.size);
            let proof = log.log_extension(old, head.checkpoint.size).await.expect("a proof");
            let submission = Submission { old, proof, note: head.note };
            let next = judge(&submission, &key, before.as_ref()).expect("it extends");
            assert!(witness.watch(&key, before.as_ref(), &next, now()).await.expect("kept"));
            assert!(!witness.watch(&key, before.as_ref(), &next, now()).await.expect("not again"));
            let kept = witness.watched(&key).await.expect("read").expect("it is there");
            assert_eq!(kept.seen, next);
            seen.push(Some(next));
        }
        let (first, last) = (seen.swap_remove(1), seen.pop().flatten().expect("the last"));
        assert!(!witness.watch(&key, first.as_ref(), &last, now()).await.expect("overtaken"));
        let stranger =
            log.log_key().replace("stockade.log", "other.log").parse::<audit::Verifier>();
        assert!(stranger.is_err(), "a name belongs to its key");
    }
}

/// A receipt proves its entry by the log's key, and that witnesses saw it by theirs, with nothing else at hand.
#[tokio::test]
async fn a_receipt_carries_what_witnesses_said_of_its_entry() {
    for place in both() {
        let store = open(&place, 1).await;
        let log: Verifier = store.log_key().parse().expect("a key");
        let [one, two, other] =
            [1, 2, 3].map(|n| Cosigner::new(&format!("w/{n}"), key(10 + n)).expect("a name"));
        grow(&store, 5).await;
        let small = store.log_head().await.expect("a head").note;
        grow(&store, 5).await;
        let large = store.log_head().await.expect("a head").note;
        grow(&store, 5).await;
        let alone = store.receipt(3).await.expect("a receipt").to_text();
        let quorum = |need, who: &[&Cosigner]| {
            Quorum::new(need, who.iter().map(|one| one.public().clone()).collect()).expect("keys")
        };
        let seen_by = |text: &str, need, who: &[&Cosigner]| {
            let receipt = Receipt::parse(text).expect("a receipt");
            quorum(need, who).check(&receipt.checkpoint, now(), 300).expect("checks").is_enough()
        };
        assert!(!seen_by(&alone, 1, &[&one]), "nobody has seen it yet");
        let hear = async |who: &Cosigner, note: &str| {
            let line = who.cosign(note, now()).expect("signed");
            assert!(store.cosigned(who.public(), note, &line).await.expect("heard"));
        };
        hear(&one, &small).await;
        hear(&two, &small).await;
        hear(&other, &large).await;
        // The entry that all saw comes with the checkpoint that most saw; a later one with the only one.
        for (index, size, by) in [(3, 5, [true, true, false]), (7, 10, [false, false, true])] {
            let text = store.receipt(index).await.expect("a receipt").to_text();
            let verified = verify_receipt(&text, &log).expect("it verifies");
            assert_eq!((verified.index, verified.checkpoint.size), (index, size));
            assert!(verified.entry.is_some());
            let found = [&one, &two, &other].map(|who| seen_by(&text, 1, &[who]));
            assert_eq!(found, by, "{index}");
        }
        let text = store.receipt(3).await.expect("a receipt").to_text();
        assert!(seen_by(&text, 2, &[&one, &two]));
        assert!(!seen_by(&text, 3, &[&one, &two, &other]));
        let newest = store.receipt(12).await.expect("a receipt");
        assert_eq!(newest.verify(&log).expect("it verifies").checkpoint.size, 15);
        // A line that was bent is an error and no absence; so is one that was moved to another checkpoint.
        let line = one.cosign(&small, now()).expect("signed");
        let moved = alone.clone() + &line;
        let receipt = Receipt::parse(&moved).expect("reads");
        assert!(receipt.verify(&log).is_ok(), "the log's own word stands");
        assert!(quorum(1, &[&one]).check(&receipt.checkpoint, now(), 300).is_err());
    }
}

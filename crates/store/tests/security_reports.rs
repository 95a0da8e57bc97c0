//! Reports of weaknesses: kept sealed, found by a receipt's digest, moved by one hand at a time, on both kinds of
//! database.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use disclosure::{Course, Move, Severity, Standing};
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{Act, NewReport, SealedBy, Store};
use uuid::Uuid;

mod places;

async fn open(place: &Place) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(&place.database, ledger, entropy, at(0)).await.expect("opens")
}

fn at(minutes: i64) -> Timestamp {
    let start = Timestamp::from_second(1_790_000_000).expect("in range");
    start + SignedDuration::from_mins(minutes)
}

async fn kept(act: Act) {
    let entry = Entry {
        kind: Kind::stated("report.received"),
        actor: "anonymous".to_owned(),
        subject: "x".to_owned(),
        detail: serde_json::Value::Null,
    };
    act.commit(entry, at(0)).await.expect("kept");
}

fn new(number: u8) -> (Uuid, [u8; 32], [u8; 3]) {
    (Uuid::from_bytes([number; 16]), [number; 32], [number; 3])
}

async fn keep(store: &Store, number: u8) -> Uuid {
    let (id, hash, sealed) = new(number);
    let mut act = store.begin().await.expect("an act");
    let leaf = act.first_index().await.expect("an index");
    let new = NewReport {
        id,
        receipt_hash: &hash,
        sealed: &sealed,
        sealed_by: SealedBy::Sender,
        credit: number == 1,
        leaf,
        received: at(i64::from(number)),
    };
    assert!(act.keep_report(&new).await.expect("writes"));
    kept(act).await;
    id
}

#[tokio::test]
async fn a_report_is_found_by_its_receipt_and_says_nothing_of_what_is_in_it() {
    for place in both() {
        let store = open(&place).await;
        let (one, two) = (keep(&store, 1).await, keep(&store, 2).await);
        let rows = store.security_reports().await.expect("reads");
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [two, one], "newest first");
        let row = store.security_report_of(&[1; 32]).await.expect("reads").expect("is there");
        assert_eq!((row.id, row.credit, row.moves), (one, true, 0));
        assert_eq!(row.course, Course::begun(at(1)));
        assert_eq!((row.leaf, rows[0].leaf), (0, 1), "each has a leaf of its own");
        assert_eq!(store.security_report_of(&[9; 32]).await.expect("reads"), None);
        assert_eq!(store.sealed_report(two).await.expect("reads"), Some(vec![2; 3]));
        assert_eq!(store.sealed_report(Uuid::nil()).await.expect("reads"), None);
        // A receipt is good for one report.
        let (_, hash, sealed) = new(1);
        let mut act = store.begin().await.expect("an act");
        let again = NewReport {
            id: Uuid::from_bytes([7; 16]),
            receipt_hash: &hash,
            sealed: &sealed,
            sealed_by: SealedBy::Server,
            credit: false,
            leaf: 5,
            received: at(9),
        };
        act.keep_report(&again).await.expect_err("a receipt that is known");
    }
}

#[tokio::test]
async fn of_two_who_move_a_report_at_once_one_is_too_late() {
    for place in both() {
        let store = open(&place).await;
        let id = keep(&store, 1).await;
        let read = async || store.security_report(id).await.expect("reads").expect("is there");
        let (mine, yours) = (read().await, read().await);
        let mut act = store.begin().await.expect("an act");
        let moved = mine.course.moved(Move::Acknowledge, at(5)).expect("goes");
        assert!(act.move_report(&mine, &moved).await.expect("writes"));
        kept(act).await;
        let mut act = store.begin().await.expect("an act");
        let late = yours.course.moved(Move::Acknowledge, at(6)).expect("goes");
        assert!(!act.move_report(&yours, &late).await.expect("asks"), "it was moved");
        drop(act);
        for (step, minute) in [
            (Move::Triage(Severity::Critical), 7),
            (Move::Breach, 8),
            (Move::Notify, 9),
            (Move::Fix, 10),
            (Move::Publish, 11),
        ] {
            let row = read().await;
            let moved = row.course.moved(step, at(minute)).expect("goes");
            let mut act = store.begin().await.expect("an act");
            assert!(act.move_report(&row, &moved).await.expect("writes"));
            kept(act).await;
            assert_eq!(read().await.course, moved, "as it was judged");
        }
        let row = read().await;
        assert_eq!((row.course.standing(), row.moves), (Standing::Published, 6));
        // Thanks are for what is published, and for whoever wishes them.
        let other = keep(&store, 2).await;
        let thank = async |id, name| {
            let mut act = store.begin().await.expect("an act");
            let done = act.thank_report(id, name).await.expect("writes");
            kept(act).await;
            done
        };
        assert!(thank(id, Some("Ada")).await);
        assert_eq!(read().await.thanks.as_deref(), Some("Ada"));
        assert!(!thank(other, Some("Bob")).await, "it is not published, and nobody wished it");
        assert!(thank(id, None).await);
        assert_eq!(read().await.thanks, None);
    }
}

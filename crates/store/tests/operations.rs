//! What whoever runs the server watches, on both kinds of database: a probe that writes, the queue of letters,
//! counts of visits.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Ledger, Signer};
use jiff::{SignedDuration, Timestamp, civil::Date};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{PostingQueue, PostingRow, PostingStanding, Store, VisitCount};

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

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

fn count(date: &str, page: &str, views: u64, visitors: u64) -> VisitCount {
    VisitCount { day: day(date), page: page.to_owned(), views, visitors }
}

#[tokio::test]
async fn a_probe_writes_without_a_leaf_and_says_when_nothing_can_be_written() {
    for place in both() {
        let store = open(&place).await;
        let before = store.log_head().await.expect("reads").checkpoint.size;
        let acts = store.act_times().counts.iter().sum::<u64>();
        for minute in 0..3 {
            store.probe_write("health", at(minute)).await.expect("writes");
        }
        assert_eq!(store.log_head().await.expect("reads").checkpoint.size, before);
        assert_eq!(store.act_times().counts.iter().sum::<u64>(), acts + 3, "acts are timed");
        store.close().await;
        store.probe_write("health", at(3)).await.expect_err("it is closed");
    }
}

fn letter(id: &str, since: i64, until: i64) -> PostingRow {
    PostingRow {
        id: id.to_owned(),
        account: None,
        sender: "Stockade <a@example.org>".to_owned(),
        language: "en".to_owned(),
        date: at(since),
        recipient: vec![1],
        subject: vec![1],
        text: Some(vec![1]),
        html: None,
        since: at(since),
        until: at(until),
        tries: 1,
        standing: PostingStanding::Waiting(at(since)),
        answer: None,
    }
}

#[tokio::test]
async fn the_queue_says_how_many_letters_wait_and_since_when() {
    for place in both() {
        let store = open(&place).await;
        let queue = async |now| store.posting_queue(at(now)).await.expect("reads");
        assert_eq!(queue(0).await, PostingQueue::default());
        let letters = [letter("a", 5, 100), letter("b", 2, 50), letter("c", 9, 100)];
        store.keep_delivery(None, &letters, at(9)).await.expect("keeps");
        assert_eq!(queue(10).await, PostingQueue { waiting: 3, oldest: Some(at(2)) });
        // What is of no use any more is not waited for.
        assert_eq!(queue(60).await, PostingQueue { waiting: 2, oldest: Some(at(5)) });
        let sent = PostingRow { standing: PostingStanding::Sent(at(61)), ..letters[0].clone() };
        assert!(store.keep_posting(1, &sent).await.expect("keeps"));
        assert_eq!(queue(62).await, PostingQueue { waiting: 1, oldest: Some(at(9)) });
    }
}

#[tokio::test]
async fn visits_are_added_up_and_old_days_go() {
    for place in both() {
        let store = open(&place).await;
        let (old, first, next) = ("2025-12-01", "2027-02-01", "2027-02-02");
        let add = async |rows: &[VisitCount], today: &str| {
            store.add_visits(rows, day(today)).await.expect("adds");
        };
        add(&[count(old, "/", 1, 1)], old).await;
        add(&[count(first, "/", 2, 1), count(first, "/data", 5, 2)], first).await;
        // Two servers on one database add to the same rows.
        add(&[count(first, "/", 3, 1), count(next, "/", 1, 1)], next).await;
        let want = [count(next, "/", 1, 1), count(first, "/", 5, 2), count(first, "/data", 5, 2)];
        let found = store.visits(day(old)).await.expect("reads");
        assert!(found.iter().all(|row| row.day != day(old)));
        assert_eq!(found, want);
        assert_eq!(store.visits(day(next)).await.expect("reads"), want[..1]);
    }
}

//! Addresses that are shut out and lists that were loaded, on both kinds of database.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{BLOCKS_MAX, BlockRow, ListRow, Store};

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

fn entry() -> Entry {
    Entry {
        kind: Kind::stated("limits.blocked"),
        actor: "host".to_owned(),
        subject: "x".to_owned(),
        detail: serde_json::json!({}),
    }
}

fn block(prefix: &str, begins: i64, ends: i64) -> BlockRow {
    let why = "it guesses".to_owned();
    let (prefix, by) = (prefix.to_owned(), "host".to_owned());
    BlockRow { prefix, until: at(ends), why, by, at: at(begins) }
}

async fn keep(store: &Store, block: &BlockRow) -> bool {
    let mut act = store.begin().await.expect("begins");
    let kept = act.block(block).await.expect("writes");
    if kept {
        act.commit(entry(), block.at).await.expect("commits");
    }
    kept
}

async fn lift(store: &Store, prefix: &str, minute: i64) -> bool {
    let mut act = store.begin().await.expect("begins");
    let lifted = act.unblock(prefix, at(minute)).await.expect("writes");
    if lifted {
        act.commit(entry(), at(minute)).await.expect("commits");
    }
    lifted
}

#[tokio::test]
async fn a_block_ends_by_time_or_when_it_is_lifted_and_its_prefix_has_one() {
    for place in both() {
        let store = open(&place).await;
        let (one, other) = (block("192.0.2.0/24", 0, 10), block("2001:db8::/32", 0, 20));
        assert!(keep(&store, &one).await && keep(&store, &other).await);
        let blocks = async |minute| store.blocks(at(minute)).await.expect("reads");
        assert_eq!(blocks(9).await, [one, other.clone()]);
        assert_eq!(blocks(10).await, [other]);
        let longer = block("192.0.2.0/24", 5, 60);
        assert!(keep(&store, &longer).await);
        assert_eq!(blocks(30).await, [longer]);
        assert!(lift(&store, "192.0.2.0/24", 30).await);
        assert!(!lift(&store, "192.0.2.0/24", 30).await, "it is lifted already");
        assert!(!lift(&store, "2001:db8::/32", 20).await, "it is over");
        assert_eq!(blocks(0).await.len(), 1);
    }
}

#[tokio::test]
async fn so_many_blocks_are_kept_and_no_more_until_one_is_over() {
    for place in both() {
        let store = open(&place).await;
        let (soon, late) = (at(10).as_microsecond(), at(100).as_microsecond());
        let last = BLOCKS_MAX - 1;
        let fill = format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
             INSERT INTO address_blocks (prefix, until_us, why, blocked_by, blocked_us)
             SELECT '10.' || (i / 256) || '.' || (i % 256) || '.0/24',
             CASE i WHEN 0 THEN {soon} ELSE {late} END, 'it guesses', 'host', 0 FROM n"
        );
        place.meddle(&fill).await;
        assert_eq!(store.blocks(at(0)).await.expect("reads").len(), BLOCKS_MAX as usize);
        assert!(!keep(&store, &block("192.0.2.0/24", 1, 100)).await, "one too many");
        assert!(keep(&store, &block("10.0.1.0/24", 1, 200)).await, "it has its place already");
        assert!(keep(&store, &block("192.0.2.0/24", 10, 100)).await, "one is over");
        assert!(!keep(&store, &block("192.0.3.0/24", 10, 100)).await, "its place is taken");
    }
}

#[tokio::test]
async fn a_list_that_is_older_than_one_before_is_not_kept() {
    for place in both() {
        let store = open(&place).await;
        let keep = async |minute: i64, digest: u8| {
            let list =
                ListRow { name: "spammers".to_owned(), date: at(minute), sha256: vec![digest; 32] };
            let mut act = store.begin().await.expect("begins");
            let kept = act.keep_address_list(&list).await.expect("writes");
            if kept {
                act.commit(entry(), at(minute)).await.expect("commits");
            }
            kept
        };
        assert!(keep(10, 1).await, "the first");
        assert!(!keep(10, 1).await, "the same one");
        assert!(keep(20, 2).await);
        assert!(!keep(10, 1).await && !keep(19, 3).await, "older ones");
        assert!(keep(20, 4).await, "of the same moment, made anew");
        let lists = store.address_lists().await.expect("reads");
        assert_eq!(lists.len(), 1);
        let last = lists.first().expect("one");
        assert_eq!((last.date, last.sha256.first()), (at(20), Some(&4)));
    }
}

//! Several servers on one PostgreSQL: one log without a fork, and changes that travel.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of a database that they made, against the clock"
)]

use audit::{Entry, Kind, Ledger, Signer};
use identity::{AccountId, Role};
use jiff::Timestamp;
use places::{Place, file, server};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use std::time::{Duration, Instant};
use store::{Change, Error, Heard, Store};

mod places;

async fn open(place: &Place, seed: u64) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(seed));
    Store::open(&place.database, ledger, entropy, Timestamp::UNIX_EPOCH).await.expect("opens")
}

fn entry(number: u64) -> Entry {
    Entry {
        kind: Kind::stated("a.b"),
        actor: "a test".to_owned(),
        subject: number.to_string(),
        detail: serde_json::json!({}),
    }
}

fn account() -> AccountId {
    AccountId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(7))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_act_at_once_write_one_log() {
    let Some(place) = server() else { return };
    let mut tasks = Vec::new();
    for number in 0..4_u64 {
        let store = open(&place, number).await;
        tasks.push(tokio::spawn(async move {
            let mut indexes = Vec::new();
            for turn in 0..25 {
                let act = store.begin().await.expect("an act");
                let entries =
                    (0..=turn % 3).map(|n| entry(number * 1000 + turn * 10 + n)).collect();
                let kept = act.commit_all(entries, Timestamp::UNIX_EPOCH).await.expect("kept");
                indexes.extend(kept.indexes);
            }
            store.close().await;
            indexes
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("runs"));
    }
    all.sort_unstable();
    let total = 4 * (0..25).map(|turn| turn % 3 + 1).sum::<u64>();
    assert_eq!(all, (0..total).collect::<Vec<_>>(), "each index once, none left out");
    let store = open(&place, 9).await;
    assert_eq!(store.verify_log(&[]).await.expect("whole").checkpoint.size, total);
}

#[tokio::test]
async fn a_server_that_dies_in_an_act_holds_nobody_up() {
    let Some(place) = server() else { return };
    let (dying, other) = (open(&place, 1).await, open(&place, 2).await);
    let act = dying.begin().await.expect("an act");
    // The server side of the connection goes, as it does when the machine behind it is lost.
    place
        .meddle(
            "SELECT pg_terminate_backend(pid) FROM pg_locks
             WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await;
    let kept = other.begin().await.expect("an act").commit(entry(1), Timestamp::UNIX_EPOCH).await;
    assert_eq!(kept.expect("kept").indexes, 0..1);
    let lost = act.commit(entry(2), Timestamp::UNIX_EPOCH).await.expect_err("its end is gone");
    assert!(matches!(lost, Error::Unreachable { .. } | Error::Sql { .. }), "{lost:?}");
    let again = dying.begin().await.expect("the connection is replaced");
    assert_eq!(again.commit(entry(3), Timestamp::UNIX_EPOCH).await.expect("kept").indexes, 1..2);
    assert_eq!(other.verify_log(&[]).await.expect("whole").checkpoint.size, 2);
}

#[tokio::test]
async fn what_one_server_changes_the_other_hears_within_a_second() {
    let Some(place) = server() else { return };
    let (here, there) = (open(&place, 1).await, open(&place, 2).await);
    let mut changes = there.changes().await.expect("listens").expect("a server");
    let mut act = here.begin().await.expect("an act");
    act.set_role(account(), Role::Admin).await.expect("writes");
    drop(act);
    assert_eq!(changes.next().await.expect("listens"), Heard::Nothing, "it was not kept");
    let mut act = here.begin().await.expect("an act");
    act.set_role(account(), Role::Admin).await.expect("writes");
    let begun = Instant::now();
    act.commit(entry(1), Timestamp::UNIX_EPOCH).await.expect("kept");
    assert_eq!(changes.next().await.expect("hears"), Heard::Changed(Change::Account(account())));
    assert!(begun.elapsed() < Duration::from_secs(1));
    place
        .meddle(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE 'LISTEN%' OR query = 'SELECT 1'",
        )
        .await;
    let lost = changes.next().await;
    assert!(!matches!(lost, Ok(Heard::Nothing | Heard::Changed(_))), "{lost:?}");
}

#[tokio::test]
async fn a_file_has_one_server_and_nothing_to_hear() {
    assert!(open(&file(), 1).await.changes().await.expect("asks").is_none());
}

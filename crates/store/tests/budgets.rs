//! Budgets that several servers on one PostgreSQL count together.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of a database that they made"
)]

use audit::{Ledger, Signer};
use jiff::Timestamp;
use places::{Place, file, server};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{Store, Take};

mod places;

async fn open(place: &Place, seed: u64) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(seed));
    Store::open(&place.database, ledger, entropy, Timestamp::UNIX_EPOCH).await.expect("opens")
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000 + millis).expect("in range")
}

/// Five at once, then one a second.
const fn take(holder: u8) -> Take {
    Take { budget: "factor", holder: [holder; 32], every_ms: 1000, capacity_ms: 5000 }
}

#[tokio::test]
async fn a_budget_is_taken_from_grows_back_and_is_forgotten_when_full() {
    let Some(place) = server() else { return };
    let (one, other) = (open(&place, 1).await, open(&place, 2).await);
    let ask = async |store: &Store, holder, millis| {
        store.take(&take(holder), at(millis)).await.expect("asks")
    };
    for turn in 0..5 {
        let store = if turn % 2 == 0 { &one } else { &other };
        assert_eq!(ask(store, 1, 0).await, None, "{turn}");
    }
    assert_eq!(ask(&one, 1, 0).await, Some(1000));
    assert_eq!(ask(&other, 1, 400).await, Some(600), "a refusal takes nothing");
    assert_eq!(ask(&other, 2, 400).await, None, "somebody else's");
    assert_eq!(ask(&other, 1, 1000).await, None);
    assert_eq!(ask(&one, 1, 1000).await, Some(1000));
    // A server whose clock is far behind makes it no emptier than empty.
    assert_eq!(ask(&one, 1, -86_400_000).await, Some(1000));
    assert_eq!(one.prune_budgets(at(1400)).await.expect("deletes"), 1, "the other one's is full");
    assert_eq!(ask(&one, 1, 1400).await, Some(600), "one that is not full stays");
    assert_eq!(one.prune_budgets(at(60_000)).await.expect("deletes"), 1);
    for _ in 0..5 {
        assert_eq!(ask(&one, 1, 60_000).await, None);
    }
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_at_once_grant_what_one_would() {
    let Some(place) = server() else { return };
    for round in 0..5_u8 {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..2 {
            let store = open(&place, number).await;
            for _ in 0..20 {
                let store = store.clone();
                tasks.spawn(async move { store.take(&take(round), at(0)).await.expect("asks") });
            }
        }
        let granted = tasks.join_all().await.iter().filter(|wait| wait.is_none()).count();
        assert_eq!(granted, 5, "of 40 at once");
    }
}

#[tokio::test]
async fn one_server_alone_counts_in_memory() {
    let place = file();
    let store = open(&place, 1).await;
    for _ in 0..10 {
        assert_eq!(store.take(&take(1), at(0)).await.expect("asks"), None);
    }
    assert_eq!(store.prune_budgets(at(0)).await.expect("deletes"), 0);
}

//! Bodies of the log on both databases: sampled, pruned when they may go, and missed when they went too early.
#![allow(clippy::expect_used, reason = "tests of databases that they made")]

use audit::{Entry, Kind, Ledger, Purge, Signer};
use jiff::{Timestamp, civil::Date};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{Error, Store};

mod places;

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

async fn open(place: &Place) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(&place.database, ledger, entropy, time("2020-01-01T00:00:00Z"))
        .await
        .expect("opens")
}

fn entry(subject: &str) -> Entry {
    Entry {
        kind: Kind::stated("a.b"),
        actor: "host".to_owned(),
        subject: subject.to_owned(),
        detail: serde_json::json!({}),
    }
}

async fn add(store: &Store, count: usize, now: &str) {
    let act = store.begin().await.expect("an act");
    let entries = (0..count).map(|number| entry(&format!("subject {number}"))).collect();
    act.commit_all(entries, time(now)).await.expect("kept");
}

/// A hundred entries of 2020, a hundred of 2025, and two that tell of today.
async fn grown(place: &Place) -> Store {
    let store = open(place).await;
    add(&store, 100, "2020-06-01T00:00:00Z").await;
    add(&store, 100, "2025-06-01T00:00:00Z").await;
    add(&store, 1, "2027-06-02T00:00:00Z").await;
    add(&store, 1, "2027-06-12T00:00:00Z").await;
    store
}

#[tokio::test]
async fn what_is_seven_years_old_goes_and_the_log_verifies_as_before() {
    let now = time("2027-06-02T00:00:00Z");
    for place in both() {
        let store = grown(&place).await;
        let root = store.log_head().await.expect("a head").checkpoint.root;
        let found = store.sample_bodies(50, now).await.expect("samples");
        assert_eq!(found.earliest, Some(time("2020-06-01T00:00:00Z")));
        assert_eq!((found.size, found.opened, found.missing.len()), (202, found.looked, 0));
        assert_eq!(store.confirmed_time().await.expect("reads"), now);
        assert!(Purge::new(day("2020-06-03"), now).is_err(), "a day too early");
        let purge = Purge::new(day("2020-06-02"), now).expect("seven years");
        let mut act = store.begin().await.expect("an act");
        assert_eq!(act.prune_bodies(&purge).await.expect("prunes"), 100);
        act.commit(entry("a purge"), now).await.expect("kept");
        let whole = store.verify_log(&[]).await.expect("verifies");
        assert_eq!((whole.checkpoint.size, whole.bodies), (203, 103));
        let found = store.sample_bodies(100, now).await.expect("samples");
        assert!(found.pruned > 20 && found.opened > 20, "{found:?}");
        assert_eq!((found.missing.len(), found.pruned + found.opened), (0, found.looked));
        // What is pruned still has its receipt, by the same leaf in the same tree.
        let receipt = store.receipt(5).await.expect("a receipt");
        let key = store.log_key().parse().expect("a key");
        assert_eq!(receipt.verify(&key).expect("it verifies").entry, None);
        assert_ne!(store.log_head().await.expect("a head").checkpoint.root, root, "one more leaf");
        let mut act = store.begin().await.expect("an act");
        assert_eq!(act.prune_bodies(&purge).await.expect("prunes"), 0, "once");
    }
}

#[tokio::test]
async fn a_body_that_went_behind_the_store_is_missed() {
    let now = time("2027-06-02T00:00:00Z");
    for place in both() {
        let store = grown(&place).await;
        place.meddle("UPDATE audit_leaves SET sealed_body = NULL WHERE leaf_index >= 100").await;
        let found = store.sample_bodies(50, now).await.expect("samples");
        assert!(found.missing.len() > 10, "{found:?}");
        let error = store.verify_log(&[]).await.expect_err("too early");
        let early = matches!(error, Error::Log(audit::Error::PrunedEarly { .. }));
        assert!(early, "{error}");
    }
}

/// One entry of a clock that jumped to 2040 is not the time; a boot at 1970 makes nothing old.
#[tokio::test]
async fn a_purge_believes_no_entry_alone() {
    for place in both() {
        let store = open(&place).await;
        add(&store, 1, "1970-01-01T00:00:09Z").await;
        add(&store, 10, "2026-06-01T00:00:00Z").await;
        add(&store, 1, "2040-01-01T00:00:00Z").await;
        let told = store.confirmed_time().await.expect("reads");
        assert_eq!(told, time("2026-06-01T00:00:00Z"), "not by one entry");
        assert!(Purge::new(day("2027-01-01"), told).is_err());
        // The clock was set again; later the machine boots without one.
        add(&store, 10, "2026-07-01T00:00:00Z").await;
        add(&store, 5, "1970-01-01T00:00:09Z").await;
        add(&store, 10, "2034-07-01T00:00:00Z").await;
        add(&store, 1, "2034-07-09T00:00:00Z").await;
        let told = store.confirmed_time().await.expect("reads");
        assert_eq!(told, time("2034-07-01T00:00:00Z"));
        // What a purge by each entry's own time would have taken: seven entries too many.
        let mut act = store.begin().await.expect("an act");
        let purge = Purge::new(day("2026-06-01"), told).expect("seven years");
        assert_eq!(act.prune_bodies(&purge).await.expect("prunes"), 0, "they are of 2026");
        let purge = Purge::new(day("2026-06-15"), told).expect("seven years");
        assert_eq!(act.prune_bodies(&purge).await.expect("prunes"), 11, "before the jump");
        act.commit(entry("a purge"), told).await.expect("kept");
        assert_eq!(store.verify_log(&[]).await.expect("verifies").bodies, 38 - 11 + 1);
        let found = store.sample_bodies(500, told).await.expect("samples");
        assert_eq!((found.missing.len(), found.pruned), (0, 11), "{found:?}");
        // Bodies of 1970 that went behind the store are missed, by whoever samples and by whoever verifies.
        place.meddle("UPDATE audit_leaves SET sealed_body = NULL WHERE leaf_index = 24").await;
        let found = store.sample_bodies(500, told).await.expect("samples");
        assert_eq!(found.missing, [24]);
        let error = store.verify_log(&[]).await.expect_err("too early");
        let early = matches!(error, Error::Log(audit::Error::PrunedEarly { index: 24, .. }));
        assert!(early, "{error}");
    }
}

/// More checkpoints than a page has leaves: each is met in its turn, and one of another root stops it.
#[tokio::test]
async fn every_checkpoint_is_met_however_many_there_are() {
    for place in both() {
        let store = open(&place).await;
        for _ in 0..520 {
            add(&store, 2, "2026-06-01T00:00:00Z").await;
        }
        let whole = store.verify_log(&[]).await.expect("verifies");
        assert_eq!((whole.checkpoint.size, whole.checkpoints >= 520), (1040, true), "{whole:?}");
        place
            .meddle(
                "UPDATE audit_checkpoints SET note = (SELECT note FROM audit_checkpoints
                 WHERE tree_size = 1030) WHERE tree_size = 1020",
            )
            .await;
        store.verify_log(&[]).await.expect("each is a true one");
        place
            .meddle(
                "UPDATE audit_checkpoints SET note = (SELECT note FROM audit_checkpoints
                 WHERE tree_size = 2) WHERE tree_size = 800",
            )
            .await;
        store.verify_log(&[]).await.expect_err("it is of another page");
    }
}

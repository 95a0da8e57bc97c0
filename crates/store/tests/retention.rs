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

/// A hundred entries of 2020, a hundred of 2025.
async fn grown(place: &Place) -> Store {
    let store = open(place).await;
    for now in ["2020-06-01T00:00:00Z", "2025-06-01T00:00:00Z"].map(time) {
        let act = store.begin().await.expect("an act");
        let entries = (0..100).map(|number| entry(&format!("subject {number}"))).collect();
        act.commit_all(entries, now).await.expect("kept");
    }
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
        assert_eq!((found.size, found.opened, found.missing.len()), (200, found.looked, 0));
        assert!(Purge::new(day("2020-06-03"), now).is_err(), "a day too early");
        let purge = Purge::new(day("2020-06-02"), now).expect("seven years");
        let mut act = store.begin().await.expect("an act");
        assert_eq!(act.prune_bodies(&purge).await.expect("prunes"), 100);
        act.commit(entry("a purge"), now).await.expect("kept");
        let whole = store.verify_log(&[]).await.expect("verifies");
        assert_eq!((whole.checkpoint.size, whole.bodies), (201, 101));
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

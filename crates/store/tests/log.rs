//! The store's log: acts are kept with their leaf or not at all, and what is done to the rows shows.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read and damage files that they made"
)]

use audit::{Entry, Kind, Ledger, Signer, verify_export, verify_receipt};
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{Error, LogPage, Store};

mod places;

fn ledger(byte: u8) -> Ledger {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([byte; 32])));
    Ledger::new(signer, &SealingKey::new(Secret::new([byte; 32])))
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

fn entry(kind: &'static str, number: u64) -> Entry {
    Entry {
        kind: Kind::stated(kind),
        actor: "host".to_owned(),
        subject: format!("subject {number}"),
        detail: serde_json::json!({ "number": number }),
    }
}

async fn open(place: &Place) -> Result<Store, Error> {
    Store::open(&place.database, ledger(1), Box::new(SeededEntropy::new(1)), now()).await
}

/// A store with ten acts in its log.
async fn ten_acts(place: &Place) -> Store {
    let store = open(place).await.expect("a new store");
    for number in 0..10 {
        let kind = if number % 3 == 0 { "account.created" } else { "session.begun" };
        let act = store.begin().await.expect("an act");
        let when = now() + SignedDuration::from_secs(number);
        let committed = act.commit(entry(kind, number.unsigned_abs()), when).await.expect("kept");
        assert_eq!(committed.indexes, number.unsigned_abs()..number.unsigned_abs() + 1);
    }
    store
}

#[tokio::test]
async fn acts_are_numbered_signed_and_read_back() {
    for place in both() {
        let store = ten_acts(&place).await;
        let head = store.log_head().await.expect("a head");
        assert_eq!((head.checkpoint.size, head.time), (10, now() + SignedDuration::from_secs(9)));
        let page = LogPage { before: Some(9), limit: 3, ..LogPage::default() };
        let page = store.log_page(&page).await.expect("a page");
        assert_eq!(page.iter().map(|record| record.index).collect::<Vec<_>>(), [8, 7, 6]);
        assert_eq!(page[0].entry, Some(entry("session.begun", 8)));
        let kind = Some(Kind::stated("account.created"));
        let page = store.log_page(&LogPage { kind, ..LogPage::default() }).await.expect("a page");
        assert_eq!(page.iter().map(|record| record.index).collect::<Vec<_>>(), [9, 6, 3, 0]);
        let summary = store.verify_log(&[]).await.expect("whole");
        assert_eq!((summary.checkpoint.size, summary.checkpoints, summary.bodies), (10, 11, 10));
        store.close().await;
        let again = open(&place).await.expect("reopens");
        assert_eq!(again.log_head().await.expect("a head"), head);
        let beside =
            Store::open_read_only(&place.database, ledger(1)).await.expect("a second reader");
        assert_eq!(beside.verify_log(&[head.note]).await.expect("whole").checkpoint.size, 10);
        assert!(matches!(beside.begin().await, Err(Error::ReadOnly { .. })));
    }
}

#[tokio::test]
async fn an_act_that_is_dropped_or_says_nothing_leaves_no_trace() {
    for place in both() {
        let store = ten_acts(&place).await;
        drop(store.begin().await.expect("an act"));
        let silent = store.begin().await.expect("an act").commit_all(Vec::new(), now()).await;
        assert!(matches!(silent, Err(Error::Log(audit::Error::Silent))));
        let mut bad = entry("a.b", 1);
        bad.actor.clear();
        let refused = store.begin().await.expect("an act").commit(bad, now()).await;
        assert!(matches!(refused, Err(Error::Log(audit::Error::Name { field: "actor" }))));
        let pair = vec![entry("a.b", 1), entry("a.c", 2)];
        let act = store.begin().await.expect("an act");
        assert_eq!(act.commit_all(pair, now()).await.expect("kept").indexes, 10..12);
        assert_eq!(store.verify_log(&[]).await.expect("whole").checkpoint.size, 12);
    }
}

#[tokio::test]
async fn a_receipt_and_an_export_verify_without_the_store() {
    for place in both() {
        let store = ten_acts(&place).await;
        let key = store.log_key().parse().expect("a key");
        for index in 0..10 {
            let text = store.receipt(index).await.expect("a receipt").to_text();
            let verified = verify_receipt(&text, &key).expect("honest");
            let subject = verified.entry.expect("opened").subject;
            assert_eq!((verified.index, subject), (index, format!("subject {index}")));
        }
        assert!(matches!(store.receipt(10).await, Err(Error::NoSuchLeaf { index: 10, size: 10 })));
        let mut export = store.export().await.expect("an export");
        store.begin().await.expect("an act").commit(entry("a.b", 1), now()).await.expect("kept");
        let mut text = String::new();
        while let Some(piece) = export.next().await.expect("a piece") {
            text.push_str(&piece);
        }
        let exported = verify_export(text.lines(), Some(&key), &[]).expect("honest");
        assert_eq!(exported.summary.checkpoint.size, 10, "as it was when the export began");
    }
}

#[tokio::test]
async fn rows_changed_behind_the_store_are_found() {
    let check = async |sql: &'static str, opens: bool, part: &str| {
        for place in both() {
            let store = ten_acts(&place).await;
            store.close().await;
            place.meddle(sql).await;
            let error = match open(&place).await {
                Ok(store) => {
                    assert!(opens, "{sql}");
                    store.verify_log(&[]).await.expect_err(sql)
                }
                Err(error) => {
                    assert!(!opens, "{sql}: {error}");
                    error
                }
            };
            assert!(error.to_string().contains(part), "{sql}: {error}");
        }
    };
    check("UPDATE audit_leaves SET kind = 'a.b' WHERE leaf_index = 3", true, "leaf 3 was altered")
        .await;
    check(
        "UPDATE audit_leaves SET time_us = time_us + 1 WHERE leaf_index = 3",
        true,
        "leaf 3 was altered",
    )
    .await;
    check(
        "UPDATE audit_leaves SET sealed_body = (SELECT sealed_body FROM audit_leaves WHERE leaf_index = 4) WHERE leaf_index = 3",
        true,
        "body of leaf 3 does not open",
    )
    .await;
    check("DELETE FROM audit_leaves WHERE leaf_index = 3", true, "leaf 3 is missing").await;
    check(
        "UPDATE audit_leaves SET leaf_index = 99 WHERE leaf_index = 3; \
         UPDATE audit_leaves SET leaf_index = 3 WHERE leaf_index = 4; \
         UPDATE audit_leaves SET leaf_index = 4 WHERE leaf_index = 99",
        true,
        "leaf 3",
    )
    .await;
    check(
        "UPDATE audit_nodes SET node_hash = zeroblob(32) WHERE tree_level = 1 AND node_index = 0",
        true,
        "node 0 of level 1",
    )
    .await;
    check("INSERT INTO audit_nodes VALUES (9, 9, zeroblob(32))", true, "table audit_nodes").await;
    check(
        "UPDATE audit_nodes SET node_hash = zeroblob(32) WHERE tree_level = 3",
        false,
        "altered outside the program",
    )
    .await;
    check("DELETE FROM audit_leaves WHERE leaf_index = 9", false, "signs 10 leaves, 9 were found")
        .await;
    check(
        "DELETE FROM audit_checkpoints WHERE tree_size = 10",
        false,
        "signs 9 leaves, 10 were found",
    )
    .await;
    check(
        "UPDATE audit_checkpoints SET note = replace(note, char(10) || '10' || char(10), char(10) || '11' || char(10)) WHERE tree_size = 10",
        false,
        "does not match the note",
    )
    .await;
    check("DELETE FROM audit_checkpoints", false, "there is no checkpoint").await;
}

#[tokio::test]
async fn a_log_cut_back_as_a_whole_is_found_by_whoever_kept_a_checkpoint() {
    for place in both() {
        let store = ten_acts(&place).await;
        let kept = store.log_head().await.expect("a head").note;
        store.close().await;
        place.meddle(
        "DELETE FROM audit_leaves WHERE leaf_index >= 8; DELETE FROM audit_checkpoints WHERE tree_size > 8; \
         DELETE FROM audit_nodes WHERE (node_index + 1) * (1 << tree_level) > 8",
    )
    .await;
        let store = open(&place).await.expect("a clean cut opens");
        assert_eq!(store.verify_log(&[]).await.expect("and verifies by itself").checkpoint.size, 8);
        let error = store.verify_log(&[kept]).await.expect_err("but not against what was kept");
        assert!(matches!(error, Error::Log(audit::Error::RolledBack { seen: 10, size: 8 })));
    }
}

#[tokio::test]
async fn another_process_may_write_between_two_acts() {
    for place in both() {
        let store = ten_acts(&place).await;
        let other = open(&place).await.expect("a second store");
        for number in 0..6 {
            let writer = if number % 2 == 0 { &other } else { &store };
            let act = writer.begin().await.expect("an act");
            let committed = act.commit(entry("a.b", number), now()).await.expect("kept");
            assert_eq!(committed.indexes.start, 10 + number);
        }
        assert_eq!(store.verify_log(&[]).await.expect("whole").checkpoint.size, 16);
    }
}

#[tokio::test]
async fn a_text_that_one_database_cannot_keep_is_refused_by_both() {
    for place in both() {
        let store = open(&place).await.expect("opens");
        let mut act = store.begin().await.expect("an act");
        let kept = act.keep_dataset("name", "a\0b").await;
        assert!(matches!(kept, Err(Error::ZeroCharacter)), "{kept:?}");
    }
}

/// Many callers at once: each hears its own entry's index, all are in the log once, and one that the log does
/// not take fails alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn entries_of_many_callers_are_kept_together_and_each_hears_its_own() {
    for place in both() {
        let store = open(&place).await.expect("a new store");
        let one = |subject: String| Entry {
            kind: Kind::stated("a.b"),
            actor: "host".to_owned(),
            subject,
            detail: serde_json::json!({}),
        };
        let tasks: Vec<_> = (0..300)
            .map(|number| {
                let (store, entry) = (store.clone(), one(format!("caller {number}")));
                tokio::spawn(async move { (number, store.record(entry, now()).await) })
            })
            .collect();
        let bad = store.record(one(String::new()), now()).await;
        assert!(matches!(bad, Err(Error::Log(audit::Error::Name { .. }))), "{bad:?}");
        let mut indexes = std::collections::BTreeSet::new();
        for task in tasks {
            let (number, index) = task.await.expect("joins");
            let index = index.expect("kept");
            assert!(indexes.insert(index), "{index} twice");
            let receipt = store.receipt(index).await.expect("a receipt");
            let key = store.log_key().parse().expect("a key");
            let entry = receipt.verify(&key).expect("it verifies").entry.expect("its body");
            assert_eq!(entry.subject, format!("caller {number}"));
        }
        let whole = store.verify_log(&[]).await.expect("whole");
        assert_eq!(whole.checkpoint.size, 300);
        // An act of its own for each would have left 300 checkpoints besides the first.
        assert!(whole.checkpoints < 200, "{}", whole.checkpoints);
    }
}

/// Whoever is let go in the middle takes nobody else's entry along.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_that_goes_away_takes_nobody_along() {
    for place in both() {
        let store = open(&place).await.expect("a new store");
        let entry = |number: usize| Entry {
            kind: Kind::stated("a.b"),
            actor: "host".to_owned(),
            subject: format!("caller {number}"),
            detail: serde_json::json!({}),
        };
        let tasks: Vec<_> = (0..120)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move { store.record(entry(number), now()).await })
            })
            .collect();
        for task in tasks.iter().step_by(3) {
            task.abort();
        }
        for (number, task) in tasks.into_iter().enumerate() {
            match task.await {
                Ok(kept) => drop(kept.expect("kept")),
                Err(error) => assert!(error.is_cancelled() && number % 3 == 0, "{number}: {error}"),
            }
        }
        store.verify_log(&[]).await.expect("whole");
    }
}

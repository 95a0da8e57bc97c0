//! Advisories: named in order, never overwritten, on both kinds of database.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use disclosure::AdvisoryId;
use jiff::Timestamp;
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{Act, AdvisoryRow, Store};
use uuid::Uuid;

mod places;

async fn open(place: &Place) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(&place.database, ledger, entropy, at()).await.expect("opens")
}

fn at() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("in range")
}

async fn kept(act: Act) {
    let entry = Entry {
        kind: Kind::stated("advisory.published"),
        actor: "host".to_owned(),
        subject: "x".to_owned(),
        detail: serde_json::Value::Null,
    };
    act.commit(entry, at()).await.expect("kept");
}

fn row(id: AdvisoryId, revision: u32) -> AdvisoryRow {
    AdvisoryRow {
        id,
        revision,
        report: (id.number() == 1).then_some(Uuid::nil()),
        wording: format!("{{\"revision\":{revision}}}"),
        note: "Published".to_owned(),
        leaf: u64::from(revision),
        at: at(),
    }
}

#[tokio::test]
async fn names_follow_each_other_in_a_year_and_what_was_said_stays() {
    for place in both() {
        let store = open(&place).await;
        assert_eq!(store.advisories().await.expect("reads"), []);
        let mut all = Vec::new();
        for (year, name) in
            [(2026, "STOCKADE-2026-001"), (2026, "STOCKADE-2026-002"), (2027, "STOCKADE-2027-001")]
        {
            let mut act = store.begin().await.expect("an act");
            let id = act.next_advisory(year).await.expect("reads").expect("there is room");
            assert_eq!(id.to_string(), name);
            let row = row(id, 1);
            assert!(act.keep_advisory(&row).await.expect("writes"));
            kept(act).await;
            all.push(row);
        }
        assert_eq!(store.advisories().await.expect("reads"), all);
        let first = all[0].id;
        let try_one = async |row: &AdvisoryRow| {
            let mut act = store.begin().await.expect("an act");
            let done = act.keep_advisory(row).await.expect("asks");
            if done {
                kept(act).await;
            }
            done
        };
        assert!(!try_one(&row(first, 1)).await, "what was said stays");
        assert!(!try_one(&row(first, 3)).await, "none is left out");
        let second = row(first, 2);
        assert!(try_one(&second).await);
        all.insert(1, second);
        assert_eq!(store.advisories().await.expect("reads"), all);
    }
}

#[tokio::test]
async fn a_year_that_is_full_gives_no_further_name() {
    for place in both() {
        let store = open(&place).await;
        let last = AdvisoryId::new(2026, AdvisoryId::IN_YEAR_MAX).expect("a name");
        let mut act = store.begin().await.expect("an act");
        assert!(act.keep_advisory(&row(last, 1)).await.expect("writes"));
        assert_eq!(act.next_advisory(2026).await.expect("reads"), None);
        assert!(act.next_advisory(2027).await.expect("reads").is_some());
        kept(act).await;
    }
}

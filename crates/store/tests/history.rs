//! Whom an entry tells of: everybody finds their own entries, and nobody another's.
#![allow(clippy::expect_used, reason = "tests of databases that they made")]

use audit::{Entry, Kind, verify_receipt};
use household::{
    House, at,
    furniture::{furnish, letter},
    houses,
};
use identity::{AccountId, Tenant};
use jiff::SignedDuration;
use store::LogPage;

mod household;
mod places;

async fn note(house: &House, actor: &str, subject: &str) -> u64 {
    let entry = Entry {
        kind: Kind::stated("a.test"),
        actor: actor.to_owned(),
        subject: subject.to_owned(),
        detail: serde_json::json!({}),
    };
    let act = house.store().begin().await.expect("an act");
    act.commit(entry, at(5)).await.expect("kept").indexes.start
}

async fn own(house: &House, account: AccountId) -> Vec<u64> {
    let records = house.store().own_log(&Tenant::host(account), None, 500).await.expect("reads");
    records.iter().map(|record| record.index).collect()
}

#[tokio::test]
async fn everybody_finds_their_own_entries_and_nobody_anothers() {
    for house in houses().await {
        let (ada, eve) =
            (house.person("ada", 1).await.account, house.person("eve", 2).await.account);
        let before = own(&house, ada).await;
        let (a, e) = (ada.to_string(), eve.to_string());
        let did = note(&house, &a, "01890000-0000-7000-8000-000000000000").await;
        let befell = note(&house, "server", &a).await;
        let both = note(&house, &e, &a).await;
        let other = note(&house, &e, "x").await;
        note(&house, "server", "server").await;
        assert_eq!(own(&house, ada).await, [vec![both, befell, did], before.clone()].concat());
        assert!(own(&house, eve).await.starts_with(&[other, both]));
        let tenant = Tenant::host(ada);
        let page = house.store().own_log(&tenant, Some(befell), 1).await.expect("reads");
        assert_eq!(page.iter().map(|record| record.index).collect::<Vec<_>>(), [did]);
        // The receipt proves one's own entry, and there is none for another's.
        let receipt = house.store().own_receipt(&tenant, both).await.expect("reads");
        let text = receipt.expect("one's own").to_text();
        verify_receipt(&text, &house.store().log_key().parse().expect("a key")).expect("good");
        for index in [other, u64::MAX] {
            assert_eq!(house.store().own_receipt(&tenant, index).await.expect("reads"), None);
        }
    }
}

#[tokio::test]
async fn an_index_that_is_missing_is_made_and_a_wrong_one_shows_nothing() {
    for house in houses().await {
        let (ada, eve) =
            (house.person("ada", 1).await.account, house.person("eve", 2).await.account);
        let hers = note(&house, &ada.to_string(), "x").await;
        let all = (own(&house, ada).await, own(&house, eve).await);
        house.place.meddle("DELETE FROM audit_accounts").await;
        assert!(own(&house, ada).await.is_empty());
        let house = household::house(house.place).await;
        assert_eq!((own(&house, ada).await, own(&house, eve).await), all);
        let row = format!("INSERT INTO audit_accounts VALUES ('{eve}', {hers})");
        house.place.meddle(&row).await;
        assert_eq!(own(&house, eve).await, all.1, "an entry says of itself whose it is");
        let receipt = house.store().own_receipt(&Tenant::host(eve), hers).await.expect("reads");
        assert_eq!(receipt, None);
        let page = house.store().log_page(&LogPage::default()).await.expect("reads");
        assert!(page.iter().any(|record| record.index == hers));
    }
}

#[tokio::test]
async fn what_belongs_to_somebody_is_read_as_a_whole_and_by_nobody_else() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        furnish(&house, &mut ada).await;
        let eve = house.person("eve", 2).await;
        for (account, rows) in [(ada.account, 1), (eve.account, 0)] {
            let (store, tenant) = (house.store(), Tenant::host(account));
            let sessions = store.own_sessions(&tenant).await.expect("reads");
            assert_eq!(sessions.len(), rows);
            assert_eq!(store.own_devices(&tenant).await.expect("reads").len(), rows);
            assert_eq!(store.own_postings(&tenant).await.expect("reads").len(), rows);
            let since = store.totp_since(&tenant).await.expect("reads");
            assert_eq!(since.is_some(), rows == 1);
        }
    }
}

#[tokio::test]
async fn the_owner_of_a_token_is_told_of_its_end_once() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        furnish(&house, &mut ada).await;
        let store = house.store();
        let week = at(1) + SignedDuration::from_hours(24 * 7);
        let [token] = store
            .ending_tokens(at(1), week)
            .await
            .expect("reads")
            .try_into()
            .expect("hers ends within the hour");
        assert!(store.ending_tokens(at(1), at(9)).await.expect("reads").is_empty(), "not yet");
        assert!(store.ending_tokens(at(4000), week).await.expect("reads").is_empty(), "over");
        let [first, second] = ["first", "second"].map(|id| [letter(&mut ada, id, "It ends")]);
        assert!(store.note_reminder(&token, &first, at(2)).await.expect("writes"));
        let late = store.note_reminder(&token, &second, at(3)).await.expect("writes");
        assert!(!late, "another was faster");
        assert!(store.posting("first").await.expect("reads").is_some(), "kept with the note");
        assert_eq!(store.posting("second").await.expect("reads"), None, "and only with it");
        assert!(store.ending_tokens(at(1), week).await.expect("reads").is_empty());
    }
}

//! A database copied to the other kind and back is the same, and a copy that stops leaves nothing.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests of databases that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use identity::{AccountId, Tenant};
use jiff::Timestamp;
use places::{Place, file, server};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use std::ops::ControlFlow;
use store::{
    AccountStanding, Act, Error, FactorWords, NewSweep, NoticeStanding, PaymentNotice, Standings,
    Store, StrategyWords, SweepProgress, SweepState, TableSum, ToldSum, WrappedKey, be_reborn,
    copy, copy_out, sums_of,
};
use uuid::Uuid;

mod places;

fn ledger() -> Ledger {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])))
}

async fn open(place: &Place) -> Store {
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(&place.database, ledger(), entropy, Timestamp::UNIX_EPOCH).await.expect("opens")
}

/// Rows of every sort of column: texts of any script, bytes, numbers, nulls, fractions.
async fn furnished() -> Place {
    let place = file();
    let store = open(&place).await;
    let tenant = Tenant::host(AccountId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(1)));
    let id = tenant.account();
    place
        .meddle(&format!(
            "INSERT INTO accounts VALUES ('{id}', x'{}', x'00ff', x'', 'owner', 'active', 3, -5, NULL)",
            "ab".repeat(16)
        ))
        .await;
    let now = Timestamp::UNIX_EPOCH;
    for number in 0..700_u128 {
        let mut act = store.begin().await.expect("an act");
        let text = format!("größer {number} 数 \u{1f600} ' \" \\ \n\t");
        let words = StrategyWords { name: &text, text: "" };
        act.insert_strategy(&tenant, Uuid::from_u128(number), words, now).await.expect("writes");
        if number == 0 {
            let words = FactorWords { text: "close", note: "ä" };
            assert!(
                act.insert_factor(&tenant, (Uuid::nil(), "f"), words, now).await.expect("writes")
            );
            let sweep = NewSweep {
                id: Uuid::nil(),
                strategy: Uuid::nil(),
                name: "s",
                dataset: "d",
                sets: 9,
            };
            act.insert_sweep(&tenant, sweep, now).await.expect("writes");
            let progress = SweepProgress { done: 3, best: Some((2, 0.1 + 0.2)) };
            let ended = act.end_sweep(&tenant, Uuid::nil(), &SweepState::Stopped, progress).await;
            assert!(ended.expect("writes"));
        }
        let entry = Entry {
            kind: Kind::stated("a.b"),
            actor: "a test".to_owned(),
            subject: "s".to_owned(),
            detail: serde_json::json!({}),
        };
        act.commit(entry, now).await.expect("kept");
    }
    store.close().await;
    place
}

/// Keeps a notice with its entry; the leaf that holds it.
async fn noticed(mut act: Act, number: i64) -> PaymentNotice {
    let notice = PaymentNotice {
        digest: format!("{number:064}"),
        processor: "nowpayments".to_owned(),
        kind: "payment".to_owned(),
        payment: None,
        parent: None,
        order: None,
        status: None,
        price: ToldSum::default(),
        due: ToldSum::default(),
        paid: ToldSum::default(),
        outcome: ToldSum::default(),
        standing: NoticeStanding::Quarantined,
        why: None,
        step: None,
        leaf: Some(act.first_index().await.expect("an index")),
        received: Timestamp::from_second(number).expect("in range"),
    };
    assert!(act.keep_payment_notice(&notice).await.expect("writes"));
    let entry = Entry {
        kind: Kind::stated("payment.quarantined"),
        actor: "a test".to_owned(),
        subject: "s".to_owned(),
        detail: serde_json::json!({}),
    };
    act.commit(entry, Timestamp::UNIX_EPOCH).await.expect("kept");
    notice
}

async fn copied(from: &Place, to: &Place) -> Result<Vec<TableSum>, Error> {
    let go_on = &mut |done, total| {
        assert!(done <= total);
        ControlFlow::Continue(())
    };
    copy((&from.database, &to.database), Timestamp::UNIX_EPOCH, go_on).await
}

async fn sums(place: &Place) -> Vec<TableSum> {
    let store = open(place).await;
    let sums = store.sums().await.expect("sums");
    assert!(store.verify_log(&[]).await.expect("whole").checkpoint.size >= 700);
    store.close().await;
    sums
}

#[tokio::test]
async fn a_copy_there_and_back_is_the_same() {
    let first = furnished().await;
    let mut chain = vec![file()];
    if let Some(place) = server() {
        chain.insert(0, place);
    }
    let want = sums(&first).await;
    let rows = |table: &str| want.iter().find(|sum| sum.table == table).map(|sum| sum.rows);
    assert_eq!(
        (rows("strategies"), rows("sweeps"), rows("devices")),
        (Some(700), Some(1), Some(0))
    );
    let mut from = &first;
    for to in &chain {
        assert_eq!(copied(from, to).await.expect("copies"), want);
        assert_eq!(sums(to).await, want);
        let again = copied(&first, to).await.expect_err("it has rows");
        assert!(matches!(again, Error::NotEmpty { table: "audit_log", .. }), "{again}");
        from = to;
    }
    // One value that differs is another digest.
    let last = chain.last().expect("a file");
    last.meddle("UPDATE sweeps SET best_sharpe = 0.3").await;
    let differ: Vec<&str> =
        sums(last).await.iter().zip(&want).filter(|(a, b)| a != b).map(|(a, _)| a.table).collect();
    assert_eq!(differ, ["sweeps"]);
}

#[tokio::test]
async fn a_copy_that_stops_or_fails_leaves_nothing() {
    let first = furnished().await;
    let mut places = vec![file()];
    places.extend(server());
    for to in places {
        let stop = &mut |done: u64, _: u64| match done {
            0..1000 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        };
        let ends = (&first.database, &to.database);
        let stopped = copy(ends, Timestamp::UNIX_EPOCH, stop).await.expect_err("stops");
        assert!(matches!(stopped, Error::Stopped { .. }), "{stopped}");
        // Empty as before: the whole copy goes in.
        assert_eq!(copied(&first, &to).await.expect("copies"), sums(&first).await);
    }
    let missing = copied(&file(), &file()).await.expect_err("nothing there");
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
}

#[tokio::test]
async fn a_notice_that_came_back_has_no_leaf_and_another_one_may_have_its_number() {
    for place in std::iter::once(file()).chain(server()) {
        let store = open(&place).await;
        let old = noticed(store.begin().await.expect("an act"), 1).await;
        assert_eq!(old.leaf, Some(0));
        store.close().await;
        let now = Timestamp::UNIX_EPOCH;
        be_reborn(&place.database, &[], &Standings::default(), now).await.expect("is reborn");
        let store = open(&place).await;
        let new = noticed(store.begin().await.expect("an act"), 2).await;
        assert_eq!(new.leaf, old.leaf, "the new log begins at 0 again");
        let found = store.payment_notices(None, 9).await.expect("reads");
        let found: Vec<PaymentNotice> = found.into_iter().map(|(notice, _)| notice).collect();
        assert_eq!(found, [new, PaymentNotice { leaf: None, ..old }], "the newest first");
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_copied_out_has_no_wrapped_key_and_comes_back_with_a_new_log() {
    let furnished = furnished().await;
    let mut places = vec![file()];
    places.extend(server());
    for place in places {
        copied(&furnished, &place).await.expect("copies");
        let store = open(&place).await;
        let rows = store.standings().await.expect("reads").accounts;
        let id = rows.first().expect("one").account.clone();
        let key = vec![0x5a; 48];
        let mut act = store.begin().await.expect("an act");
        assert!(act.give_data_key(id.parse().expect("an id"), &key).await.expect("writes"));
        let entry = Entry {
            kind: Kind::stated("a.b"),
            actor: "a test".to_owned(),
            subject: "s".to_owned(),
            detail: serde_json::json!({}),
        };
        act.commit(entry, Timestamp::UNIX_EPOCH).await.expect("kept");
        let (sums, head) =
            (store.sums().await.expect("sums"), store.log_head().await.expect("head"));
        store.close().await;

        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("copy.db");
        let copy = copy_out(&place.database, &out, Timestamp::UNIX_EPOCH).await.expect("copies");
        assert_eq!(copy.checkpoint, head.note);
        assert_eq!(copy.keys, [WrappedKey { account: id.clone(), sealed: key.clone() }]);
        let same = |sum: &&TableSum| sum.table != "data_keys";
        assert!(copy.sums.iter().filter(same).eq(sums.iter().filter(same)), "rows differ");
        assert_eq!(sums_of(&out).await.expect("sums"), copy.sums);
        let bytes = std::fs::read(&out).expect("reads");
        assert!(!bytes.windows(48).any(|window| window == key), "a byte of a key stayed");

        // Since then the account was shut out; what it had open is over.
        let since =
            AccountStanding { standing: "disabled".to_owned(), epoch: 9, ..rows[0].clone() };
        let database = store::Database::file(&out);
        let now = Timestamp::UNIX_EPOCH;
        let since = Standings { accounts: vec![since], licences: Vec::new() };
        let done = be_reborn(&database, &copy.keys, &since, now).await.expect("is reborn");
        assert_eq!((done.lowered, done.erased, done.changed), (1, 0, vec![id.clone()]));
        let entropy = Box::new(SeededEntropy::new(1));
        let other = Signer::named_by_key(SigningKey::from_seed(&Secret::new([2; 32])));
        let other = Ledger::new(other, &SealingKey::new(Secret::new([1; 32])));
        let store = Store::open(&database, other, entropy, now).await.expect("under the new key");
        let standing = store.standings().await.expect("reads").accounts.remove(0);
        assert_eq!((standing.standing.as_str(), standing.epoch), ("disabled", 10));
        assert_eq!(store.data_key(id.parse().expect("an id")).await.expect("reads"), Some(key));
        assert_eq!(store.log_head().await.expect("head").checkpoint.size, 0);
        store.close().await;
    }
}

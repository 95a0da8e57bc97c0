//! What processors told: kept once with its leaf or not at all, and no column for what is nobody's business, on both
//! kinds of database.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use store::{Act, NOTICES_AT_ONCE, NoticeStanding, PaymentNotice, Store, ToldSum};

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
        kind: Kind::stated("payment.notified"),
        actor: "processor".to_owned(),
        subject: "x".to_owned(),
        detail: serde_json::Value::Null,
    }
}

fn sum(amount: &str, currency: &str) -> ToldSum {
    ToldSum { amount: Some(amount.to_owned()), currency: Some(currency.to_owned()) }
}

fn notice(number: u8, leaf: u64) -> PaymentNotice {
    PaymentNotice {
        digest: hex::encode([number; 32]),
        processor: "nowpayments".to_owned(),
        kind: "payment".to_owned(),
        payment: Some("5524759814".to_owned()),
        parent: None,
        order: Some("RGDBP-21314".to_owned()),
        status: Some("finished".to_owned()),
        price: sum("5", "usd"),
        due: sum("165.652609", "trx"),
        paid: sum("0.0000001", "trx"),
        outcome: ToldSum::default(),
        standing: NoticeStanding::Quarantined,
        why: Some("order-unknown".to_owned()),
        step: Some("onward".to_owned()),
        leaf: Some(leaf),
        received: at(i64::from(number)),
    }
}

/// An act that holds a notice and is not kept yet.
async fn begun(store: &Store, number: u8) -> Act {
    let mut act = store.begin().await.expect("an act");
    let leaf = act.first_index().await.expect("an index");
    assert!(act.keep_payment_notice(&notice(number, leaf)).await.expect("writes"));
    let named = ("nowpayments", "5524759814");
    act.move_payment(named, "finished", at(i64::from(number))).await.expect("writes");
    act
}

#[tokio::test]
async fn a_notice_comes_back_as_it_was_kept_and_the_newest_first() {
    for place in both() {
        let store = open(&place).await;
        for number in 1..=3 {
            let act = begun(&store, number).await;
            act.commit(entry(), at(9)).await.expect("kept");
        }
        let found = store.payment_notices(None, 2).await.expect("reads");
        let stands = Some("finished".to_owned());
        assert_eq!(found, [(notice(3, 2), stands.clone()), (notice(2, 1), stands.clone())]);
        let behind = async |number: u8, limit| {
            let digest = notice(number, 0).digest;
            store.payment_notices(Some(&digest), limit).await.expect("reads")
        };
        assert_eq!(behind(2, NOTICES_AT_ONCE).await, [(notice(1, 0), stands)]);
        assert_eq!(behind(1, 9).await, []);
        assert_eq!(behind(4, 9).await, [], "behind nothing that is kept");
        assert!(store.payment_notices_wait().await.expect("reads"));
        let known = async |number| {
            store.payment_notice_known(&notice(number, 0).digest).await.expect("reads")
        };
        assert!(known(1).await && !known(4).await);
    }
}

/// What ends between the row and the commit leaves neither row nor leaf, and the next try finds nothing in its way.
#[tokio::test]
async fn an_act_that_is_cut_off_leaves_neither_notice_nor_entry() {
    for place in both() {
        let store = open(&place).await;
        begun(&store, 1).await.commit(entry(), at(0)).await.expect("kept");
        let before = store.verify_log(&[]).await.expect("whole").checkpoint.size;
        drop(begun(&store, 2).await);
        assert!(!store.payment_notice_known(&notice(2, 0).digest).await.expect("reads"));
        assert_eq!(store.payment_notices(None, 9).await.expect("reads").len(), 1);
        assert_eq!(store.verify_log(&[]).await.expect("whole").checkpoint.size, before);
        begun(&store, 2).await.commit(entry(), at(0)).await.expect("kept");
        let found = store.payment_notices(None, 9).await.expect("reads");
        assert_eq!(found[0].0.leaf, Some(before), "the leaf that the entry got");
        assert_eq!(store.verify_log(&[]).await.expect("whole").checkpoint.size, before + 1);
    }
}

#[tokio::test]
async fn the_same_notice_is_not_kept_twice_and_a_payment_stands_where_it_was_moved() {
    for place in both() {
        let store = open(&place).await;
        begun(&store, 1).await.commit(entry(), at(0)).await.expect("kept");
        let mut act = store.begin().await.expect("an act");
        assert!(act.payment_notice_known(&notice(1, 0).digest).await.expect("reads"));
        assert!(!act.payment_notice_known(&notice(2, 0).digest).await.expect("reads"));
        act.keep_payment_notice(&notice(1, 7)).await.expect_err("its digest is taken");
        drop(act);
        let mut act = store.begin().await.expect("an act");
        let course = async |act: &mut Act, payment: &str| {
            act.payment_course("nowpayments", payment).await.expect("reads")
        };
        assert_eq!(course(&mut act, "5524759814").await.as_deref(), Some("finished"));
        assert_eq!(course(&mut act, "1").await, None);
        act.move_payment(("nowpayments", "5524759814"), "refunded", at(1)).await.expect("writes");
        assert_eq!(course(&mut act, "5524759814").await.as_deref(), Some("refunded"));
        act.commit(entry(), at(1)).await.expect("kept");
        let found = store.payment_notices(None, 9).await.expect("reads");
        assert_eq!(found[0].1.as_deref(), Some("refunded"), "how it stands now");
        assert_eq!(found[0].0.status.as_deref(), Some("finished"), "what was said then");
    }
}

/// Words that would stand in the name of a column for what identifies means of payment, or the body of a notice.
const FORBIDDEN: [&str; 14] = [
    "card",
    "iban",
    "wallet",
    "bic",
    "swift",
    "cvc",
    "cvv",
    "pan",
    "bank",
    "sepa",
    "pay_address",
    "payin",
    "payout",
    "raw",
];

fn forbidden(column: &str) -> Option<&'static str> {
    // A short word can be a part of an innocent one.
    let meant = |word: &&str| match word.len() {
        ..=3 => column.split('_').any(|part| part == *word),
        _ => column.contains(*word),
    };
    FORBIDDEN.into_iter().find(meant)
}

#[tokio::test]
async fn no_column_is_for_means_of_payment_or_the_body_of_a_notice() {
    assert_eq!(forbidden("card_number"), Some("card"));
    assert_eq!(forbidden("creditcard"), Some("card"));
    assert_eq!(forbidden("pay_address"), Some("pay_address"));
    assert_eq!(forbidden("raw_body"), Some("raw"));
    assert_eq!(forbidden("span_us"), None);
    for place in both() {
        open(&place).await.close().await;
        let columns = columns(&place).await;
        assert!(columns.len() > 100, "{}", columns.len());
        assert!(columns.iter().any(|name| name == "payment_notices.pay_amount"), "{columns:?}");
        for name in &columns {
            let (_, column) = name.split_once('.').expect("a table and a column");
            assert_eq!(forbidden(column), None, "{name}");
        }
        // What the claim's own command looks for is not even in a remark.
        if let Some(mut file) = file(&place).await {
            let texts = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL";
            let texts: Vec<String> =
                sqlx::query_scalar(texts).fetch_all(&mut file).await.expect("reads");
            let schema = texts.join("\n").to_lowercase();
            assert!(schema.contains("payment_notices"), "the test can fail");
            for word in ["card", "iban", "wallet"] {
                assert!(!schema.contains(word), "{word}");
            }
        }
    }
}

async fn file(place: &Place) -> Option<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(place.database.path()?);
    Some(SqliteConnection::connect_with(&options).await.expect("opens"))
}

/// Every column of the database, as `table.column`.
async fn columns(place: &Place) -> Vec<String> {
    if let Some(mut file) = file(place).await {
        let text = "SELECT m.name || '.' || c.name FROM sqlite_schema m
                    JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";
        return sqlx::query_scalar(text).fetch_all(&mut file).await.expect("lists");
    }
    let text = "SELECT table_name::text || '.' || column_name::text
                FROM information_schema.columns WHERE table_schema = 'public'";
    sqlx::query_scalar(text).fetch_all(&mut place.role().await).await.expect("lists")
}

//! What is wrong with a database file is said by name, with its path.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read and damage files that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use jiff::Timestamp;
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use store::{Database, Error, Store};

fn ledger(byte: u8) -> Ledger {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([byte; 32])));
    Ledger::new(signer, &SealingKey::new(Secret::new([byte; 32])))
}

async fn open(path: &Path, key: u8) -> Result<Store, Error> {
    Store::open(
        &Database::file(path),
        ledger(key),
        Box::new(SeededEntropy::new(1)),
        Timestamp::UNIX_EPOCH,
    )
    .await
}

/// A store with one large act in its log, closed.
async fn made(directory: &Path) -> PathBuf {
    let path = directory.join("stockade.db");
    let store = open(&path, 1).await.expect("a new store");
    let entry = Entry {
        kind: Kind::stated("account.created"),
        actor: "host".to_owned(),
        subject: "subject".to_owned(),
        detail: "x".repeat(20_000).into(),
    };
    let act = store.begin().await.expect("an act");
    act.commit(entry, Timestamp::UNIX_EPOCH).await.expect("kept");
    store.close().await;
    path
}

async fn meddle(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("opens");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("meddles");
    connection.close().await.expect("closes");
}

#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = made(directory.path()).await;
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn each_thing_wrong_with_the_file_has_its_own_words() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = made(directory.path()).await;
    let whole = fs::read(&path).expect("it is there");
    let check = async |path: &Path, part: &str| {
        let error = open(path, 1).await.expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
        error
    };
    fs::write(&path, "date,open,high,low,close\n".repeat(100)).expect("written");
    check(&path, "is not a database").await;
    let mut torn = whole.clone();
    for byte in &mut torn[100..4096] {
        *byte = 0xff;
    }
    fs::write(&path, &torn).expect("written");
    check(&path, "is damaged").await;
    fs::write(&path, &whole).expect("written");
    meddle(&path, "INSERT INTO schema_migrations VALUES (999, 'future', 'x', 0)").await;
    check(&path, "has schema 999, this version knows up to").await;
    fs::write(&path, &whole).expect("written");
    meddle(&path, "UPDATE schema_migrations SET checksum = 'x' WHERE version = 1").await;
    check(&path, "another migration 1 (audit)").await;
    check(&directory.path().join("no/such/place.db"), "cannot open the database").await;
    check(directory.path(), "cannot open the database").await;
    fs::write(&path, &whole).expect("written");
    assert!(open(&path, 1).await.is_ok(), "the whole file still opens");
}

#[tokio::test]
async fn a_log_of_another_key_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = made(directory.path()).await;
    let error = open(&path, 2).await.expect_err("another key");
    assert!(matches!(error, Error::ForeignLog { .. }), "{error}");
}

#[tokio::test]
async fn reading_needs_a_database_that_is_there_and_up_to_date() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("none.db");
    assert!(matches!(
        Store::open_read_only(&Database::file(&path), ledger(1)).await,
        Err(Error::Missing { .. })
    ));
    assert!(!path.exists(), "reading makes no file");
    fs::write(&path, "").expect("written");
    let empty = Store::open_read_only(&Database::file(&path), ledger(1)).await;
    assert!(matches!(empty, Err(Error::Older { found: 0, .. })), "{empty:?}");
}

//! The audit log on PostgreSQL under a role that can add to it and change nothing in it.
#![allow(clippy::expect_used, clippy::panic, reason = "tests of a database that they made")]

use audit::{Entry, Kind, Ledger, Signer};
use jiff::Timestamp;
use places::{Place, server};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{Database, Error, Store};

mod places;

const LOG: [&str; 4] = ["audit_log", "audit_leaves", "audit_nodes", "audit_checkpoints"];

async fn open(database: &Database) -> Result<Store, Error> {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(database, ledger, entropy, Timestamp::UNIX_EPOCH).await
}

async fn act(store: &Store, times: usize) {
    for number in 0..times {
        let entry = Entry {
            kind: Kind::stated("a.b"),
            actor: "host".to_owned(),
            subject: format!("subject {number}"),
            detail: serde_json::json!({}),
        };
        let act = store.begin().await.expect("an act");
        act.commit(entry, Timestamp::UNIX_EPOCH).await.expect("kept");
    }
}

/// A role of this test's own, and the address under which it opens the place.
async fn role(place: &Place) -> String {
    let name = place.url.rsplit('/').next().expect("a database").replace("t_", "adder_");
    let make = format!("CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS");
    place.meddle(&make).await;
    place.url.replace("stockade@", &format!("{name}@"))
}

/// Whether a statement is refused for want of a right, and not for another reason.
async fn is_denied(on: &mut PgConnection, text: &str) -> bool {
    match sqlx::query(AssertSqlSafe(text)).execute(on).await {
        Ok(_) => false,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => true,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn changes(table: &str) -> [String; 3] {
    let column = if table == "audit_leaves" || table == "audit_checkpoints" {
        "time_us = 1"
    } else if table == "audit_log" {
        "created_us = 1"
    } else {
        "tree_level = 1"
    };
    [
        format!("UPDATE {table} SET {column}"),
        format!("DELETE FROM {table}"),
        format!("TRUNCATE {table} CASCADE"),
    ]
}

#[tokio::test]
async fn the_servers_role_adds_to_the_log_and_changes_nothing_in_it() {
    let Some(place) = server() else { return };
    let url = role(&place).await;
    let owned: Database = url.parse().expect("an address");
    let owned = owned.owned_by(place.url.parse().expect("an address")).expect("another role");
    let store = open(&owned).await.expect("opens");
    act(&store, 5).await;
    assert_eq!(store.verify_log(&[]).await.expect("whole").checkpoint.size, 5);
    store.close().await;
    let mut adder = PgConnection::connect(&url).await.expect("connects");
    for table in LOG {
        for text in changes(table) {
            assert!(is_denied(&mut adder, &text).await, "{text}");
        }
    }
    let grab = "GRANT UPDATE ON audit_leaves TO CURRENT_USER";
    let _ = sqlx::query(grab).execute(&mut adder).await;
    let [update, ..] = changes("audit_leaves");
    assert!(is_denied(&mut adder, &update).await, "it cannot give itself the right");
    assert!(is_denied(&mut adder, "ALTER TABLE audit_leaves OWNER TO CURRENT_USER").await);
    assert!(is_denied(&mut adder, "DELETE FROM schema_migrations").await);
    // What is no part of the log it does change: the walls of rows bind it as they bind the owner.
    assert!(!is_denied(&mut adder, "DELETE FROM budgets").await);
    // The second start changes no schema, and goes on from the same log.
    let store = open(&owned).await.expect("opens again");
    act(&store, 1).await;
    assert_eq!(store.verify_log(&[]).await.expect("whole").checkpoint.size, 6);
}

/// The same statements by the role that owns the tables, as it is where no other is named.
#[tokio::test]
async fn the_weak_twin_that_owns_its_tables_can_empty_the_log() {
    let Some(place) = server() else { return };
    let store = open(&place.database).await.expect("opens");
    act(&store, 5).await;
    let mut owner = place.role().await;
    let [update, _, truncate] = changes("audit_leaves");
    assert!(!is_denied(&mut owner, &update).await);
    assert!(store.verify_log(&[]).await.is_err(), "the tree and its signatures find it out");
    assert!(!is_denied(&mut owner, &truncate).await);
}

#[tokio::test]
async fn a_role_that_could_change_the_log_is_refused_at_the_start() {
    let Some(place) = server() else { return };
    let url = role(&place).await;
    let name = url.split_once("//").and_then(|(_, rest)| rest.split_once('@')).expect("a role").0;
    let owned: Database = url.parse().expect("an address");
    let owned = owned.owned_by(place.url.parse().expect("an address")).expect("another role");
    open(&owned).await.expect("opens").close().await;
    for right in ["UPDATE", "DELETE", "TRUNCATE", "UPDATE (sealed_body)"] {
        // By way of everybody: what a start takes from the role itself does not take that away.
        place.meddle(&format!("GRANT {right} ON audit_leaves TO PUBLIC")).await;
        let error = open(&owned).await.expect_err(right).to_string();
        assert!(error.contains(name) && error.contains("audit_leaves"), "{right}: {error}");
        place.meddle(&format!("REVOKE {right} ON audit_leaves FROM PUBLIC")).await;
    }
    open(&owned).await.expect("as before");
}

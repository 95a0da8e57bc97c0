//! Rows that nobody's act made are found by the log, whoever put them there.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test writes behind the server's back")]

use crate::browser::{Browser, import, start};
use crate::people::{New, house_with, open};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};
use std::{path::Path, process::Command};
use stockade::desk::{Reconciled, Why, open_for_reading, reconcile};

async fn found(root: &Path) -> Reconciled {
    let store = open_for_reading(&root.into()).await.expect("opens");
    reconcile(&store).await.expect("reads")
}

async fn meddle(root: &Path, text: &str) -> u64 {
    let mut connection = open(root).await;
    let done = sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await.expect(text);
    connection.close().await.expect("closes");
    done.rows_affected()
}

const STRATEGY: &str = "version: 1\nname: N\ndata: made-up\nbar: 1d\nsignals:\n  long: close > 1\n\
sizing: { fixed: 1 }\ncosts: { fee_bps: 0 }\nconvention: next_open\ncash: 1000\ncurrency: USD\n";

/// A house in which something of everything was done by acts.
async fn lived_in(root: &Path) {
    let server = start(root).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    let mut second = Browser::new(&server);
    second.sign_in("recovery", &codes[0]).await.expect(200);
    second.post("/api/v1/sign-out", json!({})).await.expect(204);
    import(root, 30).await;
    let kept = json!({ "name": "mine", "text": STRATEGY });
    let kept = owner.post("/api/v1/strategies", kept).await.expect(201).json();
    let path = format!("/api/v1/strategies/{}", kept["id"].as_str().expect("an id"));
    let row = owner.get(&path).await.expect(200).json();
    let text = STRATEGY.replace("close > 1", "close > 2");
    let changed = json!({ "name": "mine", "text": text, "revision": row["revision"] });
    owner.put(&path, changed).await.expect(200);
    owner.post("/api/v1/factors", json!({ "name": "f", "text": "close" })).await.expect(201);
    owner.post("/api/v1/backtests", json!({ "text": STRATEGY })).await.expect(202);
    let token = json!({ "label": "t", "scope": ["data_read"], "days": 7 });
    owner.post("/api/v1/account/tokens", token).await.expect(201);
    let licence = json!({ "id": "lic-1", "edition": "pro", "entitlements": [], "instances": 1,
        "paid_until": "2090-01-01", "grace_hours": 72, "trial": false, "note": "" });
    owner.post("/api/v1/licences", licence).await.expect(201);
    owner.post("/api/v1/licences/lic-1/suspend", json!({})).await.expect(204);
    owner.post("/api/v1/licences/lic-1/resume", json!({})).await.expect(204);
    owner.post("/api/v1/licences/lic-1/revoke", json!({})).await.expect(204);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn what_acts_made_is_explained_and_what_was_put_there_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    lived_in(root).await;
    let clean = found(root).await;
    assert_eq!(clean.orphans, [], "everything that acts made has its entry");
    assert!(clean.rows >= 7 && clean.entries > 10, "{clean:?}");
    let copied = |table: &str, key: &str| {
        let others = match table {
            "sessions" => {
                "account_id, device_id, factor, authenticated_us, opened_us, expires_us, client"
            }
            "strategies" => "account_id, name, strategy_text, revision, created_us, updated_us",
            "factors" => "account_id, 'g', version, created_us, updated_us",
            "backtests" => "account_id, name, strategy_text, 'queued', created_us",
            "licences" => {
                "edition, entitlements, instances, term, issued_us, not_before_us, paid_until_us,
                 hard_until_us, grace_hours, policy, note, state, changed_us, epoch"
            }
            _ => "account_id, sort, zeroblob(32), label, scope, created_us, expires_us",
        };
        let names = others.replace("'g'", "name").replace("'queued'", "state");
        let names = names.replace("zeroblob(32)", "proof");
        format!(
            "INSERT INTO {table} ({key}, {names})
             SELECT '01890000-0000-7000-8000-0000000000aa', {others} FROM {table} LIMIT 1"
        )
    };
    let mut expected = 0;
    for (table, key) in [
        ("sessions", "session_id"),
        ("strategies", "strategy_id"),
        ("factors", "factor_id"),
        ("backtests", "backtest_id"),
        ("credentials", "credential_id"),
        ("licences", "licence_id"),
    ] {
        assert_eq!(meddle(root, &copied(table, key)).await, 1, "{table}");
        expected += 1;
        let orphans = found(root).await.orphans;
        assert_eq!(orphans.len(), expected, "{table}: {orphans:?}");
        assert!(orphans.iter().any(|one| one.table == table && one.why == Why::Unmade));
    }
    // What an act made is changed by none.
    for (text, table) in [
        (
            "UPDATE strategies SET strategy_text = 'other' WHERE name = 'mine' AND strategy_id <> '01890000-0000-7000-8000-0000000000aa'",
            "strategies",
        ),
        (
            "UPDATE sessions SET ended_us = NULL, end_reason = NULL WHERE end_reason = 'sign_out'",
            "sessions",
        ),
        ("UPDATE licences SET state = 'issued' WHERE licence_id = 'lic-1'", "licences"),
    ] {
        assert_eq!(meddle(root, text).await, 1, "{text}");
        expected += 1;
        let orphans = found(root).await.orphans;
        assert_eq!(orphans.len(), expected, "{text}: {orphans:?}");
        let otherwise = |why: &Why| matches!(why, Why::Otherwise { .. });
        assert!(orphans.iter().any(|one| one.table == table && otherwise(&one.why)), "{text}");
    }
    let told = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .env_clear()
        .arg("--data-dir")
        .arg(root)
        .args(["audit", "reconcile"])
        .output()
        .expect("runs");
    assert_eq!(told.status.code(), Some(3), "{told:?}");
    assert!(String::from_utf8_lossy(&told.stdout).contains("NO ENTRY TELLS OF IT"), "{told:?}");
}

/// The people of this test were written into the database by nobody's act: all of them are found, and so
/// is who made themselves an owner.
#[tokio::test]
async fn an_account_or_a_role_that_nobody_gave_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let planted = New { email: "eve@people.example", role: "viewer" };
    let (server, ..) = house_with(root, &[planted]).await;
    server.stop().await.expect("stops");
    let orphans = found(root).await.orphans;
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    assert_eq!((orphans[0].table, &orphans[0].why), ("accounts", &Why::Unmade));
    meddle(root, "UPDATE accounts SET standing = 'disabled' WHERE role = 'owner'").await;
    let orphans = found(root).await.orphans;
    let log = "owner active".to_owned();
    let row = "owner disabled".to_owned();
    assert!(
        orphans.iter().any(|one| one.why == Why::Otherwise { row: row.clone(), log: log.clone() }),
        "{orphans:?}"
    );
}

//! The quarter's review of who may do what, and who looked at what.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at the database")]

use crate::browser::{Browser, start};
use crate::people::{New, house_with, open};
use serde_json::{Value, json};
use sqlx::Connection;
use std::path::Path;
use stockade::server::Server;

const STAFF: [New; 3] = [
    New { email: "bob@people.example", role: "admin" },
    New { email: "abe@people.example", role: "auditor" },
    New { email: "tom@people.example", role: "trader" },
];

/// Stops a server and starts another on its data, as if so many days had passed for accounts and
/// reviews; sessions are as fresh as before.
async fn days_later(root: &Path, server: Server, days: i64) -> Server {
    server.stop().await.expect("stops");
    let mut connection = open(root).await;
    for statement in [
        "UPDATE accounts SET created_us = created_us - $1",
        "UPDATE reviews SET opened_us = opened_us - $1, due_us = due_us - $1, signed_us = signed_us - $1",
    ] {
        let micros = days * 86_400_000_000;
        sqlx::query(statement).bind(micros).execute(&mut connection).await.expect("ages");
    }
    connection.close().await.expect("closes");
    start(root).await
}

async fn review(by: &mut Browser) -> Value {
    by.get("/api/v1/access-review").await.expect(200).json()
}

async fn count(by: &mut Browser, kind: &str) -> usize {
    let log = by.get(&format!("/api/v1/audit?kind={kind}&limit=500")).await.expect(200).json();
    log["entries"].as_array().expect("entries").len()
}

#[tokio::test]
async fn a_review_opens_each_quarter_is_signed_by_name_or_is_overdue() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, _, browsers) = house_with(root.path(), &STAFF).await;
    let moved = |server: &Server| -> Vec<Browser> {
        browsers.iter().map(|browser| browser.moved(server)).collect()
    };
    let mut there = moved(&server);
    let first = review(&mut there[0]).await;
    assert_eq!((&first["duty"], &first["due"]), (&json!("done"), &json!(null)), "{first}");
    assert!(first["opens"].is_string());
    let early = there[1].post("/api/v1/access-review/sign", json!({ "grants": first["grants"] }));
    early.await.expect(404);
    server.app().accounts().tend().await;
    assert_eq!(count(&mut there[1], "review.opened").await, 0);

    let server = days_later(root.path(), server, 80).await;
    server.app().accounts().tend().await;
    server.app().accounts().tend().await;
    let mut there = moved(&server);
    assert_eq!(count(&mut there[1], "review.opened").await, 1, "once");
    let due = review(&mut there[1]).await;
    assert_eq!((&due["duty"], &due["opens"]), (&json!("due"), &json!(null)), "{due}");
    assert_eq!(due["counts"], json!({ "owner": 1, "admin": 1, "auditor": 1, "trader": 1 }));
    let roles: Vec<&Value> =
        due["lines"].as_array().expect("lines").iter().map(|l| &l["role"]).collect();
    assert_eq!(roles, ["owner", "admin", "auditor", "trader"]);

    let server = days_later(root.path(), server, 20).await;
    server.app().accounts().tend().await;
    server.app().accounts().tend().await;
    let mut there = moved(&server);
    assert_eq!(count(&mut there[1], "review.overdue").await, 1, "once");
    let late = review(&mut there[1]).await;
    assert_eq!(late["duty"], "overdue", "{late}");

    // What was read is what is signed: a change in between asks to read again.
    let tom = there[2].get("/api/v1/session").await.json()["account"]["id"].clone();
    let tom = tom.as_str().expect("an id").to_owned();
    there[0].post(&format!("/api/v1/users/{tom}/disable"), json!({})).await.expect(204);
    let signature = |view: &Value| json!({ "grants": view["grants"] });
    let old = there[1].post("/api/v1/access-review/sign", signature(&late)).await.expect(409);
    assert_eq!(old.json()["code"], "rule", "{}", old.text());
    let wrong = there[1].post("/api/v1/access-review/sign", json!({ "grants": "x" })).await;
    assert_eq!(wrong.expect(422).json()["pointer"], "/grants");
    let read = review(&mut there[1]).await;
    there[1].post("/api/v1/access-review/sign", signature(&read)).await.expect(204);
    there[1].post("/api/v1/access-review/sign", signature(&read)).await.expect(404);
    let done = review(&mut there[0]).await;
    assert_eq!(done["duty"], "done", "{done}");
    assert_eq!(done["signed_by"]["email"], "abe@people.example");

    let server = days_later(root.path(), server, 79).await;
    server.app().accounts().tend().await;
    let mut there = moved(&server);
    assert_eq!(count(&mut there[1], "review.opened").await, 2, "the next quarter");
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn who_looks_at_accounts_and_at_the_log_is_written_down() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, mut browsers) = house_with(root.path(), &STAFF).await;
    let [bob, abe, tom] = &mut browsers[..] else { panic!("three") };
    let id = async |browser: &mut Browser| {
        let session = browser.get("/api/v1/session").await.json();
        session["account"]["id"].as_str().expect("an id").to_owned()
    };
    let (abes, toms, bobs) = (id(abe).await, id(tom).await, id(bob).await);
    for _ in 0..3 {
        abe.get("/api/v1/users").await.expect(200);
        abe.get(&format!("/api/v1/users/{toms}")).await.expect(200);
        abe.get(&format!("/api/v1/users/{bobs}")).await.expect(200);
        abe.get(&format!("/api/v1/users/{abes}")).await.expect(200);
    }
    let path = format!("/api/v1/audit?kind=accounts.viewed&account={abes}");
    let log = owner.get(&path).await.expect(200).json();
    let entries = log["entries"].as_array().expect("entries");
    let mut subjects: Vec<&str> = entries.iter().filter_map(|e| e["subject"].as_str()).collect();
    subjects.sort_unstable();
    let mut want = ["accounts", toms.as_str(), bobs.as_str()];
    want.sort_unstable();
    assert_eq!(subjects, want, "once each, and nothing of one's own account");
    assert!(entries.iter().all(|entry| entry["actor"] == abes.as_str()));
    abe.get("/api/v1/audit/export").await.expect(200);
    let log = owner.get(&format!("/api/v1/audit?account={abes}")).await.expect(200).json();
    let kinds: Vec<&str> = log["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|e| e["kind"].as_str())
        .collect();
    assert!(kinds.contains(&"log.exported"), "{kinds:?}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_log_is_filtered_by_account_kind_and_time() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut owner, mut browsers) = house_with(root.path(), &STAFF).await;
    let [bob, _, tom] = &mut browsers[..] else { panic!("three") };
    let toms = tom.get("/api/v1/session").await.json()["account"]["id"].clone();
    let toms = toms.as_str().expect("an id").to_owned();
    for _ in 0..4 {
        bob.post(&format!("/api/v1/users/{toms}/end-sessions"), json!({})).await.expect(204);
        bob.post("/api/v1/invitations", json!({ "email": "n@people.example", "role": "viewer" }))
            .await
            .expect(201);
    }
    let mut page =
        async |query: &str| owner.get(&format!("/api/v1/audit?{query}")).await.expect(200).json();
    let all = page("limit=500").await;
    let entries = all["entries"].as_array().expect("entries").clone();
    assert_eq!(all["next"], json!(null));
    // Two at a time, each of them once, whatever lies between.
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let part = page(&format!("account={toms}&limit=2{before}")).await;
        let rows = part["entries"].as_array().expect("entries");
        assert!(rows.len() <= 2);
        seen.extend(rows.iter().map(|row| row["index"].as_u64().expect("an index")));
        let Some(next) = part["next"].as_u64() else { break };
        before = format!("&before={next}");
    }
    let of_tom =
        |entry: &&Value| entry["actor"] == toms.as_str() || entry["subject"] == toms.as_str();
    let want: Vec<u64> =
        entries.iter().filter(of_tom).filter_map(|entry| entry["index"].as_u64()).collect();
    assert!(want.len() >= 4, "{want:?}");
    assert_eq!(seen, want);
    let both = page(&format!("account={toms}&kind=account.sessions_ended")).await;
    assert_eq!(both["entries"].as_array().map(Vec::len), Some(4));

    let middle = entries[entries.len() / 2]["time"].as_str().expect("a time").to_owned();
    let since = page(&format!("limit=500&since={middle}")).await;
    let until = page(&format!("limit=500&until={middle}")).await;
    let times = |page: &Value| -> Vec<String> {
        let rows = page["entries"].as_array().expect("entries");
        rows.iter().map(|row| row["time"].as_str().expect("a time").to_owned()).collect()
    };
    let at = |text: &str| text.parse::<jiff::Timestamp>().expect("a time");
    assert!(times(&since).iter().all(|time| at(time) >= at(&middle)) && !times(&since).is_empty());
    assert!(times(&until).iter().all(|time| at(time) < at(&middle)) && !times(&until).is_empty());
    let day = at(&middle).to_zoned(jiff::tz::TimeZone::UTC).date();
    let today = page(&format!("limit=500&since={day}&until={day}")).await;
    assert_eq!(times(&today).len(), times(&page("limit=500").await).len());
    let tomorrow = day.tomorrow().expect("a day");
    assert!(times(&page(&format!("since={tomorrow}")).await).is_empty());
    for wrong in ["since=x", "until=2026-13-01", "account=x", "since=2026-11-29T10:00:00"] {
        owner.get(&format!("/api/v1/audit?{wrong}")).await.expect(422);
    }
    server.stop().await.expect("stops");
}

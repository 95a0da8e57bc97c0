//! Two servers on one PostgreSQL: who is out on one is out on the other within a second.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of servers that they started, against the clock"
)]

use crate::browser::{Browser, EMAIL, options};
use crate::server_of_tests::{Fresh, fresh};
use edge::Drained;
use serde_json::json;
use std::{
    path::Path,
    time::{Duration, Instant},
};
use stockade::{
    desk::Home,
    server::{Options, Server},
};

async fn start(root: &Path, database: &Fresh) -> Server {
    let home = Home::new(root, &database.url).expect("an address");
    Server::start(Options { home, ..options(root) }).await.expect("starts")
}

/// A server with an owner, and a second one with the same keys on the same database.
async fn two(database: &Fresh, roots: [&Path; 2]) -> (Server, Server, Browser) {
    let first = start(roots[0], database).await;
    let mut browser = Browser::new(&first);
    browser.set_up(&first).await;
    std::fs::copy(roots[0].join("stockade.key"), roots[1].join("stockade.key")).expect("copies");
    let second = start(roots[1], database).await;
    assert!(second.started.setup_link.is_none(), "there is an owner");
    (first, second, browser)
}

/// A request that begins a second or more after the end is refused.
async fn out_within_a_second(there: &mut Browser, ended: Instant) {
    loop {
        let begun = Instant::now();
        let status = there.get("/api/v1/sessions").await.status.as_u16();
        if status == 401 {
            return;
        }
        assert_eq!(status, 200);
        let late = begun.duration_since(ended);
        assert!(late < Duration::from_secs(1), "still in after {late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_ends_on_one_server_is_over_on_the_other() {
    let Some(database) = fresh() else { return };
    let roots = [tempfile::tempdir(), tempfile::tempdir()].map(|root| root.expect("a directory"));
    let (first, second, mut here) = two(&database, [roots[0].path(), roots[1].path()]).await;
    let mut there = here.moved(&second);
    there.get("/api/v1/sessions").await.expect(200);
    here.get("/api/v1/sessions").await.expect(200);
    here.post("/api/v1/sign-out", json!({})).await.expect(204);
    out_within_a_second(&mut there, Instant::now()).await;
    assert_eq!(first.stop().await.expect("stops"), Drained::Clean);
    assert_eq!(second.stop().await.expect("stops"), Drained::Clean);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_sessions_that_end_on_one_server_are_over_on_the_other() {
    let Some(database) = fresh() else { return };
    let roots = [tempfile::tempdir(), tempfile::tempdir()].map(|root| root.expect("a directory"));
    let (first, second, mut here) = two(&database, [roots[0].path(), roots[1].path()]).await;
    let mut there = here.moved(&second);
    there.get("/api/v1/sessions").await.expect(200);
    let ended = here.post("/api/v1/sessions/end-all", json!({ "own": "end" })).await;
    assert_eq!(ended.expect(200).json()["ended"], 1);
    out_within_a_second(&mut there, Instant::now()).await;
    here.get("/api/v1/sessions").await.expect(401);
    first.stop().await.expect("stops");
    second.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_cannot_hear_reads_instead() {
    let Some(database) = fresh() else { return };
    let roots = [tempfile::tempdir(), tempfile::tempdir()].map(|root| root.expect("a directory"));
    let (first, second, mut here) = two(&database, [roots[0].path(), roots[1].path()]).await;
    let mut there = here.moved(&second);
    there.get("/api/v1/sessions").await.expect(200);
    // Both lose the connections that listen, and whatever else rests, at the moment that counts.
    database.meddle(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')",
    );
    here.post("/api/v1/sign-out", json!({})).await.expect(204);
    out_within_a_second(&mut there, Instant::now()).await;
    first.stop().await.expect("stops");
    second.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_count_together_on_whichever_server_they_come() {
    let Some(database) = fresh() else { return };
    let roots = [tempfile::tempdir(), tempfile::tempdir()].map(|root| root.expect("a directory"));
    let (first, second, _) = two(&database, [roots[0].path(), roots[1].path()]).await;
    let mut doors = [Browser::new(&first), Browser::new(&second)];
    let wrong = json!({ "email": EMAIL, "password": "nine loud geese by day" });
    // Ten from unknown browsers at once: on one server each would grant ten.
    for turn in 0..10 {
        doors[turn % 2].post("/api/v1/sign-in", wrong.clone()).await.expect(401);
    }
    for door in &mut doors {
        let refused = door.post("/api/v1/sign-in", wrong.clone()).await.expect(429);
        let wait: u64 = refused.headers["retry-after"].to_str().expect("text").parse().expect("s");
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(refused.json()["code"], "throttled");
    }
    first.stop().await.expect("stops");
    second.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_servers_that_do_their_duties_at_once_one_does_each() {
    let Some(database) = fresh() else { return };
    let roots = [tempfile::tempdir(), tempfile::tempdir()].map(|root| root.expect("a directory"));
    let (first, second, mut owner) = two(&database, [roots[0].path(), roots[1].path()]).await;
    database.meddle("UPDATE accounts SET created_us = created_us - 100::bigint * 86400000000");
    for _ in 0..3 {
        tokio::join!(first.app().accounts().tend(), second.app().accounts().tend());
    }
    for kind in ["review.opened", "review.overdue"] {
        let log = owner.get(&format!("/api/v1/audit?kind={kind}")).await.expect(200).json();
        assert_eq!(log["entries"].as_array().map(Vec::len), Some(1), "{kind}: {log}");
    }
    first.app().desk().verify_log(&[]).await.expect("verifies");
    first.stop().await.expect("stops");
    second.stop().await.expect("stops");
}

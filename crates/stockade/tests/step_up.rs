//! What is dangerous asks who is there once more, and everyday work does not.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]

use crate::browser::{Answer, Browser, PASSWORD, code, start};
use http::header;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use stockade::{desk::Paths, server::Server};

const ACCESS: &str = "__Host-stockade-access";
const REFRESH: &str = "__Host-stockade-refresh";
const EXPORT: &str = "/api/v1/audit/export";

/// Stops a server and starts another on its data, as if an hour had passed since the proofs.
async fn an_hour_later(root: &Path, server: Server) -> Server {
    server.stop().await.expect("stops");
    let database = format!("sqlite://{}", Paths::new(root).database().display());
    let mut connection = SqliteConnection::connect(&database).await.expect("opens");
    for sql in [
        "UPDATE sessions SET authenticated_us = authenticated_us - 3600000000",
        "UPDATE totp SET last_step = last_step - 120",
    ] {
        let done = sqlx::query(sql).execute(&mut connection).await.expect("ages");
        assert!(done.rows_affected() > 0, "{sql}");
    }
    connection.close().await.expect("closes");
    start(root).await
}

fn refused(answer: Answer, status: u16, code: &str) {
    let problem = answer.expect(status).json();
    assert_eq!(problem["code"], code, "{problem}");
}

async fn level(browser: &mut Browser) -> Value {
    browser.get("/api/v1/session").await.expect(200).json()["level"].clone()
}

#[tokio::test]
async fn an_old_session_proves_itself_again_and_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let recovery = browser.set_up(&server).await;
    let mut other = Browser::new(&server);
    other.sign_in("recovery", &recovery[0]).await.expect(200);
    browser.get(EXPORT).await.expect(200);
    let server = an_hour_later(directory.path(), server).await;
    let (mut browser, mut other) = (browser.moved(&server), other.moved(&server));

    assert_eq!(level(&mut browser).await, "read");
    refused(browser.get(EXPORT).await, 403, "stale");
    browser.get("/api/v1/audit").await.expect(200);
    let right = code(&browser.secret, 0);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    refused(browser.step_up("wrong", "totp", &right).await, 401, "credentials");
    refused(browser.step_up(PASSWORD, "totp", wrong).await, 401, "code");
    refused(browser.step_up(PASSWORD, "recovery", &right).await, 401, "code");
    refused(browser.get(EXPORT).await, 403, "stale");

    let mut thief = browser.clone();
    browser.step_up(PASSWORD, "totp", &code(&browser.secret, 0)).await.expect(204);
    assert_ne!(browser.cookies[ACCESS], thief.cookies[ACCESS]);
    assert_ne!(browser.cookies[REFRESH], thief.cookies[REFRESH]);
    refused(thief.get("/api/v1/audit").await, 401, "signed-out");
    assert_eq!(level(&mut browser).await, "dangerous");
    browser.get(EXPORT).await.expect(200);
    browser.post("/api/v1/session/refresh", json!({})).await.expect(204);
    let export = browser.get(EXPORT).await.expect(200).text();
    assert!(export.contains("session.stepped_up"), "{export}");

    // It was one session of one person: no other is fresh, and none is new.
    refused(other.get(EXPORT).await, 403, "stale");
    let sessions = browser.get("/api/v1/sessions").await.expect(200).json();
    assert_eq!(sessions.as_array().expect("rows").len(), 2);
    server.app().desk().verify_log(&[]).await.expect("verifies");
    let restarted = an_hour_later(directory.path(), server).await;
    refused(browser.moved(&restarted).get(EXPORT).await, 403, "stale");
    restarted.stop().await.expect("stops");
}

/// What was copied before a fresh proof is of no use after it: the access token at once, the refresh
/// token as any other that was exchanged.
#[tokio::test]
async fn a_copied_token_does_not_outlive_a_fresh_proof() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let recovery = browser.set_up(&server).await;
    let mut thief = browser.clone();
    browser.step_up(PASSWORD, "recovery", &recovery[0]).await.expect(204);
    refused(thief.get("/api/v1/sessions").await, 401, "signed-out");
    browser.get("/api/v1/sessions").await.expect(200);
    browser.post("/api/v1/session/refresh", json!({})).await.expect(204);
    thief.post("/api/v1/session/refresh", json!({})).await.expect(401);
    refused(browser.get("/api/v1/sessions").await, 401, "ended");
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    assert!(
        log.lines.iter().any(|line| line.kind == "refresh.reused"),
        "and its owner hears of it"
    );
}

#[tokio::test]
async fn a_factor_that_was_used_steps_nothing_up_and_guesses_slow_down() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let recovery = browser.set_up(&server).await;
    let server = an_hour_later(directory.path(), server).await;
    let mut browser = browser.moved(&server);

    let once = code(&browser.secret, 0);
    browser.step_up(PASSWORD, "totp", &once).await.expect(204);
    refused(browser.step_up(PASSWORD, "totp", &once).await, 401, "code");
    browser.step_up(PASSWORD, "recovery", &recovery[0]).await.expect(204);
    refused(browser.step_up(PASSWORD, "recovery", &recovery[0]).await, 401, "code");
    let log = browser.get("/api/v1/audit?kind=recovery.used").await.expect(200).json();
    assert_eq!(log["entries"].as_array().expect("entries").len(), 1, "{log}");

    let mut stopped = None;
    for _ in 0..12 {
        let answer = browser.step_up("wrong", "totp", &once).await;
        if answer.status == 429 {
            stopped = Some(answer);
            break;
        }
        refused(answer, 401, "credentials");
    }
    let stopped = stopped.expect("slowed down, as a sign-in is");
    assert!(stopped.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(stopped.json()["code"], "throttled");
    // Who is slowed down stays signed in.
    browser.get(EXPORT).await.expect(200);
    let mut nobody = Browser::new(&server);
    refused(nobody.step_up(PASSWORD, "recovery", &recovery[1]).await, 401, "signed-out");
}

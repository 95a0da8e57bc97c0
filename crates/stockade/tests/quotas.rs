//! How often somebody may ask, at the door of a real server: S08, S09, S10, M32.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]

use crate::browser::{Answer, Browser, options};
use serde_json::json;
use std::path::Path;
use stockade::server::{Rates, Server};

async fn start(root: &Path, rates: Rates) -> Server {
    let options = stockade::server::Options { rates, ..options(root) };
    Server::start(options).await.expect("starts")
}

fn refused(answer: &Answer, zone: &str) {
    assert_eq!(answer.status.as_u16(), 429, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:stockade:problem:too-many-requests");
    assert!(problem["detail"].as_str().expect("text").ends_with(&format!("({zone})")), "{problem}");
    let wait: u64 =
        answer.headers["retry-after"].to_str().expect("text").parse().expect("a number");
    assert!((1..=65).contains(&wait), "{wait}");
    // What protects every answer protects this one.
    for header in ["content-security-policy", "x-frame-options", "x-content-type-options"] {
        assert!(answer.headers.contains_key(header), "{header}");
    }
}

#[tokio::test]
async fn the_thirty_first_page_of_a_minute_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path(), Rates::default()).await;
    let mut browser = Browser::new(&server);
    for n in 0..30 {
        let answer = browser.get("/backtests").await;
        assert_ne!(answer.status.as_u16(), 429, "{n}");
    }
    refused(&browser.get("/backtests").await, "general");
    refused(&browser.get("/no/such/page").await, "general");
    // Another address is another asker, and the API has a quota of its own.
    browser.source = Some("127.0.0.2".parse().expect("an address"));
    assert_ne!(browser.get("/backtests").await.status.as_u16(), 429);
    browser.source = None;
    browser.get("/api/v1/session").await.expect(200);
}

#[tokio::test]
async fn the_sixty_first_call_of_a_minute_without_a_session_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path(), Rates::default()).await;
    let mut stranger = Browser::new(&server);
    for n in (0..60).rev() {
        // Whether the answer is a refusal or not.
        let path = if n % 2 == 0 { "/api/v1/session" } else { "/api/v1/sessions" };
        let answer = stranger.get(path).await.expect(if n % 2 == 0 { 200 } else { 401 });
        assert_eq!(answer.headers["ratelimit-policy"], "\"api\";q=60;w=60");
        let left = answer.headers["ratelimit"].to_str().expect("text").to_owned();
        assert!(left.starts_with(&format!("\"api\";r={n};t=")), "{left}");
    }
    refused(&stranger.get("/api/v1/session").await, "api");
    refused(&stranger.get("/api/v1/sessions").await, "api");
    let form = json!({ "email": "ada@example.org", "password": "a wrong one of course" });
    refused(&stranger.post("/api/v1/sign-in", form).await, "api");
}

#[tokio::test]
async fn two_people_of_one_address_have_quotas_of_their_own_by_weight() {
    let directory = tempfile::tempdir().expect("a directory");
    let rates = Rates { account: 60, api: 10_000, ..Rates::default() };
    let server = start(directory.path(), rates).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    let mut other = Browser::new(&server);
    other.sign_in("recovery", &codes[0]).await.expect(200);
    let first = owner.get("/api/v1/sessions").await.expect(200);
    let used = first.headers["ratelimit"].to_str().expect("text").to_owned();
    let left: u32 =
        used["\"account\";r=".len()..].split(';').next().expect("one").parse().expect("n");
    // The same account elsewhere uses up the same quota, by what each route weighs.
    let second = other.get("/api/v1/sessions").await.expect(200);
    let used = second.headers["ratelimit"].to_str().expect("text").to_owned();
    assert!(used.starts_with(&format!("\"account\";r={};t=", left - 1)), "{used}");
    for _ in 1..left {
        owner.get("/api/v1/sessions").await.expect(200);
    }
    refused(&owner.get("/api/v1/sessions").await, "account");
    refused(&other.get("/api/v1/sessions").await, "account");
    // Whoever is not signed in is not hurt by it.
    Browser::new(&server).get("/api/v1/session").await.expect(200);
}

#[tokio::test]
async fn the_server_looks_at_itself_and_nobody_pays_for_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path(), Rates::default()).await;
    let observatory = server.app().observatory();
    observatory.look(server.app(), &stockade::server::posture::Probe::ALL).await;
    let mut owner = Browser::new(&server);
    let answer = owner.get("/api/v1/session").await.expect(200);
    assert!(answer.headers["ratelimit"].to_str().expect("text").starts_with("\"api\";r=59;"));
    // Whoever claims to be the server is counted as anybody.
    for _ in 0..59 {
        let mut request = crate::browser::request(http::Method::GET, "/api/v1/session", None);
        request
            .headers_mut()
            .insert("stockade-self-test", "00".repeat(32).parse().expect("a value"));
        owner.raw(request).await.expect(200);
    }
    refused(&owner.get("/api/v1/session").await, "api");
}

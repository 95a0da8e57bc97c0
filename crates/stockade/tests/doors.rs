//! Sessions against thieves, servers against each other, and what a stop leaves behind.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at files the server wrote")]

use crate::browser::{Browser, options, start};
use crate::people::{New, house_with};
use edge::Drained;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::json;
use sqlx::Connection;
use stockade::{
    desk::{self, Desk, Error},
    server::Server,
};

const ACCESS: &str = "__Host-stockade-access";
const REFRESH: &str = "__Host-stockade-refresh";

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_the_session() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let thief = browser.clone();
    let refresh = "/api/v1/session/refresh";
    browser.post(refresh, json!({})).await.expect(204);
    assert_ne!(browser.cookies[REFRESH], thief.cookies[REFRESH]);
    // A second tab that asked at the same moment gets the same successor, once.
    let mut tab = thief.clone();
    tab.post(refresh, json!({})).await.expect(204);
    assert_eq!(tab.cookies[REFRESH], browser.cookies[REFRESH]);
    browser.get("/api/v1/sessions").await.expect(200);
    // Once more is a theft: everything of this session dies, the owner's access included.
    let mut thief = thief;
    thief.post(refresh, json!({})).await.expect(401);
    browser.get("/api/v1/sessions").await.expect(401);
    browser.post(refresh, json!({})).await.expect(401);
    assert!(!browser.cookies.contains_key(ACCESS), "its cookies are taken away");
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    assert!(log.lines.iter().any(|line| line.kind == "refresh.reused"));
}

/// A request of a browser that calls itself something; the status that it gets.
async fn as_agent(browser: &Browser, agent: &str, path: &str) -> u16 {
    let method = if path.ends_with("refresh") { Method::POST } else { Method::GET };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::USER_AGENT, agent)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from_static(b"{}")))
        .expect("a request");
    browser.send(request).await.status().as_u16()
}

#[tokio::test]
async fn a_session_that_goes_on_in_another_browser_ends_with_all_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let codes = browser.set_up(&server).await;
    let (firefox, newer) = ("Mozilla/5.0 Firefox/140.0", "Mozilla/5.0 Firefox/141.0");
    let path = "/api/v1/sessions";
    // The session was opened by a program that calls itself nothing: its own word is kept.
    assert_eq!(as_agent(&browser, "", path).await, 200);
    let mut other = Browser::new(&server);
    other.sign_in("recovery", &codes[0]).await.expect(200);
    assert_eq!(as_agent(&other, "", path).await, 200);
    assert_eq!(as_agent(&browser, firefox, path).await, 401);
    assert_eq!(as_agent(&browser, "", path).await, 401);
    assert_eq!(as_agent(&other, "", path).await, 401, "whoever copied one may have the other");
    let outbox = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    assert!(outbox.lines.iter().any(|line| line.kind == "account.suspected"));
    // Whoever was first seen in one version goes on in the next.
    let mut third = Browser::new(&server);
    third.sign_in("recovery", &codes[1]).await.expect(200);
    assert_eq!(as_agent(&third, firefox, path).await, 200);
    assert_eq!(as_agent(&third, newer, path).await, 200);
    // What is kept of the session speaks against it all the same once it asks for new tokens.
    assert_eq!(as_agent(&third, newer, "/api/v1/session/refresh").await, 401);
    assert_eq!(as_agent(&third, newer, path).await, 401);
}

#[tokio::test]
async fn a_session_ends_at_once_and_by_its_owner_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut first = Browser::new(&server);
    let codes = first.set_up(&server).await;
    let mut second = Browser::new(&server);
    second.sign_in("recovery", &codes[0]).await.expect(200);
    let rows = first.get("/api/v1/sessions").await.expect(200).json();
    let rows = rows.as_array().expect("rows").clone();
    assert_eq!(rows.len(), 2);
    let other = rows.iter().find(|row| row["current"] == false).expect("the second");
    assert_eq!(other["address"], "127.0.0.1");
    let handle = other["handle"].as_str().expect("a handle");
    first.delete(&format!("/api/v1/sessions/{handle}")).await.expect(204);
    second.get("/api/v1/sessions").await.expect(401);
    first.delete(&format!("/api/v1/sessions/{handle}")).await.expect(404);
    first.delete("/api/v1/sessions/nonsense").await.expect(404);
    first.get("/api/v1/sessions").await.expect(200);
}

#[tokio::test]
async fn whoever_signs_in_anew_in_one_browser_leaves_the_session_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let codes = browser.set_up(&server).await;
    let mut other = Browser::new(&server);
    other.sign_in("recovery", &codes[0]).await.expect(200);
    let mut left = browser.clone();
    browser.sign_in("recovery", &codes[1]).await.expect(200);
    assert_ne!(browser.cookies[REFRESH], left.cookies[REFRESH]);
    left.get("/api/v1/sessions").await.expect(401);
    left.post("/api/v1/session/refresh", json!({})).await.expect(401);
    let rows = browser.get("/api/v1/sessions").await.expect(200).json();
    assert_eq!(rows.as_array().expect("rows").len(), 2, "this browser's and the other one's");
    other.get("/api/v1/sessions").await.expect(200);
    // What this server never made ends nobody's session.
    let mut liar = Browser::new(&server);
    let honest = &other.cookies[REFRESH];
    let letter = if &honest[60..=60] == "A" { "B" } else { "A" };
    let bent = format!("{}{letter}{}", &honest[..60], &honest[61..]);
    liar.cookies.insert(REFRESH.to_owned(), bent);
    liar.sign_in("recovery", &codes[2]).await.expect(200);
    other.get("/api/v1/sessions").await.expect(200);
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    let ended = log.lines.iter().filter(|line| line.kind == "session.ended");
    assert_eq!(ended.count(), 1);
}

#[tokio::test]
async fn wrong_proofs_read_the_same_and_slow_down() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    browser.cookies.clear();
    let mut check = async |email: &str, password: &str| {
        let form = json!({ "email": email, "password": password });
        browser.post("/api/v1/sign-in", form).await.expect(401).text()
    };
    let known = check(crate::browser::EMAIL, "wrong").await;
    assert_eq!(known, check("nobody@example.org", "wrong").await);
    assert_eq!(known, check("no address", "wrong").await);
    assert_eq!(known, check(crate::browser::EMAIL, "").await);
    assert_eq!(known, check(crate::browser::EMAIL, &"x".repeat(5000)).await);
    let mut stopped = None;
    for _ in 0..12 {
        let form = json!({ "email": crate::browser::EMAIL, "password": "wrong" });
        let answer = browser.post("/api/v1/sign-in", form).await;
        if answer.status == 429 {
            stopped = Some(answer);
            break;
        }
    }
    let stopped = stopped.expect("slowed down");
    assert!(stopped.headers.contains_key("retry-after"));
    let log = server.app().clone();
    server.stop().await.expect("stops");
    drop(log);
    let desk = Desk::open(directory.path(), "a test", desk::now()).await.expect("opens");
    let page = desk.log(&store::LogPage::default()).await.expect("reads");
    let refused = page.lines.iter().filter(|line| line.kind == "signin.refused");
    assert!(refused.count() >= 2, "password and throttle, gathered by the minute");
}

#[tokio::test]
async fn a_second_server_on_the_same_data_hears_who_holds_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let refused = Server::start(options(directory.path())).await.err().expect("refused");
    assert!(matches!(refused, Error::InUse { .. }), "{refused}");
    let words = refused.to_string();
    let pid = std::process::id().to_string();
    assert!(words.contains("the server") && words.contains(&pid), "{words}");
    assert_eq!(server.stop().await.expect("stops"), Drained::Clean);
    let again = start(directory.path()).await;
    assert_eq!(again.stop().await.expect("stops"), Drained::Clean);
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_fix() {
    let one = tempfile::tempdir().expect("a directory");
    let two = tempfile::tempdir().expect("a directory");
    let server = start(one.path()).await;
    let mut same = options(two.path());
    same.listen = server.started.address;
    let refused = Server::start(same).await.err().expect("refused");
    let words = refused.to_string();
    let port = server.started.address.port().to_string();
    assert!(words.contains(&port) && words.contains("--listen"), "{words}");
}

#[tokio::test]
async fn the_link_is_new_at_every_start_until_there_is_an_owner() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = start(directory.path()).await;
    let link = first.started.setup_link.clone().expect("a link");
    let fingerprint = first.started.fingerprint.clone();
    first.stop().await.expect("stops");
    let second = start(directory.path()).await;
    assert_eq!(second.started.fingerprint, fingerprint);
    let fresh = second.started.setup_link.clone().expect("a link");
    assert_ne!(fresh, link);
    assert!(fresh.contains("/setup#"), "{fresh}");
    let mut browser = Browser::new(&second);
    let token = link.split_once('#').expect("#").1;
    let old =
        json!({ "token": token, "email": "a@b.example", "password": crate::browser::PASSWORD });
    browser.post("/api/v1/setup/begin", old).await.expect(401);
    browser.set_up(&second).await;
    second.stop().await.expect("stops");
    let third = start(directory.path()).await;
    assert_eq!(third.started.setup_link, None);
    // Sessions outlive a restart.
    let mut later = Browser::new(&third);
    later.cookies = browser.cookies.clone();
    later.get("/api/v1/sessions").await.expect(200);
}

const STRATEGY: &str = "version: 1\nname: N\ndata: none\nbar: 1d\nsignals:\n  long: close > 1\n\
sizing: { fixed: 1 }\ncosts: { fee_bps: 0 }\nconvention: next_open\ncash: 1000\ncurrency: USD\n";

/// Opens the stream of a backtest and reads it to its end in the background.
async fn listen(browser: &Browser, id: &str) -> tokio::task::JoinHandle<String> {
    let path = format!("/api/v1/backtests/{id}/events");
    let answer = browser.send(crate::browser::request(http::Method::GET, &path, None)).await;
    assert_eq!(answer.status(), 200);
    tokio::spawn(async move {
        let body = answer.into_body().collect().await.expect("an end").to_bytes();
        String::from_utf8(body.to_vec()).expect("text")
    })
}

#[tokio::test]
async fn streams_end_with_their_backtest_their_session_and_their_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut idle = options(directory.path());
    // Nobody works: what is asked for waits.
    idle.capacity.workers = 0;
    idle.capacity.queue = 2;
    let server = Server::start(idle).await.expect("starts");
    let mut browser = Browser::new(&server);
    let codes = browser.set_up(&server).await;
    let mut submit = async || {
        let new = json!({ "text": STRATEGY });
        let started = browser.post("/api/v1/backtests", new).await.expect(202).json();
        started["id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (submit().await, submit().await);
    let full = browser.post("/api/v1/backtests", json!({ "text": STRATEGY })).await.expect(429);
    assert!(full.headers.contains_key("retry-after"));
    let path = format!("/api/v1/backtests/{first}");
    assert_eq!(browser.get(&path).await.expect(200).json()["state"], "queued");

    let heard = listen(&browser, &first).await;
    browser.post(&format!("{path}/cancel"), json!({})).await.expect(202);
    assert!(heard.await.expect("joins").contains("event: cancelled"));
    assert_eq!(browser.get(&path).await.expect(200).json()["state"], "cancelled");

    let heard = listen(&browser, &second).await;
    browser.post("/api/v1/sign-out", json!({})).await.expect(204);
    assert!(!heard.await.expect("joins").contains("event:"), "it ended with its session");

    browser.sign_in("recovery", &codes[0]).await.expect(200);
    let heard = listen(&browser, &second).await;
    assert_eq!(server.stop().await.expect("stops"), Drained::Clean);
    assert!(!heard.await.expect("joins").contains("event:"), "it ended with its server");
    let desk = Desk::open(directory.path(), "a test", desk::now()).await.expect("opens");
    let tenant = desk.host_tenant().await.expect("reads").expect("an owner");
    let row = desk.backtest(&tenant, second.parse().expect("an id")).await.expect("reads");
    let store::BacktestState::Failed { problem } = row.state else { panic!("{row:?}") };
    assert!(problem.contains("interrupted"), "{problem}");
}

/// What an administrator decides about somebody, which has to end what that person has open.
const DECISIONS: [(&str, &str, &str); 4] = [
    ("tom@people.example", "disable", "{}"),
    ("joe@people.example", "role", r#"{"role":"viewer"}"#),
    ("ann@people.example", "end-sessions", "{}"),
    // Twin: who loses nothing by a decision about somebody else stays and goes on listening.
    ("sue@people.example", "", ""),
];

#[tokio::test]
async fn what_an_administrator_decides_ends_live_tokens_and_open_streams() {
    let directory = tempfile::tempdir().expect("a directory");
    let people = DECISIONS.map(|(email, ..)| New { email, role: "trader" });
    let (server, owner, people) = house_with(directory.path(), &people).await;
    server.stop().await.expect("stops");
    let mut idle = options(directory.path());
    // Nobody works: streams stay open until somebody ends them.
    idle.capacity.workers = 0;
    let server = Server::start(idle).await.expect("starts");
    let mut owner = owner.moved(&server);
    let mut streams = Vec::new();
    for browser in people {
        let mut browser = browser.moved(&server);
        let me = browser.get("/api/v1/session").await.expect(200).json();
        let id = me["account"]["id"].as_str().expect("an id").to_owned();
        let started = browser.post("/api/v1/backtests", json!({ "text": STRATEGY })).await;
        let backtest = started.expect(202).json()["id"].as_str().expect("an id").to_owned();
        let heard = listen(&browser, &backtest).await;
        streams.push((browser, id, heard));
    }
    for ((email, what, form), (mut browser, id, heard)) in DECISIONS.into_iter().zip(streams) {
        // Until the decision the very token is good and the stream is open.
        browser.get("/api/v1/sessions").await.expect(200);
        assert!(!heard.is_finished(), "{email} was heard of too early");
        if what.is_empty() {
            break;
        }
        let form = serde_json::from_str(form).expect("JSON");
        owner.post(&format!("/api/v1/users/{id}/{what}"), form).await.expect(204);
        let ended = browser.get("/api/v1/sessions").await.expect(401).json();
        assert_eq!(ended["code"], "ended", "{email}: {ended}");
        browser.post("/api/v1/session/refresh", json!({})).await.expect(401);
        let over = tokio::time::timeout(std::time::Duration::from_secs(20), heard).await;
        let said = over.unwrap_or_else(|_| panic!("{email} still listens after {what}"));
        assert!(!said.expect("joins").contains("event:"), "{email}");
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn what_a_stop_interrupts_is_said_at_the_next_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let desk = server.app().desk().clone();
    let tenant = desk.host_tenant().await.expect("reads").expect("an owner");
    // As if the process were killed between the two commits.
    let id = desk.queue_backtest(&tenant, None, STRATEGY).await.expect("queues");
    let orphan = desk.paths().results(tenant.account()).join("orphan");
    std::fs::create_dir_all(&orphan).expect("makes");
    drop(desk);
    server.stop().await.expect("stops");
    let server = start(directory.path()).await;
    let mut later = Browser::new(&server);
    later.cookies = browser.cookies.clone();
    let row = later.get(&format!("/api/v1/backtests/{id}")).await.expect(200).json();
    assert_eq!(row["state"], "failed");
    assert_eq!(row["problem"]["code"], "interrupted");
    assert!(!orphan.exists());
}

#[tokio::test]
async fn everybodys_sessions_end_in_one_act() {
    let directory = tempfile::tempdir().expect("a directory");
    let people = [
        New { email: "bob@people.example", role: "admin" },
        New { email: "sue@people.example", role: "support" },
        New { email: "tom@people.example", role: "trader" },
    ];
    let (server, mut owner, mut people) = house_with(directory.path(), &people).await;
    let end = "/api/v1/sessions/end-all";
    let form = |own: &str| json!({ "own": own });
    for browser in &mut people[1..] {
        browser.post(end, form("keep")).await.expect(403);
    }
    owner.post(end, json!({})).await.expect(422);
    owner.post(end, form("maybe")).await.expect(422);
    people[2].get("/api/v1/sessions").await.expect(200);

    // An administrator ends everybody's but owners'; their own goes on if they say so.
    let ended = people[0].post(end, form("keep")).await.expect(200).json();
    assert_eq!(ended["ended"], 2, "{ended}");
    people[0].get("/api/v1/sessions").await.expect(200);
    owner.get("/api/v1/sessions").await.expect(200);
    for browser in &mut people[1..] {
        let over = browser.get("/api/v1/sessions").await.expect(401).json();
        assert_eq!(over["code"], "ended", "{over}");
        browser.post("/api/v1/session/refresh", json!({})).await.expect(401);
    }
    let log = owner.get("/api/v1/audit?kind=sessions.all_ended").await.expect(200).json();
    let entry = &log["entries"][0];
    let said = entry["summary"].to_string();
    assert!(said.contains("count 2") && said.contains("spared owners"), "{log}");
    let ended = owner.post(end, form("end")).await.expect(200).json();
    assert_eq!(ended["ended"], 2, "{ended}");
    owner.get("/api/v1/sessions").await.expect(401);
    people[0].get("/api/v1/sessions").await.expect(401);
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_proof_that_is_not_fresh_does_not_end_everybodys_sessions() {
    let directory = tempfile::tempdir().expect("a directory");
    let people = [New { email: "tom@people.example", role: "trader" }];
    let (server, owner, people) = house_with(directory.path(), &people).await;
    server.stop().await.expect("stops");
    let mut connection = crate::people::open(directory.path()).await;
    // Ten minutes: fresh enough for one account's sessions, not for all.
    let aged = "UPDATE sessions SET authenticated_us = authenticated_us - 600000000";
    sqlx::query(aged).execute(&mut connection).await.expect("ages");
    connection.close().await.expect("closes");
    let server = start(directory.path()).await;
    let (mut owner, mut tom) = (owner.moved(&server), people[0].moved(&server));
    let refused = owner.post("/api/v1/sessions/end-all", json!({ "own": "keep" })).await;
    assert_eq!(refused.expect(403).json()["code"], "stale");
    let me = tom.get("/api/v1/session").await.expect(200).json();
    let id = me["account"]["id"].as_str().expect("an id");
    owner.post(&format!("/api/v1/users/{id}/end-sessions"), json!({})).await.expect(204);
    tom.get("/api/v1/sessions").await.expect(401);
    server.stop().await.expect("stops");
}

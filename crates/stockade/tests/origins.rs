//! What other sites' pages can make a browser send, and cookies that others put into it.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the helpers of tests look at files")]

use crate::browser::{Browser, EMAIL, PASSWORD, request, start};
use crate::people::{New, server_with};
use axum::{Router, body::Body, extract::Request, http::StatusCode, routing::any};
use http::{HeaderMap, Method, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use stockade::server::{Row, routes};
use tower::ServiceExt;

const ACCESS: &str = "__Host-stockade-access";
const REFRESH: &str = "__Host-stockade-refresh";
const DEVICE: &str = "__Host-stockade-device";

/// The header lines by which a browser tells of another site's page.
const PAGES: &[&[(&str, &str)]] = &[
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
    &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
    &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://localhost")],
    &[("origin", "https://evil.example")],
    &[("origin", "https://localhost:3000")],
    &[("origin", "https://localhost.evil.example")],
    &[("origin", "http://localhost")],
    &[("origin", "null")],
];

/// Content types that a page may send without asking first (Fetch, "CORS-safelisted").
const FORMS: &[(&str, &str)] = &[
    ("text/plain", r#"{"name":"=","text":"="}"#),
    ("text/plain;charset=UTF-8", r#"{"name":"=","text":"="}"#),
    ("application/x-www-form-urlencoded", "name=x&text=y"),
    ("application/x-www-form-urlencoded", r#"{"name":"x","text":"y","z":"="}"#),
    ("multipart/form-data; boundary=x", "--x\r\n\r\n{}\r\n--x--"),
    ("text/plain, application/json", "{}"),
    ("text/plain; application/json", "{}"),
    ("application/json-patch", "{}"),
    ("", "{}"),
];

type Sent = http::Request<Full<Bytes>>;

/// Everything that a page of another site can send to a row, each with its words.
fn attacks(row: &Row, body: &Value) -> Vec<(String, Sent)> {
    let path = row.path.replace(['{', '}'], "");
    let mut made = Vec::new();
    for lines in PAGES {
        let mut sent = request(row.method.clone(), &path, Some(body.clone()));
        for (name, value) in *lines {
            sent.headers_mut().insert(*name, value.parse().expect("text"));
        }
        made.push((format!("{lines:?}"), sent));
    }
    // The browser is so old that it says nothing: the form itself gives it away.
    for (kind, text) in FORMS.iter().filter(|_| row.method == Method::POST) {
        let mut sent = request(row.method.clone(), &path, Some(json!({})));
        *sent.body_mut() = Full::new(Bytes::from_static(text.as_bytes()));
        sent.headers_mut().remove(header::CONTENT_TYPE);
        if !kind.is_empty() {
            sent.headers_mut().insert(header::CONTENT_TYPE, kind.parse().expect("a type"));
        }
        made.push((format!("a form as {kind:?}"), sent));
    }
    made
}

/// A body that a row takes, from the published document.
fn body(document: &Value, row: &Row) -> Value {
    let verb = row.method.as_str().to_ascii_lowercase();
    let content = &document["paths"][row.path][&verb]["requestBody"]["content"];
    let example = &content["application/json"]["example"];
    if example.is_null() { json!({}) } else { example.clone() }
}

fn shares_nothing(headers: &HeaderMap, what: &str) {
    let shared = headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(shared, None, "{what}");
}

#[tokio::test]
async fn no_page_of_another_site_does_anything() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let document: Value =
        serde_json::from_str(&routes::table().document().expect("a document")).expect("JSON");
    let before = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    let mut walked = 0;
    for row in routes::table().rows() {
        if row.method == Method::GET || row.path == "/csp-report" {
            continue;
        }
        walked += 1;
        for (what, sent) in attacks(row, &body(&document, row)) {
            let answer = browser.raw(sent).await;
            let what = format!("{} {}: {what}", row.method, row.path);
            shares_nothing(&answer.headers, &what);
            assert!(!answer.headers.contains_key(header::SET_COOKIE), "{what}");
            let status = answer.status.as_u16();
            // What is no submission is none whoever sends it; no cookie counts there.
            let is_none = row.path.starts_with("/log/") && status == 400;
            // A form that says nothing of where it comes from is a program's, and this one is no report.
            let is_form = row.intake.media == ["application/x-www-form-urlencoded"];
            let is_none = is_none || is_form && status == 422 && what.contains("a form as");
            assert!(is_none || [403, 415].contains(&status), "{what}: {status} {}", answer.text());
        }
        // A page that asks first whether it may is told nothing that lets it.
        let mut asked = request(Method::OPTIONS, &row.path.replace(['{', '}'], ""), None);
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("access-control-request-method", row.method.as_str()),
            ("access-control-request-headers", "content-type"),
        ] {
            asked.headers_mut().insert(name, value.parse().expect("text"));
        }
        shares_nothing(&browser.raw(asked).await.headers, row.path);
    }
    assert!(walked >= 20, "{walked}");
    // The owner is still there, and nothing was written, not even into the log.
    browser.get("/api/v1/sessions").await.expect(200);
    assert_eq!(browser.get("/api/v1/strategies").await.expect(200).json(), json!([]));
    let after = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    assert_eq!(after.lines.len(), before.lines.len());
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn no_page_of_another_site_reads_anything() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let mut walked = 0;
    for row in routes::table().rows().iter().filter(|row| row.method == Method::GET) {
        let path = row.path.replace(['{', '}'], "");
        for lines in PAGES.iter().filter(|lines| lines[0] == ("sec-fetch-site", "cross-site")) {
            let mut sent = request(Method::GET, &path, None);
            for (name, value) in *lines {
                sent.headers_mut().insert(*name, value.parse().expect("text"));
            }
            let answer = browser.raw(sent).await;
            shares_nothing(&answer.headers, row.path);
            assert_eq!(answer.headers["cross-origin-resource-policy"], "same-origin");
            // A link may lead to a page; an address of data is no page.
            if row.path.starts_with("/api/") {
                walked += 1;
                assert_eq!(answer.status, 403, "{} {lines:?}", row.path);
            }
        }
    }
    assert!(walked >= 60, "{walked}");
    server.stop().await.expect("stops");
}

/// A server that looks at the cookie and at nothing else.
#[tokio::test]
async fn the_same_requests_move_a_weak_server() {
    let acts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&acts);
    let handler = move |request: Request| async move {
        let signed = request.headers().get(header::COOKIE).is_some();
        let bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
        if signed && !bytes.is_empty() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        StatusCode::NO_CONTENT
    };
    let weak = Router::new().fallback(any(handler));
    let mut sent = 0;
    for row in routes::table().rows().iter().filter(|row| row.method == Method::POST) {
        for (_, one) in attacks(row, &json!({})) {
            let mut one = one.map(Body::new);
            one.headers_mut().insert(header::COOKIE, "a=b".parse().expect("a cookie"));
            assert_eq!(weak.clone().oneshot(one).await.expect("an answer").status(), 204);
            sent += 1;
        }
    }
    assert_eq!(acts.load(Ordering::SeqCst), sent);
}

#[tokio::test]
async fn a_planted_cookie_is_not_what_a_sign_in_gives() {
    let root = tempfile::tempdir().expect("a directory");
    let mallory = New { email: "mallory@people.example", role: "trader" };
    let (server, mut people) = server_with(root.path(), &[mallory]).await;
    let mut mallory = people.remove(0);
    let own = mallory.get("/api/v1/session").await.expect(200).json()["account"]["id"].clone();
    let planted = mallory.cookies.clone();
    let made_up = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let made_up =
        [ACCESS, REFRESH, DEVICE].map(|name| (name.to_owned(), made_up.to_owned())).into();
    for (what, cookies) in [("made up", made_up), ("of a live session", planted.clone())] {
        let mut victim = Browser::new(&server);
        victim.cookies = cookies;
        let before = victim.cookies.clone();
        // The factor is refused, so nothing is opened: the password alone changes no cookie.
        let form = json!({ "email": EMAIL, "password": PASSWORD });
        let asked = victim.post("/api/v1/sign-in", form).await.expect(200).json();
        assert_eq!(victim.cookies, before, "{what}");
        let challenge = &asked["challenge"];
        let factor = json!({ "challenge": challenge, "kind": "totp", "code": "000000" });
        victim.post("/api/v1/sign-in/factor", factor).await.expect(401);
        assert_eq!(victim.cookies, before, "{what}");
    }
    // Mallory's session is what it was, hers alone, whoever carried its cookies about.
    let state = mallory.get("/api/v1/session").await.expect(200).json();
    assert_eq!(state["account"]["id"], own);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_sign_in_opens_a_session_that_nobody_knew_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    let first = owner.cookies.clone();
    // An attacker holds what the browser holds before the sign-in.
    let mut victim = owner.clone();
    let answer = victim.sign_in("recovery", &codes[0]).await.expect(200);
    for token in victim.cookies.values() {
        assert!(!answer.text().contains(token), "a token stands in a cookie and nowhere else");
    }
    for name in [ACCESS, REFRESH] {
        assert_ne!(victim.cookies[name], first[name], "{name}");
    }
    let rows = victim.get("/api/v1/sessions").await.expect(200).json();
    let handles: Vec<&Value> =
        rows.as_array().expect("rows").iter().map(|r| &r["handle"]).collect();
    assert_eq!(handles.len(), 1, "a session of its own, in the place of the one before");
    owner.get("/api/v1/sessions").await.expect(401);
    // Made-up cookies open nothing afterwards either, and go away where they are shown.
    let mut planted = Browser::new(&server);
    let made_up = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    planted.cookies =
        [ACCESS, REFRESH, DEVICE].map(|name| (name.to_owned(), made_up.to_owned())).into();
    planted.sign_in("recovery", &codes[1]).await.expect(200);
    for name in [ACCESS, REFRESH, DEVICE] {
        assert_ne!(planted.cookies[name], made_up, "{name}");
    }
    let mut attacker = Browser::new(&server);
    attacker.cookies =
        [ACCESS, REFRESH, DEVICE].map(|name| (name.to_owned(), made_up.to_owned())).into();
    attacker.get("/api/v1/sessions").await.expect(401);
    attacker.post("/api/v1/session/refresh", json!({})).await.expect(401);
    assert!(!attacker.cookies.contains_key(ACCESS) && !attacker.cookies.contains_key(REFRESH));
    // Two of one name: whoever planted the second one wins nothing.
    let path = "/api/v1/sessions";
    let mut twice = request(Method::GET, path, None);
    let pairs = format!("{ACCESS}={made_up}; {ACCESS}={}", planted.cookies[ACCESS]);
    twice.headers_mut().insert(header::COOKIE, pairs.parse().expect("cookies"));
    Browser::new(&server).raw(twice).await.expect(401);
    planted.get(path).await.expect(200);
    server.stop().await.expect("stops");
}

//! Bodies that are too large, too deep, double, foreign or no JSON at all, at every route that takes one.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the helpers of tests look at files")]

use crate::browser::{Browser, request, start};
use http::header;
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::fmt::Write as _;
use stockade::server::{Row, headers::ALWAYS, routes};

/// What is wrong, the bytes, and the status that it gets.
type Bad = (&'static str, Vec<u8>, u16);

fn repeated(open: &str, close: &str, times: usize) -> Vec<u8> {
    format!("{}1{}", open.repeat(times), close.repeat(times)).into_bytes()
}

fn bad(bytes_max: usize) -> Vec<Bad> {
    let text = |what, text: &str| (what, text.as_bytes().to_vec(), 422);
    let mut many = String::from("{\"a\":0");
    for n in 0..10_001 {
        let _ = write!(many, ",\"k{n}\":0");
    }
    many.push('}');
    let fits = bytes_max / 8;
    let mut rows = vec![
        ("a byte too many", format!("{{\"a\":\"{}\"}}", "x".repeat(bytes_max - 7)).into(), 413),
        ("ten times too many", vec![b' '; bytes_max * 10], 413),
        ("deep arrays", repeated("[", "]", fits), 422),
        ("deep objects", repeated("{\"a\":", "}", fits), 422),
        ("one level too deep", repeated("{\"a\":", "}", 17), 422),
        ("never closed", b"[".repeat(fits), 422),
        ("a long key", format!("{{\"{}\":1}}", "k".repeat(129)).into(), 422),
        ("no UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec(), 422),
        ("overlong", b"{\"a\":\"\xc0\xaf\"}".to_vec(), 422),
        ("UTF-16", b"{\0\"\0a\0\"\0:\x001\0}\0".to_vec(), 422),
        ("a mark first", b"\xef\xbb\xbf{}".to_vec(), 422),
        ("binary", (0..=255).collect(), 422),
        text("nothing", ""),
        text("blanks", " \n\t"),
        text("null", "null"),
        text("a number", "7"),
        text("a text", "\"{}\""),
        text("an empty list", "[]"),
        text("a list of lists", "[[],[]]"),
        text("a key twice", r#"{"a":1,"a":2}"#),
        text("a key twice, once written otherwise", r#"{"a":1,"\u0061":2}"#),
        text("a key twice, inside", r#"{"x":[{"a":1,"b":{"a":1,"a":2}}]}"#),
        text("a foreign key", r#"{"zzz":1}"#),
        text("a prototype", r#"{"__proto__":{"admin":true}}"#),
        text("a constructor", r#"{"constructor":{"prototype":{"admin":true}}}"#),
        text("another's account", r#"{"account_id":"01890000-0000-7000-8000-000000000000"}"#),
        text("half a pair", r#"{"a":"\ud800"}"#),
        text("a raw line end", "{\"a\":\"x\ny\"}"),
        text("an infinite number", r#"{"a":1e999}"#),
        text("an inexact number", r#"{"a":9007199254740993}"#),
        text("no number", r#"{"a":NaN}"#),
        text("more behind", r#"{} {"a":1}"#),
        text("a remark", "{}// x"),
        text("a comma", "{,}"),
        text("other quotes", "{'a':1}"),
        text("cut off", r#"{"a":"#),
    ];
    if many.len() < bytes_max {
        rows.push(("many keys", many.into_bytes(), 422));
    }
    rows
}

/// The log's protocols have texts of their own, which `witnesses.rs` sends; forms of a browser without a script
/// come from `disclosure.rs`, and what a processor signs from `payments.rs`.
fn takes_text(row: &Row) -> bool {
    ["/log/", "/security/", "/v1/payments/"].iter().any(|other| row.path.starts_with(other))
}

fn rows() -> Vec<Row> {
    let ours = |row: &&Row| row.takes.is_some() && row.path != "/csp-report" && !takes_text(row);
    routes::table().rows().iter().filter(ours).cloned().collect()
}

async fn send(browser: &mut Browser, row: &Row, kind: &[&str], bytes: Vec<u8>) -> (u16, String) {
    let path = row.path.replace("{id}", "01890000-0000-7000-8000-000000000000");
    let path = path.replace(['{', '}'], "");
    let mut sent = request(row.method.clone(), &path, Some(json!({})));
    *sent.body_mut() = Full::new(Bytes::from(bytes));
    sent.headers_mut().remove(header::CONTENT_TYPE);
    for one in kind {
        sent.headers_mut().append(header::CONTENT_TYPE, one.parse().expect("a type"));
    }
    let answer = browser.raw(sent).await;
    let text = answer.text();
    for (name, value) in ALWAYS {
        assert_eq!(answer.headers[&name], value, "{path}");
    }
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json", "{path}: {text}");
    assert!(answer.json()["detail"].is_string(), "{path}: {text}");
    (answer.status.as_u16(), text)
}

#[tokio::test]
async fn no_body_that_is_wrong_gets_through_anywhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let (rows, mut walked) = (rows(), 0);
    for row in &rows {
        for (what, bytes, want) in bad(row.intake.bytes_max) {
            walked += 1;
            let (status, text) = send(&mut browser, row, &["application/json"], bytes).await;
            assert_eq!(status, want, "{} {}: {what}: {text}", row.method, row.path);
        }
    }
    assert!(rows.len() >= 19 && walked > 600, "{} rows, {walked} bodies", rows.len());
    nothing_was_kept(&mut browser).await;
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_body_is_an_object_and_no_list_of_its_values() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    for row in &rows() {
        // What programs without names send: some readers take values by their place.
        for count in 1..8 {
            let list = json!(vec!["x"; count]).to_string().into_bytes();
            let (status, text) = send(&mut browser, row, &["application/json"], list).await;
            assert_eq!(status, 422, "{} {count}: {text}", row.path);
        }
    }
    // Nor is an object in a body.
    let form =
        |proof: Value| json!({ "password": "nine quiet herons wade upstream", "proof": proof });
    for (proof, pointer) in [
        (json!([crate::browser::PASSWORD]), "/proof"),
        (
            json!({ "password": crate::browser::PASSWORD, "factor": ["totp", "123456"] }),
            "/proof/factor",
        ),
    ] {
        let refused =
            browser.post("/api/v1/account/password", form(proof)).await.expect(422).json();
        assert_eq!(refused["pointer"], pointer, "{refused}");
        assert!(refused["detail"].to_string().contains("sequence"), "{refused}");
    }
    nothing_was_kept(&mut browser).await;
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn only_json_is_taken_for_json() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let kinds: &[&[&str]] = &[
        &[],
        &["text/plain"],
        &["text/json"],
        &["application/x-www-form-urlencoded"],
        &["multipart/form-data; boundary=x"],
        &["application/json; charset=utf-16"],
        &["application/json; charset=utf-7"],
        &["application/json; profile=x"],
        &["application/json, text/plain"],
        &["application/json", "application/json"],
        &["application/xml"],
        &["application/yaml"],
        &["application/octet-stream"],
        &["*/*"],
    ];
    for row in &rows() {
        for kind in kinds {
            let (status, text) = send(&mut browser, row, kind, b"{}".to_vec()).await;
            assert_eq!(status, 415, "{} {kind:?}: {text}", row.path);
        }
    }
    nothing_was_kept(&mut browser).await;
    server.stop().await.expect("stops");
}

/// The server works, the session lives, and nothing was made.
async fn nothing_was_kept(browser: &mut Browser) {
    browser.get("/health").await.expect(200);
    browser.get("/api/v1/sessions").await.expect(200);
    for path in ["/api/v1/strategies", "/api/v1/factors", "/api/v1/backtests"] {
        let kept: Value = browser.get(path).await.expect(200).json();
        assert_eq!(kept, json!([]), "{path}");
    }
}

//! What every answer carries, and who gets through to what.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]

use crate::browser::{Answer, Browser, request, start};
use http::{Method, header};
use serde_json::{Value, json};
use stockade::server::{
    Rule,
    headers::{ALWAYS, CONTENT_SECURITY_POLICY},
    names, routes,
};

fn hardened(answer: &Answer) {
    for (name, value) in ALWAYS {
        let found = answer.headers.get(&name).map(|found| found.to_str().expect("text"));
        assert_eq!(found, Some(value), "{name} on {}", answer.status);
    }
    assert!(answer.headers.contains_key("x-request-id"));
    assert!(answer.headers.contains_key(header::CACHE_CONTROL));
    assert!(!answer.headers.contains_key(header::STRICT_TRANSPORT_SECURITY), "localhost");
    if answer.status.is_client_error() || answer.status.is_server_error() {
        let kind =
            answer.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().expect("text"));
        assert_eq!(kind, Some("application/problem+json"), "{}", answer.status);
        assert!(answer.json()["fix"].is_string(), "{}", answer.text());
    }
}

#[tokio::test]
async fn every_status_carries_the_headers() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let check = async |answer: Answer, status: u16| hardened(&answer.expect(status));
    check(browser.get("/health").await, 200).await;
    check(browser.get("/api/v1/nothing").await, 404).await;
    check(browser.get("/assets/nothing.js").await, 404).await;
    check(browser.get("/api/v1/datasets").await, 401).await;
    check(browser.delete("/health").await, 405).await;
    check(browser.post("/api/v1/sign-in", json!({ "email": 1 })).await, 422).await;
    let mut foreign = request(Method::POST, "/api/v1/sign-out", Some(json!({})));
    foreign.headers_mut().insert("sec-fetch-site", "same-site".parse().expect("text"));
    check(browser.raw(foreign).await, 403).await;
    let mut elsewhere = request(Method::GET, "/health", None);
    elsewhere.headers_mut().insert(header::HOST, "evil.example".parse().expect("a host"));
    check(browser.raw(elsewhere).await, 421).await;
    let mut form = request(Method::POST, "/api/v1/sign-in", Some(json!({})));
    let kind = "application/x-www-form-urlencoded".parse().expect("a type");
    form.headers_mut().insert(header::CONTENT_TYPE, kind);
    check(browser.raw(form).await, 415).await;
    let huge = json!({ "email": "x".repeat(300_000) });
    check(browser.post("/api/v1/sign-in", huge).await, 413).await;
    // A database that is gone is our own fault, and the answer tells nothing of it.
    server.app().desk().close().await;
    let broken = browser.get("/security/policy").await;
    assert!(!broken.text().contains("stockade.db"), "{}", broken.text());
    check(broken, 500).await;
    assert!(CONTENT_SECURITY_POLICY.contains("require-trusted-types-for 'script'"));
}

#[tokio::test]
async fn nobody_anonymous_gets_through_to_anything_but_the_open_routes() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let table = routes::table();
    let mut guarded = 0;
    for row in table.rows() {
        let path = row
            .path
            .replace("{id}", "01890000-0000-7000-8000-000000000000")
            .replace("{name}", "x")
            .replace("{index}", "0")
            .replace("{claim}", "M13")
            .replace("{language}", "en")
            .replace("{sha256}", "0")
            .replace("{handle}", "x");
        let body = (row.method != Method::GET).then(|| json!({}));
        let answer = browser.raw(request(row.method.clone(), &path, body)).await;
        hardened(&answer);
        match row.rule {
            Rule::Needs(_) | Rule::Fresh(..) => {
                guarded += 1;
                let problem = answer.expect(401).json();
                assert_eq!(problem["code"], "signed-out", "{} {path}", row.method);
            }
            Rule::Open(reason) => assert!(!reason.is_empty()),
        }
    }
    assert!(guarded >= 25, "{guarded}");
}

#[tokio::test]
async fn the_document_covers_every_route_and_all_that_it_refers_to() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let document = browser.get("/openapi.json").await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    for row in routes::table().rows() {
        let verb = row.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][row.path.replace("{*", "{")][&verb];
        assert_eq!(operation["x-stockade-cost"], row.cost.as_str());
        assert_eq!(operation["x-stockade-body"], row.intake.bytes_max);
        let permission = row.rule.permission().map(names::permission);
        assert_eq!(operation["x-stockade-permission"].as_str(), permission.as_deref());
        assert_eq!(operation["x-stockade-level"].as_str(), row.rule.level().map(names::level));
        for body in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            assert!(!body.1["example"].is_null(), "{verb} {}", row.path);
        }
        // A form is refused on a page as well, which `routes` looks at.
        let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"];
        let shared = (!form.is_object()).then_some("#/components/responses/Refusal422");
        assert_eq!(operation["responses"]["422"]["$ref"].as_str(), shared);
        assert!(operation["summary"].is_string(), "{verb} {}", row.path);
        let open = matches!(row.rule, Rule::Open(_));
        assert_eq!(operation["security"].is_null(), open, "{verb} {}", row.path);
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match (name.as_str(), inner) {
                    ("$ref", Value::String(text)) => references.push(text.clone()),
                    _ => collect(inner, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[tokio::test]
async fn a_wrong_body_is_named_by_its_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let mut check = async |body: &'static str, place: &str, word: &str| {
        let mut sent = request(Method::POST, "/api/v1/sign-in", Some(json!({})));
        *sent.body_mut() = http_body_util::Full::new(body.into());
        let problem = browser.raw(sent).await.expect(422).json();
        assert!(problem["detail"].as_str().expect("text").contains(word), "{problem}");
        let found = problem["place"].as_str().unwrap_or_default();
        assert!(found.starts_with(place), "{problem}");
    };
    check(r#"{"email":"a@b.c","password":7}"#, "password", "invalid type").await;
    check(r#"{"email":"a@b.c","pass":"x"}"#, "pass", "unknown field").await;
    check(r#"{"email":"a@b.c","email":"b@b.c"}"#, "", "duplicate field").await;
    check(r#"{"email":"a@b.c""#, "", "EOF").await;
    check(r#"{"email":"a@b.c","password":"x"} x"#, "", "after").await;
}

#[tokio::test]
async fn violations_are_counted_without_secrets() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let report = json!({ "csp-report": {
        "document-uri": "https://localhost:8443/setup#secret",
        "effective-directive": "script-src-elem",
        "blocked-uri": "inline",
    } });
    let mut sent = request(Method::POST, "/csp-report", Some(report));
    let kind = "application/csp-report".parse().expect("a type");
    sent.headers_mut().insert(header::CONTENT_TYPE, kind);
    sent.headers_mut().insert("sec-fetch-site", "cross-site".parse().expect("text"));
    browser.raw(sent).await.expect(204);
    browser.set_up(&server).await;
    let seen = browser.get("/api/v1/csp-reports").await.expect(200);
    assert!(!seen.text().contains("secret"));
    let seen = seen.json();
    assert_eq!(seen["count"], 1);
    assert_eq!(seen["latest"][0]["page"], "/setup");
    assert_eq!(seen["latest"][0]["directive"], "script-src-elem");
}

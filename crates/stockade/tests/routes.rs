//! The table of routes against the server that is made from it.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test reads the source")]

use crate::browser::{Answer, Browser, request, start};
use http::{Method, header};
use http_body_util::Full;
use identity::{Level, Permission};
use serde_json::{Value, json};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};
use stockade::server::{Cost, Row, Rule, Table, Words, names, routes};

fn document() -> Value {
    serde_json::from_str(&routes::table().document().expect("a document")).expect("JSON")
}

/// A path that can be asked for.
fn filled(row: &Row) -> String {
    row.path
        .replace("{id}", "01890000-0000-7000-8000-000000000000")
        .replace("{handle}", "01890000-0000-7000-8000-000000000000")
        .replace("{name}", "x")
        .replace("{index}", "0")
        .replace("{language}", "en")
        .replace("{number}", "1")
}

/// Rows that take JSON of ours, with the schema of their body.
fn bodies(document: &Value, table: &Table) -> Vec<(Row, Value)> {
    // The log's protocols have texts of their own, and what a processor signs has the processor's keys.
    let json = |row: &Row| {
        let others = ["/log/", "/v1/payments/"];
        row.path != "/csp-report" && !others.iter().any(|other| row.path.starts_with(other))
    };
    let form = "application/x-www-form-urlencoded";
    let ours = |row: &&Row| row.takes.is_some() && json(row);
    let schema = |row: &Row| {
        let verb = row.method.as_str().to_ascii_lowercase();
        let body = &document["paths"][row.path][&verb]["requestBody"]["content"];
        let media = if body[form].is_object() { form } else { "application/json" };
        resolved(document, &body[media]["schema"]).clone()
    };
    table.rows().iter().filter(ours).map(|row| (row.clone(), schema(row))).collect()
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).expect("inside the document"),
        None => schema,
    }
}

/// Objects in a schema that take keys which they do not name.
fn loose(document: &Value, schema: &Value, place: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if schema["properties"].is_object() && schema["additionalProperties"] != json!(false) {
        found.push(place.to_owned());
    }
    if schema["type"] == "object" && !schema["properties"].is_object() {
        found.push(place.to_owned());
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        loose(document, inner, &format!("{place}.{name}"), found);
    }
    if schema["items"].is_object() {
        loose(document, &schema["items"], &format!("{place}[]"), found);
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        for inner in schema[word].as_array().into_iter().flatten() {
            loose(document, inner, place, found);
        }
    }
}

#[test]
fn every_body_refuses_keys_that_it_does_not_know() {
    let (document, table) = (document(), routes::table());
    let bodies = bodies(&document, &table);
    assert!(bodies.len() >= 19, "{}", bodies.len());
    for (row, schema) in &bodies {
        let mut found = Vec::new();
        loose(&document, schema, row.takes.as_deref().unwrap_or_default(), &mut found);
        assert!(
            found.is_empty(),
            "{} {}: deny_unknown_fields is missing at {found:?}",
            row.method,
            row.path
        );
    }
    let bad = json!({ "type": "object", "properties": { "a": { "type": "array", "items": {
        "type": "object", "properties": { "b": { "type": "string" } } } } },
        "additionalProperties": false });
    let mut found = Vec::new();
    loose(&document, &bad, "Bad", &mut found);
    assert_eq!(found, ["Bad.a[]"], "the test can fail");
}

/// Two schemas of one name.
mod one {
    #[derive(utoipa::ToSchema)]
    #[allow(dead_code, reason = "a schema")]
    pub struct Line(String);
    #[derive(utoipa::ToSchema)]
    #[allow(dead_code, reason = "a schema")]
    pub struct Page {
        lines: Vec<Line>,
    }
}
mod other {
    #[derive(utoipa::ToSchema)]
    #[allow(dead_code, reason = "a schema")]
    pub struct Line(u8);
    #[derive(utoipa::ToSchema)]
    #[allow(dead_code, reason = "a schema")]
    pub struct Page {
        lines: Vec<Line>,
    }
}

#[test]
fn every_body_and_answer_of_the_document_has_a_type_and_forms_are_refused_on_a_page() {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.values().flat_map(|item| item.as_object().expect("methods").values());
    for operation in operations {
        let takes = &operation["requestBody"]["content"];
        for media in takes.as_object().into_iter().flat_map(|content| content.keys()) {
            assert!(media.contains('/'), "{media:?} of {}", operation["operationId"]);
        }
        let refused = resolved(&document, &operation["responses"]["422"]);
        let is_form = takes["application/x-www-form-urlencoded"].is_object();
        let shown = refused["content"]["text/html"].is_object();
        assert_eq!(shown, is_form, "{}", operation["operationId"]);
        assert!(refused["content"]["application/problem+json"].is_object());
    }
}

#[test]
fn a_schemas_name_means_one_schema() {
    assert!(routes::table().clashes().is_empty(), "{:?}", routes::table().clashes());
    let words = || Words::new(Cost::Light, "a clash");
    let open = Rule::Open("a test");
    let table = Table::default().get("/a", open, words().json::<one::Page>(), async || "").get(
        "/b",
        open,
        words().json::<other::Page>(),
        async || "",
    );
    assert_eq!(table.clashes(), ["Line"], "the test can fail");
}

#[test]
fn a_level_is_the_permissions_or_above_it() {
    let check = |rule: Rule, want: Option<Level>| assert_eq!(rule.level(), want, "{rule:?}");
    check(Rule::Open("x"), None);
    check(Rule::Needs(Permission::OwnSessions), Some(Level::Read));
    check(Rule::Needs(Permission::AuditExport), Some(Level::Dangerous));
    check(Rule::Fresh(Permission::OwnSessions, Level::Write), Some(Level::Write));
    check(Rule::Fresh(Permission::AuditExport, Level::Read), Some(Level::Dangerous));
}

/// Lines of a source that mount a route beside the table.
fn strays(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mounts = [".route(", ".nest(", ".merge(", ".route_service(", ".nest_service("];
    code.lines().filter(|line| mounts.iter().any(|mount| line.contains(mount))).collect()
}

#[test]
fn no_route_is_mounted_beside_the_table() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server");
    let mut read = 0;
    for place in [sources.clone(), sources.join("handlers")] {
        for entry in std::fs::read_dir(place).expect("a directory") {
            let path = entry.expect("an entry").path();
            // The machines' port is another door with routes of its own, behind a certificate.
            let own = path.ends_with("table.rs") || path.ends_with("server/machines.rs");
            if own || path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            read += 1;
            let text = std::fs::read_to_string(&path).expect("text");
            assert_eq!(strays(&text), Vec::<&str>::new(), "{}", path.display());
        }
    }
    assert!(read > 30, "{read}");
    assert_eq!(strays("Router::new()\n    .route(\"/x\", get(x))").len(), 1, "the test can fail");
}

#[tokio::test]
async fn two_rows_of_one_method_and_path_do_not_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let words = || Words::new(Cost::Light, "a test");
    let open = Rule::Open("a test");
    let twice = |path| {
        Table::default().get("/a", open, words(), async || "").get(path, open, words(), async || "")
    };
    let starts =
        |table: Table| catch_unwind(AssertUnwindSafe(|| drop(table.router(server.app())))).is_ok();
    assert!(starts(twice("/b")));
    assert!(!starts(twice("/a")));
    server.stop().await.expect("stops");
}

/// A refusal as RFC 9457 and we want it.
fn problem(answer: Answer, status: u16, code: &str) -> Value {
    let kind = answer.headers[header::CONTENT_TYPE].clone();
    let problem = answer.expect(status).json();
    assert_eq!(kind, "application/problem+json", "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["type"], format!("urn:stockade:problem:{code}"));
    for name in ["title", "detail", "fix"] {
        assert!(problem[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {problem}");
    }
    problem
}

#[tokio::test]
async fn what_the_table_says_of_a_body_is_what_its_handler_takes() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let (document, table) = (document(), routes::table());
    // Forms of a browser without a script come from `disclosure.rs`.
    let json = |row: &Row| row.intake.media == ["application/json"];
    for (row, schema) in bodies(&document, &table).into_iter().filter(|(row, _)| json(row)) {
        let path = filled(&row);
        let example = names::example("", &schema, &document["components"]["schemas"]);
        let mut with = example.clone();
        with["zzz"] = json!(1);
        let answer = browser.raw(request(row.method.clone(), &path, Some(with))).await;
        let said = problem(answer, 422, "invalid");
        assert_eq!(said["pointer"], "/zzz", "{path}: {said}");
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name");
            let mut without = example.clone();
            without.as_object_mut().expect("an object").remove(name);
            let answer = browser.raw(request(row.method.clone(), &path, Some(without))).await;
            let said = problem(answer, 422, "invalid");
            let detail = said["detail"].as_str().expect("text");
            assert!(detail.contains(&format!("missing field `{name}`")), "{path}: {said}");
        }
        let twice =
            format!("{}, \"zzz\": 1, \"zzz\": 2}}", example.to_string().trim_end_matches('}'));
        let mut sent = request(row.method.clone(), &path, Some(json!({})));
        *sent.body_mut() = Full::new(twice.into());
        // The braces of an inner value may be cut off as well: then it is no JSON at all.
        let said = problem(browser.raw(sent).await, 422, "invalid");
        assert!(said["pointer"].is_string(), "{path}: {said}");
    }
    for row in table.rows().iter().filter(|row| row.rule.permission().is_some()) {
        let path = format!("{}?zzz=1", filled(row));
        let body = (row.method != Method::GET).then(|| json!({}));
        let said = browser.raw(request(row.method.clone(), &path, body)).await;
        let said = problem(said, 400, "query");
        assert_eq!(said["place"], "query, zzz");
        if row.takes.is_none() {
            let body = Some(json!({ "a": 1 }));
            let answer = browser.raw(request(row.method.clone(), &filled(row), body)).await;
            problem(answer, 400, "no-body");
        }
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn every_method_is_answered_by_the_table() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let table = routes::table();
    for row in table.rows() {
        let path = filled(row);
        let mut known: Vec<&str> = table
            .rows()
            .iter()
            .filter(|other| other.path == row.path)
            .flat_map(|other| match other.method.as_str() {
                "GET" => vec!["GET", "HEAD"],
                method => vec![method],
            })
            .collect();
        known.push("OPTIONS");
        let allow = known.join(", ");
        for method in [Method::PATCH, Method::TRACE, Method::from_bytes(b"BREW").expect("one")] {
            let answer = browser.raw(request(method.clone(), &path, None)).await;
            assert_eq!(answer.headers[header::ALLOW], allow, "{method} {path}");
            problem(answer, 405, "wrong-method");
        }
        let asked = browser.raw(request(Method::OPTIONS, &path, None)).await.expect(204);
        assert_eq!(asked.headers[header::ALLOW], allow, "{path}");
        assert!(!asked.headers.contains_key("access-control-allow-origin"));
    }
    let whole = browser.get("/health").await.expect(200);
    let head = browser.raw(request(Method::HEAD, "/health", None)).await.expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.headers[header::CONTENT_TYPE], whole.headers[header::CONTENT_TYPE]);
    problem(browser.raw(request(Method::PATCH, "/api/v1/nothing", None)).await, 404, "not-found");
    problem(browser.raw(request(Method::OPTIONS, "/api/v1/nothing", None)).await, 404, "not-found");
    let page = browser.raw(request(Method::DELETE, "/", None)).await;
    assert_eq!(page.headers[header::ALLOW], "GET, HEAD, OPTIONS");
    problem(page, 405, "wrong-method");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_published_table_is_for_whoever_is_signed_in() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    problem(browser.get("/api/v1/routes").await, 401, "signed-out");
    browser.set_up(&server).await;
    let published = browser.get("/api/v1/routes").await.expect(200).json();
    let table = routes::table();
    assert_eq!(published["routes"].as_array().map(Vec::len), Some(table.rows().len()));
    for (row, shown) in table.rows().iter().zip(published["routes"].as_array().expect("rows")) {
        assert_eq!(shown["path"], row.path);
        assert_eq!(shown["weight"], row.cost.weight());
        assert_eq!(shown["level"].is_null(), matches!(row.rule, Rule::Open(_)));
    }
    assert_eq!(published["permissions"].as_array().map(Vec::len), Some(Permission::ALL.len()));
    server.stop().await.expect("stops");
}

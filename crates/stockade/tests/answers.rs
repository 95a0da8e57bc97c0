//! What every route answers: the type that its row promises, the fields that its document names, kept
//! by no cache, and no secret among them.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the helpers of tests look at files and at the clock"
)]

use crate::asked::{Asker, Seen};
use crate::browser::{Browser, import};
use crate::people::{New, server_with};
use crate::things::{Things, asker, filled, is_shared, own_something_of_everything};
use http::{Method, header};
use serde_json::{Value, json};
use stockade::{
    desk::{Actor, AdvisoryText, Issue},
    server::{self, Row, Rule, routes},
};

/// Reads values as the published document describes them.
struct Reader {
    document: Value,
}

impl Reader {
    fn new() -> Self {
        let text = routes::table().document().expect("a document");
        Self { document: serde_json::from_str(&text).expect("JSON") }
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            Some(pointer) => self.resolved(self.document.pointer(pointer).expect("there")),
            None => schema,
        }
    }

    /// Where a value is not as its schema says.
    fn faults(&self, schema: &Value, value: &Value, place: &str) -> Vec<String> {
        let schema = self.resolved(schema);
        for word in ["oneOf", "anyOf"] {
            if let Some(ways) = schema[word].as_array() {
                let fits = |way: &Value| self.faults(way, value, place).is_empty();
                return if ways.iter().any(fits) {
                    vec![]
                } else {
                    vec![format!("{place}: {word}")]
                };
            }
        }
        if !Self::is_typed(&schema["type"], value) {
            return vec![format!("{place}: {} is not {}", value, schema["type"])];
        }
        match value {
            Value::Object(fields) => self.object(schema, fields, place),
            Value::Array(items) if schema["items"].is_object() => {
                let one = |item| self.faults(&schema["items"], item, &format!("{place}[]"));
                items.iter().flat_map(one).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_typed(kind: &Value, value: &Value) -> bool {
        let is = |kind: &str| match kind {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        };
        match kind {
            Value::String(kind) => is(kind),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
            _ => true,
        }
    }

    fn object(
        &self,
        schema: &Value,
        fields: &serde_json::Map<String, Value>,
        place: &str,
    ) -> Vec<String> {
        let parts: Vec<&Value> = match schema["allOf"].as_array() {
            Some(parts) => parts.iter().map(|part| self.resolved(part)).collect(),
            None => vec![schema],
        };
        let known =
            |name: &str| parts.iter().map(|part| &part["properties"][name]).find(|s| !s.is_null());
        let any = parts.iter().map(|part| &part["additionalProperties"]).find(|s| s.is_object());
        let free = parts.iter().all(|part| part["properties"].is_null());
        let mut found = Vec::new();
        for (name, value) in fields {
            let place = format!("{place}.{name}");
            match known(name).or(any) {
                Some(schema) => found.extend(self.faults(schema, value, &place)),
                None if free => {}
                None => found.push(format!("{place} is not in the document")),
            }
        }
        for name in parts.iter().filter_map(|part| part["required"].as_array()).flatten() {
            let name = name.as_str().expect("a name");
            if !fields.contains_key(name) {
                found.push(format!("{place}.{name} is missing"));
            }
        }
        found
    }

    fn operation(&self, row: &Row) -> &Value {
        &self.document["paths"][row.path.replace("{*", "{")]
            [row.method.as_str().to_ascii_lowercase()]
    }

    /// A body that the document gives as an example, of things that are here.
    fn body(&self, row: &Row, things: &Things) -> Option<Value> {
        let content = &self.operation(row)["requestBody"]["content"]["application/json"];
        let strategy = things.id("/api/v1/strategies/{id}").expect("a strategy");
        let example = match &content["example"] {
            Value::Null => return (row.method != Method::GET).then(|| json!({})),
            example => example.to_string().replace("sample-daily", "made-up"),
        };
        let mut body: Value = serde_json::from_str(&example).expect("JSON");
        if body["strategy_id"].is_string() {
            body["strategy_id"] = json!(strategy);
        }
        if row.path.starts_with("/api/v1/strategies") && body["text"].is_string() {
            body["text"] = json!(crate::things::STRATEGY);
        }
        Some(body)
    }

    /// Judges one answer by its row.
    fn judge(&self, row: &Row, seen: &Seen, what: &str) {
        let status = seen.status.as_str();
        let mut told = &self.operation(row)["responses"][status];
        assert!(!told.is_null(), "{what}: the document has no {status}");
        if let Some(pointer) = told["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            told = self.document.pointer(pointer).expect("there");
        }
        let kind = seen.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().expect("text"));
        let bare = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        assert_eq!(bare.is_none(), seen.body.is_empty(), "{what}: {kind:?}");
        let Some(bare) = bare else { return };
        // The one script that no page of the interface brings: it seals a report in the browser.
        let is_script = row.path == "/security/report.js";
        assert_eq!(
            bare.contains("script"),
            is_script && seen.status.is_success(),
            "{what}: {bare}"
        );
        let schema = &told["content"][bare]["schema"];
        assert!(!schema.is_null(), "{what}: the document has no {bare}");
        if bare.starts_with("text/") {
            assert!(
                kind.is_some_and(|kind| kind.ends_with("; charset=utf-8"))
                    || bare == "text/event-stream",
                "{what}: {kind:?}"
            );
        }
        if bare.ends_with("json") {
            let found = self.faults(schema, &seen.json(), "");
            assert_eq!(found, Vec::<String>::new(), "{what}");
        }
    }
}

/// What holds of every answer, whatever it is: nobody keeps it who need not.
fn kept_by_nobody(seen: &Seen, what: &str) {
    // How the claims stand, and where weaknesses are reported, is everybody's.
    let everybodys = [
        " /security",
        " /.well-known/stockade/",
        " /.well-known/csaf/",
        " /.well-known/security.txt",
    ];
    let is_everybodys = everybodys.iter().any(|at| what.contains(at));
    let kept = seen.headers[header::CACHE_CONTROL].to_str().expect("ASCII");
    if is_everybodys && seen.status.is_success() {
        assert!(kept.starts_with("public, max-age="), "{what}: {kept}");
    } else {
        assert_eq!(kept, "no-store", "{what}");
    }
    assert_eq!(seen.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{what}");
    if let Some(saved) = seen.headers.get(header::CONTENT_DISPOSITION) {
        let saved = saved.to_str().expect("ASCII");
        let name = saved.strip_prefix("attachment; filename=\"").and_then(|s| s.strip_suffix('"'));
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let name = name.unwrap_or_else(|| panic!("{what}: {saved}"));
        assert!(!name.is_empty() && !name.starts_with('.') && name.chars().all(plain), "{what}");
    }
}

fn holds_no_secret(seen: &Seen, secrets: &[String], what: &str) {
    let text = seen.text();
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{what} shows {secret}: {text}");
    }
}

async fn walk(ada: &Asker, things: &Things, secrets: &[String]) -> usize {
    let (reader, table) = (Reader::new(), routes::table());
    let mut rows: Vec<&Row> = table.rows().iter().collect();
    // What takes something away comes last, and what ends the session is not asked for.
    let order = ["GET", "POST", "PUT", "DELETE"];
    rows.sort_by_key(|row| order.iter().position(|one| *one == row.method.as_str()));
    let own = ada.ask(Method::GET, "/api/v1/session", None).await.json();
    let own = own["account"]["id"].as_str().expect("an id").to_owned();
    let mut done = 0;
    for row in rows {
        let ends = ["/api/v1/sign-out", "/api/v1/sessions/{handle}"].contains(&row.path);
        if ends && row.method != Method::GET {
            continue;
        }
        let id = match things.id(row.path) {
            Some(id) => id,
            None if row.path.contains("/datasets/") => "made-up",
            None if row.path == "/security/{claim}" => "M13",
            None if row.path == "/security/policy/{language}" => "en",
            None if row.path == "/.well-known/stockade/advisories/{name}" => "index.json",
            // Acts on an account could end the session that walks.
            None if row.path == "/api/v1/users/{id}" => &own,
            None => "1",
        };
        assert!(is_shared(row.path) || things.id(row.path).is_some(), "{}", row.path);
        let (path, body) = (filled(row, id), reader.body(row, things));
        let seen = ada.ask(row.method.clone(), &path, body).await;
        let what = format!("{} {path}", row.method);
        kept_by_nobody(&seen, &what);
        let file = ["csv", "/export", "/receipt"].iter().any(|end| row.path.ends_with(end));
        assert_eq!(file, seen.headers.contains_key(header::CONTENT_DISPOSITION), "{what}");
        reader.judge(row, &seen, &what);
        // A set-up, a sign-in and a refresh give secrets to whoever has just proved them.
        let gives = matches!(row.rule, Rule::Open(_)) && row.method == Method::POST;
        assert_eq!(
            seen.headers.contains_key(header::SET_COOKIE),
            gives && row.path.ends_with("refresh"),
            "{what}"
        );
        // The document shows a password as an example, which happens to be that of the tests.
        if row.path != "/openapi.json" {
            holds_no_secret(&seen, secrets, &what);
        }
        assert!(!seen.status.is_server_error(), "{what}: {}", seen.text());
        if seen.status.is_success() {
            done += 1;
        } else {
            // Nobody witnesses this log, and no tile, no document, no report, no licence and no advisory has such a
            // name: `witnesses.rs`, `security.rs`, `operations.rs`, `licences.rs` and `advisories.rs` ask for what is
            // there.
            let is_none = [
                "/log/witnessed",
                "/log/tile/{level}/{*place}",
                "/security/evidence/{sha256}",
                "/security/advisories/{name}",
                "/.well-known/csaf/{*place}",
                "/api/v1/security-reports/{id}/sealed",
                "/api/v1/licences/{name}",
            ]
            .contains(&row.path);
            let fits = is_none || row.path.ends_with("refusals");
            assert!(row.method != Method::GET || fits, "{what}: {}", seen.text());
        }
    }
    done
}

#[tokio::test]
async fn each_route_answers_what_its_row_promises() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, browsers) =
        server_with(root.path(), &[New { email: "ada@people.example", role: "owner" }]).await;
    import(root.path(), 300).await;
    for part in server::operations::Part::ALL {
        server.app().operations().health().look(server.app(), part).await;
    }
    let advisory = AdvisoryText {
        title: "A door".to_owned(),
        summary: "It opened.".to_owned(),
        details: "Thrice.".to_owned(),
        advice: "Update.".to_owned(),
        cvss: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N".to_owned(),
        affected: "0.1.0..0.2.1".to_owned(),
        references: std::collections::BTreeMap::new(),
    };
    let issue = Issue::New { report: None };
    let published = server.app().desk().publish_advisory(Actor::Host, &advisory, &issue).await;
    published.expect("is published: the lists of advisories are not empty");
    let browser: &Browser = &browsers[0];
    let ada = asker(&server::router(server.app()), browser);
    let things = own_something_of_everything(&ada).await;
    let mut secrets: Vec<String> = browser.cookies.values().cloned().collect();
    // As every hash begins; that hashes are of this kind is published.
    secrets.extend(["$argon2id$v=19$m=", crate::browser::PASSWORD].map(str::to_owned));
    secrets.push(browser.secret.clone());
    secrets.retain(|secret| !secret.is_empty());
    let done = walk(&ada, &things, &secrets).await;
    assert!(done >= 45, "{done} routes answered well");
    server.stop().await.expect("stops");
}

#[test]
fn an_answer_that_is_not_as_promised_is_seen() {
    let reader = Reader {
        document: json!({ "a": { "type": "object", "required": ["id"],
        "properties": { "id": { "type": "string" }, "rows": { "type": "array", "items": {
            "oneOf": [{ "type": "null" }, { "type": "object", "properties": { "n": { "type": "integer" } } }]
        } } } } }),
    };
    let check = |value: Value, count: usize| {
        let found = reader.faults(&json!({ "$ref": "#/a" }), &value, "");
        assert_eq!(found.len(), count, "{value}: {found:?}");
    };
    check(json!({ "id": "x", "rows": [null, { "n": 1 }] }), 0);
    check(json!({ "id": "x", "password_hash": "y" }), 1);
    check(json!({ "id": 7 }), 1);
    check(json!({}), 1);
    check(json!({ "id": "x", "rows": [{ "n": 1.5 }] }), 1);
    check(json!({ "id": "x", "rows": [{ "n": 1, "secret": 2 }, 7] }), 2);
}

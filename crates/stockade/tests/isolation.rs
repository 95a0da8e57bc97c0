//! What belongs to one person is not there for another: every route of the table, three identities,
//! real ids and made-up ones.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test looks at files and at the clock"
)]

use crate::asked::{Asker, Seen, differ, slower};
use crate::things::{Things, World, beginning, filled};
use axum::{Router, body::Body, extract::Path, routing::get};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, hint::black_box, time::Instant};
use stockade::{
    desk::Paths,
    server::{Row, names, routes},
};
use uuid::Uuid;

/// Ids that mean nobody's thing, and spellings that an id has beside its own.
fn unknown() -> Vec<String> {
    (0..4).map(|_| Uuid::now_v7().to_string()).collect()
}

fn spellings(id: &str) -> Vec<String> {
    let simple = id.replace('-', "");
    vec![
        id.to_owned(),
        id.to_uppercase(),
        simple,
        format!("urn:uuid:{id}"),
        format!("%7B{id}%7D"),
        format!("{id}%20"),
        format!("{id}%00"),
        format!("..%2f{id}"),
        format!("%2e%2e/{id}"),
        format!("x/../{id}"),
    ]
}

/// An example body of a row, from the published document.
fn body(document: &Value, row: &Row) -> Option<Value> {
    let verb = row.method.as_str().to_ascii_lowercase();
    let content = &document["paths"][row.path][&verb]["requestBody"]["content"];
    let plain = (row.method != Method::GET).then(|| json!({}));
    // A dataset that is there: no refusal of it may come before that of the id.
    let here = |one: &Value| one["example"].to_string().replace("sample-daily", "made-up");
    let example = content.get("application/json").map(here);
    example.map(|text| serde_json::from_str(&text).expect("JSON")).or(plain)
}

async fn owner_finds_all(ada: &Asker, things: &Things) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for row in routes::table().rows() {
        let Some(id) = things.id(row.path) else { continue };
        if row.method == Method::GET {
            let path = filled(row, id);
            let seen = ada.ask(Method::GET, &path, None).await;
            assert_eq!(seen.status, 200, "{path}: {}", seen.text());
            found.insert(path, seen.text());
        }
    }
    found
}

#[tokio::test]
async fn nobody_finds_what_is_anothers() {
    let world = World::new().await;
    let (ada, things) = (&world.ada, &world.things);
    let before = owner_finds_all(ada, things).await;
    let document: Value =
        serde_json::from_str(&routes::table().document().expect("a document")).expect("JSON");
    let mut walked = 0;
    for row in routes::table().rows() {
        let Some(id) = things.id(row.path) else {
            assert!(
                crate::things::is_shared(row.path),
                "{} names something: say in tests/things whose it is",
                row.path
            );
            continue;
        };
        walked += 1;
        let body = body(&document, row);
        for (who, status) in [(&world.bob, 404), (&world.eve, 0), (&world.nobody, 401)] {
            let status = if status != 0 {
                status
            } else if row.rule.allows(identity::Role::Viewer) {
                404
            } else {
                403
            };
            let mut answers = Vec::new();
            for id in unknown().into_iter().chain(spellings(id)) {
                let path = filled(row, &id);
                let seen = who.ask(row.method.clone(), &path, body.clone()).await;
                // A spelling with a slash leads to another address, which is nobody's either.
                if !id.contains('/') || seen.status != StatusCode::NOT_FOUND {
                    assert_eq!(seen.status, status, "{} {path}: {}", row.method, seen.text());
                    answers.push((path, seen));
                }
            }
            let (_, first) = &answers[0];
            for (path, seen) in &answers {
                assert_eq!(differ(first, seen), None, "{} {path}", row.method);
            }
        }
    }
    assert!(walked >= 30, "{walked} routes name something that is somebody's");
    let after = owner_finds_all(ada, things).await;
    for (path, text) in &before {
        assert_eq!(after.get(path), Some(text), "{path} is as it was");
    }
    world.server.stop().await.expect("stops");
}

#[tokio::test]
async fn an_id_in_a_body_and_a_list_show_nothing_of_anothers() {
    let world = World::new().await;
    let document: Value =
        serde_json::from_str(&routes::table().document().expect("a document")).expect("JSON");
    let mut walked = 0;
    for row in routes::table().rows() {
        let verb = row.method.as_str().to_ascii_lowercase();
        let schema = &document["paths"][row.path][&verb]["requestBody"]["content"]["application/json"]
            ["schema"];
        let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        let schema = name.map_or(schema, |name| &document["components"]["schemas"][name]);
        let Some(fields) = schema["properties"].as_object() else { continue };
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (field, _) in fields.iter().filter(|(_, one)| one["format"] == "uuid") {
            walked += 1;
            // Only what must be there, and the id.
            let with = |id: &str| {
                let mut body = names::example("", schema, &document["components"]["schemas"]);
                let map = body.as_object_mut().expect("an object");
                map.retain(|key, _| required.contains(&json!(key)));
                map.insert(field.clone(), json!(id));
                body
            };
            let real = world.things.id("/api/v1/strategies/{id}").expect("Ada's strategy");
            let foreign = world.bob.ask(row.method.clone(), row.path, Some(with(real))).await;
            let made_up = with(&Uuid::now_v7().to_string());
            let unknown = world.bob.ask(row.method.clone(), row.path, Some(made_up)).await;
            assert_eq!(foreign.status, 404, "{}: {}", row.path, foreign.text());
            assert_eq!(differ(&foreign, &unknown), None, "{} {field}", row.path);
        }
    }
    assert!(walked >= 3, "{walked} bodies name something");
    for row in routes::table().rows() {
        if row.method != Method::GET || row.path.contains('{') {
            continue;
        }
        for who in [&world.bob, &world.eve, &world.nobody] {
            let text = who.ask(Method::GET, row.path, None).await.text();
            for secret in world.things.secrets() {
                assert!(!text.contains(secret), "{} shows {secret}: {text}", row.path);
            }
        }
        let own = world.ada.ask(Method::GET, row.path, None).await.text();
        if row.path == "/api/v1/strategies" {
            assert!(own.contains(crate::things::CANARY), "the test can fail: {own}");
        }
    }
    world.server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_hash_of_a_result_tells_nobody_that_another_has_it() {
    let world = World::new().await;
    let run = world.things.run.clone();
    let made_up: String = run.chars().rev().collect();
    for row in routes::table().rows() {
        if world.things.id(row.path).is_none() {
            continue;
        }
        for (hash, other) in [(&run[..], &made_up[..]), (&run[..8], &made_up[..8])] {
            let body = (row.method != Method::GET).then(|| json!({}));
            let ask = async |id: &str| {
                world.bob.ask(row.method.clone(), &filled(row, id), body.clone()).await
            };
            let (foreign, unknown) = (ask(hash).await, ask(other).await);
            assert_eq!(differ(&foreign, &unknown), None, "{} {}", row.method, row.path);
            assert!(foreign.status.is_client_error(), "{} {}", row.method, row.path);
        }
    }
    // The same work again is work: Bob's result is made, not found, and lies at his own place.
    let paths = Paths::new(world.root.path());
    let own = |account: &str| paths.results(account.parse().expect("an account")).join(&run);
    let (ada, bob) = (world.account(&world.ada).await, world.account(&world.bob).await);
    assert!(own(&ada).is_dir() && !own(&bob).exists());
    let id = crate::things::backtest(&world.bob).await;
    let result = world.bob.ask(Method::GET, &format!("/api/v1/backtests/{id}/result"), None).await;
    assert_eq!(result.json()["run_id"], json!(run), "a result's name is its content");
    assert!(own(&ada).is_dir() && own(&bob).is_dir());
    world.server.stop().await.expect("stops");
}

#[tokio::test]
async fn what_is_anothers_takes_as_long_as_what_is_not_there() {
    let world = World::new().await;
    let table = routes::table();
    let shown = table.rows().iter().filter(|row| {
        row.method == Method::GET && row.path.ends_with('}') && world.things.id(row.path).is_some()
    });
    for row in shown {
        let id = world.things.id(row.path).expect("Ada's");
        let late =
            slower(&world.bob, &filled(row, id), &filled(row, &Uuid::now_v7().to_string())).await;
        assert_eq!(late, None, "{}", row.path);
    }
    world.server.stop().await.expect("stops");
}

/// Servers that keep others' things badly, each in its own way, and one that keeps them well.
fn weak(known: String, how: &'static str) -> Asker {
    let handler = move |Path(id): Path<String>| {
        let known = known.clone();
        async move {
            let is_known = id == known;
            if is_known && how == "slow" {
                // What a body that is read before its owner is looked at would take.
                let begun = Instant::now();
                while begun.elapsed().as_micros() < 3000 {
                    black_box(());
                }
            }
            let (status, text) = match (how, is_known) {
                ("leaks", true) => (200, "the strategy"),
                ("forbids", true) => (403, "not yours"),
                ("words", true) => (404, "not here, though it exists"),
                ("empty", true) => (404, ""),
                _ => (404, "not here"),
            };
            http::Response::builder().status(status).body(Body::from(text)).expect("an answer")
        }
    };
    Asker::of(Router::new().route("/{id}", get(handler)), String::new())
}

#[tokio::test]
async fn the_test_sees_what_a_weak_server_shows() {
    let known = Uuid::now_v7().to_string();
    for (how, seen) in [
        ("leaks", true),
        ("forbids", true),
        ("words", true),
        ("empty", true),
        ("slow", false),
        ("well", false),
    ] {
        let server = weak(known.clone(), how);
        let ask = async |id: &str| server.ask(Method::GET, &format!("/{id}"), None).await;
        let (foreign, unknown): (Seen, Seen) = (ask(&known).await, ask("x").await);
        assert_eq!(differ(&foreign, &unknown).is_some(), seen, "{how}");
        let late = slower(&server, &format!("/{known}"), "/x").await;
        assert_eq!(late.is_some(), how == "slow", "{how}: {late:?}");
    }
}

#[tokio::test]
async fn no_name_leads_out_of_its_place() {
    let world = World::new().await;
    let root = world.root.path().display().to_string();
    let names = [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "..%5c..%5cx",
        "made-up%2f..%2fmade-up",
        "made-up%00",
        "made-up%20",
        "made-up.",
        "MADE-UP",
        "Made-up",
        "made%2dup%2f",
        "%c0%ae%c0%ae",
        "%252e%252e",
        "made-up%0a",
        "made%EF%BC%8Dup",
        ".unfinished-made-up",
        "con",
        "~root",
        "-rf",
        "manifest.json",
        "",
    ];
    let ask = async |path: &str| {
        let seen = world.ada.ask(Method::GET, path, None).await;
        assert!(
            !seen.text().contains(&root) && !seen.text().contains("root:"),
            "{path}: {}",
            seen.text()
        );
        seen.status.as_u16()
    };
    assert_eq!(ask("/api/v1/datasets/made-up").await, 200, "the test can fail");
    for name in names {
        let shown = ask(&format!("/api/v1/datasets/{name}")).await;
        assert_eq!(shown, 404, "{name}");
        let bars = ask(&format!("/api/v1/datasets/{name}/bars?symbol=AAA")).await;
        assert_eq!(bars, 404, "{name}");
        let language = ask(&format!("/api/v1/language?dataset={name}")).await;
        assert!([400, 404].contains(&language), "{name}: {language}");
        let plain = name.replace("%2f", "/").replace("%2e", ".").replace("%00", "");
        if plain == "made-up" {
            continue;
        }
        let look = json!({ "dataset": plain, "expressions": [{ "name": "a", "text": "close" }] });
        let seen = world.ada.ask(Method::POST, "/api/v1/factors/preview", Some(look)).await;
        assert!(seen.status.is_client_error(), "{plain}: {}", seen.text());
        let text =
            crate::things::STRATEGY.replace("data: made-up", &format!("data: {}", json!(plain)));
        let new = json!({ "text": text });
        let seen = world.ada.ask(Method::POST, "/api/v1/backtests", Some(new)).await;
        if seen.status.is_success() {
            // A run that is taken on looks for its data when its turn comes.
            let id = seen.json()["id"].as_str().expect("an id").to_owned();
            let run = crate::things::ended(&world.ada, &format!("/api/v1/backtests/{id}")).await;
            assert_eq!(run["state"], "failed", "{plain}: {run}");
            assert!(!run.to_string().contains(&root), "{run}");
        } else {
            assert!(seen.status.is_client_error(), "{plain}: {}", seen.text());
        }
    }
    // What is laid beside a dataset by hand is not one, wherever it leads.
    let catalog = Paths::new(world.root.path()).catalog();
    std::os::unix::fs::symlink("/etc", catalog.join("outside")).expect("a link");
    assert_eq!(ask("/api/v1/datasets/outside").await, 404);
    assert_eq!(beginning("/api/v1/datasets/{name}"), "/api/v1/datasets/");
    world.server.stop().await.expect("stops");
}

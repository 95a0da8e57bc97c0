//! Sweeps over HTTP: asked for, stopped, taken up after a restart, read, removed; each person's own.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at files the server wrote")]

use crate::browser::{Browser, events, import, start};
use identity::{AccountId, Tenant};
use serde_json::{Value, json};
use std::time::Duration;
use stockade::{
    desk::{self, SweepWords},
    server::Server,
};

const STRATEGY: &str = "version: 1\nname: Cross\ndata: made-up\nparameters:\n  fast: 3\n  slow: 8\n  size: 10\n\
signals:\n  long: ema(close, $fast) > ema(close, $slow)\n  exit: ema(close, $fast) < ema(close, $slow)\n\
sizing: { fixed: $size }\ncosts: { fee_bps: 10 }\ncash: 100000\n";

/// A server with prices and a strategy; the strategy's name.
async fn world(directory: &std::path::Path) -> (Server, Browser, Value) {
    let server = start(directory).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    import(directory, 300).await;
    let new = json!({ "text": STRATEGY });
    let kept = browser.post("/api/v1/strategies", new).await.expect(201).json();
    let id = kept["id"].clone();
    (server, browser, id)
}

fn asked(strategy: &Value, fast: &str, slow: &str) -> Value {
    let axes = json!([{ "name": "fast", "values": fast }, { "name": "slow", "values": slow }]);
    json!({ "strategy_id": strategy, "axes": axes, "conditions": ["fast < slow"] })
}

/// Asks until the answer is as it should be.
async fn until(browser: &mut Browser, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(2);
    loop {
        let found = browser.get(path).await.expect(200).json();
        if is(&found) {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "still {found}");
        tokio::task::yield_now().await;
    }
}

fn in_state(state: &'static str) -> impl Fn(&Value) -> bool {
    move |found| found["state"] == state
}

#[tokio::test]
async fn what_is_wrong_is_told_by_field_before_anything_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser, strategy) = world(directory.path()).await;
    let mut check = async |body: Value, field: &str, word: &str| {
        let found = browser.post("/api/v1/sweeps/check", body.clone()).await.expect(200).json();
        assert_eq!(found["problems"][0]["field"], field, "{found}");
        assert!(found["problems"].to_string().contains(word), "{found}");
        let refused = browser.post("/api/v1/sweeps", body).await.expect(422).json();
        assert_eq!(refused["place"], field);
    };
    check(json!({ "strategy_id": strategy, "axes": [] }), "axes", "needs an axis").await;
    check(asked(&strategy, "5..1:1", "8"), "axes.fast", "ends before").await;
    check(asked(&strategy, "9", "8"), "conditions", "no set").await;
    check(asked(&strategy, "0..3:1", "8"), "axes.fast", "fast=0").await;
    check(asked(&strategy, "1..500:1", "1..500:1"), "axes", "100000").await;
    let elsewhere = STRATEGY.replace("made-up", "made-app");
    let other = browser.post("/api/v1/strategies", json!({ "text": elsewhere })).await.expect(201);
    let body = asked(&other.json()["id"], "1,2", "8");
    let found = browser.post("/api/v1/sweeps/check", body).await.expect(200).json();
    assert_eq!(
        (&found["problems"][0]["field"], &found["bars"]),
        (&json!("strategy"), &json!(null))
    );
    let good = asked(&strategy, "1..4:1", "4,8");
    let found = browser.post("/api/v1/sweeps/check", good).await.expect(200).json();
    assert_eq!((&found["sets"], &found["bars"]), (&json!(7), &json!(600)));
    assert_eq!(found["parameters"][2], json!({ "name": "size", "value": "10" }));
    assert_eq!(found["problems"], json!([]));
    let unknown = json!({ "strategy_id": strategy, "axes": [], "threads": 64 });
    browser.post("/api/v1/sweeps/check", unknown).await.expect(422);
    let nobody = asked(&json!("01890000-0000-7000-8000-000000000000"), "1", "2");
    browser.post("/api/v1/sweeps/check", nobody).await.expect(404);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_sweep_stops_outlives_a_restart_goes_on_and_its_sets_are_backtests() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser, strategy) = world(directory.path()).await;
    let body = asked(&strategy, "1..60:1", "1..60:1");
    let started = browser.post("/api/v1/sweeps", body.clone()).await.expect(202).json();
    let path = format!("/api/v1/sweeps/{}", started["id"].as_str().expect("an id"));
    // One at a time.
    assert_eq!(browser.post("/api/v1/sweeps", body).await.expect(429).json()["code"], "busy");
    until(&mut browser, &path, |found| found["done"].as_u64() > Some(0)).await;
    assert_eq!(browser.delete(&path).await.expect(409).json()["code"], "sweep-state");
    browser.post(&format!("{path}/stop"), json!({})).await.expect(202);
    let stopped = until(&mut browser, &path, in_state("stopped")).await;
    let done = stopped["done"].as_u64().expect("a number");
    assert!(0 < done && done < 1770, "{stopped}");
    let heard = events(&browser, &format!("{path}/events"), None).await;
    assert_eq!(heard.last().map(|(_, name, _)| name.as_str()), Some("stopped"));
    // A restart stops it as well, and what it found is kept.
    browser.post(&format!("{path}/resume"), json!({})).await.expect(202);
    browser.post(&format!("{path}/resume"), json!({})).await.expect(429);
    until(&mut browser, &path, |found| found["done"].as_u64() > Some(done)).await;
    server.stop().await.expect("stops");
    let server = start(directory.path()).await;
    let mut browser = browser.moved(&server);
    let found = browser.get(&path).await.expect(200).json();
    assert_eq!(found["state"], "stopped");
    assert!(found["done"].as_u64() > Some(done), "{found}");
    browser.post(&format!("{path}/resume"), json!({})).await.expect(202);
    let heard = events(&browser, &format!("{path}/events"), None).await;
    assert_eq!(heard.last().map(|(_, name, _)| name.as_str()), Some("done"));
    assert!(heard.iter().any(|(_, name, data)| name == "progress" && data["total"] == 1770));
    it_is_read(&mut browser, &path).await;
    its_set_is_a_backtest(&mut browser, &path).await;
    it_is_removed(&mut browser, &path, directory.path()).await;
    server.stop().await.expect("stops");
}

async fn it_is_read(browser: &mut Browser, path: &str) {
    let sweep = browser.get(path).await.expect(200).json();
    assert_eq!((&sweep["state"], &sweep["done"]), (&json!("done"), &json!(1770)));
    assert_eq!((&sweep["name"], &sweep["data"]), (&json!("Cross"), &json!("made-up")));
    assert_eq!(sweep["axes"][1]["values"][59], "60");
    assert_eq!(sweep["fixed"], json!([{ "name": "size", "value": "10" }]));
    assert_eq!(sweep["conditions"], json!(["fast < slow"]));
    let table = browser.get(&format!("{path}/rows")).await.expect(200).json();
    assert_eq!((&table["total"], &table["rows"]), (&json!(1770), &json!(1770)));
    let columns = &table["columns"];
    let column = |name: &str| columns[name].as_array().expect("a column").clone();
    let numbers: Vec<Value> = (0..1770).map(|n| json!(n)).collect();
    assert_eq!(column("set"), numbers, "each set once, in order");
    assert_eq!((&columns["$fast"][59], &columns["$slow"][59]), (&json!(2.0), &json!(3.0)));
    for measure in sweep["measures"].as_array().expect("measures") {
        let values = column(measure["name"].as_str().expect("a name"));
        assert_eq!(values.len(), 1770, "{measure}");
    }
    let sharpes = column("sharpe");
    let best = sharpes.iter().filter_map(Value::as_f64).reduce(f64::max).expect("figures");
    assert_eq!(sweep["best"]["sharpe"], json!(best));
    let set = usize::try_from(sweep["best"]["set"].as_u64().expect("a set")).expect("small");
    assert_eq!(sharpes[set], json!(best));
    let list = browser.get("/api/v1/sweeps").await.expect(200).json();
    assert_eq!(list["items"][0]["best"], sweep["best"]);
}

async fn its_set_is_a_backtest(browser: &mut Browser, path: &str) {
    let set = browser.get(&format!("{path}/sets/100")).await.expect(200).json();
    let text = set["text"].as_str().expect("a text");
    let values: Vec<String> = set["values"]
        .as_array()
        .expect("values")
        .iter()
        .map(|one| {
            format!(
                "{}: {}",
                one["name"].as_str().expect("text"),
                one["value"].as_str().expect("text")
            )
        })
        .collect();
    assert_eq!(values.len(), 3);
    assert!(values.iter().all(|value| text.contains(value)), "{values:?} in {text}");
    let started = browser.post("/api/v1/backtests", json!({ "text": text })).await.expect(202);
    let id = started.json()["id"].as_str().expect("an id").to_owned();
    let run = until(browser, &format!("/api/v1/backtests/{id}"), in_state("done")).await;
    assert_eq!(run["run_id"], set["run_id"], "the run id that the sweep told");
    let table = browser.get(&format!("{path}/rows")).await.expect(200).json();
    for (name, of_run) in
        [("sharpe", "sharpe"), ("total_return", "total_return"), ("trades", "trades")]
    {
        let (row, alone) = (&table["columns"][name][100], &run["summary"][of_run]);
        assert_eq!(row.as_f64(), alone.as_f64(), "{name}");
    }
    browser.get(&format!("{path}/sets/1770")).await.expect(404);
    browser.get(&format!("{path}/sets/x")).await.expect(404);
}

async fn it_is_removed(browser: &mut Browser, path: &str, root: &std::path::Path) {
    browser.post(&format!("{path}/resume"), json!({})).await.expect(409);
    browser.delete(path).await.expect(204);
    for tail in ["", "/rows", "/sets/0", "/events"] {
        browser.get(&format!("{path}{tail}")).await.expect(404);
    }
    let tenants = std::fs::read_dir(root.join("tenants")).expect("lists");
    for tenant in tenants {
        let sweeps = tenant.expect("an entry").path().join("sweeps");
        assert_eq!(std::fs::read_dir(sweeps).expect("lists").count(), 0, "nothing is left");
    }
    let log = browser.get("/api/v1/audit?limit=100").await.expect(200).json();
    let entries = log["entries"].as_array().expect("entries").iter().rev();
    let kinds: Vec<&str> = entries
        .filter_map(|entry| entry["kind"].as_str())
        .filter(|kind| kind.starts_with("sweep."))
        .collect();
    let want = ["started", "stopped", "resumed", "stopped", "resumed", "done", "removed"];
    assert_eq!(kinds, want.map(|kind| format!("sweep.{kind}")));
}

#[tokio::test]
async fn somebody_elses_sweep_is_not_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser, _) = world(directory.path()).await;
    let desk = server.app().desk();
    let other = AccountId::new(desk::now(), &mut kms::SystemEntropy::new());
    let database = format!("sqlite://{}", desk.paths().database().display());
    let mut connection =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&database).await.expect("opens");
    sqlx::query(
        "INSERT INTO accounts SELECT $1, zeroblob(16), email, display_name, role, standing, epoch,
         created_us, NULL FROM accounts",
    )
    .bind(other.to_string())
    .execute(&mut connection)
    .await
    .expect("a second account");
    let other = Tenant::host(other);
    let strategy = desk.create_strategy(&other, None, STRATEGY).await.expect("keeps");
    let axes = vec![("fast".to_owned(), "1,2".to_owned())];
    let words = SweepWords { axes, conditions: Vec::new() };
    let plan = desk.plan_sweep(&other, strategy, words).await.expect("looks");
    let id = server.app().sweeping().start(other, plan).await.expect("starts");
    assert_eq!(browser.get("/api/v1/sweeps").await.expect(200).json(), json!({ "items": [] }));
    let path = format!("/api/v1/sweeps/{id}");
    for tail in ["", "/rows", "/sets/0", "/events"] {
        browser.get(&format!("{path}{tail}")).await.expect(404);
    }
    for tail in ["/stop", "/resume"] {
        browser.post(&format!("{path}{tail}"), json!({})).await.expect(404);
    }
    browser.delete(&path).await.expect(404);
    let body = asked(&json!(strategy), "1,2", "8");
    browser.post("/api/v1/sweeps/check", body.clone()).await.expect(404);
    browser.post("/api/v1/sweeps", body).await.expect(404);
    server.stop().await.expect("stops");
}

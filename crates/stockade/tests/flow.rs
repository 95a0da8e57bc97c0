//! The whole way: the printed link, an account, a strategy, a backtest, its result, the log.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at files the server wrote")]

use crate::browser::{Browser, EMAIL, events, import, start};
use http::header;
use identity::{AccountId, Tenant};
use serde_json::{Value, json};
use std::{ops::ControlFlow, path::Path};
use stockade::{desk, server::Server};

const STRATEGY: &str = "version: 1\nname: Cross\ndata: made-up\nuniverse: [AAA, BBB]\nbar: 1d\n\
signals:\n  long: ema(close, 3) > ema(close, 8)\n  exit: ema(close, 3) < ema(close, 8)\n\
sizing: { fixed: 10 }\ncosts: { fee_bps: 10 }\nconvention: next_open\ncash: 100000\ncurrency: USD\n\
seed: 1\n";

#[tokio::test]
async fn from_the_printed_link_to_a_tear_sheet() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.get("/api/v1/session").await.expect(200).json()["state"], "setup");
    let recovery = browser.set_up(&server).await;
    let session = browser.get("/api/v1/session").await.expect(200).json();
    assert_eq!(
        (&session["state"], &session["account"]["email"]),
        (&json!("signed_in"), &json!(EMAIL))
    );
    assert_eq!(session["account"]["role"], "owner");

    // The link worked once, and another sign-in takes another code.
    let token = server.started.setup_link.as_ref().expect("a link").split_once('#').expect("#").1;
    let again = json!({ "token": token, "email": "b@b.example", "password": "x".repeat(20) });
    browser.post("/api/v1/setup/begin", again).await.expect(401);
    browser.post("/api/v1/sign-out", json!({})).await.expect(204);
    browser.get("/api/v1/strategies").await.expect(401);
    browser.sign_in("recovery", &recovery[3]).await.expect(200);
    let mut other = Browser::new(&server);
    other.sign_in("recovery", &recovery[3]).await.expect(401);

    import(directory.path(), 300).await;
    let sets = browser.get("/api/v1/datasets").await.expect(200).json();
    assert_eq!((&sets[0]["name"], &sets[0]["rows"]), (&json!("made-up"), &json!(600)));
    let bars = browser.get("/api/v1/datasets/made-up/bars?symbol=AAA").await.expect(200).json();
    assert_eq!(bars["bars"].as_array().expect("bars").len(), 300);
    assert_eq!(bars["bars"][0], json!([1_577_836_800, 100.0, 102.0, 99.0, 100.5, 1000.0]));
    browser.get("/api/v1/datasets/made-up").await.expect(200);
    browser.get("/api/v1/datasets/nothing").await.expect(404);

    check_and_complete(&mut browser).await;
    let new = json!({ "text": STRATEGY });
    let kept = browser.post("/api/v1/strategies", new).await.expect(201).json();
    let path = format!("/api/v1/strategies/{}", kept["id"].as_str().expect("an id"));
    let change = json!({ "name": "Cross 2", "text": STRATEGY, "revision": 1 });
    assert_eq!(browser.put(&path, change.clone()).await.expect(200).json()["revision"], 2);
    browser.put(&path, change).await.expect(409);
    assert_eq!(browser.get(&path).await.expect(200).json()["name"], "Cross 2");

    let start = json!({ "strategy_id": kept["id"] });
    let started = browser.post("/api/v1/backtests", start).await.expect(202).json();
    let id = started["id"].as_str().expect("an id").to_owned();
    let stream = format!("/api/v1/backtests/{id}/events");
    let heard = events(&browser, &stream, None).await;
    let (last, name, data) = heard.last().expect("an event");
    assert_eq!(name, "done");
    assert!(heard.windows(2).all(|pair| pair[0].0 < pair[1].0), "{heard:?}");
    let resumed = events(&browser, &stream, Some(&last.to_string())).await;
    assert_eq!(resumed.last().map(|(_, name, _)| name.as_str()), Some("done"));

    let path = format!("/api/v1/backtests/{id}");
    let row = browser.get(&path).await.expect(200).json();
    assert_eq!((&row["state"], &row["run_id"]), (&json!("done"), &data["run_id"]));
    let result = browser.get(&format!("{path}/result")).await.expect(200).json();
    assert_eq!(result["run_id"], data["run_id"]);
    assert_eq!(result["summary"]["trades"], row["summary"]["trades"]);
    assert!(result["fills"].as_array().expect("fills").len() > 5);
    let sheet = browser.get(&format!("{path}/tearsheet")).await.expect(200);
    assert!(sheet.text().starts_with("<!doctype html>"));
    assert_eq!(sheet.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    let trades = browser.get(&format!("{path}/trades.csv")).await.expect(200);
    assert!(trades.text().starts_with("symbol,"), "{}", trades.text());
    the_tables_hold_what_the_result_says(&mut browser, &path, &result).await;
    the_run_is_looked_into(&mut browser, &path, &result).await;

    the_command_line_gets_the_same(directory.path(), &result).await;
    the_log_tells_and_verifies(&mut browser, &server).await;
    server.stop().await.expect("stops");
}

async fn check_and_complete(browser: &mut Browser) {
    let text = STRATEGY.replace("ema(close, 3) >", "emma(close, 3) >");
    let found = browser.post("/api/v1/strategies/check", json!({ "text": text })).await;
    let found = found.expect(200).json();
    let problem = &found["problems"][0];
    assert_eq!(found["title"], "Cross");
    let place =
        |name: &str| usize::try_from(problem[name].as_u64().expect("a place")).expect("small");
    assert!(text[place("from")..place("to")].contains("emma"), "{problem}");
    let fine = json!({ "text": STRATEGY });
    let fine = browser.post("/api/v1/strategies/check", fine).await.expect(200).json();
    assert_eq!(fine["problems"], json!([]));
    let offset = STRATEGY.find("ema(close, 3) >").expect("there") + 2;
    let ask = json!({ "text": STRATEGY, "offset": offset });
    let completed = browser.post("/api/v1/strategies/complete", ask).await.expect(200).json();
    assert!(completed["options"].as_array().expect("options").iter().any(|o| o["label"] == "ema"));
    let elsewhere = STRATEGY.replace("made-up", "made-app");
    let found = browser.post("/api/v1/strategies/check", json!({ "text": elsewhere })).await;
    assert_eq!(found.expect(200).json()["problems"][0]["code"], "no-dataset");
}

async fn the_tables_hold_what_the_result_says(browser: &mut Browser, path: &str, result: &Value) {
    let fills = result["fills"].as_array().expect("fills");
    let table = browser.get(&format!("{path}/fills")).await.expect(200).json();
    assert_eq!(table["rows"], fills.len());
    let symbols = &table["columns"]["symbol"];
    for (row, fill) in fills.iter().enumerate() {
        let place = symbols["places"][row].as_u64().and_then(|n| usize::try_from(n).ok());
        assert_eq!(symbols["words"][place.expect("a place")], fill["symbol"]);
        let price: f64 = fill["price"].as_str().expect("text").parse().expect("a number");
        assert_eq!(table["columns"]["price"][row], price);
        assert_eq!(table["columns"]["order"][row], fill["order"]);
    }
    let part = browser.get(&format!("{path}/fills?from=1&count=2")).await.expect(200).json();
    assert_eq!((&part["total"], &part["rows"]), (&json!(fills.len()), &json!(2)));
    assert_eq!(part["columns"]["tick"][0], table["columns"]["tick"][1]);
    browser.get(&format!("{path}/fills?form=1")).await.expect(400);
    let csv = browser.get(&format!("{path}/fills.csv")).await.expect(200);
    assert_eq!(csv.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    assert_eq!(csv.text().lines().count(), fills.len() + 1);
    for name in ["orders", "refusals"] {
        let table = browser.get(&format!("{path}/{name}")).await.expect(200).json();
        let csv = browser.get(&format!("{path}/{name}.csv")).await.expect(200).text();
        assert_eq!(table["total"], csv.lines().count() - 1, "{name}");
    }
}

async fn the_run_is_looked_into(browser: &mut Browser, path: &str, result: &Value) {
    let first = browser.get(&format!("{path}/state?tick=1")).await.expect(200).json();
    assert_eq!((&first["what"], &first["cash"]), (&json!("bar"), &json!("100000.00")));
    let last = format!("{path}/state?tick={}", first["ticks"]);
    let last = browser.get(&last).await.expect(200).json();
    let equity = result["equity"].as_array().expect("points");
    assert_eq!(last["equity"], equity[equity.len() - 1]["equity"]);
    assert_eq!(last["row"], equity.len() - 1);
    let fill = &first["near"]["fill"][1];
    let found = browser.get(&format!("{path}/state?tick={fill}")).await.expect(200).json();
    assert_eq!((&found["what"], &found["symbol"]), (&json!("fill"), &result["fills"][0]["symbol"]));
    assert_eq!(found["positions"][0]["quantity"], result["fills"][0]["quantity"]);
    let ticks = browser.get(&format!("{path}/ticks?from={fill}&count=1")).await.expect(200).json();
    assert_eq!((&ticks["total"], &ticks["rows"]), (&first["ticks"], &json!(1)));
    assert_eq!(ticks["columns"]["what"]["words"], json!(["fill"]));
    let at = browser.get(&format!("{path}/state?at=1577923200")).await.expect(200).json();
    assert_eq!((&at["row"], &at["closed"]), (&json!(1), &json!(true)));
    let bars = format!("{path}/bars?symbol=AAA");
    let near = browser.get(&format!("{bars}&around=1577923200&limit=4")).await.expect(200).json();
    assert_eq!(
        (&near["total"], &near["first"], &near["joined"]),
        (&json!(300), &json!(0), &json!(1))
    );
    assert_eq!(near["bars"][1], json!([1_577_923_200, 101.0, 103.0, 100.0, 101.5, 1000.0]));
    assert_eq!(near["bars"].as_array().map(Vec::len), Some(4));
    let joined = browser.get(&format!("{bars}&limit=10")).await.expect(200).json();
    assert_eq!(
        (&joined["joined"], joined["bars"].as_array().map(Vec::len)),
        (&json!(30), Some(10))
    );
    for wrong in ["&around=1&to=2", "&from=2&to=1", "&adjust=none"] {
        browser.get(&format!("{bars}{wrong}")).await.expect(422);
    }
    browser.get(&format!("{path}/bars?symbol=ZZZ")).await.expect(404);
    browser.get(&format!("{bars}&limit=0")).await.expect(400);
    browser.get(&format!("{path}/state")).await.expect(422);
    browser.get(&format!("{path}/state?tick=0")).await.expect(404);
    browser.get(&format!("{path}/state?tick=1000000")).await.expect(404);
}

async fn the_command_line_gets_the_same(root: &Path, result: &Value) {
    let (root, out) = (root.to_owned(), root.join("out"));
    let finished = tokio::task::spawn_blocking(move || {
        let desk = desk::connect(&root).expect("connects");
        let run = desk.run_backtest(STRATEGY, &mut |_, _| ControlFlow::Continue(()));
        let run = run.expect("runs");
        (desk::publish(&run, &out).expect("publishes"), run)
    });
    let (place, run) = finished.await.expect("joins");
    assert_eq!(run.result.run_id, result["run_id"]);
    let json: Value =
        serde_json::from_slice(&run.files.read(desk::JSON).expect("reads")).expect("JSON");
    assert_eq!(json["digest"], result["digest"]);
    assert_eq!(json["summary"], result["summary"]);
    assert_eq!(
        std::fs::read(place.join(desk::JSON)).expect("reads"),
        run.files.read(desk::JSON).expect("reads")
    );
}

async fn the_log_tells_and_verifies(browser: &mut Browser, server: &Server) {
    let page = browser.get("/api/v1/audit?limit=100").await.expect(200).json();
    let entries = page["entries"].as_array().expect("entries");
    let kinds: Vec<&str> = entries.iter().map(|e| e["kind"].as_str().expect("a kind")).collect();
    for kind in [
        "server.started",
        "setup.issued",
        "account.created",
        "factor.enrolled",
        "session.opened",
        "session.ended",
        "recovery.used",
        "dataset.imported",
        "strategy.created",
        "strategy.changed",
        "backtest.queued",
        "backtest.done",
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let key = browser.get("/api/v1/audit/key").await.expect(200).text();
    let key: audit::Verifier = key.trim().parse().expect("a key");
    let receipt = browser.get("/api/v1/audit/0/receipt").await.expect(200).text();
    audit::verify_receipt(&receipt, &key).expect("verifies");
    let note = browser.get("/api/v1/audit/checkpoint").await.expect(200).text();
    audit::Checkpoint::verify(&note, &key).expect("verifies");
    let export = browser.get("/api/v1/audit/export").await.expect(200).text();
    let checked = audit::verify_export(export.lines(), Some(&key), &[]).expect("verifies");
    assert!(checked.summary.bodies >= u64::try_from(entries.len()).expect("few"));
    for secret in [crate::browser::PASSWORD, EMAIL] {
        assert!(!export.contains(secret), "the log holds no {secret}");
    }
    server.app().desk().verify_log(&[note]).await.expect("verifies");
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
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
    let backtest = desk.queue_backtest(&other, None, STRATEGY).await.expect("queues");
    assert_eq!(browser.get("/api/v1/strategies").await.expect(200).json(), json!([]));
    assert_eq!(browser.get("/api/v1/backtests").await.expect(200).json(), json!([]));
    let strategy = format!("/api/v1/strategies/{strategy}");
    let unknown = browser
        .get("/api/v1/strategies/01890000-0000-7000-8000-000000000000")
        .await
        .expect(404)
        .json();
    assert_eq!(browser.get(&strategy).await.expect(404).json(), unknown);
    let change = json!({ "text": "x", "revision": 1 });
    browser.put(&strategy, change).await.expect(404);
    browser.delete(&strategy).await.expect(404);
    for tail in [
        "",
        "/events",
        "/result",
        "/tearsheet",
        "/trades.csv",
        "/fills.csv",
        "/orders.csv",
        "/refusals.csv",
        "/fills",
        "/orders",
        "/refusals",
        "/ticks",
        "/state?tick=1",
        "/bars?symbol=AAA",
    ] {
        browser.get(&format!("/api/v1/backtests/{backtest}{tail}")).await.expect(404);
    }
    browser.post(&format!("/api/v1/backtests/{backtest}/cancel"), json!({})).await.expect(404);
}

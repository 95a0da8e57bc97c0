//! The workbench: factors in versions, expressions on data, what is tried, what is read.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test writes the file that it imports")]

use crate::browser::{Browser, start};
use identity::{AccountId, Tenant};
use serde_json::{Value, json};
use std::{fmt::Write as _, ops::ControlFlow, path::Path};
use stockade::{
    desk::{self, Archived, Draft},
    server::Server,
};

const NAMES: usize = 8;
const DAYS: i64 = 300;

/// Made-up prices: every name goes its own way, the last one ends early; one extra column.
fn prices() -> String {
    let start: jiff::civil::Date = "2020-01-01".parse().expect("a date");
    let mut text = "date,symbol,open,high,low,close,volume,quality\n".to_owned();
    let mut state = 1_u64;
    let mut price = [10_000_i64; NAMES];
    for day in 0..DAYS {
        let date = start.checked_add(jiff::Span::new().days(day)).expect("a date");
        for (name, price) in price.iter_mut().enumerate() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let step = i64::try_from(state >> 56).expect("small") - 127;
            *price += step;
            if name + 1 == NAMES && day >= 200 {
                continue;
            }
            let (low, high) = (*price - 150, *price + 150);
            let dot = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
            let row = [*price, high, low, *price].map(dot).join(",");
            let _ = writeln!(text, "{date},N{name},{row},1000,{step}");
        }
    }
    text
}

/// A server with an owner and the made-up prices.
async fn with_prices(root: &Path) -> (Server, Browser) {
    let server = start(root).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let file = root.join("made-up.csv");
    std::fs::write(&file, prices()).expect("writes");
    let request = catalog::ImportRequest::new(file, "made-up", desk::now());
    let desk = server.app().desk();
    desk.import(desk::Actor::Host, request, desk::Watch::nobody()).await.expect("imports");
    (server, browser)
}

/// The kinds of the newest entries of the log, the newest first.
async fn kinds(browser: &mut Browser, kind: &str) -> Vec<Value> {
    let path = format!("/api/v1/audit?limit=100&kind={kind}");
    let page = browser.get(&path).await.expect(200).json();
    page["entries"].as_array().expect("entries").clone()
}

#[tokio::test]
async fn a_factor_is_kept_in_versions_that_stay_as_they_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let new = json!({ "name": "Momentum", "text": "rank(returns(close, 20))", "note": "plain" });
    let kept = browser.post("/api/v1/factors", new.clone()).await.expect(201).json();
    assert_eq!(kept["version"], 1);
    let taken = browser.post("/api/v1/factors", new).await.expect(409).json();
    assert_eq!(taken["code"], "name-taken");
    let path = format!("/api/v1/factors/{}", kept["id"].as_str().expect("an id"));
    let versions = format!("{path}/versions");
    let second = json!({ "text": "rank(returns(close, 60))", "base_version": 1 });
    assert_eq!(browser.post(&versions, second.clone()).await.expect(201).json()["version"], 2);
    assert_eq!(browser.post(&versions, second).await.expect(409).json()["code"], "changed");

    let line = browser.get(&path).await.expect(200).json();
    assert_eq!((&line["version"], &line["text"]), (&json!(2), &json!("rank(returns(close, 60))")));
    let all = browser.get(&versions).await.expect(200).json();
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    assert_eq!(all[1]["text"], "rank(returns(close, 20))");
    // Each version's leaf opens to the hash of its text.
    for (version, kind) in [(&all[1], "expression.created"), (&all[0], "expression.versioned")] {
        let entries = kinds(&mut browser, kind).await;
        assert_eq!(entries[0]["index"], version["leaf_index"], "{kind}");
        let text = version["text"].as_str().expect("text");
        assert_eq!(version["text_sha256"], desk::text_digest(text));
        let told = entries[0].to_string();
        let digest = version["text_sha256"].as_str().expect("a digest");
        assert!(told.contains(&digest[..12]), "{told}");
    }

    browser.delete(&path).await.expect(204);
    browser.delete(&path).await.expect(404);
    let third = json!({ "text": "close", "base_version": 2 });
    assert_eq!(browser.post(&versions, third).await.expect(409).json()["code"], "archived");
    assert_eq!(browser.get("/api/v1/factors").await.expect(200).json(), json!([]));
    let archived = browser.get("/api/v1/factors?archived=true").await.expect(200).json();
    assert_eq!(
        (&archived[0]["archived"], &archived[0]["name"]),
        (&json!(true), &json!("Momentum"))
    );
    assert_eq!(browser.get(&versions).await.expect(200).json().as_array().map(Vec::len), Some(2));
    let again = json!({ "name": "Momentum", "text": "close" });
    browser.post("/api/v1/factors", again).await.expect(201);
    let note = browser.get("/api/v1/audit/checkpoint").await.expect(200).text();
    server.app().desk().verify_log(&[note]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_its_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let mut check = async |body: Value, status: u16, code: &str| {
        let refused = browser.post("/api/v1/factors", body.clone()).await.expect(status).json();
        assert_eq!(refused["code"], code, "{body} {refused}");
        refused
    };
    let wrong = json!({ "name": "a", "text": "rank(close" });
    let refused = check(wrong, 422, "expression").await;
    assert!(refused["place"].as_str().expect("a place").starts_with("line 1"), "{refused}");
    let ahead = check(json!({ "name": "a", "text": "delay(close, -1)" }), 422, "expression").await;
    assert!(ahead["detail"].as_str().expect("words").contains("ahead"), "{ahead}");
    check(json!({ "name": "", "text": "close" }), 422, "limit").await;
    check(json!({ "name": "x".repeat(65), "text": "close" }), 422, "limit").await;
    check(json!({ "name": "a\nb", "text": "close" }), 422, "limit").await;
    let note = "n".repeat(2001);
    check(json!({ "name": "a", "text": "close", "note": note }), 422, "limit").await;
    check(json!({ "name": "a", "text": "x".repeat(65 * 1024) }), 422, "limit").await;
    check(json!({ "name": "a", "text": "close", "dataset": "no" }), 404, "not-found").await;
    check(json!({ "name": "a", "text": "close", "owner": "me" }), 422, "invalid").await;
    // A field that is not there yet is no error of the text.
    let later = json!({ "name": "later", "text": "rank(book_value / close)" });
    browser.post("/api/v1/factors", later).await.expect(201);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_text_is_checked_and_completed_against_a_dataset() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = with_prices(directory.path()).await;
    let ask = json!({ "text": "ts_mean( quality ,5)*(2)", "dataset": "made-up" });
    let told = browser.post("/api/v1/factors/check", ask).await.expect(200).json();
    assert_eq!(told["problems"], json!([]), "{told}");
    let expression = &told["expression"];
    assert_eq!(expression["canonical"], "ts_mean(quality, 5) * 2");
    assert_eq!(expression["fields"], json!(["quality"]));
    assert_eq!((&expression["lookback"], &expression["result"]), (&json!(4), &json!("number")));
    assert_eq!(
        (&expression["cost"]["rows"], &expression["cost"]["names"]),
        (&json!(300), &json!(8))
    );
    assert!(expression["cost"]["words"].as_str().expect("words").contains("steps"));
    let ask = json!({ "text": "close +\n  '😀' + qality", "dataset": "made-up" });
    let told = browser.post("/api/v1/factors/check", ask).await.expect(200).json();
    let problems = told["problems"].as_array().expect("problems");
    let last = problems.last().expect("one");
    assert_eq!((&told["expression"], &last["line"]), (&Value::Null, &json!(2)), "{told}");
    assert_eq!((&last["from"], &last["to"]), (&json!(17), &json!(23)), "UTF-16 code units: {last}");
    let ask = json!({ "text": "ts_mean(qu", "offset": 10, "dataset": "made-up" });
    let found = browser.post("/api/v1/factors/complete", ask).await.expect(200).json();
    assert_eq!((&found["from"], &found["options"][0]["label"]), (&json!(8), &json!("quality")));
    let library = browser.get("/api/v1/factors/library").await.expect(200).json();
    let library = library["factors"].as_array().expect("factors");
    assert!(
        library.len() >= 101 && library.iter().all(|one| one["text"] != "" && one["source"] != "")
    );
    let language = browser.get("/api/v1/language?dataset=made-up").await.expect(200).json();
    assert!(language["fields"].as_array().expect("fields").contains(&json!("quality")));
    let operators = language["operators"].as_array().expect("operators");
    let mean = operators.iter().find(|one| one["name"] == "ts_mean").expect("is there");
    assert_eq!((&mean["family"], &mean["result"]), (&json!("window"), &json!("number")));
    assert_eq!(mean["parameters"][1]["kind"], "window");
    for operator in operators {
        for word in ["signature", "summary", "missing", "source", "cost", "family"] {
            assert!(operator[word].as_str().is_some_and(|text| !text.is_empty()), "{operator}");
        }
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_preview_shows_a_date_and_a_name_and_counts_what_is_new() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = with_prices(directory.path()).await;
    let two = json!([
        { "name": "raw", "text": "quality" },
        { "name": "mean", "text": "ts_mean(quality, 3)" },
    ]);
    let ask =
        json!({ "dataset": "made-up", "expressions": two, "date": "2020-01-02", "symbol": "N3" });
    let seen = browser.post("/api/v1/factors/preview", ask.clone()).await.expect(200).json();
    assert_eq!(
        (&seen["rows"], &seen["names"], &seen["trials"]),
        (&json!(300), &json!(8), &json!(2))
    );
    assert_eq!((&seen["date"], &seen["previous"]), (&json!("2020-01-02"), &json!("2020-01-01")));
    assert_eq!(seen["next"], "2020-01-03");
    assert_eq!(seen["section"]["symbols"][3], "N3");
    let (raw, mean) = (&seen["history"]["values"][0], &seen["history"]["values"][1]);
    assert_eq!(seen["section"]["values"][0][3], raw[1]);
    assert_eq!((&mean[0], &mean[1]), (&Value::Null, &Value::Null), "not full yet");
    let sum: f64 = (0..3).map(|t| raw[t].as_f64().expect("a value")).sum();
    assert!((mean[2].as_f64().expect("a value") - sum / 3.0).abs() < 1e-9);
    assert_eq!(seen["history"]["cut"], false);

    // The same text, and the same meaning in other words, count once.
    let same = json!({ "dataset": "made-up", "expressions": [
        { "name": "again", "text": "ts_mean( quality, 3 )" }, { "name": "new", "text": "-quality" },
    ] });
    let seen = browser.post("/api/v1/factors/preview", same).await.expect(200).json();
    assert_eq!((&seen["trials"], &seen["date"]), (&json!(3), &json!("2020-10-26")));
    assert_eq!((&seen["next"], &seen["history"]), (&Value::Null, &Value::Null));
    assert_eq!(seen["section"]["values"][0][7], Value::Null, "it has ended");
    let tried = kinds(&mut browser, "expression.tried").await;
    assert_eq!(tried.len(), 3, "one leaf for each distinct text");
    assert!(tried.iter().all(|entry| entry["subject"] == "made-up"), "{tried:?}");

    let mut check = async |change: (&str, Value), status: u16, code: &str| {
        let mut asked = ask.clone();
        asked[change.0] = change.1;
        let refused = browser.post("/api/v1/factors/preview", asked).await.expect(status).json();
        assert_eq!(refused["code"], code, "{refused}");
    };
    let one = |name: &str, text: &str| json!([{ "name": name, "text": text }]);
    check(("dataset", json!("nothing")), 404, "not-found").await;
    check(("symbol", json!("N9")), 404, "not-found").await;
    check(("date", json!("2019-12-31")), 422, "invalid").await;
    check(("date", json!("yesterday")), 422, "invalid").await;
    check(("expressions", json!([])), 422, "limit").await;
    check(("expressions", one("a", "rank(clsoe)")), 422, "expression").await;
    check(("expressions", one("", "close")), 422, "limit").await;
    check(
        ("expressions", json!([{ "name": "a", "text": "1" }, { "name": "a", "text": "2" }])),
        422,
        "invalid",
    )
    .await;
    check(
        ("expressions", Value::Array(vec![json!({ "name": "a", "text": "1" }); 21])),
        422,
        "limit",
    )
    .await;
    assert_eq!(kinds(&mut browser, "expression.tried").await.len(), 3, "nothing refused was tried");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_factor_is_read_and_compared_and_the_trials_weigh_on_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = with_prices(directory.path()).await;
    let ask = json!({ "dataset": "made-up", "name": "Quality", "text": "quality", "horizons": [1, 5], "quantiles": 3 });
    let read = browser.post("/api/v1/factors/study", ask).await.expect(200).json();
    let document = &read["document"];
    assert_eq!((&read["trials"], &document["settings"]["trials"]["count"]), (&json!(1), &json!(1)));
    assert_eq!(document["horizons"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["horizons"][0]["quantiles"].as_array().map(Vec::len), Some(3));
    assert_eq!(document["survivorship"]["delisted"], 1);
    assert_eq!(document["times"].as_array().map(Vec::len), Some(300));
    let ask = json!({ "dataset": "made-up", "text": "-quality", "horizons": [1] });
    let second = browser.post("/api/v1/factors/study", ask).await.expect(200).json();
    assert_eq!(second["document"]["horizons"][0]["deflated"]["trials"], 2);

    let path = format!("/api/v1/factors/studies/{}", read["id"].as_str().expect("an id"));
    assert_eq!(browser.get(&path).await.expect(200).json(), read);
    let page = browser.get(&format!("{path}/report")).await.expect(200);
    assert!(page.text().starts_with("<!doctype html>") && page.text().contains("Quality"));
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let nobody = "/api/v1/factors/studies/01890000-0000-7000-8000-000000000000";
    browser.get(nobody).await.expect(404);

    let set = json!([{ "name": "a", "text": "quality" }, { "name": "b", "text": "-quality" },
        { "name": "c", "text": "close" }]);
    let ask = json!({ "dataset": "made-up", "expressions": set });
    let compared = browser.post("/api/v1/factors/correlate", ask).await.expect(200).json();
    assert_eq!((&compared["trials"], &compared["names"]), (&json!(3), &json!(["a", "b", "c"])));
    let at = |i: usize, j: usize| compared["matrix"][i][j].as_f64().expect("a number");
    assert!((at(0, 0) - 1.0).abs() < 1e-12 && (at(0, 1) + 1.0).abs() < 1e-12, "{compared}");
    assert!((at(0, 2) - at(2, 0)).abs() < 1e-15 && at(0, 2).abs() < 0.9);
    let single = json!({ "dataset": "made-up", "expressions": [{ "name": "a", "text": "close" }] });
    browser.post("/api/v1/factors/correlate", single).await.expect(422);
    let far = json!({ "dataset": "made-up", "text": "close", "horizons": [100_000] });
    let refused = browser.post("/api/v1/factors/study", far).await.expect(422).json();
    assert!(refused["detail"].as_str().expect("words").contains("horizon"), "{refused}");
    let none = json!({ "dataset": "made-up", "text": "close", "group": "sector" });
    browser.post("/api/v1/factors/study", none).await.expect(422);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn work_that_nobody_waits_for_stops_and_leaves_the_place_to_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = with_prices(directory.path()).await;
    let desk = server.app().desk();
    let asked = desk::Asked {
        dataset: "made-up".to_owned(),
        adjustment: market::Adjustment::Splits,
        expressions: vec![("a".to_owned(), "ts_corr(close, volume, 20)".to_owned())],
        intent: desk::Intent::Look,
    };
    let stopped = desk::Stop::default();
    stopped.stop();
    let refused = desk.evaluate(None, asked, &stopped).await.expect_err("is stopped");
    assert!(matches!(refused, desk::Error::Cancelled), "{refused}");
    // A client that leaves in the middle takes nothing with it.
    let ask = json!({ "dataset": "made-up", "expressions": [{ "name": "a", "text": "close" }] });
    for turns in 0..20 {
        let (leaver, body) = (browser.clone(), Some(ask.clone()));
        let sent = tokio::spawn(async move {
            let request =
                crate::browser::request(http::Method::POST, "/api/v1/factors/preview", body);
            leaver.send(request).await.status()
        });
        for _ in 0..turns * 10 {
            tokio::task::yield_now().await;
        }
        sent.abort();
    }
    let seen = browser.post("/api/v1/factors/preview", ask).await.expect(200).json();
    assert_eq!(seen["trials"], 1);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_date_means_its_whole_day_and_every_row_can_be_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    let mut text = "date,symbol,close\n".to_owned();
    for hour in 0..60 {
        let _ = writeln!(text, "2020-01-{:02}T{:02}:00:00Z,A,{hour}.5", 6 + hour / 24, hour % 24);
    }
    let file = directory.path().join("hourly.csv");
    std::fs::write(&file, text).expect("writes");
    let request = catalog::ImportRequest::new(file, "hourly", desk::now());
    let desk = server.app().desk();
    desk.import(desk::Actor::Host, request, desk::Watch::nobody()).await.expect("imports");
    let mut look = async |date: &str| {
        let expressions = json!([{ "name": "a", "text": "close" }]);
        let ask = json!({ "dataset": "hourly", "expressions": expressions, "date": date });
        browser.post("/api/v1/factors/preview", ask).await.expect(200).json()
    };
    let day = look("2020-01-07").await;
    assert_eq!(day["date"], "2020-01-07T23:00:00Z");
    assert_eq!(day["section"]["values"][0][0], 47.5);
    let (next, previous) = (&day["next"], &day["previous"]);
    let (next, previous) = (next.as_str().expect("a time"), previous.as_str().expect("a time"));
    assert_eq!((next, previous), ("2020-01-08T00:00:00Z", "2020-01-07T22:00:00Z"));
    assert_eq!(look(next).await["section"]["values"][0][0], 48.5);
    assert_eq!(look(previous).await["section"]["values"][0][0], 46.5);
    assert_eq!(look("2020-01-08").await["section"]["values"][0][0], 59.5, "a part of a day");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn factors_and_trials_of_somebody_else_are_not_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = with_prices(directory.path()).await;
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
    let draft = Draft { text: "close", note: "", dataset: None };
    let id = desk.create_factor(&other, "Theirs", draft).await.expect("keeps");
    let texts = ["close".to_owned(), "open".to_owned()];
    assert_eq!(desk.count_trials(Some(&other), "made-up", &texts).await.expect("counts"), 2);

    assert_eq!(browser.get("/api/v1/factors?archived=true").await.expect(200).json(), json!([]));
    let path = format!("/api/v1/factors/{id}");
    browser.get(&path).await.expect(404);
    browser.get(&format!("{path}/versions")).await.expect(404);
    let version = json!({ "text": "open", "base_version": 1 });
    browser.post(&format!("{path}/versions"), version).await.expect(404);
    browser.delete(&path).await.expect(404);
    assert_eq!(desk.factors(&other, Archived::Hidden).await.expect("lists").len(), 1);
    // The name is free for everybody else, and so is the count.
    let mine = json!({ "name": "Theirs", "text": "open" });
    browser.post("/api/v1/factors", mine).await.expect(201);
    let ask = json!({ "dataset": "made-up", "expressions": [{ "name": "a", "text": "close" }] });
    let seen = browser.post("/api/v1/factors/preview", ask).await.expect(200).json();
    assert_eq!(seen["trials"], 1);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_command_line_keeps_and_counts_under_the_owners_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = with_prices(directory.path()).await;
    let root = directory.path().to_owned();
    let done = tokio::task::spawn_blocking(move || {
        let desk = desk::connect(&root).expect("connects");
        let saved = |base| desk::Saved {
            name: "Momentum".to_owned(),
            text: "rank(returns(close, 5))".to_owned(),
            note: String::new(),
            dataset: Some("made-up".to_owned()),
            base,
        };
        assert_eq!(desk.save_factor(saved(None)).expect("keeps"), 1);
        assert_eq!(desk.save_factor(saved(None)).expect("adds"), 2);
        let stale = desk.save_factor(saved(Some(1))).expect_err("is refused").to_string();
        assert!(stale.contains("in the meantime"), "{stale}");
        assert_eq!(desk.factor_versions("Momentum").expect("lists").len(), 2);
        let tried = desk.count_trials("made-up", &["close".to_owned()]).expect("counts");
        assert_eq!(tried, 1);
        // More than a question to the server may hold, and one of them twice.
        let long = |n: usize| format!("{}close", format!("{} + ", n % 40).repeat(12_000));
        let texts: Vec<String> = (0..41).map(long).collect();
        let tried = desk.count_trials("made-up", &texts).expect("counts");
        assert_eq!(tried, 41);
        let run = desk.run_backtest("version: 1", &mut |_, _| ControlFlow::Continue(()));
        assert!(run.is_err());
        desk.factors(Archived::Hidden).expect("lists")
    });
    let listed = done.await.expect("joins");
    assert_eq!((listed.len(), listed[0].version), (1, 2));
    let lines = browser.get("/api/v1/factors").await.expect(200).json();
    assert_eq!((&lines[0]["name"], &lines[0]["version"]), (&json!("Momentum"), &json!(2)));
    let ask = json!({ "dataset": "made-up", "expressions": [{ "name": "a", "text": "close" }] });
    let seen = browser.post("/api/v1/factors/preview", ask).await.expect(200).json();
    assert_eq!(seen["trials"], 41, "the same text at the page is not new");
    let tried = kinds(&mut browser, "expression.tried").await;
    for (entry, count) in tried.iter().zip((1..=41).rev()) {
        let told = entry["summary"].as_str().expect("words");
        assert!(told.ends_with(&format!("tried {count}")), "{told}");
    }
    assert_eq!(tried.len(), 41);
    server.stop().await.expect("stops");
}

//! What is taken away: no cell of a table is a formula, and no part of the log goes unnoticed.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test writes the files that it imports; its helpers look at the clock"
)]

use crate::asked::Asker;
use crate::browser::{Browser, start};
use crate::people::{New, server_with};
use crate::things::{asker, ended};
use http::Method;
use serde_json::{Value, json};
use std::{fmt::Write as _, ops::ControlFlow, path::Path};
use stockade::{desk, server};

/// Prices of one symbol, under a name.
async fn import(root: &Path, name: &str, symbol: &str) -> Result<(), String> {
    let mut text = "date,symbol,open,high,low,close,volume\n".to_owned();
    for day in 1..=28 {
        let price = 100 + day % 5 * 10;
        let _ = writeln!(
            text,
            "2020-01-{day:02},{symbol},{price},{},{},{price},1000",
            price + 1,
            price - 1
        );
    }
    let file = root.join(format!("{name}.csv"));
    std::fs::write(&file, text).expect("writes");
    let (root, name) = (root.to_owned(), name.to_owned());
    let done = tokio::task::spawn_blocking(move || {
        let request = catalog::ImportRequest::new(file, &name, desk::now());
        let desk = desk::connect(&root).expect("connects");
        let done = desk.import(&request, &mut |_, _| ControlFlow::Continue(()));
        done.map(drop).map_err(|error| error.to_string())
    });
    done.await.expect("joins")
}

/// The beginnings that make a cell a formula (OWASP, "CSV Injection").
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell.parse::<f64>().is_err()
}

async fn table(who: &Asker, path: &str) -> Vec<Vec<String>> {
    let seen = who.ask(Method::GET, path, None).await;
    assert_eq!(seen.status, 200, "{path}: {}", seen.text());
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&seen.body[..]);
    let rows = reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect());
    rows.collect()
}

#[tokio::test]
async fn no_cell_that_is_taken_away_is_a_formula() {
    let root = tempfile::tempdir().expect("a directory");
    let people = [New { email: "ada@people.example", role: "trader" }];
    let (server, browsers) = server_with(root.path(), &people).await;
    let ada = asker(&server::router(server.app()), &browsers[0]);
    for (name, symbol) in [("a", "=1+1"), ("b", "@SUM(A1)"), ("c", "+A1"), ("d", "\"\t=1\"")] {
        let refused = import(root.path(), name, symbol).await;
        assert!(refused.is_err(), "{symbol} is no symbol");
    }
    // A dash may begin a symbol: that one is made harmless where it is taken away.
    import(root.path(), "dashed", "-cmd/C").await.expect("imports");
    let text = "version: 1\nname: \"=HYPERLINK(1)\"\ndata: dashed\nsignals:\n  long: close > 110\n\
                \x20 exit: close < 110\nsizing: { fixed: 1 }\ncosts: { fee_bps: 10 }\ncash: 130\n";
    let begun = ada.ask(Method::POST, "/api/v1/backtests", Some(json!({ "text": text }))).await;
    assert!(begun.status.is_success(), "{}", begun.text());
    let id = begun.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/backtests/{id}");
    let run = ended(&ada, &path).await;
    assert_eq!(run["state"], "done", "{run}");
    let mut guarded = 0;
    for name in ["trades", "fills", "orders", "refusals"] {
        for row in table(&ada, &format!("{path}/{name}.csv")).await {
            for cell in &row {
                assert!(!is_formula(cell), "{name}: {cell:?} in {row:?}");
                guarded += usize::from(cell == "'-cmd/C");
            }
        }
    }
    assert!(guarded >= 3, "{guarded} cells would have been formulas");
    assert!(is_formula("-cmd/C") && !is_formula("-2.50"), "the test can fail");
    // On the page it is what it was.
    let page = ada.ask(Method::GET, &format!("{path}/fills"), None).await.json();
    assert_eq!(page["columns"]["symbol"]["words"], json!(["-cmd/C"]));
    server.stop().await.expect("stops");
}

async fn count(browser: &mut Browser, kind: &str) -> usize {
    let path = format!("/api/v1/audit?limit=500&kind={kind}");
    let page: Value = browser.get(&path).await.expect(200).json();
    page["entries"].as_array().expect("entries").len()
}

#[tokio::test]
async fn nobody_takes_the_log_away_drop_by_drop_without_an_entry() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    assert_eq!(
        count(&mut owner, "log.viewed").await,
        1,
        "the first look is there before it is seen"
    );
    // Page by page, and entry by entry: one entry stands for the quarter of an hour.
    for n in 0..12 {
        owner.get(&format!("/api/v1/audit?limit=1&before={}", n + 1)).await.expect(200);
        owner.get(&format!("/api/v1/audit/{}/receipt", n % 3)).await.expect(200);
    }
    for (before, status) in [(9_007_199_254_740_991_u64, 200), (9_007_199_254_740_992, 400)] {
        owner.get(&format!("/api/v1/audit?before={before}")).await.expect(status);
    }
    assert_eq!(count(&mut owner, "log.viewed").await, 1);
    // As a file: one entry each time, however small it is and whether or not it is read.
    for taken in 1..=5 {
        owner.get("/api/v1/audit/export").await.expect(200);
        assert_eq!(count(&mut owner, "log.exported").await, taken);
    }
    let answer =
        owner.send(crate::browser::request(Method::GET, "/api/v1/audit/export", None)).await;
    assert_eq!(answer.status(), 200);
    drop(answer);
    owner
        .raw(crate::browser::request(Method::HEAD, "/api/v1/audit/export", None))
        .await
        .expect(200);
    assert!(count(&mut owner, "log.exported").await >= 6, "one that is not read is one too");
    // A part of it cannot be asked for: there is no export below what is noticed.
    owner.get("/api/v1/audit/export?limit=1").await.expect(400);
    let mut part = crate::browser::request(Method::GET, "/api/v1/audit/export", None);
    part.headers_mut().insert(http::header::RANGE, "bytes=0-10".parse().expect("a range"));
    let before = count(&mut owner, "log.exported").await;
    owner.raw(part).await.expect(200);
    assert_eq!(count(&mut owner, "log.exported").await, before + 1);
    server.stop().await.expect("stops");
}

//! Quotes from a file to a result: imported, streamed through the kernel, written down.

#![allow(clippy::disallowed_methods, reason = "the test writes the files that it imports")]
#![allow(clippy::result_large_err, reason = "the error is looked at, once")]

use catalog::{Catalog, Content, ImportRequest};
use serde_json::Value;
use std::{fmt::Write as _, ops::ControlFlow, path::Path};
use stockade::{
    desk::{self, Connection, Watch},
    past::{Pace, PastRun, QuoteTape, repeat, state},
};

/// Quotes of one symbol whose middle goes up and down in waves of a few thousand rows.
fn quotes(rows: u32) -> String {
    let mut text = "time,symbol,bid,ask,bid_size,ask_size\n".to_owned();
    for row in 0..rows {
        let wave = row % 4_000;
        let bid = 100_000 + if wave < 2_000 { wave } else { 4_000 - wave };
        let (whole, part) = (bid / 1_000, bid % 1_000);
        let ask = bid + 2;
        let _ = writeln!(
            text,
            "{},SPY,{whole}.{part:03},{}.{:03},50,60",
            1_700_000_000_000 + u64::from(row) * 100,
            ask / 1_000,
            ask % 1_000
        );
    }
    text
}

fn strategy(more: &str) -> String {
    format!(
        "version: 1\nname: Waves\ndata: spy\nbar: every 10 quotes\nsignals:\n  \
         long: ema(close, 10) > ema(close, 50)\n  exit: ema(close, 10) < ema(close, 50)\n\
         sizing: {{ fixed: 10 }}\ncash: 100000\n{more}"
    )
}

fn import(connection: &Connection, root: &Path, text: &str) -> catalog::ImportReport {
    let file = root.join("spy.csv");
    std::fs::write(&file, text).expect("writes");
    let mut request = ImportRequest::new(file, "spy", desk::now());
    request.content = Content::Quotes;
    request.replace = catalog::Replace::Yes;
    connection.import(&request, &mut |_, _| ControlFlow::Continue(())).expect("imports")
}

fn run(connection: &Connection, text: &str) -> Result<(desk::FinishedRun, Value), desk::Error> {
    let finished = connection.run_backtest(text, &mut |_, _| ControlFlow::Continue(()))?;
    let document =
        serde_json::from_slice(&finished.files.read(desk::JSON).expect("reads")).expect("JSON");
    Ok((finished, document))
}

fn text_of(document: &Value, pointer: &str) -> String {
    document.pointer(pointer).map(ToString::to_string).unwrap_or_default().replace('"', "")
}

#[test]
fn quotes_become_a_result_with_all_its_tables() {
    let place = tempfile::tempdir().expect("a directory");
    let connection = desk::connect(place.path()).expect("opens");
    // More than a row group, so that the stream has a seam.
    let report = import(&connection, place.path(), &quotes(140_000));
    assert_eq!((report.rows_kept, report.bar.to_string()), (140_000, "quotes".to_owned()));
    let text = strategy("costs: { fee_bps: 1 }\n");
    let mut told = Vec::new();
    let finished = connection
        .run_backtest(&text, &mut |done, total| {
            told.push((done, total));
            ControlFlow::Continue(())
        })
        .expect("runs");
    assert_eq!((told.first(), told.last()), (Some(&(0, 140_000)), Some(&(140_000, 140_000))));
    let document: Value =
        serde_json::from_slice(&finished.files.read(desk::JSON).expect("reads")).expect("JSON");
    assert_eq!(text_of(&document, "/convention"), "touch");
    assert_eq!(text_of(&document, "/data/bar"), "every 10 quotes");
    let fills = text_of(&document, "/summary/fills").parse::<usize>().expect("a number");
    assert!((60..80).contains(&fills), "35 waves, in and out: {fills}");
    let bytes = |name: &str| finished.files.read(name).expect("reads");
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().count();
    assert_eq!(lines(&bytes(desk::FILLS)), fills + 1);
    assert_eq!(lines(&bytes(desk::ORDERS)), fills + 1);
    let sheet = String::from_utf8_lossy(&bytes(desk::TEARSHEET)).into_owned();
    assert!(sheet.contains("every 10 quotes, as printed"));
    // The same again has the same bytes, and the same data under another order of rows too.
    let names = [desk::JSON, desk::TRADES, desk::FILLS, desk::ORDERS, desk::TEARSHEET, desk::TICKS];
    let all = |run: &desk::FinishedRun| names.map(|name| run.files.read(name).expect("reads"));
    let first = all(&finished);
    let (again, _) = run(&connection, &text).expect("runs");
    assert_eq!(all(&again), first);
    let text_rows = quotes(140_000);
    let (head, body) = text_rows.split_once('\n').expect("a head");
    let mut rows: Vec<&str> = body.lines().collect();
    rows.rotate_left(77_777);
    import(&connection, place.path(), &format!("{head}\n{}\n", rows.join("\n")));
    let (again, _) = run(&connection, &text).expect("runs");
    assert_eq!(again.result.run_id, finished.result.run_id);
    assert_eq!(all(&again), first);
    let left = std::fs::read_dir(finished.result.directory.parent().expect("a parent"));
    assert_eq!(left.expect("lists").count(), 1, "nothing beside the result");
    let ticks = engine::ticks::read_chain(&bytes(desk::TICKS)).expect("is whole");
    assert_eq!(ticks.0.to_string(), finished.result.run_id);
    assert_eq!(lines(&bytes(desk::TRADES)), fills.div_ceil(2) + 1);
}

#[test]
fn latency_fees_and_limits_of_the_text_reach_the_kernel() {
    let place = tempfile::tempdir().expect("a directory");
    let connection = desk::connect(place.path()).expect("opens");
    import(&connection, place.path(), &quotes(40_000));
    let first = |more: &str| {
        let (finished, document) = run(&connection, &strategy(more)).expect("runs");
        let fill = |name: &str| text_of(&document, &format!("/fills/0/{name}"));
        (fill("t"), fill("price"), fill("fee"), finished)
    };
    let (time, price, fee, _) = first("costs: { fee_bps: 0 }\n");
    assert_eq!(fee, "0.00");
    // Two seconds later twenty quotes have come, each a thousandth higher.
    let (late, higher, _, _) = first("costs: { fee_bps: 0, latency: { order_us: 2000000 } }\n");
    assert!(late > time && higher > price, "{time} {price} {late} {higher}");
    let (_, slipped, _, _) = first("costs: { fee_bps: 0, slippage: { ticks: 3 } }\n");
    let thousandths = |text: &str| text.replace('.', "").parse::<i64>().expect("a price");
    assert_eq!(thousandths(&slipped), thousandths(&price) + 3);
    let (_, _, fee, _) = first("costs: { maker_bps: -1, taker_bps: 10 }\n");
    assert!(fee.starts_with("1.0"), "a thousandth of ten at a hundred: {fee}");
    let (_, document) =
        run(&connection, &strategy("risk: { order_notional: 500 }\n")).expect("runs");
    assert_eq!(text_of(&document, "/summary/fills"), "0");
    let refused = text_of(&document, "/refusals/0/reason");
    assert!(refused.contains("500"), "{refused}");
    // A rest of an hour after each wave that ends: only the first of ten is traded.
    let rest = strategy(
        "protect: { cool_down: { after: win, rest: 2h }, drawdown: { fall: 0.5, within: 1d, rest: 1d } }\ncosts: { fee_bps: 0 }\n",
    );
    let (_, document) = run(&connection, &rest).expect("runs");
    assert_eq!(text_of(&document, "/summary/fills"), "2");
}

#[test]
fn what_does_not_fit_is_refused_with_a_way_out() {
    let place = tempfile::tempdir().expect("a directory");
    let connection = desk::connect(place.path()).expect("opens");
    import(&connection, place.path(), &quotes(2_000));
    let refused = |text: &str| run(&connection, text).expect_err("is refused").to_string();
    let bars = strategy("").replace("every 10 quotes", "1d");
    assert!(refused(&bars).contains("holds quotes, and bars are needed"), "{}", refused(&bars));
    let other = strategy("universe: [QQQ]\n");
    assert!(refused(&other).contains("has no symbol \"QQQ\""), "{}", refused(&other));
    let euro = strategy("currency: EUR\n");
    assert!(refused(&euro).contains("SPY is priced in USD"), "{}", refused(&euro));
    let text = quotes(10).replace(",bid_size,ask_size", "").replace(",50,60", "");
    import(&connection, place.path(), &text);
    let book = strategy("convention: book\n");
    assert!(refused(&book).contains("spy has no sizes"), "{}", refused(&book));
    assert!(run(&connection, &strategy("")).is_ok(), "touch needs none");
}

#[test]
fn a_run_that_is_stopped_leaves_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let connection = desk::connect(place.path()).expect("opens");
    import(&connection, place.path(), &quotes(400_000));
    let text = strategy("").replace("every 10 quotes", "quote");
    let mut told = 0;
    let stopped = connection.run_backtest(&text, &mut |_, _| {
        told += 1;
        ControlFlow::Break(())
    });
    let error = stopped.expect_err("is stopped before its last row group").to_string();
    assert!(error.contains("cancelled"), "{error}");
    assert!(told >= 1);
    let mut left = Vec::new();
    let mut look = vec![place.path().join("results")];
    while let Some(directory) = look.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            left.push(entry.file_name());
            look.push(entry.path());
        }
    }
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{left:?}");
    assert!(left.iter().all(|name| name != desk::JSON), "{left:?}");
}

#[test]
fn a_run_on_quotes_is_looked_into_repeated_and_papered() {
    let place = tempfile::tempdir().expect("a directory");
    let connection = desk::connect(place.path()).expect("opens");
    import(&connection, place.path(), &quotes(20_000));
    let delayed = "costs: { fee_bps: 1, latency: { feed_us: 150000, order_us: 120000 } }\n";
    for more in ["convention: touch\n", "convention: book\n", delayed] {
        let text = strategy(more);
        let (finished, document) = run(&connection, &text).expect("runs");
        let results = place.path().join("out");
        let past = PastRun::read(&desk::publish(&finished, &results).expect("places"));
        let past = past.expect("reads");
        let catalog = Catalog::open(&desk::catalog_dir(place.path())).expect("opens");
        let end = state(&past, &catalog, None).expect("replays");
        assert_eq!(end.equity, text_of(&document, "/summary/end_equity"), "{more}");
        let (found, _) = repeat(&past, &catalog, &Watch::nobody()).expect("repeats");
        assert!(found.is_same(), "{found:?}");
        let tape = QuoteTape::open(&catalog, &text).expect("opens").expect("trades on quotes");
        let mut told = 0;
        let whole = tape.run(Pace::Free, &mut |_, _, fills| {
            told += fills.len();
            ControlFlow::Continue(())
        });
        let whole = whole.expect("runs");
        assert!(told > 5, "{told}");
        assert_eq!((&whole.paper.digest, whole.stopped), (&whole.backtest, None));
        assert_eq!(whole.paper.run_id, finished.result.run_id);
        assert_eq!(whole.paper.digest, finished.result.digest);
        assert!(whole.paper.files.compared(&past.directory).iter().all(|(_, same)| *same));
        let ended = tape.run(Pace::Free, &mut |_, taken, _| {
            if taken == 9_001 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let ended = ended.expect("runs");
        assert_eq!(ended.paper.digest, ended.backtest);
        assert!(ended.stopped.is_some() && ended.backtest != whole.backtest);
    }
}

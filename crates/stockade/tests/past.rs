//! What can be done with a result that lies on disk: look into it, compare it, repeat it.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at files the product wrote")]

use catalog::{Catalog, ImportRequest};
use std::{
    fmt::Write as _,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use stockade::{
    desk::{self, TICKS, Watch},
    past::{Pace, PastRun, Tape, compare, paper, repeat, state},
};

const STRATEGY: &str = "version: 1\nname: Cross\ndata: made-up\nbar: 1d\n\
signals:\n  long: close > ts_mean(close, 3)\n  exit: close < ts_mean(close, 3)\n\
sizing: { fixed: 10 }\ncosts: { fee_bps: 10 }\ncash: 2000\n";

/// Made-up prices of two symbols, with one close that may be another one.
fn prices(changed: Option<u32>) -> String {
    let start: jiff::civil::Date = "2020-01-01".parse().expect("a date");
    let mut text = "date,symbol,open,high,low,close,volume\n".to_owned();
    for day in 0..120 {
        let date = start.checked_add(jiff::Span::new().days(i64::from(day))).expect("a date");
        for (symbol, base) in [("AAA", 100), ("BBB", 50)] {
            let price = base + (day / 20 % 2 * 10) + day % 7;
            let close = price + 20 * u32::from(changed == Some(day) && symbol == "AAA");
            let (high, low) = (close + 2, price - 1);
            let _ = writeln!(text, "{date},{symbol},{price}.00,{high}.00,{low}.00,{close}.50,1000");
        }
    }
    text
}

/// A data directory with the prices in it, under a name.
struct House(tempfile::TempDir);

impl House {
    fn new(changed: Option<u32>, name: &str) -> Self {
        let house = Self(tempfile::tempdir().expect("a directory"));
        let file = house.path().join("prices.csv");
        fs::write(&file, prices(changed)).expect("writes");
        let request = ImportRequest::new(file, name, desk::now());
        let desk = desk::connect(house.root()).expect("connects");
        desk.import(&request, &mut |_, _| ControlFlow::Continue(())).expect("imports");
        house
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn root(&self) -> PathBuf {
        self.path().join("data")
    }

    fn catalog(&self) -> Catalog {
        Catalog::open(&desk::catalog_dir(&self.root())).expect("opens")
    }

    /// Where the result of a text lies, as `backtest run` writes it.
    fn run(&self, text: &str) -> PathBuf {
        let desk = desk::connect(self.root()).expect("connects");
        let run = desk.run_backtest(text, &mut |_, _| ControlFlow::Continue(())).expect("runs");
        desk::publish(&run, &self.path().join("results")).expect("places")
    }
}

fn read(directory: &Path) -> PastRun {
    PastRun::read(directory).expect("reads")
}

#[test]
fn a_run_is_repeated_on_another_machine_whatever_the_dataset_is_called() {
    let (here, there) = (House::new(None, "made-up"), House::new(None, "other-name"));
    let past = read(&here.run(STRATEGY));
    for house in [&here, &there] {
        let (found, now) = repeat(&past, &house.catalog(), &Watch::nobody()).expect("repeats");
        assert!(found.is_same(), "{found:?}");
        assert_eq!(found.files.len(), 7);
        let ticks = now.files.read(TICKS).expect("reads");
        assert_eq!(ticks, fs::read(past.directory.join(TICKS)).expect("reads"));
    }
    let changed = House::new(Some(60), "made-up");
    let refused = repeat(&past, &changed.catalog(), &Watch::nobody()).expect_err("other data");
    assert!(refused.to_string().contains("no dataset here has the columns"), "{refused}");
}

#[test]
fn a_result_that_was_touched_is_found_out() {
    let house = House::new(None, "made-up");
    let place = house.run(STRATEGY);
    let json = place.join("result.json");
    let text = fs::read_to_string(&json).expect("reads");
    // Somebody makes the end look better.
    let end = "\"end_equity\":\"";
    fs::write(&json, text.replacen(end, &format!("{end}1"), 1)).expect("writes");
    let (found, _) = repeat(&read(&place), &house.catalog(), &Watch::nobody()).expect("repeats");
    assert!(!found.is_same());
    let other: Vec<_> = found.files.iter().filter(|(_, same)| !same).map(|(n, _)| *n).collect();
    assert_eq!(other, ["result.json"]);
    let mut ticks = fs::read(place.join(TICKS)).expect("reads");
    let middle = ticks.len() / 2;
    ticks[middle] ^= 1;
    fs::write(place.join(TICKS), &ticks).expect("writes");
    let refused = PastRun::read(&place).expect_err("a broken chain").to_string();
    assert!(refused.contains("ticks.log") && refused.contains("altered"), "{refused}");
    fs::write(place.join(TICKS), &ticks[..middle]).expect("writes");
    PastRun::read(&place).expect_err("a torn chain");
}

#[test]
fn the_account_is_rebuilt_at_any_tick() {
    let house = House::new(None, "made-up");
    let past = read(&house.run(STRATEGY));
    let catalog = house.catalog();
    let end = state(&past, &catalog, None).expect("replays");
    assert_eq!(end.tick, end.ticks);
    assert_eq!(Some(&end.equity), past.document.summary.end_equity.as_ref());
    assert_eq!(end.fees, past.document.summary.fees);
    let first = state(&past, &catalog, Some(1)).expect("replays");
    assert_eq!((first.cash.as_str(), first.positions.len()), ("2000.00", 0));
    // Each fill's tick stands in fills.csv; the line of the log says the same.
    let fills = fs::read_to_string(past.directory.join("fills.csv")).expect("reads");
    for line in fills.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let tick = cells[1].parse().expect("a tick");
        let then = state(&past, &catalog, Some(tick)).expect("replays");
        let (side, quantity, symbol, price) = (cells[4], cells[5], cells[3], cells[6]);
        let want = format!("{side} {quantity} {symbol} at {price}, fee {}", cells[8]);
        let told = then.recent.iter().any(|(at, text)| *at == tick && text.ends_with(&want));
        assert!(told, "{want}: {:?}", then.recent);
    }
    let beyond = state(&past, &catalog, Some(end.ticks + 1)).expect_err("no such tick");
    assert!(beyond.to_string().contains(&end.ticks.to_string()), "{beyond}");
}

#[test]
fn two_runs_are_held_against_one_another() {
    let (house, changed) = (House::new(None, "made-up"), House::new(Some(60), "made-up"));
    let one = read(&house.run(STRATEGY));
    let same = compare(&one, &read(&one.directory), &house.catalog()).expect("compares");
    assert!(same.identical && same.differences.is_empty() && same.same > 20);
    let dearer = read(&house.run(&STRATEGY.replace("fee_bps: 10", "fee_bps: 11")));
    let found = compare(&one, &dearer, &house.catalog()).expect("compares");
    assert_eq!(found.rules[0].0, "costs");
    assert_eq!(found.differences[0].cause, "fee");
    assert!(found.differences[0].a.contains("10 of 10 at"), "{:?}", found.differences[0]);
    // The other tape is in another catalogue: its bars cannot be told, and that is said.
    let other = read(&changed.run(STRATEGY));
    let found = compare(&one, &other, &house.catalog()).expect("compares");
    assert!(found.notes[0].contains("bars are not compared"), "{:?}", found.notes);
    assert!(!found.differences.is_empty());
}

#[test]
fn a_run_is_found_by_the_first_digits_of_its_name() {
    let house = House::new(None, "made-up");
    let place = house.run(STRATEGY);
    let name = place.file_name().expect("a name").to_string_lossy().into_owned();
    let places = [house.path().join("results"), house.path().join("nowhere")];
    assert_eq!(PastRun::find(&name[..8], &places).expect("finds").document.run_id, name);
    for wrong in [&name[..7], "zzzzzzzzzz", "../../../etc"] {
        let refused = PastRun::find(wrong, &places).expect_err(wrong).to_string();
        assert!(refused.contains("no result is named"), "{refused}");
    }
}

#[test]
fn paper_equals_the_backtest_of_the_rows_it_saw() {
    let house = House::new(None, "made-up");
    let tape = Tape::open(&house.catalog(), STRATEGY).expect("opens");
    let whole = paper(&tape, Pace::Free, &mut |_| ControlFlow::Continue(())).expect("runs");
    assert_eq!(whole.digest, whole.backtest.digest);
    let name = house.run(STRATEGY);
    assert!(name.ends_with(&whole.backtest.run_id), "the same run as the backtest's");
    let mut stop = |moment: &engine::Moment<'_>| {
        if moment.row == 50 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let part = paper(&tape, Pace::Free, &mut stop).expect("runs");
    assert_eq!(part.digest, part.backtest.digest);
    assert_eq!(part.stopped.expect("stopped").to_string(), "2020-02-20");
    let late = STRATEGY.replace("cash: 2000", "convention: same_close\ncash: 2000");
    let refused = Tape::open(&house.catalog(), &late).expect_err("not tradable").to_string();
    assert!(refused.contains("next_open"), "{refused}");
}

//! The engine against the benchmark's referee: fills, cash, fees and equity to the last unit.
#![allow(missing_docs, clippy::format_collect, reason = "tests")]

mod bench_data;

use engine::{
    Digest, Outcome, QuoteRun, Simulation, Template, Unwatched, backtest,
    exchange::{FeeTerms, Model, Terms},
    parse_strategy,
    sweep::{Grid, Sweep},
    ticks::{Log, Recording},
};
use market::{BarSeries, Instrument, Listing, Money, Rate};
use sha2::{Digest as _, Sha256};
use std::{num::NonZeroU32, sync::atomic::AtomicBool};

fn run(text: &str, series: &[BarSeries]) -> Outcome {
    let strategy = parse_strategy(text).expect("a strategy");
    backtest(&strategy, series, &mut Unwatched).expect("runs")
}

#[track_caller]
fn check(outcome: &Outcome, fills: usize, equity: &str, cash: &str, fees: &str) {
    let last = outcome.simulation.curve.last().expect("has rows");
    let paid = outcome.simulation.fills.iter().try_fold(Money::ZERO, |sum, f| sum.plus(f.fee));
    let money = |text| Money::parse(text).expect("money");
    assert_eq!(outcome.simulation.fills.len(), fills);
    assert_eq!((last.equity, last.cash, paid), (money(equity), money(cash), Ok(money(fees))));
}

#[test]
fn w1_is_the_referees() {
    let series = [bench_data::bars_1m()];
    let next_open = run(&bench_data::w1("next_open"), &series);
    check(&next_open, 36_960, "605987.2279", "605987.2279", "393037.0721");
    assert_eq!(next_open.trades.iter().filter(|t| t.closed.is_some()).count(), 18_480);
    let same_close = run(&bench_data::w1("same_close"), &series);
    check(&same_close, 36_960, "605985.3232", "605985.3232", "393037.0768");
    assert_ne!(next_open.run_id, same_close.run_id);
}

#[test]
fn w3_is_the_referees() {
    let (text, axes) = bench_data::w3();
    let template = Template::parse(&text).expect("a template");
    let axes = axes.map(|axis| axis.parse().expect("an axis")).to_vec();
    let grid = Grid::new(&template, axes, Vec::new()).expect("a grid");
    let series = [bench_data::bars_100k()];
    let sweep = Sweep::new(&template, &grid, &series).expect("a sweep");
    let all: Vec<u64> = (0..grid.sets()).collect();
    let rows = sweep.run_batch(&all, &AtomicBool::new(false)).expect("runs");
    let mut sum = Money::ZERO;
    let mut hash = Sha256::new();
    for row in &rows {
        let whole = |at: usize| row.values.get(at).map_or(0, |value| value.0 / Money::UNIT);
        // The referee's hash is of five decimals; every amount here has as many.
        assert_eq!(row.equity.0 % 1000, 0, "{row:?}");
        let equity = row.equity.0 / 1000;
        let (units, rest) = (equity / 100_000, equity % 100_000);
        hash.update(format!("{},{},{},{units}.{rest:05}\n", whole(0), whole(1), row.fills));
        sum = sum.plus(row.equity).expect("fits");
    }
    assert_eq!(rows.iter().map(|row| row.fills).sum::<u64>(), 523_693);
    assert_eq!(Ok(sum), Money::parse("394834620.9138"));
    let best = rows.iter().max_by_key(|row| row.equity).expect("rows");
    assert_eq!((grid.shown(&best.values), best.fills), ("fast=41 slow=230".to_owned(), 667));
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, "bc921c38f9bdb2538cbf3caba4af5e1560b697efede2f835a0d0b6a204c674f4");
}

/// The engine's quotes at the touch, without latency: the benchmark's `same_quote`.
fn quotes(per_row: u32) -> Simulation {
    let strategy = parse_strategy(&bench_data::w2()).expect("a strategy");
    let listing = Listing::of(Instrument::share("BENCH".parse().expect("a symbol")));
    let rate = Rate::from_bps(10);
    let venue = Terms { fees: FeeTerms::new(rate, rate), ..Terms::of(Model::Touch) };
    let clock = NonZeroU32::new(per_row).expect("not zero");
    let log = Log::new(Recording::Chain, Digest([0; 32]));
    let mut run = QuoteRun::new(&strategy, &listing, (clock, venue), (0, log)).expect("a run");
    for piece in bench_data::quotes_5m().chunks(100_003) {
        let columns = bench_data::columns(piece);
        run.take(&columns.quotes(), &AtomicBool::new(false)).expect("runs");
    }
    run.finish().expect("runs")
}

#[test]
fn w2_is_the_referees() {
    let check = |per_row: u32, fills: usize, equity: &str| {
        let run = quotes(per_row);
        assert_eq!(run.fills.len(), fills);
        assert_eq!(run.final_equity(), Money::parse(equity).ok());
        assert_eq!(run.ticks, 5_000_000 + fills as u64, "every quote is a tick, and every fill");
    };
    check(1, 185_182, "811910.25154");
    check(100, 1_837, "998168.85951");
}

#[test]
fn w4_is_the_referees() {
    let series = bench_data::daily_500();
    let next_open = run(&bench_data::w4("next_open"), &series);
    check(&next_open, 6603, "28633848.96759", "1450687.91759", "1034399.43241");
    assert_eq!((next_open.simulation.refused, next_open.simulation.unfilled.len()), (0, 0));
    let same_close = run(&bench_data::w4("same_close"), &series);
    check(&same_close, 6607, "28720050.38871", "1458186.59871", "1035678.83129");
}

//! The engine against the benchmark's referee: fills, cash, fees and equity to the last unit.
#![allow(missing_docs, reason = "tests")]

mod bench_data;

use engine::{
    Digest, Outcome, QuoteRun, Simulation, Unwatched, backtest,
    exchange::{FeeTerms, Model, Terms},
    parse_strategy,
    ticks::{Log, Recording},
};
use market::{BarSeries, Instrument, Listing, Money, Rate};
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

//! The engine against the benchmark's referee: fills, cash, fees and equity to the last unit.
#![allow(missing_docs, reason = "tests")]

mod bench_data;

use engine::{Outcome, Unwatched, backtest, parse_strategy};
use market::{BarSeries, Money};

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
fn w4_is_the_referees() {
    let series = bench_data::daily_500();
    let next_open = run(&bench_data::w4("next_open"), &series);
    check(&next_open, 6603, "28633848.96759", "1450687.91759", "1034399.43241");
    assert_eq!((next_open.simulation.refused, next_open.simulation.unfilled.len()), (0, 0));
    let same_close = run(&bench_data::w4("same_close"), &series);
    check(&same_close, 6607, "28720050.38871", "1458186.59871", "1035678.83129");
}

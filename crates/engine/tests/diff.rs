//! Two runs that differ say where, and why.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

mod tape;

use engine::{
    Blotter, Outcome, Resources, SEMANTICS, Unwatched, backtest_on,
    diff::{Comparison, Run, diff},
    parse_strategy,
    ticks::Recording,
};
use market::{BarSeries, Symbol};

struct Sample {
    outcome: Outcome,
    blotter: Blotter,
    symbols: Vec<Symbol>,
    series: Vec<BarSeries>,
}

fn sample(series: Vec<BarSeries>, change: &[(&str, &str)]) -> Sample {
    let mut text = "version: 1\nname: diff\ndata: d\nsignals:\n  long: close > ts_mean(close, 3)\n\
        sizing: { fixed: 10 }\ncosts: { fee_bps: 10 }\nconvention: next_open\ncash: 1000000\n"
        .to_owned();
    for (from, to) in change {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let strategy = parse_strategy(&text).expect("a strategy");
    let resources = Resources { ticks: Recording::Blocks, ..Resources::default() };
    let outcome = backtest_on(&strategy, &series, &resources, &mut Unwatched).expect("runs");
    let blotter = Blotter::of(&outcome.simulation.blocks).expect("whole");
    let symbols = outcome.instruments.iter().map(|i| i.symbol.clone()).collect();
    Sample { outcome, blotter, symbols, series }
}

fn run(of: &Sample) -> Run<'_> {
    Run {
        strategy: &of.outcome.strategy,
        semantics: SEMANTICS,
        symbols: &of.symbols,
        blotter: &of.blotter,
        series: &of.series,
    }
}

fn compare(a: &Sample, b: &Sample) -> Comparison {
    diff(&run(a), &run(b))
}

fn walk() -> Vec<BarSeries> {
    vec![tape::walk("WALK", 200, 11)]
}

#[track_caller]
fn check(change: &[(&str, &str)], cause: &str, rules: &[&str]) -> Comparison {
    let found = compare(&sample(walk(), &[]), &sample(walk(), change));
    let keys: Vec<&str> = found.rules.iter().map(|(key, ..)| key.as_str()).collect();
    assert_eq!(keys, rules);
    assert_eq!(found.differences.first().map(|d| d.cause.name()), Some(cause));
    found
}

#[test]
fn the_same_run_twice_has_no_differences() {
    let found = compare(&sample(walk(), &[]), &sample(walk(), &[]));
    assert!(found.same > 20 && found.differences.is_empty() && found.rules.is_empty());
}

#[test]
fn each_cause_is_named() {
    let fee = check(&[("fee_bps: 10", "fee_bps: 11")], "fee", &["costs"]);
    // An order that still waits has no fee yet.
    assert!(fee.same <= 1 && fee.differences.iter().all(|d| d.cause.name() == "fee"));
    let fill = check(&[("next_open", "same_close")], "latency", &["convention"]);
    assert!(fill.differences.iter().all(|d| d.a.is_some() && d.b.is_some()));
    let size = check(&[("fixed: 10", "fixed: 12")], "rule", &["sizing"]);
    assert_eq!(size.differences[1].cause.to_string(), "follows from difference 1");
    let rule = check(&[("close, 3", "close, 4")], "rule", &["long"]);
    assert!(rule.differences.iter().any(|d| d.b.is_none()));
    check(&[("name: diff", "name: other"), ("fee_bps: 10", "fee_bps: 0")], "fee", &["costs"]);
}

#[test]
fn a_changed_bar_is_found_and_blamed() {
    let whole = walk();
    let mut other = Vec::new();
    for place in 0..whole[0].len() {
        let raise = if place == 100 { 5_000 } else { 0 };
        other.push((whole[0].open()[place].0, whole[0].close()[place].0 + raise));
    }
    let other = vec![tape::bars("WALK", &other)];
    let found = compare(&sample(whole, &[]), &sample(other, &[]));
    assert_eq!(found.data.len(), 1);
    assert_eq!(found.data[0].time.to_string(), "1970-04-11");
    let first = &found.differences[0];
    assert_eq!(first.cause.name(), "data");
    assert!(first.decided >= found.data[0].time && found.same > 10);
}

#[test]
fn the_blotter_is_the_runs() {
    let one = sample(walk(), &[("fixed: 10", "percent: 100"), ("cash: 1000000", "cash: 200000")]);
    let fills: Vec<_> = one.blotter.fills.iter().map(|(_, fill)| *fill).collect();
    assert_eq!(fills, one.outcome.simulation.fills);
    assert_eq!(one.blotter.orders.len() as u64, one.outcome.simulation.orders);
    let refusals: Vec<_> = one.blotter.refusals.iter().map(|(_, r)| *r).collect();
    assert!(!refusals.is_empty(), "an entry of all cash cannot pay its fee after a gap");
    assert_eq!(refusals, one.outcome.simulation.refusals);
    for record in &one.blotter.orders {
        let own = fills.iter().filter(|fill| fill.order == record.order.id.0);
        assert_eq!(own.map(|fill| fill.quantity.0).sum::<u64>(), record.filled.0);
    }
}

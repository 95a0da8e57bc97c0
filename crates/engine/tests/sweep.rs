//! A set of a sweep is the strategy run alone, whatever is swept beside it.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

mod tape;

use engine::{
    Template, Unwatched, backtest,
    sweep::{Axis, Condition, Error, Grid, Row, Shard, Sweep},
};
use market::BarSeries;
use portfolio::{Settings, performance, periods_per_year};
use std::sync::atomic::AtomicBool;

const CROSS: &str = "\
version: 1
name: cross
data: d
parameters: { fast: 2, slow: 9, size: 40, fee: 10 }
signals:
  long: ema(close, $fast) > ema(close, $slow)
  exit: ema(close, $fast) < ema(close, $slow)
  short: close < ts_min(delay(close, 1), $slow)
sizing: { percent: $size }
costs: { fee_bps: $fee }
cash: 100000
";

const RANKS: &str = "\
version: 1
name: ranks
data: d
parameters: { back: 5, part: 0.9 }
weights: rank(delta(close, $back))
schedule: every 3 bars
sizing: { exposure: $part }
convention: same_close
cash: 100000
";

const MEMBERS: &str = "\
version: 1
name: members
data: d
parameters: { back: 5, least: 0 }
weights: delta(close, $back) > $least
schedule: weekly
sizing: { exposure: 1 }
cash: 100000
";

fn grid(template: &Template, axes: &[&str], conditions: &[&str]) -> Result<Grid, Error> {
    let axes = axes.iter().map(|text| text.parse()).collect::<Result<Vec<Axis>, _>>()?;
    let conditions = conditions.iter().map(|text| text.parse());
    Grid::new(template, axes, conditions.collect::<Result<Vec<Condition>, _>>()?)
}

fn run(sweep: &Sweep<'_>, numbers: &[u64]) -> Vec<Row> {
    sweep.run_batch(numbers, &AtomicBool::new(false)).expect("runs")
}

#[track_caller]
fn check(text: &str, series: &[BarSeries], axes: &[&str], conditions: &[&str]) {
    let template = Template::parse(text).expect("a template");
    let grid = grid(&template, axes, conditions).expect("a grid");
    let sweep = Sweep::new(&template, &grid, series).expect("a sweep");
    let all: Vec<u64> = (0..grid.sets()).collect();
    let rows = run(&sweep, &all);
    assert_eq!(rows.len() as u64, grid.sets());
    for row in &rows {
        let named = grid.named(&row.values);
        let text = template.text_with(&named).expect("a text");
        let strategy = engine::parse_strategy(&text).expect("a strategy");
        let alone = backtest(&strategy, series, &mut Unwatched).expect("runs");
        let curve = &alone.simulation.curve;
        let settings = Settings {
            start: strategy.cash,
            bar: strategy.bar,
            periods_per_year: periods_per_year(curve, strategy.bar),
        };
        let figures = performance(curve, &alone.trades, &alone.simulation.fills, &settings)
            .expect("measures");
        let shown = grid.shown(&row.values);
        assert_eq!((row.run_id, row.digest), (alone.run_id, alone.digest), "{shown}");
        assert_eq!(Some(row.equity), alone.simulation.final_equity(), "{shown}");
        assert_eq!(
            (row.total_return, row.sharpe, row.max_drawdown, row.win_rate, row.profit_factor),
            (
                figures.total_return,
                figures.sharpe,
                figures.max_drawdown,
                figures.win_rate,
                figures.profit_factor
            )
        );
        assert_eq!((row.fees, row.fills), (figures.fees, alone.simulation.fills.len() as u64));
        assert_eq!(row.trades, alone.trades.iter().filter(|t| t.closed.is_some()).count() as u64);
    }
    assert!(rows.iter().any(|row| row.fills > 0), "something is traded");
    for size in [1, 3, 7] {
        let mut parts: Vec<Row> = all.chunks(size).flat_map(|part| run(&sweep, part)).collect();
        assert_eq!(parts, rows, "batches of {size}");
        parts = [3, 1, 2]
            .iter()
            .flat_map(|n| {
                let shard: Shard = format!("{n}/3").parse().expect("a shard");
                let numbers: Vec<u64> = shard.numbers(grid.sets()).collect();
                assert!(numbers.iter().all(|number| shard.has(*number)));
                run(&sweep, &numbers)
            })
            .collect();
        parts.sort_by_key(|row| row.number);
        assert_eq!(parts, rows, "shards");
    }
}

#[test]
fn a_set_of_a_sweep_is_the_strategy_run_alone() {
    let lone = [tape::walk("X", 5_000, 3)];
    check(CROSS, &lone, &["fast=2..5:1", "slow=4,9,30"], &["fast < slow"]);
    check(CROSS, &lone, &["size=10..100:45", "fee=0,2.5"], &[]);
    check(MEMBERS, &lone, &["back=1..6:2", "least=-20,0,20"], &[]);
    for seed in 0..4 {
        let some = tape::seeded(seed);
        check(
            CROSS,
            &some,
            &["fast=2..4:1", "slow=5,9", "size=20,30"],
            &["slow >= 5", "fast < size"],
        );
        check(RANKS, &some, &["back=1..4:1", "part=0.5,1"], &[]);
        check(MEMBERS, &some, &["back=1..4:1"], &[]);
    }
}

#[test]
fn a_curve_that_grows_coarse_is_that_of_the_run_alone() {
    let long = [tape::walk("X", 40_000, 5)];
    check(CROSS, &long, &["fast=5,200", "slow=300"], &[]);
}

#[test]
fn sets_are_numbered_with_the_last_axis_fastest() {
    let template = Template::parse(CROSS).expect("a template");
    let all = grid(&template, &["fast=1..3:1", "slow=2,3,4"], &[]).expect("a grid");
    let shown = |grid: &Grid| -> Vec<String> {
        (0..grid.sets()).map(|n| grid.shown(&grid.values(n).expect("there"))).collect()
    };
    assert_eq!(all.sets(), 9);
    assert_eq!(
        shown(&all)[..4],
        ["fast=1 slow=2", "fast=1 slow=3", "fast=1 slow=4", "fast=2 slow=2"]
    );
    let some = grid(&template, &["fast=1..3:1", "slow=2,3,4"], &["fast < slow", "slow <= 3"]);
    let some = some.expect("a grid");
    assert_eq!(shown(&some), ["fast=1 slow=2", "fast=1 slow=3", "fast=2 slow=3"]);
    let told = grid(&template, &["fast=0.5..1.25:0.25"], &["fast < slow"]).expect("a grid");
    assert_eq!(shown(&told), ["fast=0.5", "fast=0.75", "fast=1", "fast=1.25"]);
    assert_eq!(told.axes()[0].to_string(), "fast=0.5..1.25:0.25");
    assert_eq!(told.conditions()[0].to_string(), "fast < slow");
    assert_eq!(some.values(3), Err(Error::Number { number: 3, sets: 3 }));
    // The end of a range is met only by a whole number of steps.
    let short = grid(&template, &["fast=1..10:4"], &[]).expect("a grid");
    assert_eq!(shown(&short), ["fast=1", "fast=5", "fast=9"]);
}

#[test]
fn what_cannot_be_swept_is_told_with_the_way_out() {
    let template = Template::parse(CROSS).expect("a template");
    let refused = |axes: &[&str], conditions: &[&str]| {
        grid(&template, axes, conditions).expect_err("refused").to_string()
    };
    let check = |axes: &[&str], conditions: &[&str], want: &str| {
        let found = refused(axes, conditions);
        assert!(found.contains(want), "{found}");
    };
    check(&[], &[], "needs an axis");
    check(&["fast"], &[], "there is no `=`");
    check(&["fast=1..9"], &[], "its step after a `:`");
    check(&["fast=1..9:0"], &[], "the step is not above 0");
    check(&["fast=9..1:1"], &[], "ends before it begins");
    check(&["fast=1,x"], &[], "plain numbers");
    check(&["fast=1,2,1.0"], &[], "there twice");
    check(&["fast=0..1000000:1"], &[], "more than 100000 values");
    check(&["fast=1..2:1", "fast=3,4"], &[], "two axes");
    check(&["quick=1..2:1"], &[], "no parameter `quick`: it has fast, slow, size, fee");
    check(&["fast=1..2000:1", "slow=1..2000:1"], &[], "4000000 sets, 1000000 are allowed");
    check(&["fast=1..2000:1", "slow=1..2000:1"], &["fast < slow"], "1999000 sets");
    check(&["fast=5..9:1"], &["fast < 5"], "no set satisfies");
    check(&["fast=5..9:1"], &["fast = 5"], "is no condition");
    check(&["fast=5..9:1"], &["fast < quick"], "no parameter `quick`");
    for text in ["3/2", "0/2", "1", "a/b", "1/0", "1/70000"] {
        let found = text.parse::<Shard>().expect_err("refused").to_string();
        assert!(found.contains("is no shard"), "{found}");
    }
    let series = [tape::walk("X", 50, 1)];
    let fails = |axes: &[&str]| {
        let grid = grid(&template, axes, &[]).expect("a grid");
        Sweep::new(&template, &grid, &series).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert_eq!(
        fails(&["slow=9", "fast=0..3:1"]),
        "slow=9 fast=0 makes no strategy: line 6, column 20: n = 0 is not a whole number of at least 1"
    );
    let found = fails(&["size=50,101"]);
    assert!(found.starts_with("size=101 makes no strategy: line 9, column 20"), "{found}");
}

#[test]
fn a_batch_is_stopped_and_bounded() {
    let template = Template::parse(CROSS).expect("a template");
    let grid = grid(&template, &["fast=1..3:1"], &[]).expect("a grid");
    let series = [tape::walk("X", 500, 1)];
    let sweep = Sweep::new(&template, &grid, &series).expect("a sweep");
    let stopped = sweep.run_batch(&[0], &AtomicBool::new(true));
    assert!(stopped.is_err_and(|e| e.to_string().contains("cancelled")));
    assert_eq!(sweep.run_batch(&[], &AtomicBool::new(false)), Ok(Vec::new()));
    assert_eq!(sweep.batch_sets(0), 1);
    assert!(sweep.batch_sets(1 << 30) > sweep.batch_sets(1 << 20));
    let unsorted = [tape::walk("Y", 50, 1), tape::walk("X", 50, 1)];
    let refused = Sweep::new(&template, &grid, &unsorted).err().expect("refused");
    assert!(refused.to_string().contains("sort the series"), "{refused}");
}

//! Rows that come one at a time give what the same rows give as a whole.
#![allow(missing_docs, clippy::indexing_slicing, clippy::float_cmp, reason = "tests")]

mod tape;

use engine::{
    Command, Decision, Digest, Engine, Error, Event, Flags, Outcome, PaperRun, PartEvaluator,
    Resources, Row, RowEvaluator, RuleTrader, Simulation, Strategy, Terms, Unwatched, ValueRows,
    calendar, columns_digest, evaluate, parse_strategy,
    replay::{Replay, ReplayError, replay},
    risk, run_id, simulate_streaming,
    ticks::{Log, Recording},
};
use factor::ParameterKind;
use market::{Bar, BarSeries, BarSize, Instrument, Timestamp};
use portfolio::{Contract, InstrumentId, Ledger, Totals, Trade, round_trips};
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

const RULES: [&str; 6] = [
    "signals:\n  long: close > ts_mean(close, 3)\nsizing: { fixed: 10 }",
    "signals:\n  long: close > ts_mean(close, 3)\n  short: close < ts_min(delay(close, 1), 4)\nsizing: { percent: 30 }",
    "signals:\n  long: ema(close, 2) > ema(close, 5)\n  exit: rsi(close, 3) > 70\nsizing: { percent: 20 }",
    "weights: rank(close) - 0.5\nschedule: every 3 bars\nsizing: { exposure: 1 }",
    "weights: top(delta(close, 2), 2)\nschedule: weekly\nsizing: { exposure: 0.9 }",
    "weights: -0.2 * cs_zscore(returns(close, 5))\nschedule: monthly\nsizing: { exposure: 1 }",
];

const MORE: [&str; 4] = [
    "costs: { fee_bps: 7.3 }",
    "costs: { fee_bps: 7.3, slippage: { bps: 4 }, participation: 0.5 }",
    "costs: { fee_bps: 2 }\nrisk: { order_size: 12, daily_loss: { fall: 0.03, then: reduce_only } }",
    "costs: { fee_bps: 2 }\nprotect: { cool_down: { rest: 3d, reach: all } }",
];

fn strategy(rules: &str, more: &str, convention: &str) -> Strategy {
    let text = format!(
        "version: 1\nname: rows\ndata: d\n{rules}\n{more}\nconvention: {convention}\ncash: 50000\n"
    );
    parse_strategy(&text).unwrap_or_else(|found| panic!("{text}: {found:?}"))
}

fn instruments(series: &[BarSeries]) -> Vec<Instrument> {
    series.iter().map(|one| one.instrument().clone()).collect()
}

/// Each row of the calendar: its time, and a bar or none for each series.
fn rows(series: &[BarSeries]) -> Vec<(Timestamp, Vec<Option<Bar>>)> {
    let at = |time: Timestamp| {
        let bar = |one: &BarSeries| one.bar(one.times().binary_search(&time).ok()?);
        (time, series.iter().map(bar).collect())
    };
    calendar(series).into_iter().map(at).collect()
}

/// What a row's values say, comparable to the bit, of the names alone.
#[derive(Debug, PartialEq)]
enum Said {
    Nothing,
    Signals(Vec<Flags>),
    Members(Vec<u64>),
    Weights(Vec<u64>),
}

fn said(decision: Decision<'_>, names: usize) -> Said {
    let bits = |cells: &[f64]| cells[..names].iter().map(|x| x.to_bits()).collect();
    match decision {
        Decision::Nothing => Said::Nothing,
        Decision::Signals(flags) => Said::Signals(flags.to_vec()),
        Decision::Members(members) => Said::Members(bits(members)),
        Decision::Weights(weights) => Said::Weights(bits(weights)),
    }
}

fn agree(strategy: &Strategy, series: &[BarSeries]) -> Result<usize, TestCaseError> {
    let never = AtomicBool::new(false);
    let values = evaluate(strategy, series, &Resources::default(), &never).expect("evaluates");
    let whole = ValueRows { values: &values, first: 0 };
    let mut one = RowEvaluator::new(strategy, &instruments(series)).expect("an evaluator");
    let mut late = RowEvaluator::new(strategy, &instruments(series)).expect("an evaluator");
    let mut parts = PartEvaluator::new(strategy, &instruments(series)).expect("an evaluator");
    let rows = rows(series);
    let mut told = 0;
    for (place, (time, bars)) in rows.iter().enumerate() {
        let row = one.push(*time, bars).expect("a row");
        prop_assert_eq!((row.row as usize, row.time), (place, *time));
        let closes: Vec<_> = bars.iter().flatten().map(|bar| bar.close).collect();
        prop_assert_eq!(row.closes.iter().map(|(_, price)| *price).collect::<Vec<_>>(), closes);
        let want = said(whole.row(place), series.len());
        prop_assert_eq!(&said(row.values, series.len()), &want);
        parts.take(*time, bars).expect("a row");
        explains(&parts, &want)?;
        // A row of history leaves the same behind.
        if place + 1 < rows.len() {
            let row = late.warm(*time, bars).expect("a row");
            prop_assert_eq!(said(row.values, series.len()), Said::Nothing);
        } else {
            let row = late.push(*time, bars).expect("a row");
            prop_assert_eq!(&said(row.values, series.len()), &want);
        }
        told += usize::from(
            matches!(&want, Said::Members(c) | Said::Weights(c) if c.iter().any(|b| !f64::from_bits(*b).is_nan())),
        );
        told +=
            usize::from(matches!(&want, Said::Signals(f) if f.iter().any(|f| *f != Flags::NONE)));
    }
    Ok(told)
}

/// The parts of each expression begin with the whole, whose value is what was said.
fn explains(parts: &PartEvaluator, want: &Said) -> Result<(), TestCaseError> {
    let whole = |place: usize, name: &str| {
        let id = InstrumentId(u32::try_from(place).expect("few"));
        let values = parts.values(id);
        values.iter().find(|one| one.name == name && one.depth == 0).map(|one| one.value)
    };
    match want {
        Said::Nothing => {}
        Said::Signals(all) => {
            for (place, flags) in all.iter().enumerate() {
                for (name, flag) in [("long", Flags::LONG), ("short", Flags::SHORT)] {
                    let is_on = whole(place, name).is_some_and(|value| value == 1.0);
                    prop_assert_eq!(is_on, flags.has(flag), "{} of {}", name, place);
                }
            }
        }
        Said::Members(all) | Said::Weights(all) => {
            for (place, bits) in all.iter().enumerate() {
                prop_assert_eq!(whole(place, "weights").map(f64::to_bits), Some(*bits));
            }
        }
    }
    Ok(())
}

/// Every operator with something for all that it must be given, but those by groups: bars have none.
fn calls() -> Vec<String> {
    let call = |operator: &factor::Operator| {
        let mut series = ["close", "open", "high", "low", "volume"].iter().cycle();
        let given = operator.parameters.iter().filter(|one| !one.is_optional());
        let arguments: Option<Vec<&str>> = given
            .map(|one| match one.kind {
                ParameterKind::Number | ParameterKind::Any => series.next().copied(),
                ParameterKind::Truth => Some("close > open"),
                ParameterKind::Group => None,
                ParameterKind::Constant | ParameterKind::Share => Some("0.5"),
                _ => Some("4"),
            })
            .collect();
        Some(format!("{}({})", operator.name, arguments?.join(", ")))
    };
    factor::operators().iter().filter_map(call).collect()
}

#[test]
fn every_operator_gives_the_same_bits_row_by_row() {
    let (calls, mut spoke) = (calls(), 0);
    assert!(calls.len() > 120, "{}", calls.len());
    for (seed, call) in (0..).zip(&calls) {
        let rules = format!("weights: \"{call}\"\nschedule: daily\nsizing: {{ exposure: 1 }}");
        let strategy = strategy(&rules, MORE[0], "next_open");
        let series = tape::seeded(seed);
        let told = agree(&strategy, &series).unwrap_or_else(|failed| panic!("{call}: {failed}"));
        spoke += usize::from(told > 20);
    }
    assert!(spoke > 110, "{spoke} of {} have values", calls.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_row_by_row_are_those_of_the_whole(
        tape in tape::tape(), rules in 0..RULES.len(), lone in any::<bool>(),
    ) {
        let mut series = tape::series(&tape);
        series.truncate(if lone { 1 } else { tape::NAMES });
        agree(&strategy(RULES[rules], MORE[0], "next_open"), &series)?;
    }
}

fn whole(strategy: &Strategy, series: &[BarSeries]) -> Simulation {
    let log = Log::new(Recording::Blocks, run_id(columns_digest(series), strategy));
    simulate_streaming(strategy, series, log, &mut Unwatched).expect("runs")
}

fn paper_run(strategy: &Strategy, series: &[BarSeries]) -> PaperRun {
    let log = Log::new(Recording::Blocks, run_id(columns_digest(series), strategy));
    PaperRun::new(strategy, &instruments(series), log).expect("a run")
}

/// Series of a tape: all three names or the first, with holes or without.
fn shaped(tape: &tape::Tape, lone: bool, lockstep: bool) -> Vec<BarSeries> {
    let mut tape = tape.clone();
    if lockstep {
        tape.iter_mut().flatten().for_each(|cell| *cell = cell.or(Some((900, 1_000))));
    }
    let mut series = tape::series(&tape);
    series.truncate(if lone { 1 } else { tape::NAMES });
    series
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paper_row_by_row_is_the_backtest(
        tape in tape::tape(), rules in 0..RULES.len(), more in 0..MORE.len(),
        (same_close, lone, lockstep) in any::<(bool, bool, bool)>(),
        (warm, take) in (0usize..4, 1usize..20),
    ) {
        let series = shaped(&tape, lone, lockstep);
        prop_assume!(tape::rows(&series) > 0);
        let convention = if same_close { "same_close" } else { "next_open" };
        let strategy = strategy(RULES[rules], MORE[more], convention);
        let want = whole(&strategy, &series);
        let (mut plain, mut taken) = (paper_run(&strategy, &series), paper_run(&strategy, &series));
        // Rows of history, as many as there are windows: nothing is decided on them anyway.
        let warm = warm.min(strategy.lookback());
        let (mut fills, mut trades, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (time, bars)) in rows(&series).iter().enumerate() {
            if place < warm {
                plain.warm(*time, bars).expect("a row");
            } else {
                plain.push(*time, bars).expect("a row");
            }
            taken.push(*time, bars).expect("a row");
            if place % take == 0 {
                let (held, equity) = taken.so_far().expect("in range");
                let held = held.len();
                prop_assert_eq!(taken.desk().ledger().equity(), Ok(equity));
                let new = taken.drain_fills();
                prop_assert_eq!(new.len(), held);
                fills.extend(new);
                trades.extend(taken.drain_trades());
                blocks.extend(taken.take_blocks());
            }
        }
        let totals = *taken.totals();
        prop_assert_eq!(totals, *plain.totals());
        trades.extend(taken.drain_trades());
        let mut rest = taken.finish().expect("ends");
        fills.append(&mut rest.fills);
        blocks.append(&mut rest.blocks);
        let joined = Simulation { fills, blocks, ..rest };
        prop_assert_eq!(&joined, &want);
        prop_assert_eq!(&plain.finish().expect("ends"), &want);
        summed(&want, &series, (totals, &trades))?;
        let data = columns_digest(&series);
        let outcome = Outcome::of(&strategy, &series, data, joined).expect("an outcome");
        let run = engine::backtest(&strategy, &series, &mut Unwatched).expect("runs");
        prop_assert_eq!(outcome.digest, run.digest);
        prop_assert_eq!(outcome.simulation.chain, run.simulation.chain);
    }

    #[test]
    fn what_a_person_wants_on_paper_is_in_the_log(
        tape in tape::tape(), rules in 0..RULES.len(), same_close in any::<bool>(), at in 5usize..50,
    ) {
        let series = tape::series(&tape);
        let convention = if same_close { "same_close" } else { "next_open" };
        let strategy = strategy(RULES[rules], MORE[0], convention);
        let mut run = paper_run(&strategy, &series);
        for (place, (time, bars)) in rows(&series).iter().enumerate() {
            run.push(*time, bars).expect("a row");
            if place == at {
                run.command(Command::Gate(risk::State::Halted)).expect("obeys");
                run.command(Command::Flatten).expect("obeys");
            }
        }
        // Names that have no more bars cannot be sold.
        let ids = (0..).map(InstrumentId).take(series.len());
        let open = ids.filter(|id| run.desk().ledger().position(*id).lots != 0);
        let rest = open.filter(|id| run.desk().working(*id).is_empty()).count();
        prop_assert_eq!(rest, 0, "a halted run holds nothing");
        let end = run.finish().expect("ends");
        let name = run_id(columns_digest(&series), &strategy);
        let told = replay(&strategy, &series, (name, &end.blocks)).expect("replays");
        prop_assert_eq!(Some(told.equity), end.final_equity());
    }
}

fn summed(
    run: &Simulation,
    series: &[BarSeries],
    (totals, trades): (Totals, &[Trade]),
) -> Result<(), TestCaseError> {
    let contracts: Vec<Contract> = series.iter().map(|s| Contract::of(s.instrument())).collect();
    let all = round_trips(&run.fills, &contracts, &run.latest, run.last_row).expect("in range");
    let closed: Vec<Trade> = all.into_iter().filter(|trade| trade.closed.is_some()).collect();
    prop_assert_eq!(trades, &closed[..]);
    let mut want = Totals::default();
    for fill in &run.fills {
        want.fill(fill).expect("in range");
    }
    for trade in &closed {
        want.trade(trade).expect("in range");
    }
    prop_assert_eq!(totals, want);
    Ok(())
}

#[test]
fn a_run_after_long_history_is_told_again() {
    let strategy = strategy(RULES[2], MORE[0], "next_open");
    let series = [tape::walk("A", 400, 1), tape::walk("B", 400, 2)];
    let mut run = paper_run(&strategy, &series);
    let warm = run.look_back().settled.expect("fades");
    assert!(warm > strategy.lookback() && warm < 200, "{warm}");
    for (place, (time, bars)) in rows(&series).iter().enumerate() {
        if place < warm {
            run.warm(*time, bars).expect("a row");
            assert_eq!(run.desk().orders(), 0, "history is not traded");
        } else {
            run.push(*time, bars).expect("a row");
        }
    }
    let end = run.finish().expect("ends");
    assert!(end.fills.len() > 20, "{}", end.fills.len());
    let log = (run_id(columns_digest(&series), &strategy), &end.blocks[..]);
    let told =
        Replay::after_history(&strategy, &series, warm, log).expect("whole").run_to(u64::MAX);
    assert_eq!(Some(told.expect("replays").equity), end.final_equity());
    let other = Replay::after_history(&strategy, &series, warm - 50, log).expect("whole");
    let told = { other }.run_to(u64::MAX).map(|state| state.tick);
    assert!(matches!(told, Err(ReplayError::Differs { .. })), "{told:?}");
}

#[test]
fn what_is_no_next_row_is_refused_and_changes_nothing() {
    let strategy = strategy(RULES[0], MORE[0], "next_open");
    let series = [tape::walk("A", 3, 1), tape::walk("B", 3, 2)];
    let all = rows(&series);
    let mut run = paper_run(&strategy, &series);
    run.push(all[1].0, &all[1].1).expect("a row");
    let check = |run: &mut PaperRun, time: Timestamp, bars: &[Option<Bar>], want: &str| {
        let tick = run.desk().tick();
        let error = run.push(time, bars).expect_err("is refused").to_string();
        assert!(error.contains(want), "{error} lacks {want}");
        assert_eq!(run.desk().tick(), tick);
    };
    let (first, second, third) = (&all[0], &all[1], &all[2]);
    check(&mut run, first.0, &first.1, "comes after one of");
    check(&mut run, second.0, &second.1, "comes after one of");
    check(&mut run, third.0, &third.1[..1], "has 1 bars, the run has 2");
    check(&mut run, third.0, &[None, None], "has no bar");
    check(&mut run, third.0, &[third.1[0], second.1[1]], "B has a bar of 1970-01-02 in the row of");
    let worthless = third.1[0].map(|bar| Bar { close: market::Price(0), ..bar });
    check(&mut run, third.0, &[worthless, None], "needs positive prices");
    run.push(third.0, &third.1).expect("a row");
    let backwards: Vec<Instrument> = instruments(&series).into_iter().rev().collect();
    let refused = RowEvaluator::new(&strategy, &backwards).err();
    assert!(matches!(refused, Some(Error::SymbolOrder { .. })), "{refused:?}");
    let twice = [backwards[0].clone(), backwards[0].clone()];
    let refused = RowEvaluator::new(&strategy, &twice).err();
    assert!(matches!(refused, Some(Error::Twice { .. })), "{refused:?}");
    assert_eq!(series[0].size(), BarSize::DAY);
}

/// A kernel without an exchange, told rows at any time after they closed.
struct Bare {
    rows: RowEvaluator,
    engine: Engine<RuleTrader>,
}

impl Bare {
    fn new(strategy: &Strategy, instruments: &[Instrument]) -> Self {
        let terms = Terms::of(strategy, instruments).expect("terms");
        let ledger = Ledger::open(terms.cash, instruments);
        let log = Log::new(Recording::Nothing, Digest([0; 32]));
        let trader = RuleTrader::new(terms, instruments.len());
        let rows = RowEvaluator::new(strategy, instruments).expect("an evaluator");
        Self { rows, engine: Engine::new(trader, ledger, instruments.len(), log) }
    }

    /// How many actions a row brings that is told so long after its stamp.
    fn tell(
        &mut self,
        (time, bars): &(Timestamp, Vec<Option<Bar>>),
        after: i64,
        warm: bool,
    ) -> usize {
        let mut actions = Vec::new();
        let row: Row<'_> =
            if warm { self.rows.warm(*time, bars) } else { self.rows.push(*time, bars) }
                .expect("a row");
        let now = time.plus_nanos(after).expect("in range");
        self.engine.handle(&Event::Row(row), now, &mut actions).expect("handles");
        actions.len()
    }
}

#[test]
fn a_schedule_goes_by_the_stamps_of_rows_and_history_takes_no_turn() {
    let rules = "weights: top(close, 1)\nschedule: weekly\nsizing: { exposure: 0.9 }";
    let strategy = strategy(rules, MORE[0], "next_open");
    let series = [tape::walk("A", 30, 1), tape::walk("B", 30, 2)];
    let all = rows(&series);
    // 1970-01-01 is a Thursday: Mondays are days 4, 11, 18 and 25.
    let check = |warm: usize, after: i64, want: &[usize]| {
        let mut bare = Bare::new(&strategy, &instruments(&series));
        let told = all.iter().enumerate().map(|(day, row)| bare.tell(row, after, day < warm));
        let days: Vec<usize> =
            told.enumerate().filter(|(_, actions)| *actions > 0).map(|(day, _)| day).collect();
        assert_eq!(
            days[..days.len().min(3)],
            *want,
            "{warm} rows of history, told {after} ns late"
        );
    };
    let day = BarSize::DAY.nanos();
    for after in [0, 1, day, 3 * day] {
        check(0, after, &[0, 4, 11]);
        check(6, after, &[6, 11, 18]);
        check(11, after, &[11, 18, 25]);
    }
}

//! A run can be told again from its tape and its log, on paper as in a backtest, and a log that was
//! touched is found out.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

mod bench_data;
mod tape;

use engine::{
    Digest, QuoteRun, Quotes, Resources, Simulation, Strategy, Unwatched, backtest, backtest_on,
    columns_digest, paper, parse_strategy,
    replay::{QuoteSource, Replay, ReplayError, replay},
    run_id, simulate_streaming,
    ticks::{Block, BlockError, Entry, Log, Recording, TICKS_PER_BLOCK, verify},
};
use market::{BarSeries, Instrument};
use proptest::prelude::*;
use std::{ops::ControlFlow, sync::atomic::AtomicBool};

const NAME: Digest = Digest([7; 32]);

fn strategy(rules: &str, convention: &str) -> Strategy {
    let text = format!(
        "version: 1\nname: replay\ndata: d\n{rules}\ncosts: {{ fee_bps: 7.3 }}\nconvention: {convention}\ncash: 50000\n"
    );
    parse_strategy(&text).expect("a strategy")
}

const RULES: [&str; 3] = [
    "signals:\n  long: close > ts_mean(close, 3)\n  short: close < ts_min(delay(close, 1), 4)\nsizing: { percent: 30 }",
    "weights: rank(close) - 0.5\nschedule: every 3 bars\nsizing: { exposure: 1 }",
    "weights: top(delta(close, 2), 2)\nschedule: weekly\nsizing: { exposure: 0.9 }",
];

fn run(strategy: &Strategy, series: &[BarSeries]) -> Simulation {
    let log = Log::new(Recording::Blocks, NAME);
    simulate_streaming(strategy, series, log, &mut Unwatched).expect("runs")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_rebuilds_every_state(
        tape in tape::tape(),
        rules in 0..RULES.len(),
        same_close in any::<bool>(),
        stop in 0u64..1000,
    ) {
        let series = tape::series(&tape);
        prop_assume!(tape::rows(&series) > 0);
        let convention = if same_close { "same_close" } else { "next_open" };
        let strategy = strategy(RULES[rules], convention);
        let simulation = run(&strategy, &series);
        prop_assert_eq!(verify(NAME, &simulation.blocks), Ok(simulation.chain));
        let end = replay(&strategy, &series, (NAME, &simulation.blocks)).expect("replays");
        prop_assert_eq!(end.tick, simulation.ticks);
        prop_assert_eq!(Some(end.equity), simulation.final_equity());
        prop_assert_eq!(end.refused, simulation.refused);
        prop_assert_eq!(end.working.len(), simulation.unfilled.len());
        // Stopping on the way changes nothing.
        let mut replay = Replay::new(&strategy, &series, (NAME, &simulation.blocks)).expect("whole");
        let tick = simulation.ticks * stop / 1000;
        prop_assert_eq!(replay.run_to(tick).expect("replays").tick, tick);
        prop_assert_eq!(replay.run_to(u64::MAX).expect("replays"), end);
    }
}

#[test]
fn a_log_belongs_to_its_data_strategy_and_convention() {
    let series = [tape::walk("WALK", 300, 5)];
    let resources = Resources { ticks: Recording::Blocks, ..Resources::default() };
    let of = |convention| {
        let strategy = strategy(RULES[0], convention);
        let outcome = backtest_on(&strategy, &series, &resources, &mut Unwatched).expect("runs");
        (strategy, outcome)
    };
    let (strategy, outcome) = of("next_open");
    let blocks = &outcome.simulation.blocks;
    let check = |strategy: &Strategy, series: &[BarSeries]| {
        let name = run_id(columns_digest(series), strategy);
        replay(strategy, series, (name, blocks)).map(|state| state.tick)
    };
    assert_eq!(check(&strategy, &series), Ok(outcome.simulation.ticks));
    let others = [tape::walk("WALK", 300, 6)];
    let refused =
        |told| matches!(told, Err(ReplayError::Log(BlockError::Altered { first: 1, .. })));
    assert!(refused(check(&strategy, &others)), "other data");
    assert!(refused(check(&of("same_close").0, &series)), "another convention");
}

fn sample() -> (Strategy, Vec<BarSeries>, Simulation) {
    let series = vec![tape::walk("WALK", 20_000, 5)];
    let strategy = strategy(RULES[0], "next_open");
    let simulation = run(&strategy, &series);
    (strategy, series, simulation)
}

#[test]
fn a_touched_log_is_found_out() {
    let (strategy, series, simulation) = sample();
    let blocks = &simulation.blocks;
    assert!(blocks.len() > 5, "{}", blocks.len());
    let full = blocks[..blocks.len() - 1].iter().all(|block| block.ticks == TICKS_PER_BLOCK);
    assert!(full, "only the last block may be short");
    let check = |touch: &dyn Fn(&mut Vec<Block>), want: &str| {
        let mut copy = blocks.clone();
        touch(&mut copy);
        let told = replay(&strategy, &series, (NAME, &copy));
        let error = told.expect_err("is found out").to_string();
        assert!(error.contains(want), "{error} lacks {want}");
    };
    check(&|b| b[2].payload[9] ^= 1, "was altered");
    check(&|b| b[3].state[0] ^= 1, "was altered");
    check(&|b| b[1].hash.0[0] ^= 1, "was altered");
    check(&|b| drop(b.remove(1)), "begins with tick 8193");
    check(&|b| b.swap(1, 2), "begins with tick 8193");
    check(&|b| b[0].ticks += 1, "was altered");
}

#[test]
fn a_log_that_was_made_up_is_told_and_found_out() {
    let (strategy, series, simulation) = sample();
    // The hashes are right, but one order has another size: whoever made it up can hash, too.
    let text = strategy.to_string().replace("percent: 30.00", "percent: 31.00");
    let other = parse_strategy(&text).expect("a strategy");
    let told = replay(&other, &series, (NAME, &simulation.blocks));
    assert!(matches!(told, Err(ReplayError::Differs { .. })), "{told:?}");
    let short = vec![tape::walk("WALK", 10_000, 5)];
    let told = replay(&strategy, &short, (NAME, &simulation.blocks));
    assert_eq!(told, Err(ReplayError::TapeEnds { rows: 10_000 }));
}

#[test]
fn blocks_are_written_and_read() {
    let (_, _, simulation) = sample();
    let mut bytes = Vec::new();
    simulation.blocks.iter().for_each(|block| block.write(&mut bytes));
    let mut rest = bytes.as_slice();
    for block in &simulation.blocks {
        assert_eq!(Block::read(&mut rest).as_ref(), Ok(block));
    }
    assert!(rest.is_empty());
    for cut in [1, 5, 40, bytes.len() / 2] {
        let mut rest = &bytes[..cut.min(simulation.blocks[0].payload.len())];
        assert!(matches!(Block::read(&mut rest), Err(BlockError::Damaged(_))));
    }
    let orders = simulation.blocks.iter().flat_map(Block::entries);
    let submitted = orders.filter(|e| matches!(e, Ok(Entry::Action(engine::Action::Submit(_)))));
    assert_eq!(submitted.count() as u64, simulation.orders);
}

#[test]
fn paper_on_a_tape_is_the_backtest_on_that_tape() {
    // The law over 1,000 seeded tapes: the same figures, the same ticks, the same bytes.
    for seed in 0..1_000 {
        let series = tape::seeded(seed);
        let strategy =
            strategy(RULES[usize::try_from(seed).expect("small") % RULES.len()], "next_open");
        let tested = run(&strategy, &series);
        let mut asked = 0;
        let log = Log::new(Recording::Blocks, NAME);
        let papered = paper(&strategy, &series, log, &mut |moment| {
            assert_eq!(moment.row, asked);
            asked += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(papered.as_ref(), Ok(&tested), "seed {seed}");
    }
}

#[test]
fn paper_that_is_ended_is_the_backtest_so_far() {
    let series = vec![tape::walk("WALK", 500, 9)];
    let strategy = strategy(RULES[0], "next_open");
    let log = Log::new(Recording::Blocks, NAME);
    let ended = paper(&strategy, &series, log, &mut |moment| {
        if moment.row == 200 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let shorter = vec![tape::walk("WALK", 200, 9)];
    assert_eq!(ended, Ok(run(&strategy, &shorter)));
}

#[test]
fn threads_do_not_show() {
    let series = tape::seeded(3);
    let strategy = strategy(RULES[1], "next_open");
    let one = backtest(&strategy, &series, &mut Unwatched).expect("runs");
    for threads in [2, 4] {
        let threads = std::num::NonZeroUsize::new(threads).expect("not zero");
        let resources = Resources { threads, ..Resources::default() };
        let many = backtest_on(&strategy, &series, &resources, &mut Unwatched).expect("runs");
        assert_eq!(one, many);
    }
}

/// Columns of quotes, handed over in pieces.
struct Pieces<'a> {
    rest: Quotes<'a>,
    piece: usize,
}

impl QuoteSource for Pieces<'_> {
    fn advance(&mut self) -> Result<Option<Quotes<'_>>, String> {
        let size = self.piece.min(self.rest.len());
        let (now, rest) = (self.rest.part(0..size), self.rest.part(size..self.rest.len()));
        self.rest = rest;
        Ok((size > 0).then_some(now))
    }
}

#[test]
fn a_run_on_quotes_is_told_again_however_they_are_cut() {
    let columns = bench_data::columns(&bench_data::quotes(20_000));
    let instrument = Instrument::share("BENCH".parse().expect("a symbol"));
    for (bar, latency) in [("quote", 0), ("every 7 quotes", 0), ("every 3 quotes", 900_000)] {
        let text = format!(
            "version: 1\nname: q\ndata: d\nbar: {bar}\nsignals:\n  long: ema(close, 3) > ema(close, 9)\n\
             sizing: {{ fixed: 10 }}\nconvention: touch\n\
             costs: {{ fee_bps: 1, latency: {{ feed_us: {latency}, order_us: {latency} }} }}\n"
        );
        let strategy = parse_strategy(&text).unwrap_or_else(|e| panic!("{e:?}"));
        let log = Log::new(Recording::Blocks, NAME);
        let mut run = QuoteRun::of(&strategy, &instrument, log).expect("a run");
        run.take(&columns.quotes(), &AtomicBool::new(false)).expect("runs");
        let done = run.finish().expect("ends");
        assert!(done.fills.len() > 100, "{bar}: {}", done.fills.len());
        let log = (NAME, done.blocks.as_slice());
        let mut states = Vec::new();
        for piece in [1, 1_000, 20_000] {
            let mut source = Pieces { rest: columns.quotes(), piece };
            let replay = Replay::on_quotes(&strategy, &instrument, &mut source, log);
            let mut replay = replay.expect("whole");
            let middle = replay.run_to(done.ticks / 2).expect("replays");
            let end = replay.run_to(u64::MAX).expect("replays");
            assert_eq!((end.tick, Some(end.equity)), (done.ticks, done.final_equity()), "{bar}");
            states.push((middle, end));
        }
        assert!(states.windows(2).all(|pair| pair[0] == pair[1]), "{bar}");
        let mut short = Pieces { rest: columns.quotes().part(0..9_000), piece: 500 };
        let told = Replay::on_quotes(&strategy, &instrument, &mut short, log)
            .expect("whole")
            .run_to(u64::MAX);
        assert_eq!(told, Err(ReplayError::TapeEnds { rows: 9_000 }));
    }
}

#[test]
fn paper_on_quotes_is_the_backtest_on_those_quotes() {
    // Quotes that are handed over as they come, one at a time, against all of them at once: both
    // conventions, with and without latency, over many stretches of the tape.
    let all = bench_data::columns(&bench_data::quotes(60_000));
    let instrument = Instrument::share("BENCH".parse().expect("a symbol"));
    let never = AtomicBool::new(false);
    for case in 0..200_usize {
        let convention = ["touch", "book"][case % 2];
        let (bar, delay) = (["quote", "every 5 quotes"][case / 2 % 2], case / 4 % 3 * 40_000);
        let text = format!(
            "version: 1\nname: q\ndata: d\nbar: {bar}\nsignals:\n  long: ema(close, 3) > ema(close, 9)\n\
             sizing: {{ fixed: {} }}\nconvention: {convention}\ncash: 500000\n\
             costs: {{ fee_bps: 1, slippage: {{ ticks: 1, noise_bps: 2 }}, \
             latency: {{ feed_us: {delay}, order_us: {delay}, response_us: {delay} }} }}\n",
            10 + case * 7
        );
        let strategy = parse_strategy(&text).unwrap_or_else(|e| panic!("{e:?}"));
        let quotes = all.quotes().part(case * 290..case * 290 + 2_000);
        let run = |piece: usize| {
            let log = Log::new(Recording::Blocks, NAME);
            let mut run = QuoteRun::of(&strategy, &instrument, log).expect("a run");
            for from in (0..quotes.len()).step_by(piece) {
                let part = quotes.part(from..quotes.len().min(from + piece));
                run.take(&part, &never).expect("runs");
            }
            run.finish().expect("ends")
        };
        let tested = run(quotes.len());
        assert!(tested.orders > 5, "{text}");
        assert_eq!(run(1), tested, "{text}");
        assert_eq!(run(37), tested, "{text}");
    }
}

//! A run on quotes summed up while it goes on is the run that is summed up at its end.
#![allow(missing_docs, reason = "tests")]

use engine::{
    Blotter, Digest, KEPT_MAX, QuoteRun, Quotes, Strategy, Tallied, Tally, parse_strategy,
    ticks::{Block, Log, Recording},
};
use market::{Instrument, Price, Quantity, Timestamp};
use portfolio::{Contract, Fill, Totals, Trade, round_trips};
use std::sync::atomic::AtomicBool;

const ROWS: usize = 60_000;

struct Columns {
    times: Vec<Timestamp>,
    bids: Vec<Price>,
    asks: Vec<Price>,
    sizes: Vec<Quantity>,
}

/// A middle that turns every few quotes, so that a fast average crosses a slow one often.
fn columns() -> Columns {
    let mut state = 11_u64;
    let mut bid = 10_000;
    let mut columns = Columns { times: vec![], bids: vec![], asks: vec![], sizes: vec![] };
    for row in 0..ROWS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bid += i64::try_from(state >> 61).expect("small") - 3;
        bid = bid.max(5_000);
        let nanos = 1_577_836_800_000_000_000 + i64::try_from(row).expect("small") * 250_000_000;
        columns.times.push(Timestamp::from_nanos(nanos));
        columns.bids.push(Price(bid));
        columns.asks.push(Price(bid + 1));
        columns.sizes.push(Quantity(5 + (state >> 40) % 20));
    }
    columns
}

fn strategy(convention: &str) -> Strategy {
    let text = format!(
        "version: 1\nname: n\ndata: d\nbar: quote\nsignals:\n  \
         long: ema(close, 2) > ema(close, 5)\nsizing: {{ fixed: 10 }}\n\
         costs: {{ fee_bps: 1 }}\nconvention: {convention}\ncash: 100000\n"
    );
    parse_strategy(&text).expect("a strategy")
}

struct Told {
    tallied: Tallied,
    trades: Vec<Trade>,
    fills: Vec<Fill>,
    blocks: Vec<Block>,
}

/// Runs in pieces of so many quotes, taking what came of each.
fn told(strategy: &Strategy, columns: &Columns, piece: usize) -> Told {
    let instrument = Instrument::share("SPY".parse().expect("a symbol"));
    let mut tally = Tally::new(strategy, &instrument, Digest([7; 32]));
    let log = Log::new(Recording::Blocks, tally.run_id());
    let mut run = QuoteRun::of(strategy, &instrument, log).expect("a run");
    let quotes = Quotes {
        times: &columns.times,
        bids: &columns.bids,
        asks: &columns.asks,
        bid_sizes: &columns.sizes,
        ask_sizes: &columns.sizes,
    };
    let (mut trades, mut fills, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
    for from in (0..ROWS).step_by(piece) {
        let part = quotes.part(from..ROWS.min(from + piece));
        run.take(&part, &AtomicBool::new(false)).expect("in order");
        let fresh = run.take_fills();
        trades.extend(tally.take(&fresh).expect("in range"));
        fills.extend(fresh);
        blocks.extend(run.take_blocks());
    }
    let end = (run.rows(), run.last_time().expect("has quotes"));
    let simulation = run.finish().expect("ends");
    fills.extend(&simulation.fills);
    blocks.extend(simulation.blocks.clone());
    let tallied = tally.finish((strategy, &instrument), simulation, end).expect("in range");
    trades.extend(&tallied.rest);
    Told { tallied, trades, fills, blocks }
}

#[test]
fn pieces_of_any_size_come_to_the_same() {
    let columns = columns();
    for convention in ["touch", "book"] {
        let strategy = strategy(convention);
        let whole = told(&strategy, &columns, ROWS);
        assert!(whole.fills.len() > 2 * KEPT_MAX, "{}", whole.fills.len());
        for piece in [1, 997, 16_384] {
            let part = told(&strategy, &columns, piece);
            assert_eq!(part.tallied.outcome.digest, whole.tallied.outcome.digest);
            assert_eq!(part.tallied.outcome.run_id, whole.tallied.outcome.run_id);
            assert_eq!((part.fills, part.trades), (whole.fills.clone(), whole.trades.clone()));
            assert_eq!(part.tallied.totals, whole.tallied.totals);
            assert_eq!(part.blocks, whole.blocks);
        }
    }
}

#[test]
fn the_sums_are_those_of_all_fills_and_trades_and_the_first_are_kept() {
    let told = told(&strategy("touch"), &columns(), 4_096);
    let outcome = &told.tallied.outcome;
    let contracts = [Contract::of(&outcome.instruments[0])];
    let last = u32::try_from(ROWS - 1).expect("small");
    let trades = round_trips(&told.fills, &contracts, &outcome.simulation.latest, last);
    assert_eq!(trades.as_ref(), Ok(&told.trades));
    let mut totals = Totals::default();
    told.fills.iter().try_for_each(|fill| totals.fill(fill)).expect("in range");
    told.trades.iter().try_for_each(|trade| totals.trade(trade)).expect("in range");
    assert_eq!(told.tallied.totals, totals);
    assert_eq!(outcome.simulation.fills, told.fills[..KEPT_MAX]);
    assert_eq!(outcome.trades[..KEPT_MAX], told.trades[..KEPT_MAX]);
}

#[test]
fn a_blotter_that_forgets_tells_every_order_and_fill_once() {
    let told = told(&strategy("book"), &columns(), 4_096);
    let whole = Blotter::of(&told.blocks).expect("is whole");
    let mut blotter = Blotter::default();
    let (mut orders, mut fills, mut most) = (Vec::new(), Vec::new(), 0);
    for block in &told.blocks {
        blotter.add(block).expect("is whole");
        most = most.max(blotter.orders.len());
        orders.extend_from_slice(blotter.ended());
        fills.extend(blotter.fills.clone());
        blotter.forget();
    }
    orders.extend(blotter.orders);
    assert_eq!((orders, fills), (whole.orders.clone(), whole.fills));
    assert!(most * 10 < whole.orders.len() || told.blocks.len() < 10, "{most}");
}

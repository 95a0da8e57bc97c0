//! Sleeping is a shortcut, never another run: a trader that is woken on every row does the same.

use crate::{
    Decision, Desk, Digest, Engine, Error, Evaluator, QuoteRun, Quotes, RuleTrader, Simulation,
    Strategy, Terms, Trader, ValueRows,
    exchange::{Exchange, FeeTerms, Model, Terms as Venue},
    parse_strategy,
    session::{BarFeed, BarSession, Curve},
    ticks::{Log, Recording},
    values::{calendar, is_lockstep},
};
use market::{Bar, BarSeries, BarSize, Instrument, Listing, Price, Quantity, Rate, Timestamp};
use portfolio::Ledger;
use proptest::prelude::*;
use std::{num::NonZeroU32, sync::atomic::AtomicBool};

/// The same trader, woken on every row.
struct Awake(RuleTrader);

impl Trader for Awake {
    fn on_row(&mut self, values: Decision<'_>, desk: &mut Desk) -> Result<(), Error> {
        self.0.on_row(values, desk)
    }
}

fn strategy(rules: &str, convention: &str) -> Strategy {
    let text = format!(
        "version: 1\nname: s\ndata: d\n{rules}\ncosts: {{ fee_bps: 3 }}\nconvention: {convention}\ncash: 90000\n"
    );
    parse_strategy(&text).expect("a strategy")
}

const RULES: [&str; 4] = [
    "signals:\n  long: close > ts_mean(close, 3)\nsizing: { fixed: 10 }",
    "signals:\n  long: close > ts_mean(close, 5)\n  exit: close < ts_min(delay(close, 1), 4)\n  short: delta(close, 2) < 0\nsizing: { percent: 40 }",
    "weights: rank(close) - 0.5\nschedule: every 4 bars\nsizing: { exposure: 1 }",
    "weights: top(delta(close, 2), 1)\nschedule: weekly\nsizing: { exposure: 0.9 }",
];

fn bars(prices: &[(i64, i64)], size: BarSize, symbol: &str, skip: usize) -> BarSeries {
    let bar = |(row, (open, close)): (usize, &(i64, i64))| {
        let nanos = i64::try_from(row).expect("few") * size.nanos();
        let (open, close) = (Price(*open), Price(*close));
        let (high, low) = (open.max(close), open.min(close));
        let open_time = Timestamp::from_nanos(nanos);
        Bar { open_time, open, high, low, close, volume: Quantity(5) }
    };
    let all = prices.iter().enumerate().map(bar);
    let some = all.enumerate().filter(|(row, _)| skip == 0 || row % skip != 1).map(|(_, b)| b);
    let instrument = Instrument::share(symbol.parse().expect("a symbol"));
    BarSeries::from_bars(instrument, size, some).expect("in order")
}

fn run<T: Trader>(
    wrap: impl Fn(RuleTrader) -> T,
    strategy: &Strategy,
    series: &[BarSeries],
    piece: usize,
) -> Simulation {
    let instruments: Vec<Instrument> = series.iter().map(|s| s.instrument().clone()).collect();
    let listings: Vec<Listing> = instruments.iter().cloned().map(Listing::of).collect();
    let terms = Terms::of(strategy, &instruments).expect("terms");
    let exchange = Exchange::new(terms.venue(1), &listings);
    let ledger = Ledger::open(terms.cash, &instruments);
    let trader = wrap(RuleTrader::new(terms, instruments.len()));
    let log = Log::new(Recording::Blocks, Digest([1; 32]));
    let engine = Engine::new(trader, ledger, instruments.len(), log);
    let feed = BarFeed::new(series, is_lockstep(series));
    let mut session = BarSession::new(exchange, engine, feed, Curve::default());
    let mut evaluator = Evaluator::new(strategy, series).expect("evaluates");
    let times = calendar(series);
    for (place, part) in times.chunks(piece).enumerate() {
        let first = place * piece;
        let values = evaluator.take(part, &AtomicBool::new(false)).expect("evaluates");
        let rows = ValueRows { values, first };
        session.run(first..first + part.len(), part, &rows).expect("runs");
    }
    session.finish().expect("finishes")
}

fn prices(rows: usize) -> impl proptest::strategy::Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((500i64..2_000, 500i64..2_000), rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sleeping_through_bars_changes_nothing(
        a in prices(90), b in prices(90), rules in 0..RULES.len(), piece in 1usize..40,
        same_close in any::<bool>(), lone in any::<bool>(), daily in any::<bool>(),
    ) {
        let size = if daily { BarSize::DAY } else { BarSize::MINUTE };
        let mut series = vec![bars(&a, size, "A", 0)];
        if !lone {
            series.push(bars(&b, size, "B", 7));
        }
        let convention = if same_close { "same_close" } else { "next_open" };
        let strategy = strategy(RULES[rules], convention);
        let asleep = run(|trader| trader, &strategy, &series, piece);
        let awake = run(Awake, &strategy, &series, 90);
        prop_assert_eq!(asleep, awake);
    }

    #[test]
    fn sleeping_through_quotes_changes_nothing(
        steps in prop::collection::vec((-5i64..6, 1i64..4, 1u64..9, 0i64..2_000_000_000), 300),
        per_row in 1u32..6, piece in 1usize..90, rules in 0..2usize,
    ) {
        let strategy = strategy(RULES[rules], "next_open");
        let (mut bid, mut time) = (1_000, 0);
        let (mut times, mut bids, mut asks, mut sizes) = (vec![], vec![], vec![], vec![]);
        for (step, spread, size, wait) in steps {
            (bid, time) = (bid + step, time + wait);
            times.push(Timestamp::from_nanos(time));
            bids.push(Price(bid));
            asks.push(Price(bid + spread));
            sizes.push(Quantity(size));
        }
        let all = Quotes { times: &times, bids: &bids, asks: &asks, bid_sizes: &sizes, ask_sizes: &sizes };
        let rate = Rate::from_bps(3);
        let venue = Venue { fees: FeeTerms::new(rate, rate), ..Venue::of(Model::Touch) };
        let listing = Listing::of(Instrument::share("Q".parse().expect("a symbol")));
        let clock = NonZeroU32::new(per_row).expect("not zero");
        // A feed that takes no time at all, but is not known to, is told every quote.
        let go = |piece: usize, awake: bool| {
            let log = Log::new(Recording::Blocks, Digest([2; 32]));
            let mut run = QuoteRun::new(&strategy, &listing, (clock, venue), (0, log)).expect("a run");
            if awake {
                run.stay_awake();
            }
            let mut from = 0;
            while from < all.len() {
                let until = all.len().min(from + piece);
                run.take(&all.part(from..until), &AtomicBool::new(false)).expect("runs");
                from = until;
            }
            run.finish().expect("finishes")
        };
        prop_assert_eq!(go(piece, false), go(300, true));
    }
}

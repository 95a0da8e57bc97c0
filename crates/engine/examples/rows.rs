//! What a bot spends on rows: 500 symbols of one-minute bars, 30 expressions each, in processor time a
//! row and in resident memory. The first line is the evaluator alone, the second a whole run on paper.
//!
//! `cargo run --release -p engine --example rows -- [symbols] [expressions] [rows]`
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a bench reads the clock, processor time and its own memory from /proc, and prints"
)]

use engine::{
    Digest, PaperRun, RowEvaluator, Strategy,
    feed::{RowBuilder, RowTerms},
    parse_strategy,
    ticks::{Log, Recording},
};
use market::{Bar, BarSize, Currency, Instrument, Price, Quantity, Timestamp};
use portfolio::InstrumentId;
use std::time::Instant;

/// One of each family that strategies use, with windows from minutes to four hours.
const EXPRESSIONS: [&str; 30] = [
    "close > ema(close, 12)",
    "ema(close, 12) > ema(close, 26)",
    "close > ts_mean(close, 20)",
    "close > ts_mean(close, 60)",
    "close > ts_mean(close, 240)",
    "rsi(close, 14) < 30",
    "rsi(close, 7) > 70",
    "macd(close) > macd_signal(close)",
    "close > bollinger_upper(close, 20)",
    "close < bollinger_lower(close, 20)",
    "atr(high, low, close, 14) / close > 0.002",
    "adx(high, low, close, 14) > 25",
    "stoch_k(high, low, close) > 80",
    "cci(high, low, close, 20) > 100",
    "williams_r(high, low, close, 14) > -20",
    "close >= donchian_upper(high, 55)",
    "close <= donchian_lower(low, 55)",
    "ts_std(returns(close, 1), 60) > 0.001",
    "ts_zscore(volume, 120) > 2",
    "ts_rank(close, 120) > 0.9",
    "ts_corr(close, volume, 60) > 0.5",
    "ts_slope(close, 60) > 0",
    "crosses_above(close, ts_mean(close, 120))",
    "crosses_below(close, ts_mean(close, 120))",
    "returns(close, 15) > 0.004",
    "obv(close, volume) > ema(obv(close, volume), 30)",
    "supertrend_direction(high, low, close) > 0",
    "rank(returns(close, 60)) > 0.9",
    "cs_zscore(ts_sum(volume, 60)) > 2",
    "kama(close, 30) > delay(kama(close, 30), 1)",
];

/// Long while more than half of the expressions hold, short while fewer than a quarter do.
fn strategy(expressions: usize) -> Strategy {
    let part = |n: usize| format!("where({}, 1, 0)", EXPRESSIONS[n % EXPRESSIONS.len()]);
    let sum = (0..expressions).map(part).collect::<Vec<_>>().join(" + ");
    let (many, few) = (expressions as f64 * 0.5, expressions as f64 * 0.25);
    let text = format!(
        "version: 1\nname: n\ndata: d\nbar: 1m\nsignals:\n  long: \"({sum}) > {many}\"\n  \
         short: \"({sum}) < {few}\"\nsizing: {{ percent: 0.1 }}\ncosts: {{ fee_bps: 5 }}\n\
         cash: 1000000\ncurrency: USDT\n"
    );
    parse_strategy(&text).unwrap_or_else(|found| panic!("{found:?}"))
}

/// Walks, a row at a time.
struct Walks {
    prices: Vec<i64>,
    state: u64,
    minute: i64,
}

impl Walks {
    fn dice(&mut self, sides: u64) -> i64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        i64::try_from((self.state >> 33) % sides).unwrap()
    }

    fn row(&mut self, bars: &mut Vec<Option<Bar>>) -> Timestamp {
        self.minute += 1;
        let open_time = Timestamp::from_nanos(self.minute * BarSize::MINUTE.nanos());
        bars.clear();
        for at in 0..self.prices.len() {
            let open = self.prices[at];
            let close = (open + self.dice(81) - 40).max(1_000);
            self.prices[at] = close;
            let (high, low) = (open.max(close) + self.dice(20), open.min(close) - self.dice(20));
            let [open, high, low, close] = [open, high, low, close].map(Price);
            let volume = Quantity(self.dice(5_000).unsigned_abs());
            // One bar in a thousand is missing.
            let is_there = self.dice(1_000) > 0;
            bars.push(is_there.then_some(Bar { open_time, open, high, low, close, volume }));
        }
        open_time
    }
}

/// Seconds this thread was on a core: other processes share the machine, so wall time misleads.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Resident memory in MiB: pages of 4 KiB in the second place of `statm`.
fn resident_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 256.0
}

/// Rows that are made before they are measured together: the system counts processor time in
/// steps of some milliseconds.
const BATCH: usize = 100;

/// Wall times that are kept: the bench must not grow where the run does not.
const WALLS: usize = 10_000;

/// What rows cost.
struct Spent {
    what: &'static str,
    rows: usize,
    cpu: f64,
    /// Wall time of each row, in microseconds.
    walls: Vec<f64>,
    mib_first: f64,
}

impl Spent {
    fn new(what: &'static str) -> Self {
        Self { what, rows: 0, cpu: 0.0, walls: Vec::with_capacity(WALLS), mib_first: 0.0 }
    }

    /// Takes rows of a source, batch by batch.
    fn rows(
        &mut self,
        rows: usize,
        source: &mut Walks,
        mut act: impl FnMut(Timestamp, &[Option<Bar>]),
    ) {
        let mut batch = vec![(Timestamp::default(), Vec::new()); BATCH];
        for _ in 0..rows / BATCH {
            for (time, bars) in &mut batch {
                *time = source.row(bars);
            }
            let before = cpu_seconds();
            for (time, bars) in &batch {
                let start = Instant::now();
                act(*time, bars);
                if self.walls.len() < WALLS {
                    self.walls.push(start.elapsed().as_secs_f64() * 1e6);
                }
            }
            self.cpu += cpu_seconds() - before;
            self.rows += BATCH;
            if self.rows == 1_000 {
                self.mib_first = resident_mib();
            }
        }
    }

    fn show(mut self, more: &str) {
        let mean = self.cpu / self.rows as f64;
        self.walls.sort_by(f64::total_cmp);
        let wall = |share: usize| self.walls[self.walls.len() * share / 100];
        println!(
            "{}: {} rows, {:.0} us of a core a row, {:.4} % of a core at a row a minute; wall p50 {:.0} us, p99 {:.0} us; resident {:.1} MiB, after 1000 rows {:.1}{more}",
            self.what,
            self.rows,
            mean * 1e6,
            mean / 60.0 * 100.0,
            wall(50),
            wall(99),
            resident_mib(),
            self.mib_first,
        );
    }
}

fn main() {
    let mut given = std::env::args().skip(1).map(|n| n.parse::<usize>().unwrap());
    let (symbols, expressions) = (given.next().unwrap_or(500), given.next().unwrap_or(30));
    let rows = given.next().unwrap_or(20_000);
    let usdt: Currency = "USDT".parse().unwrap();
    let coin = |n: usize| Instrument {
        currency: usdt,
        ..Instrument::share(format!("C{n:04}").parse().unwrap())
    };
    let instruments: Vec<Instrument> = (0..symbols).map(coin).collect();
    let strategy = strategy(expressions);
    let walks = || Walks { prices: vec![10_000; symbols], state: 7, minute: 28_000_000 };

    let mut evaluator = RowEvaluator::new(&strategy, &instruments).unwrap();
    println!(
        "{symbols} symbols, {expressions} expressions, looks back {:?}",
        evaluator.look_back()
    );
    let (mut source, mut spent) = (walks(), Spent::new("evaluator"));
    spent.rows(rows, &mut source, |time, bars| _ = evaluator.push(time, bars).unwrap());
    spent.show("");
    drop(evaluator);

    let log = Log::new(Recording::Blocks, Digest([0; 32]));
    let mut run = PaperRun::new(&strategy, &instruments, log).unwrap();
    let mut source = walks();
    let since = Timestamp::from_nanos((source.minute + 1) * BarSize::MINUTE.nanos());
    let terms = RowTerms {
        size: BarSize::MINUTE,
        from: BarSize::MINUTE,
        since,
        grace_nanos: 2_000_000_000,
    };
    let mut builder = RowBuilder::new(symbols, terms).unwrap();
    let (mut spent, mut fills) = (Spent::new("builder and paper"), 0);
    spent.rows(rows, &mut source, |time, bars| {
        let late = time.plus_nanos(63_000_000_000).unwrap();
        for (id, bar) in (0..).map(InstrumentId).zip(bars) {
            if let Some(bar) = bar {
                builder.take(id, bar).unwrap();
            }
        }
        while let Some(row) = builder.next(late).unwrap() {
            run.push(row.time, &row.bars).unwrap();
        }
        fills += run.drain_fills().len();
        _ = (run.drain_trades(), run.take_blocks());
    });
    spent.show(&format!(", {fills} fills"));
}

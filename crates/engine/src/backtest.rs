//! The backtest: bars in the order of time through the kernel, its orders through the simulated
//! exchange, and what came of it.

use crate::{
    Digest, Error, Evaluator, RuleTrader, Strategy, ValueRows, Values, columns_digest,
    digest::outcome_digest,
    evaluate,
    history::{History, check, is_sorted},
    order::{Order, Refusal},
    run_id,
    session::{BarFeed, BarSession, Curve, Wiring},
    ticks::{Block, Log, Recording},
};
use market::{BarSeries, Instrument, Money, Price, Symbol, Timestamp};
use portfolio::{Contract, EquityPoint, Fill, InstrumentId, Trade, round_trips};
use std::{
    num::NonZeroUsize,
    ops::{ControlFlow, Range},
    sync::atomic::AtomicBool,
};

/// Who looks on, and may stop the run.
pub trait Watch {
    /// `done` of `total` rows are through; [`ControlFlow::Break`] stops the run.
    fn progress(&mut self, done: usize, total: usize) -> ControlFlow<()>;

    /// A flag that stops the evaluation of expressions before the first row, if there is one.
    fn cancel(&self) -> Option<&AtomicBool> {
        None
    }
}

/// Nobody looks on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&mut self, _done: usize, _total: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What a run may use and keep; its figures do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Threads.
    pub threads: NonZeroUsize,
    /// Bytes at the peak.
    pub memory_bytes_max: u64,
    /// What is kept of the ticks.
    pub ticks: Recording,
}

impl Default for Resources {
    fn default() -> Self {
        Self { threads: NonZeroUsize::MIN, memory_bytes_max: 4 << 30, ticks: Recording::Chain }
    }
}

/// What the kernel and the exchange did.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Executions in their order.
    pub fills: Vec<Fill>,
    /// The account after the rows of the calendar; stamped, as bars are, with the opening time of
    /// the row. Beyond 16,384 rows, the last row of each span of time.
    pub curve: Vec<EquityPoint>,
    /// The first thousand refusals.
    pub refusals: Vec<Refusal>,
    /// How many there were.
    pub refused: u64,
    /// Orders that still wait: for the day after the last one, or for a name that has no more bars.
    pub unfilled: Vec<Order>,
    /// Orders submitted.
    pub orders: u64,
    /// The last row of the calendar.
    pub last_row: u32,
    /// Events the kernel handled.
    pub ticks: u64,
    /// The hash of the last block of ticks.
    pub chain: Digest,
    /// The blocks of ticks, where they were to be kept.
    pub blocks: Vec<Block>,
    /// The last price of each instrument.
    pub latest: Vec<Option<Price>>,
}

/// A run and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// SHA-256 of data, canonical strategy, convention and semantics.
    pub run_id: Digest,
    /// SHA-256 of the logical columns.
    pub data: Digest,
    /// SHA-256 of what came out.
    pub digest: Digest,
    /// What was run.
    pub strategy: Strategy,
    /// The instruments, in symbol order: [`InstrumentId`] is the place in this list.
    pub instruments: Vec<Instrument>,
    /// What the kernel and the exchange did.
    pub simulation: Simulation,
    /// Round trips in the order in which they closed; open ones last.
    pub trades: Vec<Trade>,
    /// When each instrument's last bar was; `None` where it has none.
    pub last_bars: Vec<Option<Timestamp>>,
}

impl Outcome {
    /// What a simulation on series in symbol order, of this digest, comes to.
    pub fn of(
        strategy: &Strategy,
        series: &[BarSeries],
        data: Digest,
        simulation: Simulation,
    ) -> Result<Self, Error> {
        let instruments: Vec<Instrument> = series.iter().map(|s| s.instrument().clone()).collect();
        let trades = simulation.trades(&instruments)?;
        let run_id = run_id(data, strategy);
        let digest = outcome_digest(run_id, &simulation);
        let strategy = strategy.clone();
        let last_bars = series.iter().map(|s| s.times().last().copied()).collect();
        Ok(Self { run_id, data, digest, strategy, instruments, simulation, trades, last_bars })
    }

    /// An instrument's name.
    #[must_use]
    pub fn symbol(&self, id: InstrumentId) -> Option<&Symbol> {
        self.instruments.get(id.index()).map(|i| &i.symbol)
    }
}

/// Runs a strategy on one thread; see [`backtest_on`].
pub fn backtest(
    strategy: &Strategy,
    series: &[BarSeries],
    watch: &mut dyn Watch,
) -> Result<Outcome, Error> {
    backtest_on(strategy, series, &Resources::default(), watch)
}

/// Runs a strategy over its series (of one bar size and currency, prices positive, in any order).
/// The series must be those of the strategy's universe: picking them is the caller's part.
pub fn backtest_on(
    strategy: &Strategy,
    series: &[BarSeries],
    resources: &Resources,
    watch: &mut dyn Watch,
) -> Result<Outcome, Error> {
    let sorted;
    let series = if is_sorted(series) {
        series
    } else {
        let mut own = series.to_vec();
        own.sort_by(|a, b| a.instrument().symbol.cmp(&b.instrument().symbol));
        sorted = own;
        &sorted
    };
    check(strategy, series)?;
    let data = columns_digest(series);
    let run_id = run_id(data, strategy);
    let log = Log::new(resources.ticks, run_id);
    let simulation = if resources.threads == NonZeroUsize::MIN || series.len() == 1 {
        simulate_streaming(strategy, series, log, watch)?
    } else {
        let never = AtomicBool::new(false);
        let values = evaluate(strategy, series, resources, watch.cancel().unwrap_or(&never))?;
        drive(strategy, series, &values, (log, watch))?
    };
    Outcome::of(strategy, series, data, simulation)
}

/// Rows between two looks at the watch.
const WATCH_ROWS: usize = 4096;

/// Feeds the rows of the calendar to the kernel and its orders to the exchange, with values that
/// were worked out before.
///
/// On each row: waiting orders whose instrument has a bar are filled at its open (`next_open`);
/// the bars close; the strategy decides; under `same_close` the new orders are filled at those
/// closes; the account is noted down.
pub fn simulate(
    strategy: &Strategy,
    series: &[BarSeries],
    values: &Values,
    watch: &mut dyn Watch,
) -> Result<Simulation, Error> {
    let log = Log::new(Recording::Chain, Digest([0; 32]));
    drive(strategy, series, values, (log, watch))
}

fn drive(
    strategy: &Strategy,
    series: &[BarSeries],
    values: &Values,
    (log, watch): (Log, &mut dyn Watch),
) -> Result<Simulation, Error> {
    let history = History::new(series)?;
    let mut run = Running::new(strategy, &history, log)?;
    while let Some(rows) = run.next(WATCH_ROWS, watch)? {
        run.take(rows, &ValueRows { values, first: 0 })?;
    }
    run.session.finish()
}

/// The same, with values that are worked out row by row as they are needed: one thread, and the
/// memory of a few thousand rows.
pub fn simulate_streaming(
    strategy: &Strategy,
    series: &[BarSeries],
    log: Log,
    watch: &mut dyn Watch,
) -> Result<Simulation, Error> {
    let mut evaluator = Evaluator::new(strategy, series)?;
    let history = History::new(series)?;
    let mut run = Running::new(strategy, &history, log)?;
    let never = AtomicBool::new(false);
    while let Some(rows) = run.next(evaluator.rows(), watch)? {
        let times = run.times.get(rows.clone()).unwrap_or(&[]);
        let values = evaluator.take(times, watch.cancel().unwrap_or(&never))?;
        run.take(rows.clone(), &ValueRows { values, first: rows.start })?;
    }
    run.session.finish()
}

/// Where a run on paper stands before its next row.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The next row's time.
    pub time: Timestamp,
    /// Its place in the calendar.
    pub row: usize,
    /// Rows in all.
    pub rows: usize,
    /// Executions so far.
    pub fills: &'a [Fill],
    /// Cash and positions at their latest prices.
    pub equity: Money,
}

/// Paper: the same kernel and the same exchange, with the rows of a tape handed over one at a
/// time. `pace` is asked before each of them: it waits as long as it likes, or ends the run there.
///
/// The figures, the ticks and the digest are those of a backtest on the rows that were taken.
pub fn paper(
    strategy: &Strategy,
    series: &[BarSeries],
    log: Log,
    pace: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<Simulation, Error> {
    let mut evaluator = Evaluator::new(strategy, series)?;
    let history = History::new(series)?;
    let mut run = Running::new(strategy, &history, log)?;
    let never = AtomicBool::new(false);
    while let Some(time) = run.times.get(run.done).copied() {
        let (fills, equity) = run.session.so_far()?;
        let moment = Moment { time, row: run.done, rows: run.times.len(), fills, equity };
        if pace(&moment).is_break() {
            break;
        }
        let rows = run.done..run.done + 1;
        let values = evaluator.take(&[time], &never)?;
        run.take(rows.clone(), &ValueRows { values, first: rows.start })?;
        run.done = rows.end;
    }
    run.session.finish()
}

/// A run and how far it has come.
struct Running<'h, 'a> {
    session: BarSession<BarFeed<'a>, RuleTrader>,
    times: &'h [Timestamp],
    done: usize,
    told: usize,
}

impl<'h, 'a> Running<'h, 'a> {
    fn new(strategy: &Strategy, history: &'h History<'a>, log: Log) -> Result<Self, Error> {
        let session = history.open(strategy, log, Curve::default())?;
        Ok(Self { session, times: history.times(), done: 0, told: 0 })
    }

    /// The next rows, at most so many; `None` at the end. The watch hears of it now and then.
    fn next(&mut self, most: usize, watch: &mut dyn Watch) -> Result<Option<Range<usize>>, Error> {
        let (done, total) = (self.done, self.times.len());
        if done == 0 || done == total || done - self.told >= WATCH_ROWS {
            self.told = done;
            if watch.progress(done, total).is_break() {
                return Err(Error::Cancelled);
            }
        }
        self.done = total.min(done.saturating_add(most.max(1)));
        Ok((done < total).then_some(done..self.done))
    }

    fn take(&mut self, rows: Range<usize>, values: &ValueRows<'_>) -> Result<(), Error> {
        let times = self.times.get(rows.clone()).unwrap_or(&[]);
        self.session.run(rows, times, values)
    }
}

impl Simulation {
    pub(crate) fn of<T: crate::Trader>(mut wiring: Wiring<T>, curve: Curve) -> Self {
        let engine = &mut wiring.engine;
        engine.finish();
        let (blocks, chain) = (engine.log().take(), engine.log().head());
        let desk = engine.desk();
        let ids = (0..).map(InstrumentId).take(desk.instruments());
        let (refusals, refused) = desk.refusals();
        Self {
            latest: ids.map(|id| desk.ledger().latest(id)).collect(),
            refusals: refusals.to_vec(),
            refused,
            unfilled: wiring.exchange.open_orders().collect(),
            orders: desk.orders(),
            last_row: desk.row(),
            ticks: desk.tick(),
            chain,
            blocks,
            curve: curve.into_points(),
            fills: wiring.fills,
        }
    }

    /// Round trips in the order in which they closed; open ones last.
    pub(crate) fn trades(&self, instruments: &[Instrument]) -> Result<Vec<Trade>, Error> {
        let contracts: Vec<Contract> = instruments.iter().map(Contract::of).collect();
        Ok(round_trips(&self.fills, &contracts, &self.latest, self.last_row)?)
    }

    /// Equity at the last row; `None` without rows.
    #[must_use]
    pub fn final_equity(&self) -> Option<Money> {
        self.curve.last().map(|point| point.equity)
    }
}

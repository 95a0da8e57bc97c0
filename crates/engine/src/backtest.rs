//! The backtest: bars in the order of time through the kernel, its orders through the simulated
//! exchange, and what came of it.

use crate::{
    Action, Convention, Digest, Engine, Error, Event, Exchange, Order, Refusal, Strategy, Terms,
    Values, columns_digest, digest::outcome_digest, evaluate, run_id, values::calendar,
};
use market::{BarSeries, Instrument, Money, Price, Symbol, Timestamp};
use portfolio::{Contract, EquityPoint, Fill, InstrumentId, Trade, round_trips};
use std::{num::NonZeroUsize, ops::ControlFlow, sync::atomic::AtomicBool};

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

/// What the evaluation of expressions may use; the result does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Threads.
    pub threads: NonZeroUsize,
    /// Bytes at the peak.
    pub memory_bytes_max: u64,
}

impl Default for Resources {
    fn default() -> Self {
        Self { threads: NonZeroUsize::MIN, memory_bytes_max: 4 << 30 }
    }
}

/// What the kernel and the exchange did.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Executions in their order.
    pub fills: Vec<Fill>,
    /// The account at each row of the calendar, after everything that happened on it; stamped, as
    /// bars are, with the opening time of the row.
    pub curve: Vec<EquityPoint>,
    /// The first thousand refusals.
    pub refusals: Vec<Refusal>,
    /// How many there were.
    pub refused: u64,
    /// Orders that still wait: for the day after the last one, or for a name that has no more bars.
    pub unfilled: Vec<Order>,
    /// Orders submitted.
    pub orders: u64,
    /// Events the kernel handled.
    pub ticks: u64,
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
    let never = AtomicBool::new(false);
    let values = evaluate(strategy, series, resources, watch.cancel().unwrap_or(&never))?;
    let simulation = simulate(strategy, series, &values, watch)?;
    let instruments: Vec<Instrument> = series.iter().map(|s| s.instrument().clone()).collect();
    let contracts: Vec<Contract> = instruments.iter().map(Contract::of).collect();
    let last_row = u32::try_from(simulation.curve.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let trades = round_trips(&simulation.fills, &contracts, &simulation.latest, last_row)?;
    let data = columns_digest(series);
    let run_id = run_id(data, strategy);
    let digest = outcome_digest(run_id, &simulation);
    let strategy = strategy.clone();
    let last_bars = series.iter().map(|s| s.times().last().copied()).collect();
    Ok(Outcome { run_id, data, digest, strategy, instruments, simulation, trades, last_bars })
}

fn is_sorted(series: &[BarSeries]) -> bool {
    series.is_sorted_by(|a, b| a.instrument().symbol <= b.instrument().symbol)
}

/// Refuses what a run cannot mean.
fn check(strategy: &Strategy, series: &[BarSeries]) -> Result<(), Error> {
    if series.iter().all(BarSeries::is_empty) {
        return Err(Error::NoBars);
    }
    for pair in series.windows(2) {
        if let [a, b] = pair
            && a.instrument().symbol == b.instrument().symbol
        {
            return Err(Error::Twice { symbol: a.instrument().symbol.clone() });
        }
    }
    for one in series {
        let instrument = one.instrument();
        let symbol = || instrument.symbol.clone();
        if instrument.currency != strategy.currency {
            let (found, account) = (instrument.currency, strategy.currency);
            return Err(Error::Currency { symbol: symbol(), found, account });
        }
        if one.size() != strategy.bar {
            let (found, asked) = (one.size(), strategy.bar);
            return Err(Error::BarSize { symbol: symbol(), found, asked });
        }
        let wrong = |(_, (open, close)): &(usize, (&Price, &Price))| open.0 <= 0 || close.0 <= 0;
        if let Some((row, (open, close))) =
            one.open().iter().zip(one.close()).enumerate().find(wrong)
        {
            let price = instrument.price_scale.format(open.0.min(close.0));
            return Err(Error::NotPositive { symbol: symbol(), price, row });
        }
    }
    Ok(())
}

/// One series and how far time has come in it.
struct Tape<'a> {
    times: &'a [Timestamp],
    open: &'a [Price],
    close: &'a [Price],
    next: usize,
    here: Option<usize>,
}

impl<'a> Tape<'a> {
    fn of(series: &'a BarSeries) -> Self {
        let (times, open, close) = (series.times(), series.open(), series.close());
        Self { times, open, close, next: 0, here: None }
    }

    #[inline]
    fn advance(&mut self, time: Timestamp) {
        self.here = (self.times.get(self.next) == Some(&time)).then_some(self.next);
        self.next += usize::from(self.here.is_some());
    }

    #[inline]
    fn open(&self) -> Option<Price> {
        self.open.get(self.here?).copied()
    }

    #[inline]
    fn close(&self) -> Option<Price> {
        self.close.get(self.here?).copied()
    }
}

/// Rows between two looks at the watch.
const WATCH_ROWS: usize = 4096;

/// Feeds the rows of the calendar to the kernel and its orders to the exchange.
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
    let times = calendar(series);
    let instruments: Vec<Instrument> = series.iter().map(|s| s.instrument().clone()).collect();
    let terms = Terms::of(strategy, &instruments)?;
    let limit = u32::MAX as usize;
    if times.len() > limit {
        return Err(Error::Rows { rows: times.len(), limit });
    }
    let mut world = World {
        convention: terms.convention,
        exchange: Exchange::new(terms.fee),
        engine: Engine::new(terms, &instruments),
        tapes: series.iter().map(Tape::of).collect(),
        actions: Vec::new(),
        fills: Vec::new(),
    };
    let mut curve = Vec::with_capacity(times.len());
    for (chunk, rows) in times.chunks(WATCH_ROWS).enumerate() {
        let first = chunk * WATCH_ROWS;
        if watch.progress(first, times.len()).is_break() {
            return Err(Error::Cancelled);
        }
        for (row, time) in (first..).zip(rows) {
            curve.push(world.step(row, *time, values)?);
        }
    }
    if watch.progress(times.len(), times.len()).is_break() {
        return Err(Error::Cancelled);
    }
    Ok(world.finish(curve))
}

struct World<'a> {
    convention: Convention,
    exchange: Exchange,
    engine: Engine,
    tapes: Vec<Tape<'a>>,
    actions: Vec<Action>,
    fills: Vec<Fill>,
}

impl<'a> World<'a> {
    #[inline]
    fn step(&mut self, row: usize, time: Timestamp, values: &Values) -> Result<EquityPoint, Error> {
        #[allow(clippy::cast_possible_truncation, reason = "`simulate` bounds the rows")]
        let at = (row as u32, time);
        for tape in &mut self.tapes {
            tape.advance(time);
        }
        if self.convention == Convention::NextOpen && !self.exchange.working().is_empty() {
            self.trade(at, Tape::open)?;
        }
        for (id, tape) in (0..).map(InstrumentId).zip(&self.tapes) {
            if let Some(price) = tape.close() {
                let event = Event::Close { instrument: id, price };
                self.engine.handle(&event, time, &mut self.actions)?;
            }
        }
        let event = Event::Decide { row: at.0, values: values.row(row) };
        self.engine.handle(&event, time, &mut self.actions)?;
        for Action::Submit(order) in self.actions.drain(..) {
            self.exchange.submit(order);
        }
        if self.convention == Convention::SameClose && !self.exchange.working().is_empty() {
            self.trade(at, Tape::close)?;
        }
        Ok(self.engine.ledger().point(time)?)
    }

    /// Executes all waiting orders whose instrument has a price now, one after the other: each
    /// sees the account as the one before it left it.
    fn trade(
        &mut self,
        at: (u32, Timestamp),
        price: impl Fn(&Tape<'a>) -> Option<Price>,
    ) -> Result<(), Error> {
        let mut from = 0;
        let tapes = &self.tapes;
        let price_of = |id: InstrumentId| tapes.get(id.index()).and_then(&price);
        while let Some((order, price, place)) = self.exchange.next(from, price_of) {
            from = place;
            let done = self.exchange.execute(&order, price, self.engine.ledger(), at)?;
            if let Some(fill) = done.fill {
                self.fills.push(fill);
                self.engine.handle(&Event::Filled(fill), at.1, &mut self.actions)?;
            }
            if let Some(refusal) = done.refusal {
                self.engine.handle(&Event::Refused(refusal), at.1, &mut self.actions)?;
            }
        }
        Ok(())
    }

    fn finish(self, curve: Vec<EquityPoint>) -> Simulation {
        let ledger = self.engine.ledger();
        let ids = (0..).map(InstrumentId).take(self.tapes.len());
        let (refusals, refused) = self.engine.refusals();
        Simulation {
            latest: ids.map(|id| ledger.latest(id)).collect(),
            refusals: refusals.to_vec(),
            refused,
            unfilled: self.exchange.working().to_vec(),
            orders: self.engine.orders(),
            ticks: self.engine.tick(),
            fills: self.fills,
            curve,
        }
    }
}

impl Simulation {
    /// Equity at the last row; `None` without rows.
    #[must_use]
    pub fn final_equity(&self) -> Option<Money> {
        self.curve.last().map(|point| point.equity)
    }
}

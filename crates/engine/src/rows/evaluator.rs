//! A strategy's expressions row by row, over bars that are told as they happen.

use crate::{
    Clock, Decision, Error, Row, Strategy, ValueRows, Values,
    fields::cell,
    history::{check_instruments, check_prices},
    values::{Roles, stream, values_of},
};
use factor::{Expression, Limits, Memory, Plan, Schema, Stream};
use market::{Bar, Instrument, Price, Timestamp};
use portfolio::InstrumentId;
use std::sync::atomic::AtomicBool;

/// Evaluates a strategy's expressions over rows that are handed over one at a time: the bits that
/// [`crate::evaluate`] gives for the same rows, in memory that does not grow.
///
/// What it gives is told to the kernel as it is. Without an exchange that is simulated, the caller
/// carries the kernel's actions to a venue and tells it what the venue answers:
///
/// ```
/// use engine::{Action, Digest, Engine, Event, RowEvaluator, RuleTrader, Terms, parse_strategy};
/// use engine::ticks::{Log, Recording};
/// use market::{Bar, Instrument, Price, Quantity, Timestamp};
/// use portfolio::Ledger;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = "version: 1\nname: n\ndata: d\nbar: 1m\nsignals: { long: \"close > ts_mean(close, 3)\" }\n\
///             sizing: { fixed: 10 }\ncash: 100000\n";
/// let strategy = parse_strategy(text).map_err(|found| found[0].to_string())?;
/// let instruments = [Instrument::share("ACME".parse()?)];
/// let mut rows = RowEvaluator::new(&strategy, &instruments)?;
/// let terms = Terms::of(&strategy, &instruments)?;
/// let (gate, cash) = (terms.gate.clone(), terms.cash);
/// let ledger = Ledger::open(cash, &instruments);
/// let log = Log::new(Recording::Blocks, Digest([0; 32]));
/// let mut engine = Engine::new(RuleTrader::new(terms, 1), ledger, 1, log).guarded(gate);
///
/// let minute = 60_000_000_000;
/// let bar = |n: i64, close: i64| {
///     let (open_time, close) = (Timestamp::from_nanos(n * minute), Price(close));
///     Bar { open_time, open: close, high: close, low: close, close, volume: Quantity(1) }
/// };
/// let mut actions = Vec::new();
/// // History: the kernel learns of it and decides nothing. As many rows as the windows need.
/// assert_eq!((rows.look_back().rows, rows.look_back().is_exact()), (2, true));
/// for bar in [bar(0, 100), bar(1, 101)] {
///     let row = rows.warm(bar.open_time, &[Some(bar)])?;
///     engine.handle(&Event::Row(row), bar.open_time, &mut actions)?;
/// }
/// // From now on each row as it closes, with the time at which it is told.
/// let bar = bar(2, 104);
/// let row = rows.push(bar.open_time, &[Some(bar)])?;
/// engine.handle(&Event::Row(row), Timestamp::from_nanos(3 * minute), &mut actions)?;
/// let [Action::Submit(order)] = actions[..] else { panic!("buys") };
/// // Now the order goes to the venue, and `Event::Update` says what became of it.
/// assert_eq!(order.ticket.quantity, Quantity(10));
/// # Ok(())
/// # }
/// ```
pub struct RowEvaluator {
    instruments: Vec<Instrument>,
    stream: Stream,
    roles: Roles,
    /// Of each field, the row.
    fields: Vec<Vec<f64>>,
    values: Values,
    closes: Vec<(InstrumentId, Price)>,
    memory: Memory,
    last: Option<Timestamp>,
    taken: usize,
    never: AtomicBool,
}

impl RowEvaluator {
    /// Before the first row of these instruments, which are in symbol order.
    pub fn new(strategy: &Strategy, instruments: &[Instrument]) -> Result<Self, Error> {
        Self::of(strategy, instruments, &strategy.expressions())
    }

    /// The same over other expressions, whose first ones need not be the strategy's.
    pub(super) fn of(
        strategy: &Strategy,
        instruments: &[Instrument],
        set: &[(String, Expression)],
    ) -> Result<Self, Error> {
        if !matches!(strategy.clock, Clock::Bars(_)) {
            return Err(Error::Clock { found: strategy.clock, needed: "bars" });
        }
        for pair in instruments.windows(2) {
            if let [a, b] = pair
                && a.symbol > b.symbol
            {
                let (symbol, after) = (b.symbol.clone(), a.symbol.clone());
                return Err(Error::SymbolOrder { symbol, after });
            }
        }
        check_instruments(strategy, instruments.iter())?;
        let names = instruments.len();
        let plan = Plan::new(set, &Schema::bars(), &Limits::default())?;
        let stream = stream(&plan, names);
        let memory = set.iter().map(|(_, expression)| expression.memory());
        Ok(Self {
            instruments: instruments.to_vec(),
            fields: vec![vec![f64::NAN; stream.stride()]; stream.fields().len()],
            stream,
            roles: Roles::of(set),
            values: values_of(strategy, names),
            closes: Vec::with_capacity(names),
            memory: memory.fold(Memory::none(), Memory::with),
            last: None,
            taken: 0,
            never: AtomicBool::new(false),
        })
    }

    /// How many rows of history it needs before its values are those of a longer run, and which
    /// operators carry a state from the first row on.
    #[must_use]
    pub const fn look_back(&self) -> &Memory {
        &self.memory
    }

    /// Rows that were taken.
    #[must_use]
    pub const fn taken(&self) -> usize {
        self.taken
    }

    /// The latest row's time.
    #[must_use]
    pub const fn last_time(&self) -> Option<Timestamp> {
        self.last
    }

    /// The instruments, in symbol order.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Takes the next row, a bar or none for each instrument, and gives what the kernel is told.
    /// A row that is refused changes nothing.
    pub fn push(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> Result<Row<'_>, Error> {
        self.take(time, bars)?;
        let values = self.values().row(self.taken - 1);
        Ok(Row { row: self.row(), time, closes: &self.closes, values })
    }

    /// The same for a row of history, on which the kernel decides nothing.
    pub fn warm(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> Result<Row<'_>, Error> {
        self.take(time, bars)?;
        Ok(Row { row: self.row(), time, closes: &self.closes, values: Decision::Nothing })
    }

    /// The latest row's values; none before the first.
    #[must_use]
    pub const fn values(&self) -> ValueRows<'_> {
        ValueRows { values: &self.values, first: self.taken.saturating_sub(1) }
    }

    /// What one of the expressions, by its place, is for an instrument on the latest row.
    pub(super) fn cell(&self, place: usize, id: InstrumentId) -> Option<f64> {
        self.stream.result(place).get(id.index()).copied()
    }

    /// The latest row's place.
    fn row(&self) -> u32 {
        u32::try_from(self.taken.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn take(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> Result<(), Error> {
        self.check(time, bars)?;
        for (name, cells) in self.stream.fields().iter().zip(&mut self.fields) {
            for ((cell_of, bar), instrument) in cells.iter_mut().zip(bars).zip(&self.instruments) {
                *cell_of = bar.as_ref().map_or(f64::NAN, |bar| cell(instrument, bar, name));
            }
        }
        let fields: Vec<&[f64]> = self.fields.iter().map(Vec::as_slice).collect();
        self.stream.push(&[time], (&fields, &[]), &self.never)?;
        self.roles.read(&self.stream, (1, self.instruments.len()), &mut self.values)?;
        self.closes.clear();
        let ids = (0..).map(InstrumentId).zip(bars);
        self.closes.extend(ids.filter_map(|(id, bar)| Some((id, bar.as_ref()?.close))));
        (self.last, self.taken) = (Some(time), self.taken + 1);
        Ok(())
    }

    /// Refuses what is no next row.
    fn check(&self, time: Timestamp, bars: &[Option<Bar>]) -> Result<(), Error> {
        let (found, expected, limit) = (bars.len(), self.instruments.len(), u32::MAX as usize);
        if found != expected {
            return Err(Error::Width { time, found, expected });
        }
        if let Some(before) = self.last.filter(|before| *before >= time) {
            return Err(Error::BackInTime { time, before });
        }
        if self.taken >= limit {
            return Err(Error::Rows { rows: self.taken + 1, limit });
        }
        if bars.iter().all(Option::is_none) {
            return Err(Error::EmptyRow { time });
        }
        for (bar, instrument) in bars.iter().zip(&self.instruments) {
            let Some(bar) = bar else { continue };
            if bar.open_time != time {
                let (symbol, found) = (instrument.symbol.clone(), bar.open_time);
                return Err(Error::Stamp { symbol, found, time });
            }
            check_prices(instrument, (bar.open, bar.close), self.taken)?;
        }
        Ok(())
    }
}

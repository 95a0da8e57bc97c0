//! The kernel: events in, actions out. No clock, thread, socket or file; backtest, paper and live
//! differ in who feeds it and who carries its actions out.

mod exchange;
mod order;
mod rebalance;
mod schedule;
mod signals;

pub use exchange::{Exchange, Execution};
pub use order::{Intent, Order, OrderId, Refusal, RefusalReason, Shortfall};
pub use signals::Flags;

use crate::{Convention, Error, FeeRate, Rules, Sizing, Strategy};
use market::{Instrument, Money, Price, Quantity, Side, Timestamp};
use portfolio::{Fill, InstrumentId, Ledger};
use schedule::Calendar;

/// What the outside tells the kernel.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A bar of one instrument closed at this price.
    Close {
        /// Whose bar.
        instrument: InstrumentId,
        /// Its last price.
        price: Price,
    },
    /// All bars of a row are in, and these are the strategy's values of it.
    Decide {
        /// The row of the calendar, from 0.
        row: u32,
        /// One value per instrument.
        values: Decision<'a>,
    },
    /// An order met the market.
    Filled(Fill),
    /// An order, or a part of it, will never meet the market.
    Refused(Refusal),
}

/// A row of the strategy's values, one per instrument.
#[derive(Debug, Clone, Copy)]
pub enum Decision<'a> {
    /// Which signals are true.
    Signals(&'a [Flags]),
    /// 1 for a name that is in, else 0 or NaN: equal weights.
    Members(&'a [f64]),
    /// Fractions of equity; NaN is 0.
    Weights(&'a [f64]),
}

/// What the kernel asks of the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this order.
    Submit(Order),
}

/// What a strategy asks for, in the units of its instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub(crate) lookback: usize,
    pub(crate) size: Size,
    pub(crate) calendar: Calendar,
    /// What a fill costs.
    pub fee: FeeRate,
    /// Where orders are filled.
    pub convention: Convention,
    /// Cash at the start.
    pub cash: Money,
}

/// [`Sizing`], resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Size {
    /// Lots per entry, by instrument.
    Lots(Vec<u64>),
    /// A fraction of equity: per entry, or over all weights.
    Share(i128, i128),
}

impl Terms {
    /// Of a strategy on these instruments; a fixed size must be whole lots of each.
    pub fn of(strategy: &Strategy, instruments: &[Instrument]) -> Result<Self, Error> {
        let unit = Money::UNIT;
        let size = match strategy.sizing {
            Sizing::Fixed(size) => {
                Size::Lots(instruments.iter().map(|i| lots_of(size, i)).collect::<Result<_, _>>()?)
            }
            Sizing::Percent(percent) => reduced(percent.0, unit * 100),
            Sizing::Exposure(part) => reduced(part.0, unit),
        };
        let calendar = match strategy.rules {
            Rules::Signals(_) => Calendar::every_row(),
            Rules::Weights { schedule, .. } => Calendar::of(schedule),
        };
        let (lookback, cash) = (strategy.lookback(), strategy.cash);
        let (fee, convention) = (strategy.fee, strategy.convention);
        Ok(Self { lookback, size, calendar, fee, convention, cash })
    }
}

fn lots_of(size: Money, instrument: &Instrument) -> Result<u64, Error> {
    let scaled = size.0.checked_mul(i128::from(instrument.lot_scale.units()));
    let whole = scaled.filter(|s| s % Money::UNIT == 0).map(|s| s / Money::UNIT);
    let lots = whole.and_then(|lots| i64::try_from(lots).ok()).map(i64::unsigned_abs);
    lots.ok_or_else(|| Error::Lots {
        symbol: instrument.symbol.clone(),
        size: size.to_string(),
        lot: instrument.lot_scale.format(1),
    })
}

/// In lowest terms, so that products stay far from the end of the range.
fn reduced(part: i128, of: i128) -> Size {
    let (mut a, mut b) = (part, of);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    Size::Share(part / a.max(1), of / a.max(1))
}

/// One account run by one strategy: folds events into its state and answers with actions.
#[derive(Debug, Clone)]
pub struct Engine {
    terms: Terms,
    ledger: Ledger,
    books: Vec<Book>,
    targets: Vec<i64>,
    next_order: u64,
    tick: u64,
    refusals: Refusals,
}

/// What the kernel knows of an instrument beside its position.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Book {
    /// Lots that working orders will add, signed.
    pending: i64,
    /// Bars closed so far.
    bars: usize,
}

#[derive(Debug, Clone, Default)]
struct Refusals {
    kept: Vec<Refusal>,
    count: u64,
}

/// Refusals that are kept; the rest is only counted. A strategy without cash is refused anew at
/// every bar.
const REFUSALS_KEPT: usize = 1000;

impl Engine {
    /// An account with the strategy's cash and no positions.
    #[must_use]
    pub fn new(terms: Terms, instruments: &[Instrument]) -> Self {
        Self {
            ledger: Ledger::open(terms.cash, instruments),
            terms,
            books: vec![Book::default(); instruments.len()],
            targets: vec![0; instruments.len()],
            next_order: 1,
            tick: 0,
            refusals: Refusals::default(),
        }
    }

    /// Folds one event into the state; appends what the outside should do. Every event is one
    /// tick, and every order carries the tick of the decision it came from.
    #[inline]
    pub fn handle(
        &mut self,
        event: &Event<'_>,
        now: Timestamp,
        out: &mut Vec<Action>,
    ) -> Result<(), Error> {
        self.tick += 1;
        match event {
            Event::Close { instrument, price } => {
                if let Some(book) = self.books.get_mut(instrument.index()) {
                    book.bars += 1;
                }
                Ok(self.ledger.mark(*instrument, *price)?)
            }
            Event::Decide { row, values } => self.decide((*row, now), *values, out),
            Event::Filled(fill) => {
                self.settle(fill.instrument, fill.side, fill.quantity);
                Ok(self.ledger.apply(fill)?)
            }
            Event::Refused(refusal) => {
                self.settle(refusal.instrument, refusal.side, refusal.quantity);
                self.record(*refusal);
                Ok(())
            }
        }
    }

    /// When to call again if nothing happens first: never, for bars come by themselves.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Cash, positions and their prices.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Events handled so far.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Orders submitted so far.
    #[must_use]
    pub const fn orders(&self) -> u64 {
        self.next_order - 1
    }

    /// The first thousand refusals, and how many there were.
    #[must_use]
    pub fn refusals(&self) -> (&[Refusal], u64) {
        (&self.refusals.kept, self.refusals.count)
    }

    #[inline]
    fn decide(
        &mut self,
        (row, now): (u32, Timestamp),
        values: Decision<'_>,
        out: &mut Vec<Action>,
    ) -> Result<(), Error> {
        let due = self.terms.calendar.is_due(row, self.terms.lookback, now);
        match values {
            Decision::Signals(flags) if due => self.follow(flags, (row, now), out),
            Decision::Members(members) if due => {
                self.aim_at_members(members, (row, now))?;
                self.rebalance((row, now), out);
                Ok(())
            }
            Decision::Weights(weights) if due => {
                self.aim_at_weights(weights, (row, now))?;
                self.rebalance((row, now), out);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Lots held once all working orders are through.
    #[inline]
    fn intended(&self, id: InstrumentId) -> i64 {
        let pending = self.books.get(id.index()).map_or(0, |book| book.pending);
        self.ledger.position(id).lots.saturating_add(pending)
    }

    /// A new order; from now on its lots count as intended.
    fn order(
        &mut self,
        instrument: InstrumentId,
        lots: i64,
        (intent, shortfall): (Intent, Shortfall),
        (row, now): (u32, Timestamp),
    ) -> Action {
        let side = if lots < 0 { Side::Sell } else { Side::Buy };
        let quantity = Quantity(lots.unsigned_abs());
        let id = OrderId(self.next_order);
        self.next_order += 1;
        if let Some(book) = self.books.get_mut(instrument.index()) {
            book.pending = book.pending.saturating_add(lots);
        }
        let (tick, time) = (self.tick, now);
        Action::Submit(Order { id, tick, row, time, instrument, side, quantity, intent, shortfall })
    }

    fn settle(&mut self, instrument: InstrumentId, side: Side, quantity: Quantity) {
        if let Some(book) = self.books.get_mut(instrument.index()) {
            let lots = i64::try_from(quantity.0).unwrap_or(i64::MAX);
            book.pending = book.pending.saturating_sub(side.sign().saturating_mul(lots));
        }
    }

    fn record(&mut self, refusal: Refusal) {
        self.refusals.count += 1;
        if self.refusals.kept.len() < REFUSALS_KEPT {
            self.refusals.kept.push(refusal);
        }
    }

    /// A wish that does not even become an order.
    fn pass_over(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        reason: RefusalReason,
        (row, time): (u32, Timestamp),
    ) {
        let (order, quantity) = (None, Quantity::ZERO);
        self.record(Refusal { order, row, time, instrument, side, quantity, reason });
    }
}

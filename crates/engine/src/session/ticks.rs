//! Single events of the market through the kernel and the simulated exchange.

use super::{Curve, Wiring};
use crate::{
    Data, Decision, Engine, Error, Event, Flags, MarketEvent, Row, Simulation, Trader,
    exchange::{Exchange, Moment},
    ticks::Log,
};
use market::{Listing, Price, Quote, Timestamp};
use portfolio::{AccountTerms, Fill, InstrumentId, Ledger};
use std::collections::VecDeque;

/// A run over ticks: events in, fills and a curve out.
///
/// Each event meets the exchange first, at the venue's time: orders that work may trade. Then the
/// trader hears of it, after the feed's latency; what it asks for travels back and arrives after
/// the order latency. Everything that is due before an event happens before it.
pub struct Session<T> {
    wiring: Wiring<T>,
    curve: Curve,
    feed_latency_nanos: i64,
    waiting: VecDeque<Heard>,
    /// The time of a point that the curve has not been given yet: the state is still that of it.
    due: Option<Timestamp>,
    row: u32,
    /// Whether positions on margin can be closed by the venue.
    margined: bool,
    /// Whether quotes may be passed over.
    sleepy: bool,
}

/// An event on its way to the trader, with the row that it completes.
struct Heard {
    due: Timestamp,
    event: MarketEvent,
    row: Option<(u32, Kept)>,
}

/// Values of a row that outlive the piece they were worked out in.
enum Kept {
    Nothing,
    Signals(Vec<Flags>),
    Members(Vec<f64>),
    Weights(Vec<f64>),
}

impl Kept {
    fn of(values: Decision<'_>) -> Self {
        match values {
            Decision::Nothing => Self::Nothing,
            Decision::Signals(flags) => Self::Signals(flags.to_vec()),
            Decision::Members(members) => Self::Members(members.to_vec()),
            Decision::Weights(weights) => Self::Weights(weights.to_vec()),
        }
    }

    fn values(&self) -> Decision<'_> {
        match self {
            Self::Nothing => Decision::Nothing,
            Self::Signals(flags) => Decision::Signals(flags),
            Self::Members(members) => Decision::Members(members),
            Self::Weights(weights) => Decision::Weights(weights),
        }
    }
}

impl<T: Trader> Session<T> {
    /// A trader with an account at a simulated venue.
    pub fn new(
        trader: T,
        (account, listings): (AccountTerms, &[Listing]),
        venue: crate::exchange::Terms,
        (feed_latency_nanos, log): (u64, Log),
    ) -> Result<Self, Error> {
        let margined = !account.margin.is_empty();
        let ledger = Ledger::on(account, listings)?;
        let engine = Engine::new(trader, ledger, listings.len(), log);
        Ok(Self {
            wiring: Wiring::new(engine, Exchange::new(venue, listings)),
            curve: Curve::default(),
            feed_latency_nanos: i64::try_from(feed_latency_nanos).unwrap_or(i64::MAX),
            waiting: VecDeque::new(),
            due: None,
            row: 0,
            margined,
            sleepy: feed_latency_nanos == 0 && !margined,
        })
    }

    /// The same, with a risk gate before every order.
    #[must_use]
    pub fn guarded(mut self, gate: crate::risk::Gate) -> Self {
        // What follows equity must be told of every event.
        self.sleepy &= !gate.needs_equity();
        self.wiring.engine = self.wiring.engine.guarded(gate);
        self
    }

    /// The kernel's state.
    #[must_use]
    pub const fn desk(&self) -> &crate::Desk {
        self.wiring.engine.desk()
    }

    /// The executions since they were taken last.
    pub fn take_fills(&mut self) -> Vec<Fill> {
        std::mem::take(&mut self.wiring.fills)
    }

    /// When the latest event was.
    #[must_use]
    pub const fn last_time(&self) -> Option<Timestamp> {
        self.due
    }

    /// The kernel's log.
    pub fn log(&mut self) -> &mut Log {
        self.wiring.engine.log()
    }

    /// A person, or the host, wants something now.
    pub fn command(&mut self, command: crate::Command, now: Timestamp) -> Result<(), Error> {
        let at = Moment { time: now, row: self.row };
        self.wiring.pass_time(at)?;
        let Wiring { engine, actions, .. } = &mut self.wiring;
        engine.handle(&Event::Command(command), now, actions)?;
        self.wiring.carry(at)
    }

    #[cfg(test)]
    pub(crate) const fn stay_awake(&mut self) {
        self.sleepy = false;
    }

    /// The market told something; times never decrease.
    pub fn push(&mut self, event: &MarketEvent) -> Result<(), Error> {
        self.take(event, None)
    }

    /// The same, where the event may complete a row.
    #[inline]
    pub(crate) fn take(
        &mut self,
        event: &MarketEvent,
        row: Option<(u32, Decision<'_>)>,
    ) -> Result<(), Error> {
        if self.due.is_some_and(|due| event.time < due) {
            let (time, before) = (event.time, self.due.unwrap_or_default());
            return Err(Error::BackInTime { time, before });
        }
        self.note_what_is_due(event.time)?;
        self.deliver(event.time)?;
        let at = Moment { time: event.time, row: self.row };
        if !self.wiring.is_quiet() {
            self.wiring.pass_time(at)?;
        }
        self.wiring.tell_venue(|ledger| crate::kernel::settle(ledger, event).map(|_| ()))?;
        self.wiring.trade(|exchange, clerk| exchange.on_market(event, at.row, clerk))?;
        self.wiring.carry(at)?;
        if self.feed_latency_nanos == 0 {
            self.hear(event, row, event.time)?;
        } else {
            let due = event.time.plus_nanos(self.feed_latency_nanos)?;
            let row = row.map(|(row, values)| (row, Kept::of(values)));
            self.waiting.push_back(Heard { due, event: *event, row });
        }
        self.due = Some(event.time);
        Ok(())
    }

    /// What is on its way to the trader arrives, up to a time.
    fn deliver(&mut self, until: Timestamp) -> Result<(), Error> {
        while self.waiting.front().is_some_and(|heard| heard.due <= until) {
            let Some(heard) = self.waiting.pop_front() else { break };
            self.wiring.pass_time(Moment { time: heard.due, row: self.row })?;
            let row = heard.row.as_ref().map(|(row, kept)| (*row, kept.values()));
            self.hear(&heard.event, row, heard.due)?;
        }
        Ok(())
    }

    /// The trader hears of an event.
    #[inline]
    fn hear(
        &mut self,
        event: &MarketEvent,
        row: Option<(u32, Decision<'_>)>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if let Some((row, _)) = row {
            self.row = row;
        }
        let row = row.map(|(row, values)| Row { row, time: now, closes: &[], values });
        let Wiring { engine, actions, .. } = &mut self.wiring;
        engine.handle(&Event::Market(event, row), now, actions)?;
        let at = Moment { time: now, row: self.row };
        if !self.wiring.actions.is_empty() {
            self.wiring.carry(at)?;
        }
        if self.margined && self.wiring.engine.desk().ledger().is_liquidated()? {
            self.liquidate(at)?;
        }
        Ok(())
    }

    /// The venue closes every position: margin ran out.
    fn liquidate(&mut self, at: Moment) -> Result<(), Error> {
        let orders = self.wiring.engine.adopt_liquidation(at.time)?;
        let mut prepared = orders.into_iter();
        self.wiring.trade(|exchange, clerk| {
            let number = |ticket| {
                let order = prepared.next();
                order.unwrap_or_else(|| crate::kernel::unnumbered(ticket, at.time))
            };
            exchange.liquidate(number, at, clerk)
        })?;
        self.wiring.carry(at)
    }

    /// Gives the curve the point that is due, unless one that comes now takes its place.
    #[inline]
    fn note_what_is_due(&mut self, now: Timestamp) -> Result<(), Error> {
        let Some(time) = self.due else { return Ok(()) };
        if self.curve.passes_over(time, now) {
            return Ok(());
        }
        self.curve.push(self.wiring.engine.desk().ledger().point(time)?);
        Ok(())
    }

    /// What came of it, once everything on its way has arrived.
    pub fn finish(mut self) -> Result<Simulation, Error> {
        self.deliver(Timestamp::from_nanos(i64::MAX))?;
        if let Some(time) = self.due {
            let last = Moment { time, row: self.row };
            self.wiring.pass_time(last)?;
            self.curve.push(self.wiring.engine.desk().ledger().point(time)?);
        }
        Ok(Simulation::of(self.wiring, self.curve))
    }
}

/// Quotes of one instrument, as columns.
#[derive(Debug, Clone, Copy)]
pub struct Quotes<'a> {
    /// When.
    pub times: &'a [Timestamp],
    /// The best bids.
    pub bids: &'a [Price],
    /// The best asks.
    pub asks: &'a [Price],
    /// Shown at the bids.
    pub bid_sizes: &'a [market::Quantity],
    /// Shown at the asks.
    pub ask_sizes: &'a [market::Quantity],
}

impl Quotes<'_> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.times.len()
    }

    /// None at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// One of them, if all its columns have it.
    #[inline]
    #[must_use]
    pub fn get(&self, place: usize) -> Option<Quote> {
        Some(Quote {
            time: *self.times.get(place)?,
            bid: *self.bids.get(place)?,
            ask: *self.asks.get(place)?,
            bid_size: *self.bid_sizes.get(place)?,
            ask_size: *self.ask_sizes.get(place)?,
        })
    }
}

impl<T: Trader> Session<T> {
    /// Takes quotes of the only instrument, of which every `per_row`-th completes a row; `done` is
    /// how many came before. Where nobody can act, quotes are passed over: the state is the same.
    pub(crate) fn quotes(
        &mut self,
        quotes: &Quotes<'_>,
        (done, per_row): (usize, usize),
        values: &crate::ValueRows<'_>,
    ) -> Result<(), Error> {
        let end = done + quotes.len();
        let mut place = done;
        while place < end {
            if self.sleepy && self.wiring.is_quiet() {
                let rows = place / per_row..end / per_row;
                let wake = self.wiring.engine.wakes(values, rows.clone());
                let until = if wake >= rows.end { end } else { wake * per_row + per_row - 1 };
                if until > place {
                    self.sleep(quotes, (place - done, until - done), until / per_row)?;
                    place = until;
                    continue;
                }
            }
            let Some(quote) = quotes.get(place - done) else { break };
            let row = (place + 1).is_multiple_of(per_row).then_some(place / per_row);
            #[allow(clippy::cast_possible_truncation, reason = "the caller bounds the rows")]
            let row = row.map(|row| (row as u32, values.row(row)));
            let (time, instrument) = (quote.time, InstrumentId(0));
            self.take(&MarketEvent { time, instrument, data: Data::Quote(quote) }, row)?;
            place += 1;
        }
        Ok(())
    }

    /// Passes over quotes on which nobody acts; `rows` are complete after them.
    fn sleep(
        &mut self,
        quotes: &Quotes<'_>,
        (from, until): (usize, usize),
        rows: usize,
    ) -> Result<(), Error> {
        let mut rest = quotes.times.get(from..until).unwrap_or(&[]);
        let mut place = from;
        while let Some(time) = rest.first() {
            if self.due.is_some_and(|due| *time < due) {
                let (time, before) = (*time, self.due.unwrap_or_default());
                return Err(Error::BackInTime { time, before });
            }
            self.note_what_is_due(*time)?;
            let covered = self.curve.covered(rest);
            let here = rest.split_off(..covered).unwrap_or(&[]);
            if let Some(pair) = here.windows(2).find(|pair| pair.first() > pair.last()) {
                let at = |place: usize| pair.get(place).copied().unwrap_or_default();
                return Err(Error::BackInTime { time: at(1), before: at(0) });
            }
            place += covered;
            let last = quotes.get(place - 1);
            if let Some(quote) = last {
                let (time, instrument) = (quote.time, InstrumentId(0));
                let event = MarketEvent { time, instrument, data: Data::Quote(quote) };
                self.wiring.engine.hear_only(&event)?;
                if rest.is_empty() {
                    let row = self.row;
                    self.wiring.trade(|exchange, clerk| exchange.on_market(&event, row, clerk))?;
                }
                self.due = Some(quote.time);
            }
        }
        if let Some(last_row) = rows.checked_sub(1) {
            #[allow(clippy::cast_possible_truncation, reason = "the caller bounds the rows")]
            let last_row = last_row as u32;
            self.row = last_row;
        }
        let last = (self.row, self.due.unwrap_or_default());
        let ticks = u64::try_from(until - from).unwrap_or(u64::MAX);
        self.wiring.engine.sleep(ticks, last, &[(InstrumentId(0), rows)]);
        Ok(())
    }
}

//! A strategy's rules on quotes: every quote, or every n-th, completes a row.

mod tally;

pub use tally::{KEPT_MAX, Tallied, Tally};

use crate::{
    Clock, Error, Quotes, RuleTrader, Session, Simulation, Strategy, Terms, ValueRows, Values,
    exchange,
    feed::{EveryQuote, Mid, QuoteRow},
    ticks::{Block, Log},
    values::{Roles, values_of},
};
use factor::{Limits, Plan, Schema, Stream};
use market::{Instrument, Listing, Quote, Scale, Timestamp};
use portfolio::{AccountTerms, Fill};
use std::{num::NonZeroU32, sync::atomic::AtomicBool};

/// A run of a strategy over the quotes of one instrument, handed over in pieces of any size.
pub struct QuoteRun {
    session: Session<RuleTrader>,
    stream: Stream,
    roles: Roles,
    per_row: usize,
    clock: EveryQuote,
    scales: (Scale, Scale),
    /// Quotes and rows that were taken.
    done: usize,
    rows: usize,
    /// The rows of a piece.
    times: Vec<Timestamp>,
    summed: Vec<QuoteRow>,
    fields: Vec<Vec<f64>>,
    values: Values,
}

/// Rows of expressions that are worked out at a time.
const ROWS: usize = 2_048;
/// Quotes of a piece, at most.
const QUOTES: usize = 65_536;

impl QuoteRun {
    /// Before the first quote; each `per_row`-th completes a row.
    pub fn new(
        strategy: &Strategy,
        listing: &Listing,
        (per_row, venue): (NonZeroU32, exchange::Terms),
        (feed_latency_nanos, log): (u64, Log),
    ) -> Result<Self, Error> {
        let set = strategy.expressions();
        let stream = Plan::new(&set, &Schema::quotes(), &Limits::default())?.stream(1);
        let terms = Terms::of(strategy, std::slice::from_ref(&listing.instrument))?;
        let gate = terms.gate.clone();
        let account = AccountTerms::cash(strategy.currency, strategy.cash);
        let session = Session::new(
            RuleTrader::new(terms, 1),
            (account, std::slice::from_ref(listing)),
            venue,
            (feed_latency_nanos, log),
        )?;
        Ok(Self {
            session: session.guarded(gate),
            roles: Roles::of(&set),
            fields: vec![Vec::new(); stream.fields().len()],
            stream,
            per_row: per_row.get() as usize,
            clock: EveryQuote::new(per_row),
            scales: (listing.instrument.price_scale, listing.instrument.lot_scale),
            done: 0,
            rows: 0,
            times: Vec::new(),
            summed: Vec::new(),
            values: values_of(strategy, 1),
        })
    }

    /// Before the first quote, with the clock, the venue and the latency that the strategy states.
    pub fn of(strategy: &Strategy, instrument: &Instrument, log: Log) -> Result<Self, Error> {
        let Clock::Quotes(per_row) = strategy.clock else {
            return Err(Error::Clock { found: strategy.clock, needed: "bars" });
        };
        if instrument.currency != strategy.currency {
            let (symbol, found) = (instrument.symbol.clone(), instrument.currency);
            return Err(Error::Currency { symbol, found, account: strategy.currency });
        }
        let terms = Terms::of(strategy, std::slice::from_ref(instrument))?;
        let venue = terms.venue(strategy.seed);
        let listing = Listing::of(instrument.clone());
        Self::new(strategy, &listing, (per_row, venue), (strategy.costs.feed_nanos, log))
    }

    /// How many quotes were taken.
    #[must_use]
    pub const fn taken(&self) -> usize {
        self.done
    }

    /// Takes the next quotes, in the order of time.
    pub fn take(&mut self, quotes: &Quotes<'_>, cancel: &AtomicBool) -> Result<(), Error> {
        let piece = (ROWS * self.per_row).min(QUOTES);
        let mut from = 0;
        while from < quotes.len() {
            let until = quotes.len().min(from + piece);
            let part = quotes.part(from..until);
            self.evaluate(&part, cancel)?;
            let values = ValueRows { values: &self.values, first: self.rows };
            self.session.quotes(&part, (self.done, self.per_row), &values)?;
            (self.done, self.rows) = (self.done + part.len(), self.rows + self.times.len());
            from = until;
        }
        Ok(())
    }

    /// Every quote is told from now on, even where nobody can act.
    #[cfg(test)]
    pub(crate) const fn stay_awake(&mut self) {
        self.session.stay_awake();
    }

    /// What came of it.
    pub fn finish(self) -> Result<Simulation, Error> {
        self.session.finish()
    }

    /// How many rows are complete.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// When the latest quote was.
    #[must_use]
    pub const fn last_time(&self) -> Option<Timestamp> {
        self.session.last_time()
    }

    /// The executions since they were taken last; [`Self::finish`] gives the others.
    pub fn take_fills(&mut self) -> Vec<Fill> {
        self.session.take_fills()
    }

    /// The blocks of ticks that are full and were not taken yet.
    pub fn take_blocks(&mut self) -> Vec<Block> {
        self.session.log().take()
    }

    /// The values of the rows that these quotes complete.
    fn evaluate(&mut self, quotes: &Quotes<'_>, cancel: &AtomicBool) -> Result<(), Error> {
        if self.rows.saturating_add(quotes.len()) > u32::MAX as usize {
            return Err(Error::Rows { rows: self.rows + quotes.len(), limit: u32::MAX as usize });
        }
        self.times.clear();
        if self.per_row == 1 {
            self.times.extend_from_slice(quotes.times);
            self.read_single(quotes)?;
        } else {
            self.read_summed(quotes)?;
        }
        let fields: Vec<&[f64]> = self.fields.iter().map(Vec::as_slice).collect();
        self.stream.push(&self.times, (&fields, &[]), cancel)?;
        self.roles.read(&self.stream, (self.times.len(), 1), &mut self.values)
    }

    /// Fields where every quote is a row.
    fn read_single(&mut self, quotes: &Quotes<'_>) -> Result<(), Error> {
        let (price, size) = self.scales;
        for (name, cells) in self.stream.fields().iter().zip(&mut self.fields) {
            cells.resize(quotes.len() * self.stream.stride(), f64::NAN);
            let rows =
                cells.chunks_exact_mut(self.stream.stride()).filter_map(|row| row.first_mut());
            match &**name {
                "bid" => put(rows, quotes.bids, |p| price.to_f64(p.0)),
                "ask" => put(rows, quotes.asks, |p| price.to_f64(p.0)),
                "bid_size" => put(rows, quotes.bid_sizes, |q| lots(size, q.0)),
                "ask_size" => put(rows, quotes.ask_sizes, |q| lots(size, q.0)),
                "volume" => rows.for_each(|cell| *cell = 1.0),
                _ => {
                    for ((cell, bid), ask) in rows.zip(quotes.bids).zip(quotes.asks) {
                        let overflow = market::Error::Overflow { what: "a middle of bid and ask" };
                        let sum = bid.0.checked_add(ask.0).ok_or(overflow)?;
                        *cell = Mid(sum).to_f64(price);
                    }
                }
            }
        }
        Ok(())
    }

    /// Fields where several quotes make a row.
    fn read_summed(&mut self, quotes: &Quotes<'_>) -> Result<(), Error> {
        self.summed.clear();
        for quote in (0..quotes.len()).filter_map(|place| quotes.get(place)) {
            if let Some(row) = self.clock.take(&quote)? {
                self.summed.push(row);
                self.times.push(row.quote.time);
            }
        }
        let (price, size) = self.scales;
        #[allow(clippy::cast_precision_loss, reason = "at most a million")]
        let count = self.per_row as f64;
        for (name, cells) in self.stream.fields().iter().zip(&mut self.fields) {
            cells.resize(self.summed.len() * self.stream.stride(), f64::NAN);
            let rows =
                cells.chunks_exact_mut(self.stream.stride()).filter_map(|row| row.first_mut());
            let quote = |read: fn(&Quote, (Scale, Scale)) -> f64| {
                move |row: &QuoteRow| read(&row.quote, (price, size))
            };
            match &**name {
                "open" => put(rows, &self.summed, |row| row.open.to_f64(price)),
                "high" => put(rows, &self.summed, |row| row.high.to_f64(price)),
                "low" => put(rows, &self.summed, |row| row.low.to_f64(price)),
                "bid" => put(rows, &self.summed, quote(|q, s| s.0.to_f64(q.bid.0))),
                "ask" => put(rows, &self.summed, quote(|q, s| s.0.to_f64(q.ask.0))),
                "bid_size" => put(rows, &self.summed, quote(|q, s| lots(s.1, q.bid_size.0))),
                "ask_size" => put(rows, &self.summed, quote(|q, s| lots(s.1, q.ask_size.0))),
                "volume" => rows.for_each(|cell| *cell = count),
                _ => put(rows, &self.summed, |row| row.close.to_f64(price)),
            }
        }
        Ok(())
    }
}

fn put<'a, T>(cells: impl Iterator<Item = &'a mut f64>, values: &[T], number: impl Fn(&T) -> f64) {
    for (cell, value) in cells.zip(values) {
        *cell = number(value);
    }
}

#[allow(clippy::cast_precision_loss, reason = "factors are computed in f64 by decision")]
fn lots(scale: Scale, lots: u64) -> f64 {
    lots as f64 / scale.units() as f64
}

impl<'a> Quotes<'a> {
    /// Some of them, in a row.
    #[must_use]
    pub fn part(&self, places: std::ops::Range<usize>) -> Quotes<'a> {
        Quotes {
            times: self.times.get(places.clone()).unwrap_or(&[]),
            bids: self.bids.get(places.clone()).unwrap_or(&[]),
            asks: self.asks.get(places.clone()).unwrap_or(&[]),
            bid_sizes: self.bid_sizes.get(places.clone()).unwrap_or(&[]),
            ask_sizes: self.ask_sizes.get(places).unwrap_or(&[]),
        }
    }
}

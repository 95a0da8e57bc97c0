//! A strategy's rules on quotes: every quote, or every n-th, completes a row.

mod rows;
mod tally;

pub(crate) use rows::QuoteRows;
pub use tally::{KEPT_MAX, Tallied, Tally};

use crate::{
    Clock, Error, Quotes, RuleTrader, Session, Simulation, Strategy, Terms, exchange,
    ticks::{Block, Log},
};
use market::{Instrument, Listing, Timestamp};
use portfolio::{AccountTerms, Fill};
use std::{num::NonZeroU32, sync::atomic::AtomicBool};

/// A run of a strategy over the quotes of one instrument, handed over in pieces of any size.
pub struct QuoteRun {
    session: Session<RuleTrader>,
    rows: QuoteRows,
    /// Quotes that were taken.
    done: usize,
}

impl QuoteRun {
    /// Before the first quote; each `per_row`-th completes a row.
    pub fn new(
        strategy: &Strategy,
        listing: &Listing,
        (per_row, venue): (NonZeroU32, exchange::Terms),
        (feed_latency_nanos, log): (u64, Log),
    ) -> Result<Self, Error> {
        let rows = QuoteRows::new(strategy, &listing.instrument, per_row)?;
        let terms = Terms::of(strategy, std::slice::from_ref(&listing.instrument))?;
        let gate = terms.gate.clone();
        let account = AccountTerms::cash(strategy.currency, strategy.cash);
        let session = Session::new(
            RuleTrader::new(terms, 1),
            (account, std::slice::from_ref(listing)),
            venue,
            (feed_latency_nanos, log),
        )?;
        Ok(Self { session: session.guarded(gate), rows, done: 0 })
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
        let piece = self.rows.piece();
        let mut from = 0;
        while from < quotes.len() {
            let until = quotes.len().min(from + piece);
            let part = quotes.part(from..until);
            self.rows.take(&part, cancel)?;
            self.session.quotes(&part, (self.done, self.rows.per_row()), &self.rows.values())?;
            self.done += part.len();
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
        self.rows.count()
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

//! Quotes, told again.

use super::{ReplayError, Tape};
use crate::{
    Action, Clock, Data, Engine, Error, Event, MarketEvent, Quotes, Row, RuleTrader, Strategy,
    quotes::QuoteRows,
};
use market::{Instrument, Price, Quantity, Timestamp};
use portfolio::InstrumentId;
use std::sync::atomic::AtomicBool;

/// Where the quotes of a run come from, in the order of time.
pub trait QuoteSource {
    /// The next of them, as many as there are at hand; `None` at the end. What is wrong is said in
    /// words.
    fn advance(&mut self) -> Result<Option<Quotes<'_>>, String>;
}

/// Quotes that are read piece by piece.
pub(super) struct QuoteTape<'a> {
    source: &'a mut dyn QuoteSource,
    rows: QuoteRows,
    latency_nanos: i64,
    held: Held,
    /// The first quote of those held that was not told yet, and the first whose row has no values.
    next: usize,
    known: usize,
    told: usize,
    never: AtomicBool,
}

/// A copy of what the source has at hand.
#[derive(Default)]
struct Held {
    times: Vec<Timestamp>,
    bids: Vec<Price>,
    asks: Vec<Price>,
    bid_sizes: Vec<Quantity>,
    ask_sizes: Vec<Quantity>,
}

impl Held {
    fn copy(&mut self, quotes: &Quotes<'_>) {
        fn over<T: Copy>(column: &mut Vec<T>, values: &[T]) {
            column.clear();
            column.extend_from_slice(values);
        }
        over(&mut self.times, quotes.times);
        over(&mut self.bids, quotes.bids);
        over(&mut self.asks, quotes.asks);
        over(&mut self.bid_sizes, quotes.bid_sizes);
        over(&mut self.ask_sizes, quotes.ask_sizes);
    }

    fn quotes(&self) -> Quotes<'_> {
        Quotes {
            times: &self.times,
            bids: &self.bids,
            asks: &self.asks,
            bid_sizes: &self.bid_sizes,
            ask_sizes: &self.ask_sizes,
        }
    }
}

impl<'a> QuoteTape<'a> {
    pub(super) fn new(
        strategy: &Strategy,
        instrument: &Instrument,
        source: &'a mut dyn QuoteSource,
    ) -> Result<Self, ReplayError> {
        let Clock::Quotes(per_row) = strategy.clock else {
            return Err(Error::Clock { found: strategy.clock, needed: "quotes" }.into());
        };
        Ok(Self {
            source,
            rows: QuoteRows::new(strategy, instrument, per_row)?,
            latency_nanos: i64::try_from(strategy.costs.feed_nanos).unwrap_or(i64::MAX),
            held: Held::default(),
            next: 0,
            known: 0,
            told: 0,
            never: AtomicBool::new(false),
        })
    }

    /// Makes sure that the next quote is held and the values of its row are known.
    fn prepare(&mut self) -> Result<bool, ReplayError> {
        while self.next == self.held.times.len() {
            match self.source.advance().map_err(ReplayError::Tape)? {
                Some(quotes) => self.held.copy(&quotes),
                None => return Ok(false),
            }
            (self.next, self.known) = (0, 0);
        }
        if self.next == self.known {
            let until = self.held.times.len().min(self.known + self.rows.piece());
            self.rows.take(&self.held.quotes().part(self.known..until), &self.never)?;
            self.known = until;
        }
        Ok(true)
    }
}

impl Tape for QuoteTape<'_> {
    fn tell(
        &mut self,
        engine: &mut Engine<RuleTrader>,
        actions: &mut Vec<Action>,
    ) -> Result<Option<Timestamp>, ReplayError> {
        if !self.prepare()? {
            return Ok(None);
        }
        let Some(quote) = self.held.quotes().get(self.next) else { return Ok(None) };
        let per_row = self.rows.per_row();
        let row = (self.told + 1).is_multiple_of(per_row).then_some(self.told / per_row);
        let values = self.rows.values();
        let (time, instrument) = (quote.time, InstrumentId(0));
        let now = time.plus_nanos(self.latency_nanos).map_err(Error::from)?;
        let row = row.map(|row| {
            let number = u32::try_from(row).unwrap_or(u32::MAX);
            Row { row: number, time: now, closes: &[], values: values.row(row) }
        });
        let event = MarketEvent { time, instrument, data: Data::Quote(quote) };
        engine.handle(&Event::Market(&event, row), now, actions)?;
        (self.next, self.told) = (self.next + 1, self.told + 1);
        Ok(Some(now))
    }

    fn told(&self) -> usize {
        self.told
    }
}

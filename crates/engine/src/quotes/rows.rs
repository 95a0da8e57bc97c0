//! Rows out of quotes, and what a strategy's expressions say of them.

use crate::{
    Error, Quotes, Strategy, ValueRows, Values,
    feed::{EveryQuote, Mid, QuoteRow},
    values::{Roles, stream, values_of},
};
use factor::{Limits, Plan, Schema, Stream};
use market::{Instrument, Quote, Scale, Timestamp};
use std::{num::NonZeroU32, sync::atomic::AtomicBool};

/// Rows of expressions that are worked out at a time.
const ROWS: usize = 2_048;
/// Quotes of a piece, at most.
const QUOTES: usize = 65_536;

/// Takes quotes piece by piece; each `per_row`-th completes a row.
pub(crate) struct QuoteRows {
    stream: Stream,
    roles: Roles,
    per_row: usize,
    clock: EveryQuote,
    scales: (Scale, Scale),
    /// Rows before the latest piece.
    before: usize,
    /// The rows of the piece.
    times: Vec<Timestamp>,
    summed: Vec<QuoteRow>,
    fields: Vec<Vec<f64>>,
    values: Values,
}

impl QuoteRows {
    /// Before the first quote.
    pub(crate) fn new(
        strategy: &Strategy,
        instrument: &Instrument,
        per_row: NonZeroU32,
    ) -> Result<Self, Error> {
        let set = strategy.expressions();
        let stream = stream(&Plan::new(&set, &Schema::quotes(), &Limits::default())?, 1);
        Ok(Self {
            roles: Roles::of(&set),
            fields: vec![Vec::new(); stream.fields().len()],
            stream,
            per_row: per_row.get() as usize,
            clock: EveryQuote::new(per_row),
            scales: (instrument.price_scale, instrument.lot_scale),
            before: 0,
            times: Vec::new(),
            summed: Vec::new(),
            values: values_of(strategy, 1),
        })
    }

    /// Quotes of a row.
    pub(crate) const fn per_row(&self) -> usize {
        self.per_row
    }

    /// Quotes that are best taken at a time.
    pub(crate) fn piece(&self) -> usize {
        (ROWS * self.per_row).min(QUOTES)
    }

    /// Rows that are complete.
    pub(crate) const fn count(&self) -> usize {
        self.before + self.times.len()
    }

    /// The values of the rows that the latest piece completed.
    pub(crate) const fn values(&self) -> ValueRows<'_> {
        ValueRows { values: &self.values, first: self.before }
    }

    /// Works out the values of the rows that the next quotes complete.
    pub(crate) fn take(&mut self, quotes: &Quotes<'_>, cancel: &AtomicBool) -> Result<(), Error> {
        self.before += self.times.len();
        let rows = self.before.saturating_add(quotes.len());
        if rows > u32::MAX as usize {
            return Err(Error::Rows { rows, limit: u32::MAX as usize });
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

//! A clock that quotes drive: a row for every n-th of them.

use super::Error;
use market::{Quote, Scale, Timestamp};
use std::num::NonZeroU32;

/// The middle of bid and ask, exactly: in half ticks, which is bid + ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mid(pub i64);

impl Mid {
    /// Of a quote, or [`market::Error::Overflow`].
    #[inline]
    pub fn of(quote: &Quote) -> Result<Self, market::Error> {
        let sum = quote.bid.0.checked_add(quote.ask.0);
        sum.map(Self).ok_or(market::Error::Overflow { what: "a middle of bid and ask" })
    }

    /// As factors see it; the nearest `f64`, by division.
    #[must_use]
    #[inline]
    #[allow(clippy::cast_precision_loss, reason = "factors are computed in f64 by decision")]
    pub fn to_f64(self, scale: Scale) -> f64 {
        // Twice the units of a scale of at most 12 decimals is exact, so there is one rounding.
        self.0 as f64 / (2 * scale.units()) as f64
    }
}

/// What n quotes in a row sum up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteRow {
    /// The time of the first of them.
    pub open_time: Timestamp,
    /// The first middle.
    pub open: Mid,
    /// The highest.
    pub high: Mid,
    /// The lowest.
    pub low: Mid,
    /// The last.
    pub close: Mid,
    /// The last of them: the row is known at its time, and this is what can be traded at then.
    pub quote: Quote,
}

/// Gives a row for every n-th quote; n quotes that are not complete give none.
#[derive(Debug, Clone)]
pub struct EveryQuote {
    count: u32,
    left: u32,
    row: Option<QuoteRow>,
}

impl EveryQuote {
    /// A row for every `count`-th quote; of every quote with 1.
    #[must_use]
    pub const fn new(count: NonZeroU32) -> Self {
        Self { count: count.get(), left: count.get(), row: None }
    }

    /// Takes the next quote; the row that it completes.
    #[inline]
    pub fn take(&mut self, quote: &Quote) -> Result<Option<QuoteRow>, Error> {
        let mid = Mid::of(quote)?;
        let row = match self.row {
            Some(row) => QuoteRow {
                high: row.high.max(mid),
                low: row.low.min(mid),
                close: mid,
                quote: *quote,
                ..row
            },
            None => QuoteRow {
                open_time: quote.time,
                open: mid,
                high: mid,
                low: mid,
                close: mid,
                quote: *quote,
            },
        };
        self.left -= 1;
        if self.left > 0 {
            self.row = Some(row);
            return Ok(None);
        }
        (self.left, self.row) = (self.count, None);
        Ok(Some(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Price, Quantity};

    fn quote(nanos: i64, bid: i64, ask: i64) -> Quote {
        let (bid, ask, size) = (Price(bid), Price(ask), Quantity(1));
        let time = Timestamp::from_nanos(nanos);
        Quote { time, bid, ask, bid_size: size, ask_size: size }
    }

    #[test]
    fn every_third_quote_makes_a_row() {
        // Middles in half ticks: 21, 25, 18 | 20, 20, 22 | 23.
        let quotes = [(10, 11), (12, 13), (8, 10), (10, 10), (9, 11), (11, 11), (11, 12)];
        let mut clock = EveryQuote::new(NonZeroU32::new(3).expect("not zero"));
        let mut rows = Vec::new();
        for (nanos, (bid, ask)) in (0..).zip(quotes) {
            rows.extend(clock.take(&quote(nanos, bid, ask)).expect("fits"));
        }
        let told = |r: &QuoteRow| {
            let times = (r.open_time.nanos(), r.quote.time.nanos());
            (times, r.open.0, r.high.0, r.low.0, r.close.0)
        };
        let want = [((0, 2), 21, 25, 18, 18), ((3, 5), 20, 22, 20, 22)];
        assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), want);
    }

    #[test]
    fn every_quote_is_a_row_of_its_own() {
        let mut clock = EveryQuote::new(NonZeroU32::MIN);
        for nanos in 0..3 {
            let row = clock.take(&quote(nanos, 10, 11)).expect("fits").expect("a row");
            assert_eq!((row.open_time.nanos(), row.open, row.close), (nanos, Mid(21), Mid(21)));
        }
        clock.take(&quote(0, i64::MAX, i64::MAX)).expect_err("does not fit");
    }

    #[test]
    fn a_middle_is_divided_once() {
        let cents = Scale::CENTS;
        assert_eq!(Mid(200_001).to_f64(cents).to_bits(), (200_001.0_f64 / 200.0).to_bits());
    }
}

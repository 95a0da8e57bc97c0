//! Columns of ticks in the market's own types.

use super::Chunk;
use market::{Price, Print, Quantity, Quote, Side, Timestamp};

/// Quotes of one instrument in the order of time, as columns of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuoteColumns {
    /// When.
    pub times: Vec<Timestamp>,
    /// The best bids.
    pub bids: Vec<Price>,
    /// The best asks.
    pub asks: Vec<Price>,
    /// Shown at the bids; zero where the source has none.
    pub bid_sizes: Vec<Quantity>,
    /// Shown at the asks; zero where the source has none.
    pub ask_sizes: Vec<Quantity>,
}

/// Trades of one instrument in the order of time, as columns of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TradeColumns {
    /// When.
    pub times: Vec<Timestamp>,
    /// At which prices.
    pub prices: Vec<Price>,
    /// How much.
    pub sizes: Vec<Quantity>,
    /// Which side took liquidity, where the source says.
    pub aggressors: Vec<Option<Side>>,
}

impl QuoteColumns {
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

    pub(super) fn fill(&mut self, chunk: &Chunk) {
        let [bids, ask, bid_size, ask_size] = chunk.figures.as_slice() else { return };
        refill(&mut self.times, &chunk.times, |t| Timestamp::from_nanos(*t));
        refill(&mut self.bids, bids, |p| Price(*p));
        refill(&mut self.asks, ask, |p| Price(*p));
        refill(&mut self.bid_sizes, bid_size, |s| Quantity(s.unsigned_abs()));
        refill(&mut self.ask_sizes, ask_size, |s| Quantity(s.unsigned_abs()));
    }
}

impl TradeColumns {
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

    pub(super) fn fill(&mut self, chunk: &Chunk) {
        let [prices, sizes, codes] = chunk.figures.as_slice() else { return };
        refill(&mut self.times, &chunk.times, |t| Timestamp::from_nanos(*t));
        refill(&mut self.prices, prices, |p| Price(*p));
        refill(&mut self.sizes, sizes, |s| Quantity(s.unsigned_abs()));
        refill(&mut self.aggressors, codes, |s| side(*s));
    }
}

fn refill<T>(column: &mut Vec<T>, values: &[i64], read: impl Fn(&i64) -> T) {
    column.clear();
    column.extend(values.iter().map(read));
}

pub(super) const fn side(code: i64) -> Option<Side> {
    match code {
        1 => Some(Side::Buy),
        -1 => Some(Side::Sell),
        _ => None,
    }
}

/// A quote from its stored figures.
pub(super) fn quote(time: i64, figures: [i64; 4]) -> Quote {
    let [bid, ask, bid_size, ask_size] = figures;
    Quote {
        time: Timestamp::from_nanos(time),
        bid: Price(bid),
        ask: Price(ask),
        bid_size: Quantity(bid_size.unsigned_abs()),
        ask_size: Quantity(ask_size.unsigned_abs()),
    }
}

/// A trade from its stored figures.
pub(super) fn print(time: i64, figures: [i64; 4]) -> Print {
    let [price, size, code, _] = figures;
    Print {
        time: Timestamp::from_nanos(time),
        price: Price(price),
        size: Quantity(size.unsigned_abs()),
        aggressor: side(code),
    }
}

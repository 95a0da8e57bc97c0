//! What rests at the venue besides our own orders, as the feed tells it.

use super::{
    price::{through, within},
    terms::Feed,
};
use market::{Depth, Price, Quote, Side};

/// Levels kept on a side. What lies farther from the touch is dropped.
const LEVELS_MAX: usize = 10_000;

/// Bids and asks, the best last.
///
/// What we take from a level stays taken until the feed tells a new size of that level. A level is
/// never refilled because another one changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// A price and what rests there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) price: Price,
    /// As told by the feed.
    pub(super) size: u64,
    /// How much of it we took.
    pub(super) taken: u64,
}

impl Level {
    /// What is left for us to take.
    pub(super) const fn free(&self) -> u64 {
        self.size.saturating_sub(self.taken)
    }
}

impl Book {
    /// All levels of a side, the best last.
    pub(super) fn levels(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side(&mut self, side: Side) -> &mut Vec<Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The best level of a side, taken or not.
    pub(super) fn best(&self, side: Side) -> Option<&Level> {
        self.levels(side).last()
    }

    /// What rests at a price: nothing inside the book where no level is, `None` where the feed
    /// does not reach.
    pub(super) fn size_at(&self, side: Side, price: Price) -> Option<u64> {
        let levels = self.levels(side);
        match find(levels, side, price) {
            Ok(at) => levels.get(at).map(|level| level.size),
            // Worse than the worst level that is known, or nothing is known at all.
            Err(0) => None,
            Err(_) => Some(0),
        }
    }

    /// The level at this place, counted from the worst.
    pub(super) fn level(&self, side: Side, at: usize) -> Option<Level> {
        self.levels(side).get(at).copied()
    }

    /// We took so much of the level at this place.
    pub(super) fn take(&mut self, side: Side, at: usize, lots: u64) {
        if let Some(level) = self.side(side).get_mut(at) {
            level.taken = level.taken.saturating_add(lots);
        }
    }

    /// One level changed. Where that crosses the book, the newer side wins: the levels of the other
    /// side at that price or beyond are gone, for on one venue they would have traded.
    pub(super) fn change(&mut self, depth: &Depth) {
        let other = self.side(depth.side.opposite());
        if depth.size.0 > 0 {
            let crossed = |level: &Level| within(depth.side, level.price, depth.price);
            while other.last().is_some_and(crossed) {
                other.pop();
            }
        }
        let level = Level { price: depth.price, size: depth.size.0, taken: 0 };
        let levels = self.side(depth.side);
        match find(levels, depth.side, depth.price) {
            Ok(at) if level.size == 0 => {
                levels.remove(at);
            }
            Ok(at) => {
                if let Some(old) = levels.get_mut(at) {
                    *old = level;
                }
            }
            Err(_) if level.size == 0 => {}
            Err(at) => {
                levels.insert(at, level);
                if levels.len() > LEVELS_MAX {
                    levels.remove(0);
                }
            }
        }
    }

    /// The best level of each side is another one. A side that is told as it was is no news: what
    /// we took there stays taken.
    pub(super) fn quote(&mut self, quote: &Quote) {
        for (side, price, size) in
            [(Side::Buy, quote.bid, quote.bid_size.0), (Side::Sell, quote.ask, quote.ask_size.0)]
        {
            let levels = self.side(side);
            if levels.last().is_some_and(|level| level.price == price && level.size == size) {
                continue;
            }
            levels.clear();
            levels.push(Level { price, size, taken: 0 });
        }
    }

    /// Nothing is known any more.
    pub(super) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
}

/// The place of a price in its side: found, or where it belongs.
fn find(levels: &[Level], side: Side, price: Price) -> Result<usize, usize> {
    // Most changes are near the touch.
    if levels.last().is_some_and(|best| best.price == price) {
        return Ok(levels.len() - 1);
    }
    // From the worst to the best: a level comes before the price if it is worse for the other side.
    let at = levels.partition_point(|level| through(side, level.price, price));
    match levels.get(at) {
        Some(level) if level.price == price => Ok(at),
        _ => Err(at),
    }
}

/// A quote as it is read: crossed ones the pessimistic way round, so that a buy pays the higher
/// price and a sell gets the lower one.
pub(super) fn uncrossed(quote: Quote) -> Quote {
    if quote.bid <= quote.ask {
        return quote;
    }
    Quote {
        bid: quote.ask,
        ask: quote.bid,
        bid_size: quote.ask_size,
        ask_size: quote.bid_size,
        ..quote
    }
}

/// Whether a book of this feed reads quotes.
pub(super) const fn reads_quotes(feed: Feed) -> bool {
    matches!(feed, Feed::Best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{Buy, Sell};
    use market::{Quantity, Timestamp};
    use proptest::prelude::*;

    fn depth(side: Side, price: i64, lots: u64) -> Depth {
        let time = Timestamp::from_nanos(0);
        Depth { time, side, price: Price(price), size: Quantity(lots) }
    }

    fn told(book: &Book) -> String {
        let one = |level: &Level| format!("{}@{}", level.free(), level.price.0);
        let best_first =
            |side| book.levels(side).iter().rev().map(one).collect::<Vec<_>>().join(" ");
        format!("{} | {}", best_first(Side::Buy), best_first(Side::Sell))
    }

    #[test]
    fn changes_make_the_book_and_the_newer_side_wins() {
        let check = |changes: &[(Side, i64, u64)], want: &str| {
            let mut book = Book::default();
            for (side, price, size) in changes {
                book.change(&depth(*side, *price, *size));
            }
            assert_eq!(told(&book), want);
        };
        check(
            &[(Buy, 99, 5), (Buy, 100, 3), (Sell, 102, 4), (Sell, 101, 1)],
            "3@100 5@99 | 1@101 4@102",
        );
        check(&[(Buy, 99, 5), (Buy, 99, 7)], "7@99 | ");
        check(&[(Buy, 99, 5), (Buy, 99, 0), (Buy, 98, 0)], " | ");
        // A bid at 102 takes the asks at 101 and 102 away.
        check(&[(Sell, 101, 1), (Sell, 102, 4), (Sell, 103, 2), (Buy, 102, 9)], "9@102 | 2@103");
        // An ask at the bid's own price: the ask is newer.
        check(&[(Buy, 99, 5), (Buy, 100, 3), (Sell, 100, 6)], "5@99 | 6@100");
    }

    #[test]
    fn what_is_taken_stays_taken_until_the_level_is_told_anew() {
        let mut book = Book::default();
        book.change(&depth(Side::Sell, 101, 10));
        book.take(Side::Sell, 0, 4);
        book.change(&depth(Side::Sell, 102, 1));
        assert_eq!(told(&book), " | 6@101 1@102");
        book.change(&depth(Side::Sell, 101, 10));
        assert_eq!(told(&book), " | 10@101 1@102");
    }

    #[test]
    fn the_size_at_a_price_is_unknown_only_beyond_the_worst_level() {
        let mut book = Book::default();
        assert_eq!(book.size_at(Side::Buy, Price(99)), None);
        book.change(&depth(Side::Buy, 97, 5));
        book.change(&depth(Side::Buy, 99, 3));
        let at = |price| book.size_at(Side::Buy, Price(price));
        assert_eq!(
            (at(96), at(97), at(98), at(99), at(100)),
            (None, Some(5), Some(0), Some(3), Some(0))
        );
    }

    proptest! {
        #[test]
        fn a_book_is_sorted_and_never_crossed(
            changes in prop::collection::vec((any::<bool>(), 0i64..40, 0u64..5), 0..200),
        ) {
            let mut book = Book::default();
            for (buys, price, size) in changes {
                book.change(&depth(if buys { Side::Buy } else { Side::Sell }, price, size));
                prop_assert!(book.bids.is_sorted_by(|a, b| a.price < b.price));
                prop_assert!(book.asks.is_sorted_by(|a, b| a.price > b.price));
                if let (Some(bid), Some(ask)) = (book.bids.last(), book.asks.last()) {
                    prop_assert!(bid.price < ask.price);
                }
            }
        }
    }
}

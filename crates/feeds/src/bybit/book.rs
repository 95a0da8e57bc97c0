//! A book kept in step with the venue's.

use super::wire::Levels;
use market::{Depth, Price, Quantity, Quote, Side, Timestamp, Traded};
use std::{borrow::Cow, collections::BTreeMap};

/// Levels that are kept of a side: what a stream of fifty levels can need.
const LEVELS_MAX: usize = 512;

/// A price and what rests there.
pub(super) fn level(level: &[Cow<'_, str>; 2], one: &Traded) -> Option<(Price, Quantity)> {
    let [price, size] = level;
    Some((one.price(price)?, one.lots(size)?))
}

/// What a message did to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is in step.
    Applied,
    /// It was known already, or there is no whole yet to apply it to.
    Stale,
    /// Messages are missing, or the sides crossed: the book is void.
    Broken,
}

/// One instrument's book.
#[derive(Debug, Default)]
pub(super) struct Book {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    /// The number of the last message; none while there is no whole.
    update: Option<u64>,
}

impl Book {
    /// Applies a message; appends the levels that it changed.
    pub fn apply(
        &mut self,
        levels: &Levels<'_>,
        whole: bool,
        one: &Traded,
        (time, out): (Timestamp, &mut Vec<Depth>),
    ) -> Option<Outcome> {
        let read = |side: &[[Cow<'_, str>; 2]]| -> Option<Vec<(Price, Quantity)>> {
            side.iter().map(|pair| level(pair, one)).collect()
        };
        let (bids, asks) = (read(&levels.b)?, read(&levels.a)?);
        // After a restart the venue counts from 1 again, with the whole.
        let whole = whole || levels.u == 1;
        match self.update {
            _ if whole => {}
            None => return Some(Outcome::Stale),
            Some(last) if levels.u <= last => return Some(Outcome::Stale),
            Some(last) if levels.u > last + 1 => return Some(self.void()),
            Some(_) => {}
        }
        for (side, kept, given) in
            [(Side::Buy, &mut self.bids, bids), (Side::Sell, &mut self.asks, asks)]
        {
            let mut tell = |price, size| out.push(Depth { time, side, price, size });
            if whole {
                let new: BTreeMap<Price, Quantity> = given.into_iter().collect();
                for price in kept.keys().filter(|price| !new.contains_key(price)) {
                    tell(*price, Quantity::ZERO);
                }
                for (price, size) in
                    new.iter().filter(|(price, size)| kept.get(price) != Some(size))
                {
                    tell(*price, *size);
                }
                *kept = new;
                continue;
            }
            for (price, size) in given {
                tell(price, size);
                if size == Quantity::ZERO {
                    kept.remove(&price);
                } else {
                    kept.insert(price, size);
                }
            }
        }
        self.update = Some(levels.u);
        let crossed = self.best().is_some_and(|(bid, ask)| bid.0 >= ask.0);
        let full = self.bids.len().max(self.asks.len()) > LEVELS_MAX;
        Some(if crossed || full { self.void() } else { Outcome::Applied })
    }

    /// Until a whole comes.
    const fn void(&mut self) -> Outcome {
        self.update = None;
        Outcome::Broken
    }

    fn best(&self) -> Option<((Price, Quantity), (Price, Quantity))> {
        let (bid, ask) = self.bids.last_key_value().zip(self.asks.first_key_value())?;
        Some(((*bid.0, *bid.1), (*ask.0, *ask.1)))
    }

    /// The best bid and ask, if there are both.
    pub fn quote(&self, time: Timestamp) -> Option<Quote> {
        let ((bid, bid_size), (ask, ask_size)) = self.best()?;
        Some(Quote { time, bid, ask, bid_size, ask_size })
    }
}

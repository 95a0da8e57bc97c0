//! The public book of one instrument, and what changes in it are told.

use super::dice::Dice;
use market::{Depth, Price, Quantity, Quote, Side, Timestamp};
use std::collections::BTreeMap;

/// Levels on a side.
pub(super) const LEVELS: usize = 25;

/// How much stands on a level: whole steps of the instrument's size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) units: u64,
    pub(super) step: u64,
}

impl Size {
    /// From one to `times` more than its units.
    pub(super) fn draw(self, times: u64, dice: &mut Dice) -> Quantity {
        let more = dice.below(self.units.saturating_mul(times));
        Quantity(self.units.saturating_add(more).saturating_mul(self.step))
    }
}

/// Bids and asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    pub(super) bids: BTreeMap<Price, Quantity>,
    pub(super) asks: BTreeMap<Price, Quantity>,
    /// Changes so far.
    pub(super) sequence: u64,
}

impl Shelf {
    /// The best of both sides.
    pub(super) fn quote(&self, time: Timestamp) -> Option<Quote> {
        let (bid, bid_size) = self.bids.last_key_value()?;
        let (ask, ask_size) = self.asks.first_key_value()?;
        Some(Quote { time, bid: *bid, ask: *ask, bid_size: *bid_size, ask_size: *ask_size })
    }

    /// One level is this now; appends it, if it is news.
    pub(super) fn set(&mut self, depth: Depth, out: &mut Vec<Depth>) {
        let side = match depth.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let before = if depth.size == Quantity::ZERO {
            side.remove(&depth.price)
        } else {
            side.insert(depth.price, depth.size)
        };
        if before.unwrap_or_default() != depth.size {
            self.sequence += 1;
            out.push(depth);
        }
    }

    /// Takes away what a new best bid and ask leave no room for.
    fn clear_beyond(&mut self, (bid, ask): (Price, Price), time: Timestamp, out: &mut Vec<Depth>) {
        let high: Vec<Price> = self.bids.keys().rev().copied().take_while(|at| *at > bid).collect();
        let low: Vec<Price> = self.asks.keys().copied().take_while(|at| *at < ask).collect();
        let gone = |side, price| Depth { time, side, price, size: Quantity::ZERO };
        for price in high {
            self.set(gone(Side::Buy, price), out);
        }
        for price in low {
            self.set(gone(Side::Sell, price), out);
        }
    }

    /// This is all that is known of each side, as a feed of quotes has it.
    pub(super) fn take(&mut self, quote: &Quote, out: &mut Vec<Depth>) {
        let Quote { time, bid, ask, bid_size, ask_size } = *quote;
        let bids: Vec<Price> = self.bids.keys().copied().filter(|at| *at != bid).collect();
        let asks: Vec<Price> = self.asks.keys().copied().filter(|at| *at != ask).collect();
        let gone = |side, price| Depth { time, side, price, size: Quantity::ZERO };
        for price in bids {
            self.set(gone(Side::Buy, price), out);
        }
        for price in asks {
            self.set(gone(Side::Sell, price), out);
        }
        self.set(Depth { time, side: Side::Buy, price: bid, size: bid_size }, out);
        self.set(Depth { time, side: Side::Sell, price: ask, size: ask_size }, out);
    }

    /// Makes levels on both sides of a spread, `gap` ticks apart, and draws the size of one of each anew.
    pub(super) fn fill(
        &mut self,
        (bid, gap): (Price, i64),
        (time, size): (Timestamp, Size),
        dice: &mut Dice,
        out: &mut Vec<Depth>,
    ) {
        self.clear_beyond((bid, Price(bid.0 + gap)), time, out);
        let anew = dice.below(2 * LEVELS as u64);
        let steps = 0_i64..;
        for (place, step) in (0..LEVELS as u64).zip(steps) {
            let (below, above) = (Price(bid.0 - step * gap), Price(bid.0 + (step + 1) * gap));
            let draws = |dice: &mut Dice| size.draw(place + 1, dice);
            if below.0 > 0 && (anew == 2 * place || !self.bids.contains_key(&below)) {
                let size = draws(dice);
                self.set(Depth { time, side: Side::Buy, price: below, size }, out);
            }
            if anew == 2 * place + 1 || !self.asks.contains_key(&above) {
                let size = draws(dice);
                self.set(Depth { time, side: Side::Sell, price: above, size }, out);
            }
        }
        self.cut(time, out);
    }

    /// Drops what is too far away to be shown.
    fn cut(&mut self, time: Timestamp, out: &mut Vec<Depth>) {
        while self.bids.len() > 2 * LEVELS {
            let Some((price, _)) = self.bids.first_key_value() else { return };
            let far = Depth { time, side: Side::Buy, price: *price, size: Quantity::ZERO };
            self.set(far, out);
        }
        while self.asks.len() > 2 * LEVELS {
            let Some((price, _)) = self.asks.last_key_value() else { return };
            let far = Depth { time, side: Side::Sell, price: *price, size: Quantity::ZERO };
            self.set(far, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_book_makes_the_same_book_and_it_never_crosses() {
        let (mut shelf, mut told) = (Shelf::default(), Shelf::default());
        let mut dice = Dice::new(7);
        let mut mid = 10_000_i64;
        for n in 0..2_000_i64 {
            let time = Timestamp::from_nanos(n);
            mid += dice.around(40);
            let (mut out, mut again) = (Vec::new(), Vec::new());
            shelf.fill(
                (Price(mid.div_euclid(5) * 5), 5),
                (time, Size { units: 100, step: 1 }),
                &mut dice,
                &mut out,
            );
            for depth in out {
                told.set(depth, &mut again);
                let crossed = told.quote(time).is_some_and(|quote| quote.bid >= quote.ask);
                assert!(!crossed, "at step {n}");
            }
            assert_eq!((&told.bids, &told.asks), (&shelf.bids, &shelf.asks));
            assert!(shelf.bids.len() >= LEVELS && shelf.bids.len() <= 2 * LEVELS);
            assert_eq!(shelf.quote(time).map(|quote| quote.bid.0), Some(mid.div_euclid(5) * 5));
        }
    }
}

//! When a sleeping order wakes: the rule that the simulated exchange keeps as well.

use crate::event::Data;
use crate::order::{Distance, OrderKind};
use market::{Listing, Price, Rate, Side, Towards};

/// New prices of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prices {
    /// A trade.
    Print(Price),
    /// The best bid and ask.
    Quote {
        /// What is paid.
        bid: Price,
        /// What is asked.
        ask: Price,
    },
    /// A bar that closed.
    Bar {
        /// Its highest price.
        high: Price,
        /// Its lowest price.
        low: Price,
    },
}

impl Prices {
    /// Those of an event, if it has any that wake orders.
    #[must_use]
    pub const fn of(data: &Data) -> Option<Self> {
        match data {
            Data::Print(print) => Some(Self::Print(print.price)),
            Data::Quote(quote) => Some(Self::Quote { bid: quote.bid, ask: quote.ask }),
            Data::Bar(bar, _) => Some(Self::Bar { high: bar.high, low: bar.low }),
            _ => None,
        }
    }

    /// The highest and the lowest price that an order of this side met: a buy meets the ask, a
    /// sell the bid.
    const fn range(self, side: Side) -> (Price, Price) {
        match (self, side) {
            (Self::Print(price), _) => (price, price),
            (Self::Quote { ask, .. }, Side::Buy) => (ask, ask),
            (Self::Quote { bid, .. }, Side::Sell) => (bid, bid),
            (Self::Bar { high, low }, _) => (high, low),
        }
    }
}

/// A trigger and what it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trigger {
    side: Side,
    kind: OrderKind,
    /// The best price since a trailing stop became active.
    best: Option<Price>,
    listing: Listing,
}

impl Trigger {
    pub(super) fn of(side: Side, kind: OrderKind, listing: &Listing) -> Self {
        Self { side, kind, best: None, listing: listing.clone() }
    }

    /// Where it wakes now; `None` for a trailing stop that has not begun to follow.
    pub(super) fn price(&self) -> Option<Price> {
        match self.kind {
            OrderKind::Trailing { distance, .. } => {
                self.best.map(|best| self.behind(best, distance))
            }
            kind => kind.trigger(),
        }
    }

    /// Whether these prices wake it. A trailing stop is held against where it stood before them,
    /// and follows them only then: nobody knows which end of a bar came first.
    pub(super) fn meets(&mut self, prices: Prices) -> bool {
        let (high, low) = prices.range(self.side);
        let woken = self.price().is_some_and(|trigger| self.reached(trigger, (high, low)));
        self.follow(if self.side == Side::Sell { high } else { low });
        woken
    }

    /// Follows the market at this price, towards profit only: up for a sell, down for a buy.
    pub(super) fn follow(&mut self, price: Price) {
        let OrderKind::Trailing { from, .. } = self.kind else { return };
        let better = |price: Price, than: Price| match self.side {
            Side::Sell => price >= than,
            Side::Buy => price <= than,
        };
        let moves = match self.best {
            Some(best) => better(price, best),
            None => from.is_none_or(|from| better(price, from)),
        };
        if moves {
            self.best = Some(price);
        }
    }

    fn reached(&self, trigger: Price, (high, low): (Price, Price)) -> bool {
        let worse_side =
            !matches!(self.kind, OrderKind::Touched { .. } | OrderKind::TouchedLimit { .. });
        // A buy stop wakes above, a sell stop below; a touched order the other way round.
        if (self.side == Side::Buy) == worse_side { high >= trigger } else { low <= trigger }
    }

    /// At its distance behind the best price, away from it to the venue's grid.
    fn behind(&self, best: Price, distance: Distance) -> Price {
        let ticks = match distance {
            Distance::Ticks(ticks) => i64::try_from(ticks).unwrap_or(i64::MAX),
            Distance::Fraction(rate) => fraction(best, rate),
        };
        match self.side {
            Side::Sell => self.listing.snap(Price(best.0.saturating_sub(ticks)), Towards::Down),
            Side::Buy => self.listing.snap(Price(best.0.saturating_add(ticks)), Towards::Up),
        }
    }
}

/// A fraction of a price in whole ticks, rounded up.
fn fraction(price: Price, rate: Rate) -> i64 {
    let product = i128::from(price.0).abs().checked_mul(rate.0.max(0));
    let ticks =
        product.map(|product| product / Rate::ONE.0 + i128::from(product % Rate::ONE.0 != 0));
    ticks.and_then(|ticks| i64::try_from(ticks).ok()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Prices::{Bar, Print, Quote};
    use market::Instrument;

    fn listing(step: u32) -> Listing {
        let instrument = Instrument::share("X".parse().expect("a symbol"));
        Listing { price_step: step, ..Listing::of(instrument) }
    }

    const fn quote(bid: i64, ask: i64) -> Prices {
        Quote { bid: Price(bid), ask: Price(ask) }
    }

    const fn bar(low: i64, high: i64) -> Prices {
        Bar { high: Price(high), low: Price(low) }
    }

    #[test]
    fn a_fixed_trigger_wakes_where_the_market_reaches_it() {
        use Side::{Buy, Sell};
        let stop = OrderKind::Stop { trigger: Price(100) };
        let touched = OrderKind::Touched { trigger: Price(100) };
        let check = |kind, side, prices, want: bool| {
            let mut trigger = Trigger::of(side, kind, &listing(1));
            assert_eq!(trigger.meets(prices), want, "{kind:?} {side} {prices:?}");
        };
        let print = |price| Print(Price(price));
        check(stop, Buy, print(99), false);
        check(stop, Buy, print(100), true);
        check(stop, Sell, print(101), false);
        check(stop, Sell, print(100), true);
        check(stop, Buy, quote(99, 100), true); // the ask
        check(stop, Buy, quote(98, 99), false);
        check(stop, Sell, quote(100, 105), true); // the bid
        check(stop, Sell, quote(101, 105), false);
        check(stop, Buy, bar(90, 100), true);
        check(stop, Buy, bar(90, 99), false);
        check(stop, Sell, bar(100, 110), true);
        check(stop, Sell, bar(101, 110), false);
        check(touched, Buy, print(101), false);
        check(touched, Buy, print(100), true);
        check(touched, Sell, print(99), false);
        check(touched, Sell, print(100), true);
        check(touched, Buy, quote(99, 100), true);
        check(touched, Buy, quote(99, 101), false);
        check(touched, Sell, quote(100, 101), true);
        check(touched, Buy, bar(100, 110), true);
        check(touched, Sell, bar(90, 99), false);
    }

    #[test]
    fn a_trailing_stop_follows_what_is_over_and_never_steps_back() {
        let check = |side, distance, from: Option<i64>, rows: &[(Prices, Option<i64>)]| {
            let kind = OrderKind::Trailing { distance, from: from.map(Price) };
            let mut trigger = Trigger::of(side, kind, &listing(5));
            for (prices, want) in rows {
                let woken = trigger.meets(*prices);
                let at = trigger.price().filter(|_| !woken).map(|price| price.0);
                assert_eq!(at, *want, "{prices:?}");
            }
        };
        let ten = Distance::Ticks(10);
        // 100 − 10 = 90; 107 − 10 = 97, down to 95; it stays at 95; 95 wakes it.
        let rows = [(bar(98, 100), Some(90)), (bar(91, 107), Some(95)), (bar(96, 99), Some(95))];
        check(Side::Sell, ten, None, &[rows[0], rows[1], rows[2], (bar(95, 200), None)]);
        // The bar that makes the peak does not wake it, though its low lies below 190.
        check(Side::Sell, ten, None, &[(bar(98, 100), Some(90)), (bar(91, 200), Some(190))]);
        // A buy follows downwards: 100 + 10; 93 + 10 = 103, up to 105.
        let rows =
            [(quote(99, 100), Some(110)), (quote(80, 93), Some(105)), (quote(1, 104), Some(105))];
        check(Side::Buy, ten, None, &[rows[0], rows[1], rows[2], (quote(1, 105), None)]);
        // It sleeps until the market trades at 120.
        let asleep = [(bar(90, 119), None), (bar(90, 120), Some(110))];
        check(Side::Sell, ten, Some(120), &asleep);
        // 0.1 % of 1,001 are 1.001 ticks: 2 whole ones; 999 goes down to 995.
        let part = Distance::Fraction(Rate(1_000_000_000));
        check(Side::Sell, part, None, &[(Print(Price(1_001)), Some(995))]);
    }
}

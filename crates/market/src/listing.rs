//! An instrument as a venue lists it: what its orders must look like, and how it settles.

use crate::{Instrument, Money, Price, Quantity, Scale};

/// A venue's rules for an instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its name, units and currency.
    pub instrument: Instrument,
    /// How a position is paid for.
    pub settlement: Settlement,
    /// Which prices can exist.
    pub pricing: Pricing,
    /// Units of the underlying in 1 of the instrument: 100 for a stock option, 0.001 for a coin
    /// contract; in 1e-8.
    pub multiplier: Money,
    /// Order prices are whole multiples of so many ticks.
    pub price_step: u32,
    /// Order sizes are whole multiples of so many lots.
    pub size_step: u64,
    /// The least an order may ask for.
    pub size_min: Quantity,
    /// The most.
    pub size_max: Quantity,
    /// The least that price × size may come to.
    pub notional_min: Money,
}

/// How a position is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// In full, when it is bought: shares, coins, spot.
    Cash,
    /// By margin: only profit and loss change hands: futures, perpetuals.
    Margin,
}

/// Which prices can exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pricing {
    /// Above zero only: shares, coins.
    Positive,
    /// Any: spreads, differences, power.
    Signed,
}

impl Listing {
    /// Paid in full, positive prices, any whole number of lots.
    #[must_use]
    pub fn of(instrument: Instrument) -> Self {
        Self {
            instrument,
            settlement: Settlement::Cash,
            pricing: Pricing::Positive,
            multiplier: Money(Money::UNIT),
            price_step: 1,
            size_step: 1,
            size_min: Quantity(1),
            size_max: Quantity(i64::MAX as u64),
            notional_min: Money::ZERO,
        }
    }

    /// The nearest allowed price at or below (`Down`) or at or above (`Up`) this one.
    #[must_use]
    pub fn snap(&self, price: Price, towards: Towards) -> Price {
        let step = i64::from(self.price_step.max(1));
        let below = price.0.div_euclid(step) * step;
        match towards {
            Towards::Down => Price(below),
            Towards::Up if below == price.0 => price,
            Towards::Up => Price(below.saturating_add(step)),
        }
    }

    /// Whether this price lies on the venue's grid and can exist at all.
    #[must_use]
    pub fn admits(&self, price: Price) -> bool {
        let on_grid = price.0.rem_euclid(i64::from(self.price_step.max(1))) == 0;
        on_grid && (self.pricing == Pricing::Signed || price.0 > 0)
    }

    /// Decimals of prices.
    #[must_use]
    pub const fn price_scale(&self) -> Scale {
        self.instrument.price_scale
    }
}

/// A direction on the price grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// Lower prices.
    Down,
    /// Higher prices.
    Up,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_snapped_to_the_grid_and_checked_against_it() {
        let mut listing = Listing::of(Instrument::share("X".parse().expect("a symbol")));
        listing.price_step = 5;
        let snap = |p, towards| listing.snap(Price(p), towards).0;
        assert_eq!((snap(12, Towards::Down), snap(12, Towards::Up)), (10, 15));
        assert_eq!((snap(-12, Towards::Down), snap(-12, Towards::Up)), (-15, -10));
        assert_eq!((snap(15, Towards::Down), snap(15, Towards::Up)), (15, 15));
        assert!(listing.admits(Price(15)) && !listing.admits(Price(12)));
        assert!(!listing.admits(Price(0)) && !listing.admits(Price(-5)));
        listing.pricing = Pricing::Signed;
        assert!(listing.admits(Price(-5)) && listing.admits(Price(0)));
    }
}

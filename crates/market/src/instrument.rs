//! What is traded: units of price and size.

use crate::{
    Currency, Error, Money, Price, Quantity, Symbol,
    money::{divide_half_even, parse_decimal},
};

/// Decimals of a fixed-point number: its unit is `10^-scale`, scale at most 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scale(u8);

impl Scale {
    /// Whole numbers.
    pub const WHOLE: Self = Self(0);
    /// Hundredths.
    pub const CENTS: Self = Self(2);
    /// The most decimals a price or a size can have.
    pub const MAX: u8 = 12;

    /// `None` above [`Scale::MAX`].
    #[must_use]
    pub const fn new(decimals: u8) -> Option<Self> {
        if decimals <= Self::MAX { Some(Self(decimals)) } else { None }
    }

    /// How many decimals.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.0
    }

    /// Units in 1: `10^scale`.
    #[must_use]
    #[inline]
    pub const fn units(self) -> i64 {
        10_i64.pow(self.0 as u32)
    }

    /// The nearest `f64`, by division (a reciprocal would be off by a bit).
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "factors are computed in f64 by decision")]
    #[inline]
    pub fn to_f64(self, units: i64) -> f64 {
        units as f64 / self.units() as f64
    }

    /// Plain decimal with exactly this many digits after the point.
    #[must_use]
    pub fn format(self, units: i64) -> String {
        let digits = usize::from(self.0);
        if digits == 0 {
            return units.to_string();
        }
        let sign = if units < 0 { "-" } else { "" };
        let one = self.units().unsigned_abs();
        let magnitude = units.unsigned_abs();
        format!("{sign}{}.{:0digits$}", magnitude / one, magnitude % one)
    }

    /// Reads a plain decimal; more decimals than the scale keeps are refused.
    pub fn parse(self, text: &str) -> Result<i64, Error> {
        let units = parse_decimal(text, self.0)?;
        i64::try_from(units).map_err(|_| Error::Overflow { what: "a number" })
    }
}

/// An instrument: its name and the units of its prices and sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Its name.
    pub symbol: Symbol,
    /// One tick is `10^-price_scale` of the currency.
    pub price_scale: Scale,
    /// One lot is `10^-lot_scale` of the instrument.
    pub lot_scale: Scale,
    /// What it is paid in.
    pub currency: Currency,
}

impl Instrument {
    /// A share: cents, whole lots, dollars.
    #[must_use]
    pub fn share(symbol: Symbol) -> Self {
        Self { symbol, price_scale: Scale::CENTS, lot_scale: Scale::WHOLE, currency: Currency::USD }
    }

    /// Price × quantity, exact where 8 decimals suffice, else half to even.
    #[inline]
    pub fn notional(&self, price: Price, quantity: Quantity) -> Result<Money, Error> {
        let overflow = || Error::Overflow { what: "a notional" };
        let product =
            i128::from(price.0).checked_mul(i128::from(quantity.0)).ok_or_else(overflow)?;
        let decimals = self.price_scale.decimals() + self.lot_scale.decimals();
        if decimals <= Money::DECIMALS {
            let factor = 10_i128.pow(u32::from(Money::DECIMALS - decimals));
            return product.checked_mul(factor).map(Money).ok_or_else(overflow);
        }
        let divisor = 10_i128.pow(u32::from(decimals - Money::DECIMALS));
        divide_half_even(product, divisor).map(Money).ok_or_else(overflow)
    }

    /// A price as factors see it.
    #[must_use]
    #[inline]
    pub fn price_f64(&self, price: Price) -> f64 {
        self.price_scale.to_f64(price.0)
    }

    /// A size as factors see it.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "factors are computed in f64 by decision")]
    #[inline]
    pub fn quantity_f64(&self, quantity: Quantity) -> f64 {
        quantity.0 as f64 / self.lot_scale.units() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(price: u8, lot: u8) -> Instrument {
        Instrument {
            symbol: "X".parse().expect("a symbol"),
            price_scale: Scale::new(price).expect("small"),
            lot_scale: Scale::new(lot).expect("small"),
            currency: Currency::USD,
        }
    }

    #[test]
    fn notionals_are_exact_or_half_even() {
        let check = |p: u8, l: u8, price: i64, lots: u64, want: i128| {
            let got = instrument(p, l).notional(Price(price), Quantity(lots));
            assert_eq!(got, Ok(Money(want)));
        };
        check(2, 0, 11_856, 10, 118_560_000_000);
        check(2, 0, -5, 3, -15_000_000);
        check(8, 8, 1, 50_000_000, 0);
        check(8, 8, 3, 50_000_000, 2);
        check(12, 12, i64::MAX, 1, 922);
    }

    #[test]
    fn a_notional_beyond_the_range_is_an_error() {
        let got = instrument(0, 0).notional(Price(i64::MAX), Quantity(u64::MAX));
        assert_eq!(got, Err(Error::Overflow { what: "a notional" }));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let scale = Scale::new(4).expect("small");
        assert_eq!(scale.parse("-1.0500"), Ok(-10_500));
        assert_eq!(scale.format(-10_500), "-1.0500");
        assert_eq!(scale.format(7), "0.0007");
        assert!(scale.parse("1.00001").is_err());
        assert_eq!(Scale::new(13), None);
    }
}

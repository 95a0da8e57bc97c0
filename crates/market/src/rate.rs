//! Exact ratios: exchange rates, funding, fractions of margin and fees.

use crate::{
    Error, Money,
    money::{divide_half_even, parse_decimal},
};
use std::fmt;

/// A ratio in units of 1e-12. Arithmetic is checked: overflow is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(pub i128);

impl Rate {
    /// Decimals kept.
    pub const DECIMALS: u8 = 12;
    /// One.
    pub const ONE: Self = Self(1_000_000_000_000);
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Parses `-0.0001`, at most twelve decimals.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse_decimal(text, Self::DECIMALS).map(Self)
    }

    /// From basis points: 1/100 of a per cent.
    #[must_use]
    pub const fn from_bps(bps: i64) -> Self {
        Self(bps as i128 * (Self::ONE.0 / 10_000))
    }

    /// `amount × self`, half to even at 1e-8.
    pub fn of(self, amount: Money) -> Result<Money, Error> {
        amount.scaled(self.0, Self::ONE.0)
    }

    /// `numerator / denominator`, half to even at 1e-12.
    pub fn ratio(numerator: Money, denominator: Money) -> Result<Self, Error> {
        let overflow = Error::Overflow { what: "a ratio" };
        let scaled = numerator.0.checked_mul(Self::ONE.0).ok_or(overflow.clone())?;
        divide_half_even(scaled, denominator.0).map(Self).ok_or(overflow)
    }
}

impl fmt::Display for Rate {
    /// Plain decimal without needless zeros: `0.0001`, `-1.5`, `2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (magnitude, one) = (self.0.unsigned_abs(), Self::ONE.0.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        let digits = format!("{:012}", magnitude % one);
        let kept = digits.trim_end_matches('0');
        let point = if kept.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{point}{kept}", magnitude / one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_printed_and_applied_exactly() {
        let check = |text: &str, amount: &str, want: &str| {
            let rate = Rate::parse(text).expect("a rate");
            assert_eq!(rate.to_string(), text);
            let amount = Money::parse(amount).expect("money");
            assert_eq!(rate.of(amount).map(|m| m.to_string()), Ok(want.to_owned()));
        };
        check("0.0001", "50000", "5.00");
        check("-0.000075", "1000", "-0.075");
        check("1.0837", "100", "108.37");
        check("2", "0.00000001", "0.00000002");
        check("0.5", "0.00000001", "0.00");
        check("1.5", "0.00000001", "0.00000002");
    }

    #[test]
    fn a_ratio_by_nothing_is_an_error() {
        assert!(Rate::ratio(Money::from_whole(1), Money::ZERO).is_err());
        let third = Rate::ratio(Money::from_whole(1), Money::from_whole(3));
        assert_eq!(third.map(|r| r.to_string()), Ok("0.333333333333".to_owned()));
    }
}

//! Exact numbers: integers in the instrument's own units, checked.

use crate::Error;
use std::fmt;

/// A price in the instrument's ticks; signed, because spreads trade below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(pub i64);

/// A size in the instrument's lots; direction is a [`Side`], never a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(pub u64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
}

/// Which way an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

impl Side {
    /// +1 for a buy, −1 for a sell.
    #[must_use]
    #[inline]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// The other side.
    #[must_use]
    #[inline]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        })
    }
}

/// An amount in units of 1e-8 of a currency. Arithmetic is checked: overflow is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i128);

impl Money {
    /// Decimals kept.
    pub const DECIMALS: u8 = 8;
    /// Units in 1.00 of the currency.
    pub const UNIT: i128 = 100_000_000;
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whole units of the currency.
    #[must_use]
    pub const fn from_whole(whole: i64) -> Self {
        Self(whole as i128 * Self::UNIT)
    }

    /// Parses `-12.5`, at most eight decimals.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse_decimal(text, Self::DECIMALS).map(Self)
    }

    /// The sum, or [`Error::Overflow`].
    #[inline]
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        // An error is made where there is one: this stands in every loop over money.
        let Some(units) = self.0.checked_add(other.0) else {
            return Err(Error::Overflow { what: "a sum of money" });
        };
        Ok(Self(units))
    }

    /// The difference, or [`Error::Overflow`].
    #[inline]
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        let Some(units) = self.0.checked_sub(other.0) else {
            return Err(Error::Overflow { what: "a difference of money" });
        };
        Ok(Self(units))
    }

    /// `self × numerator / denominator`, rounded half to even once. Exact however large the product
    /// is: only a result beyond the range, or a zero denominator, is [`Error::Overflow`].
    #[inline]
    pub fn scaled(self, numerator: i128, denominator: i128) -> Result<Self, Error> {
        let scaled = match self.0.checked_mul(numerator) {
            Some(product) => divide_half_even(product, denominator),
            None => divide_wide(self.0, numerator, denominator),
        };
        let Some(units) = scaled else { return Err(Error::Overflow { what: "a share of money" }) };
        Ok(Self(units))
    }

    /// The amount without its sign, or [`Error::Overflow`].
    pub fn magnitude(self) -> Result<Self, Error> {
        self.0.checked_abs().map(Self).ok_or(Error::Overflow { what: "an amount of money" })
    }

    /// The amount with the other sign, or [`Error::Overflow`].
    pub fn negated(self) -> Result<Self, Error> {
        self.0.checked_neg().map(Self).ok_or(Error::Overflow { what: "an amount of money" })
    }

    /// For statistics and plots only; the nearest `f64`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "statistics do not need more than 53 bits")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e8
    }
}

impl fmt::Display for Money {
    /// Plain decimal, at least two digits after the point, no needless zeros: `-12.50`, `0.00001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let unit = Self::UNIT.unsigned_abs();
        let digits = format!("{:08}", magnitude % unit);
        let kept = digits.trim_end_matches('0').len().max(2);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{}", magnitude / unit, digits.get(..kept).unwrap_or(&digits))
    }
}

/// `numerator / denominator` rounded half to even; `None` on a zero denominator.
#[inline]
pub(crate) fn divide_half_even(numerator: i128, denominator: i128) -> Option<i128> {
    let (quotient, remainder) = match (i64::try_from(numerator), i64::try_from(denominator)) {
        // Most amounts fit: the processor divides 64 bits by itself, 128 bits are a call.
        (Ok(n), Ok(d)) if d > 0 => (n.div_euclid(d).into(), n.rem_euclid(d).into()),
        _ => {
            (numerator.checked_div_euclid(denominator)?, numerator.checked_rem_euclid(denominator)?)
        }
    };
    // div_euclid rounds so that the remainder is never negative: only the upward step is open.
    let twice = remainder.unsigned_abs().checked_mul(2)?;
    let size = denominator.unsigned_abs();
    let up = twice > size || (twice == size && quotient % 2 != 0);
    let step = if denominator > 0 { 1 } else { -1 };
    if up { quotient.checked_add(step) } else { Some(quotient) }
}

/// `a × b / denominator` rounded half to even, for products beyond 128 bits.
#[cold]
fn divide_wide(a: i128, b: i128, denominator: i128) -> Option<i128> {
    let (high, low) = product_wide(a.unsigned_abs(), b.unsigned_abs());
    let size = denominator.unsigned_abs();
    // Then the quotient has more than 128 bits; a zero denominator ends here too.
    if high >= size {
        return None;
    }
    let (mut quotient, mut remainder) = (0_u128, high);
    for place in (0..128).rev() {
        let carried = remainder >> 127 == 1;
        remainder = remainder << 1 | (low >> place & 1);
        if carried || remainder >= size {
            remainder = remainder.wrapping_sub(size);
            quotient |= 1 << place;
        }
    }
    let left = size - remainder;
    let up = remainder > left || (remainder == left && quotient % 2 == 1);
    let magnitude = i128::try_from(quotient.checked_add(u128::from(up))?).ok()?;
    let negative = (a < 0) ^ (b < 0) ^ (denominator < 0);
    Some(if negative { -magnitude } else { magnitude })
}

/// The upper and the lower 128 bits of a product.
const fn product_wide(a: u128, b: u128) -> (u128, u128) {
    const HALF: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let (outer, inner) = (a_low * b_low, a_high * b_low);
    let middle = (outer >> 64) + (inner & HALF) + a_low * b_high;
    let high = a_high * b_high + (inner >> 64) + (middle >> 64);
    (high, middle << 64 | outer & HALF)
}

/// Parses a plain decimal into an integer of `10^-scale`; more decimals than that are refused.
pub(crate) fn parse_decimal(text: &str, scale: u8) -> Result<i128, Error> {
    let wrong = || Error::Decimal { text: crate::excerpt(text), scale };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || !all_digits(whole)
        || !all_digits(fraction)
        || fraction.len() > usize::from(scale)
    {
        return Err(wrong());
    }
    let padded = format!("{whole}{fraction:0<width$}", width = usize::from(scale));
    let magnitude: i128 = padded.parse().map_err(|_| wrong())?;
    Ok(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_is_read_and_printed_exactly() {
        let check = |text: &str, units: i128, printed: &str| {
            assert_eq!(Money::parse(text), Ok(Money(units)), "{text}");
            assert_eq!(Money(units).to_string(), printed);
        };
        check("0", 0, "0.00");
        check("12.5", 1_250_000_000, "12.50");
        check("-0.00000001", -1, "-0.00000001");
        check("+3.", 300_000_000, "3.00");
        check(".25", 25_000_000, "0.25");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", ".", "-", "1e5", "1,5", "0.123456789", "٣", "1.2.3", "NaN", "inf"] {
            assert!(matches!(Money::parse(text), Err(Error::Decimal { .. })), "{text:?}");
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let check = |n: i128, d: i128, q: i128| assert_eq!(divide_half_even(n, d), Some(q));
        check(5, 2, 2);
        check(7, 2, 4);
        check(-5, 2, -2);
        check(-7, 2, -4);
        check(5, -2, -2);
        check(10, 4, 2);
        check(11, 4, 3);
        assert_eq!(divide_half_even(1, 0), None);
        check(i128::from(i64::MIN), 3, -3_074_457_345_618_258_603);
        check(i128::from(i64::MIN), -1, 1 << 63);
    }

    #[test]
    fn a_product_beyond_the_range_is_no_error_if_its_share_is_within() {
        let check = |amount: i128, n: i128, d: i128, want: Option<i128>| {
            assert_eq!(Money(amount).scaled(n, d).ok(), want.map(Money));
        };
        let large = 10_i128.pow(37);
        check(large, 3000, 1000, Some(3 * large));
        check(-large, 3000, 1000, Some(-3 * large));
        check(large, -3000, -1000, Some(3 * large));
        check(i128::MAX, i128::MAX, i128::MAX, Some(i128::MAX));
        check(large, large, 1, None);
        check(large, large, 0, None);
        // (10^37 + 1) × 1000 / 2000 = 5 × 10^36 + 1/2: to the even neighbour.
        check(large + 1, 1000, 2000, Some(large / 2));
        check(large + 3, 1000, 2000, Some(large / 2 + 2));
    }

    proptest! {
        #[test]
        fn the_wide_way_is_the_narrow_way(
            a in any::<i64>(), b in any::<i64>(), d in any::<i64>(),
        ) {
            let (a, b, d) = (i128::from(a), i128::from(b), i128::from(d));
            prop_assert_eq!(divide_wide(a, b, d), divide_half_even(a * b, d));
        }

        #[test]
        fn a_wide_product_divides_back(a in any::<i128>(), b in any::<i128>()) {
            prop_assume!(b != 0 && a != i128::MIN && b != i128::MIN);
            prop_assert_eq!(divide_wide(a, b, b), Some(a));
        }

        #[test]
        fn printing_then_reading_is_the_identity(units in -(1i128 << 100)..(1i128 << 100)) {
            prop_assert_eq!(Money::parse(&Money(units).to_string()), Ok(Money(units)));
        }

        #[test]
        fn half_even_is_within_half(n in -1_000_000i128..1_000_000, d in 1i128..1000) {
            let q = divide_half_even(n, d).expect("d is not zero");
            prop_assert!((q * d - n).abs() * 2 <= d);
        }

        #[test]
        fn wide_and_narrow_division_agree(n in -1000i128..1000, d in -50i128..50, wide in 64u32..100) {
            let same = divide_half_even(n << wide, d << wide);
            prop_assert_eq!(divide_half_even(n, d), same);
        }
    }
}

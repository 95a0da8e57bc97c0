//! Amounts as they were written: exact decimals, never a double.

use std::fmt;

/// Digits of an amount, before and behind the point together.
const DIGITS_MAX: usize = 40;
/// Places that the point may be moved.
const SCALE_MAX: i64 = 40;

/// A decimal of any size, in one form for each value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// How many of the digits stand behind the point; below zero, that many zeros follow them.
    scale: i64,
}

impl Decimal {
    /// Reads a number as JSON writes it; none if it is no such number.
    pub(crate) fn read(literal: &str) -> Option<Self> {
        let (negative, rest) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            // What no machine counts moves every point out of sight, and does not change what is said of it.
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (rest, 0),
        };
        let (whole, behind) = match mantissa.split_once('.') {
            Some((whole, behind)) if !behind.is_empty() => (whole, behind),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let leading = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading || !all_digits(whole) || !all_digits(behind) {
            return None;
        }
        let digits = format!("{whole}{behind}");
        let kept = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - kept.len()).ok()?;
        let digits = kept.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, scale: 0 });
        }
        let scale = i64::try_from(behind.len()).ok()?.saturating_sub(exponent);
        Some(Self { negative, digits, scale: scale.saturating_sub(dropped) })
    }
}

/// A power of ten with its sign, cut off where nothing is that large.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Some(if text.starts_with('-') { -size } else { size })
}

/// An amount of some currency, exactly as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount(Decimal);

impl Amount {
    /// Reads an amount from the text of a number; none below zero, and none that is longer than money is.
    #[must_use]
    pub fn read(literal: &str) -> Option<Self> {
        let decimal = Decimal::read(literal)?;
        let short = decimal.digits.len() <= DIGITS_MAX;
        let near = (-SCALE_MAX..=SCALE_MAX).contains(&decimal.scale);
        (short && near && !decimal.negative).then_some(Self(decimal))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decimal { digits, scale, .. } = &self.0;
        if digits.is_empty() {
            return f.write_str("0");
        }
        let places = usize::try_from(scale.unsigned_abs()).unwrap_or_default();
        if *scale <= 0 {
            return write!(f, "{digits}{}", "0".repeat(places));
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, behind) = padded.split_at(padded.len() - places);
        write!(f, "{whole}.{behind}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_is_what_was_written() {
        let check = |literal: &str, want: &str| {
            assert_eq!(Amount::read(literal).expect(literal).to_string(), want, "{literal}");
        };
        check("0", "0");
        check("-0", "0");
        check("0.000", "0");
        check("0e7", "0");
        check("5", "5");
        check("15.0", "15");
        check("165.652609", "165.652609");
        check("1e-7", "0.0000001");
        check("1E+2", "100");
        check("1.50e1", "15");
        check("100", "100");
        check("0.10", "0.1");
        check("0.09853637216235617", "0.09853637216235617");
        check("0.1000000000000000055", "0.1000000000000000055");
        check("9007199254740993", "9007199254740993");
        check("1e40", &format!("1{}", "0".repeat(40)));
        check("1e-40", &format!("0.{}1", "0".repeat(39)));
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for literal in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "01",
            "-1",
            "-0.1",
            "1e",
            "1e+",
            "1e1.5",
            "0x10",
            "NaN",
            "1,5",
            "1_000",
            " 1",
            "1 ",
            "+1",
            "Infinity",
            "1e41",
            "1e-41",
            "1e99999999999999999999",
            "١",
        ] {
            assert_eq!(Amount::read(literal), None, "{literal:?}");
        }
        assert!(Amount::read(&"9".repeat(DIGITS_MAX)).is_some());
        assert!(Amount::read(&"9".repeat(DIGITS_MAX + 1)).is_none());
    }

    #[test]
    fn two_texts_of_one_value_are_one_decimal() {
        let same = |a: &str, b: &str| assert_eq!(Decimal::read(a), Decimal::read(b), "{a} {b}");
        same("1e2", "100.000");
        same("-0", "0");
        same("0.1e-399", "1e-400");
        same("12300", "1.23e4");
        let other = |a: &str, b: &str| assert_ne!(Decimal::read(a), Decimal::read(b), "{a} {b}");
        other("1", "-1");
        other("9007199254740993", "9007199254740992");
        other("1e-400", "0");
    }

    proptest! {
        #[test]
        fn a_text_that_was_shown_reads_as_the_same(whole in 0_u64.., places in 0_u32..12) {
            let literal = format!("{whole}e-{places}");
            let amount = Amount::read(&literal).expect("an amount");
            prop_assert_eq!(Amount::read(&amount.to_string()), Some(amount));
        }
    }
}

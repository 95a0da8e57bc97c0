//! What stands in the venue's texts: flags, moments, money.

use market::{Money, Timestamp};
use serde::{Deserialize, Deserializer};

/// The most digits of an amount of money.
const DIGITS_MAX: usize = 36;
const NANOS_IN_MS: i64 = 1_000_000;

/// A flag; false where it is null.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<bool>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A moment in milliseconds since the epoch.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().and_then(from_ms)
}

/// A moment in milliseconds since the epoch.
pub(super) fn from_ms(ms: i64) -> Option<Timestamp> {
    ms.checked_mul(NANOS_IN_MS).map(Timestamp::from_nanos)
}

/// Milliseconds since the epoch.
pub(super) const fn to_ms(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_IN_MS)
}

/// What is done with digits beyond 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// To the nearest, half to even: what was paid.
    Nearest,
    /// Towards less: what is there.
    Down,
}

/// An amount of money; an empty text is nothing. Coins with more than eight decimals are rounded.
pub(super) fn money(text: &str, round: Round) -> Option<Money> {
    if text.is_empty() {
        return Some(Money::ZERO);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let length = whole.len() + fraction.len();
    if length == 0 || length > DIGITS_MAX {
        return None;
    }
    let mut value = 0_i128;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value = value * 10 + i128::from(digit);
    }
    let value = if negative { -value } else { value };
    let unit = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    match round {
        Round::Nearest => Money(value).scaled(Money::UNIT, unit).ok(),
        Round::Down => value.checked_mul(Money::UNIT).map(|scaled| Money(scaled.div_euclid(unit))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_as_it_is_used() {
        for (text, nearest, down) in [
            ("", 0, 0),
            ("1.5", 150_000_000, 150_000_000),
            ("-0.000000015", -2, -2),
            ("0.000000015", 2, 1),
            ("0.000000025", 2, 2),
            ("0.0000000259", 3, 2),
        ] {
            assert_eq!(money(text, Round::Nearest), Some(Money(nearest)), "{text}");
            assert_eq!(money(text, Round::Down), Some(Money(down)), "{text}");
        }
        for text in ["x", ".", "-", "1e5", "1.2.3", &"9".repeat(40)] {
            assert_eq!(money(text, Round::Down), None, "{text}");
        }
    }
}

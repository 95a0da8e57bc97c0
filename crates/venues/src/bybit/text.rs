//! Texts of the venue: fields that are strings, moments, money.

use market::{Money, Timestamp};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use std::{borrow::Cow, fmt, ops::Deref};

/// The most digits of an amount of money.
const DIGITS_MAX: usize = 36;
const NANOS_IN_MS: i64 = 1_000_000;

/// A field that is text: empty where it is null or absent, and the digits where it is a whole number.
#[derive(Debug, Clone, Default)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts)
    }
}

struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Text::default())
    }
}

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

/// Appends a text as JSON: names are plain ASCII, but may hold a quote.
pub(super) fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Appends a text as part of a query. A per cent sign stays: cursors come with theirs.
pub(super) fn push_encoded(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
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

    #[test]
    fn what_is_sent_is_escaped() {
        let (mut quoted, mut query) = (String::new(), String::new());
        push_quoted("a\"b\\", &mut quoted);
        push_encoded("a b&c%3D", &mut query);
        assert_eq!((quoted.as_str(), query.as_str()), ("\"a\\\"b\\\\\"", "a%20b%26c%3D"));
    }
}

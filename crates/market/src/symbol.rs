//! Names of what is traded, and of what it is paid in.

use crate::{Error, excerpt};
use std::{fmt, str::FromStr, sync::Arc};

/// The name of an instrument: 1 to 32 of `A-Z a-z 0-9 . _ : / -`; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Symbol {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:/-".contains(&b);
        if (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(Error::Symbol { text: excerpt(text) })
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What something is paid in: a currency by its three letters (ISO 4217), or a coin by its ticker, of
/// 2 to 12 capital letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; Self::LETTERS_MAX]);

impl Currency {
    /// The longest ticker.
    pub const LETTERS_MAX: usize = 12;
    /// United States dollar.
    pub const USD: Self = Self(*b"USD\0\0\0\0\0\0\0\0\0");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR\0\0\0\0\0\0\0\0\0");
    /// Tether, in which most perpetuals settle.
    pub const USDT: Self = Self(*b"USDT\0\0\0\0\0\0\0\0");

    /// Its letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|letter| *letter == 0).unwrap_or(Self::LETTERS_MAX);
        let (letters, _) = self.0.split_at(end);
        std::str::from_utf8(letters).expect("made of capital letters and digits only")
    }
}

impl FromStr for Currency {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        if !(2..=Self::LETTERS_MAX).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(Error::Currency { text: excerpt(text) });
        }
        let mut letters = [0; Self::LETTERS_MAX];
        for (place, letter) in letters.iter_mut().zip(text.bytes()) {
            *place = letter;
        }
        Ok(Self(letters))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_plain_and_short() {
        for good in ["AAPL", "BTC-USDT-SWAP", "BRK.B", "a", "X:EUR/USD"] {
            assert_eq!(good.parse::<Symbol>().map(|s| s.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "A B", "..\u{202e}", "ÄPL", &"A".repeat(33), "a\n"] {
            assert!(matches!(bad.parse::<Symbol>(), Err(Error::Symbol { .. })), "{bad:?}");
        }
    }

    #[test]
    fn currencies_and_coins_are_capitals_and_digits() {
        assert_eq!("USD".parse(), Ok(Currency::USD));
        assert_eq!("USDT".parse(), Ok(Currency::USDT));
        for good in ["USD", "USDT", "1INCH", "1000SATS", "OP", "ABCDEFGHIJKL"] {
            assert_eq!(good.parse::<Currency>().map(|c| c.to_string()), Ok(good.to_owned()));
        }
        for bad in ["usd", "U", "", "U$D", "ABCDEFGHIJKLM", "US D", "US\0"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}

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

/// A currency by its three letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
}

impl FromStr for Currency {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(Error::Currency { text: excerpt(text) }),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).expect("made of capital letters only"))
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
    fn currencies_are_three_capitals() {
        assert_eq!("USD".parse(), Ok(Currency::USD));
        for bad in ["usd", "US", "USDT", "U$D"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}

//! What a row of a dataset is: a bar, a quote or a trade.

use crate::{Error, Result, Role};
use market::BarSize;
use std::{fmt, str::FromStr};

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Bars: time, symbol, open, high, low, close, volume.
    #[default]
    Bars,
    /// Quotes: time, symbol, bid, ask, and what is shown at each.
    Quotes,
    /// Trades: time, symbol, price, size, and the side that took liquidity.
    Trades,
}

impl Content {
    /// Up to four columns of figures, in the order in which rows hold them.
    pub(crate) fn figures(self) -> [Option<Role>; 4] {
        let extra = |name: &str| Some(Role::Extra(name.to_owned()));
        match self {
            Self::Bars => [Some(Role::Open), Some(Role::High), Some(Role::Low), Some(Role::Close)],
            Self::Quotes => [extra("bid"), extra("ask"), extra("bid_size"), extra("ask_size")],
            Self::Trades => [extra("price"), extra("size"), extra("side"), None],
        }
    }

    /// Columns without which a file is refused, beside the time.
    pub(crate) fn required(self) -> Vec<Role> {
        let names: &[&str] = match self {
            Self::Bars => return vec![Role::Close],
            Self::Quotes => &["bid", "ask"],
            Self::Trades => &["price", "size"],
        };
        names.iter().map(|name| Role::Extra((*name).to_owned())).collect()
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bars => "bars",
            Self::Quotes => "quotes",
            Self::Trades => "trades",
        })
    }
}

impl FromStr for Content {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Bars, Self::Quotes, Self::Trades]
            .into_iter()
            .find(|content| content.to_string() == text)
            .ok_or_else(|| Error::Content { text: crate::error::excerpt(text) })
    }
}

/// What a row of a dataset is; its text is the bar's length, `quotes` or `trades`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// A bar of this length.
    Bars(BarSize),
    /// A quote.
    Quotes,
    /// A trade.
    Trades,
}

impl Grain {
    /// The bar's length, if it is a bar.
    #[must_use]
    pub const fn bar(self) -> Option<BarSize> {
        match self {
            Self::Bars(size) => Some(size),
            Self::Quotes | Self::Trades => None,
        }
    }

    /// What the rows are, whatever their length.
    #[must_use]
    pub const fn content(self) -> Content {
        match self {
            Self::Bars(_) => Content::Bars,
            Self::Quotes => Content::Quotes,
            Self::Trades => Content::Trades,
        }
    }
}

impl fmt::Display for Grain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bars(size) => size.fmt(f),
            Self::Quotes | Self::Trades => self.content().fmt(f),
        }
    }
}

impl FromStr for Grain {
    type Err = market::Error;

    fn from_str(text: &str) -> Result<Self, market::Error> {
        match text {
            "quotes" => Ok(Self::Quotes),
            "trades" => Ok(Self::Trades),
            other => other.parse().map(Self::Bars),
        }
    }
}

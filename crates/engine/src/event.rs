//! What the market tells, as one stream of many instruments.

use market::{
    Bar, BarSize, Currency, Depth, Funding, Money, Print, Quote, Rate, Status, Timestamp,
};
use portfolio::InstrumentId;
use std::cmp::Ordering;

/// One thing that the market told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketEvent {
    /// When it was known to the venue: a bar at its close, everything else when it happened.
    pub time: Timestamp,
    /// Of which instrument; of any one for a [`Data::Conversion`].
    pub instrument: InstrumentId,
    /// What.
    pub data: Data,
}

/// What the market can tell, in the order in which things of one moment are handled: first what
/// changes the terms, then what trades, then what is shown, then what sums a span of time up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// It starts or stops to trade.
    Status(Status),
    /// Each old unit is `numerator / denominator` new ones from now on.
    Split {
        /// New units.
        numerator: u32,
        /// For so many old ones.
        denominator: u32,
    },
    /// Cash is paid for each unit held, and owed for each unit sold short.
    Dividend {
        /// Per unit, in the instrument's currency.
        amount: Money,
    },
    /// One unit of a currency is worth so many of the account's.
    Conversion {
        /// Which currency.
        currency: Currency,
        /// Units of the account's currency in one of it.
        rate: Rate,
    },
    /// Longs pay shorts, or the other way.
    Funding(Funding),
    /// A trade.
    Print(Print),
    /// A level of the book changed.
    Depth(Depth),
    /// The best bid and ask changed.
    Quote(Quote),
    /// A bar closed.
    Bar(Bar, BarSize),
}

impl Data {
    /// The place of its kind among things of one moment.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Status(_) => 0,
            Self::Split { .. } => 1,
            Self::Dividend { .. } => 2,
            Self::Conversion { .. } => 3,
            Self::Funding(_) => 4,
            Self::Print(_) => 5,
            Self::Depth(_) => 6,
            Self::Quote(_) => 7,
            Self::Bar(..) => 8,
        }
    }

    /// The name of its kind, in logs and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Split { .. } => "split",
            Self::Dividend { .. } => "dividend",
            Self::Conversion { .. } => "conversion",
            Self::Funding(_) => "funding",
            Self::Print(_) => "print",
            Self::Depth(_) => "depth",
            Self::Quote(_) => "quote",
            Self::Bar(..) => "bar",
        }
    }
}

impl MarketEvent {
    /// The tie rule: by time, then by kind, then by instrument. What is equal in all three keeps
    /// the order of its stream; streams then keep the order in which they were given.
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        let key = |event: &Self| (event.time, event.data.rank(), event.instrument);
        key(self).cmp(&key(other))
    }
}

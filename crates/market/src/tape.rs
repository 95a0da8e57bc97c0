//! What a market tells besides bars: trades that printed, quotes, changes of the book, funding.

mod rules;

pub use rules::{Flaw, Repeats, Seen, Tick, TickRules, TickWatch};

use crate::{Price, Quantity, Rate, Side, Timestamp};

/// A trade on the tape: somebody bought from somebody else at this price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    /// When.
    pub time: Timestamp,
    /// At which price.
    pub price: Price,
    /// How much.
    pub size: Quantity,
    /// Which side took liquidity; `None` where the venue does not say.
    pub aggressor: Option<Side>,
}

/// The best bid and ask, and what is shown there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// When.
    pub time: Timestamp,
    /// The best price that somebody pays.
    pub bid: Price,
    /// The best price that somebody asks; never below the bid, equal to it in a locked market.
    pub ask: Price,
    /// Shown at the bid.
    pub bid_size: Quantity,
    /// Shown at the ask.
    pub ask_size: Quantity,
}

/// One level of the book is now this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// When.
    pub time: Timestamp,
    /// Bids are [`Side::Buy`], asks [`Side::Sell`].
    pub side: Side,
    /// The level.
    pub price: Price,
    /// What rests there now, all of it; zero removes the level.
    pub size: Quantity,
}

/// Longs pay shorts this fraction of the position's value; the other way where it is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funding {
    /// When it is paid.
    pub time: Timestamp,
    /// For this one payment, not for a year.
    pub rate: Rate,
    /// The price that values the position; `None` for the latest one.
    pub mark: Option<Price>,
}

/// Whether an instrument trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Orders meet the market.
    Trading,
    /// Nothing is matched; orders keep their place.
    Halted,
    /// It will not trade again: working orders expire.
    Closed,
}

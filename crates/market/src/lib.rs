//! Knows: prices, sizes, money, symbols, bars, corporate actions and the panel of columns.
//! Never knows: where data came from, or what is done with it.

#![forbid(unsafe_code)]

mod adjust;
mod bar;
mod instrument;
mod listing;
mod money;
mod narrow;
mod panel;
mod rate;
mod session;
mod symbol;
mod tape;
mod time;
mod traded;
mod venue;

pub use adjust::{Action, Adjustment, CorporateAction, SplitFactor, adjust_splits};
pub use bar::{Bar, BarSeries, BarSize};
pub use instrument::{Instrument, Scale};
pub use listing::{Listing, Pricing, Settlement, Towards};
pub use money::{Money, Price, Quantity, Side};
pub use narrow::{NarrowColumn, NarrowPanel, narrow};
pub use panel::{Column, Labels, Panel};
pub use rate::Rate;
pub use session::{Hours, Moment, Session, Span};
pub use symbol::{Currency, Symbol};
pub use tape::{
    Depth, Flaw, Funding, Print, Quote, Repeats, Seen, Status, Tick, TickRules, TickWatch,
};
pub use time::Timestamp;
pub use venue::{Product, Roster, Traded, VenueName};

/// Everything that can be wrong with a noun of the market.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A symbol is empty, too long, or has a character outside `A-Z a-z 0-9 . _ : / -`.
    #[error("{text:?} is not a symbol: 1 to 32 of A-Z a-z 0-9 . _ : / -")]
    Symbol {
        /// The text as it came, cut to 64 characters.
        text: String,
    },
    /// A currency is not of 2 to 12 capital letters and digits.
    #[error(
        "{text:?} is not a currency: capital letters, as USD (ISO 4217) or USDT (a coin's ticker)"
    )]
    Currency {
        /// The text as it came, cut to 64 characters.
        text: String,
    },
    /// No such exchange.
    #[error("{text:?} is not a venue: binance, bybit or okx")]
    Venue {
        /// The text as it came, cut to 64 characters.
        text: String,
    },
    /// A bar size is not one the house knows.
    #[error("{text:?} is not a bar size: 1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 2d 3d 7d")]
    BarSize {
        /// The text as it came, cut to 64 characters.
        text: String,
    },
    /// A decimal is malformed or has more digits than the instrument's scale keeps.
    #[error("{text:?} is not a number with at most {scale} decimals")]
    Decimal {
        /// The text as it came, cut to 64 characters.
        text: String,
        /// How many decimals are kept.
        scale: u8,
    },
    /// A time is not RFC 3339 or a date, or lies outside the years 1678 to 2261.
    #[error("{text:?} is not a time: write 2024-01-31 or 2024-01-31T09:30:00Z")]
    Time {
        /// The text as it came, cut to 64 characters.
        text: String,
    },
    /// No such time zone.
    #[error("{text:?} is not a time zone: write an IANA name such as America/New_York or UTC")]
    TimeZone {
        /// The name as it came, cut to 64 characters.
        text: String,
    },
    /// A session that no market keeps.
    #[error("{what}")]
    Session {
        /// What is wrong, and the fix.
        what: &'static str,
    },
    /// A sum or product leaves the range of the type.
    #[error("arithmetic overflow in {what}")]
    Overflow {
        /// Which figure it was.
        what: &'static str,
    },
    /// Columns of one series differ in length.
    #[error("column {column} has {found} rows where the series has {expected}")]
    Length {
        /// The column's name.
        column: String,
        /// Rows of the first column.
        expected: usize,
        /// Rows found.
        found: usize,
    },
    /// Times do not strictly increase.
    #[error("row {row} of {symbol}: {time} does not come after the row before it")]
    Order {
        /// Whose series it is.
        symbol: Symbol,
        /// The offending row, from 0.
        row: usize,
        /// Its time.
        time: Timestamp,
    },
    /// A split is not a positive ratio.
    #[error("split of {symbol} on {on}: {numerator}:{denominator} is not a positive ratio")]
    Split {
        /// Whose split it is.
        symbol: Symbol,
        /// The first bar's time on which the new count trades.
        on: Timestamp,
        /// New shares.
        numerator: u32,
        /// For so many old ones.
        denominator: u32,
    },
}

/// The first 64 characters of what a person typed, so that an error stays readable.
fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

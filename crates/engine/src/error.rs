//! What can stop a run.

use market::{Currency, Symbol};

/// Everything that can stop a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing to run on.
    #[error("there are no bars: import data, or widen the universe")]
    NoBars,
    /// Two series are of the same instrument.
    #[error("{symbol} comes twice: give each instrument one series")]
    Twice {
        /// Whose series.
        symbol: Symbol,
    },
    /// A series is paid in another currency than the account.
    #[error("{symbol} is priced in {found}, the account is in {account}: one run has one currency")]
    Currency {
        /// Whose series.
        symbol: Symbol,
        /// Its currency.
        found: Currency,
        /// The strategy's currency.
        account: Currency,
    },
    /// A series has bars of another size than the strategy.
    #[error(
        "{symbol} has bars of {found}, the strategy asks for {asked}: change `bar` or the data"
    )]
    BarSize {
        /// Whose series.
        symbol: Symbol,
        /// The series' size.
        found: market::BarSize,
        /// What the strategy asks for.
        asked: crate::Clock,
    },
    /// A price is zero or negative.
    #[error("{symbol} has the price {price} in row {row}: a strategy needs positive prices")]
    NotPositive {
        /// Whose price.
        symbol: Symbol,
        /// The price as written.
        price: String,
        /// The series' row, from 0.
        row: usize,
    },
    /// A fixed size is no whole number of an instrument's lots.
    #[error("{size} is no whole number of {symbol}'s lots of {lot}: change `sizing.fixed`")]
    Lots {
        /// Whose lots.
        symbol: Symbol,
        /// The size as written.
        size: String,
        /// One lot.
        lot: String,
    },
    /// More rows than the calendar may have.
    #[error("{rows} rows are more than {limit}: split the run")]
    Rows {
        /// Rows found.
        rows: usize,
        /// Rows allowed.
        limit: usize,
    },
    /// An event comes after a later one.
    #[error("an event of {time} comes after one of {before}: sort the ticks by time")]
    BackInTime {
        /// Its time.
        time: market::Timestamp,
        /// The time before it.
        before: market::Timestamp,
    },
    /// Instruments are not in symbol order.
    #[error("{symbol} comes after {after}: give the instruments in symbol order")]
    SymbolOrder {
        /// Whose place is wrong.
        symbol: Symbol,
        /// The one before it.
        after: Symbol,
    },
    /// A row has another number of bars than there are instruments.
    #[error(
        "the row of {time} has {found} bars, the run has {expected} instruments: \
         give a bar or none for each, in symbol order"
    )]
    Width {
        /// The row's time.
        time: market::Timestamp,
        /// Bars found.
        found: usize,
        /// Instruments.
        expected: usize,
    },
    /// A row has no bar at all.
    #[error("the row of {time} has no bar: a row is there only where an instrument has one")]
    EmptyRow {
        /// Its time.
        time: market::Timestamp,
    },
    /// A bar of a row has another stamp than the row.
    #[error("{symbol} has a bar of {found} in the row of {time}: give each bar with its own row")]
    Stamp {
        /// Whose bar.
        symbol: Symbol,
        /// The bar's stamp.
        found: market::Timestamp,
        /// The row's time.
        time: market::Timestamp,
    },
    /// A strategy on quotes is for one instrument.
    #[error("a strategy on quotes runs on one instrument, here are {found}: name it in `universe`")]
    OneInstrument {
        /// How many there are.
        found: usize,
    },
    /// The data on its way into the kernel are not what they should be.
    #[error(transparent)]
    Feed(#[from] crate::feed::Error),
    /// A trader answers every answer of the exchange with a new order.
    #[error(
        "at tick {tick} the strategy has answered {rounds} times without time passing: \
         it must not send an order for each of its own orders' updates"
    )]
    Endless {
        /// The tick.
        tick: u64,
        /// Answers so far.
        rounds: usize,
    },
    /// The strategy's limits cannot be meant.
    #[error("risk: {0}")]
    Limits(#[from] crate::risk::LimitError),
    /// The strategy is on quotes where bars are needed, or the other way round.
    #[error("the strategy runs on {found}, and {needed} are needed here: change `bar`")]
    Clock {
        /// Its clock.
        found: crate::Clock,
        /// What would be needed.
        needed: &'static str,
    },
    /// There are no quotes to run on.
    #[error("there are no quotes: import some with `--kind quotes`")]
    NoQuotes,
    /// The caller asked to stop.
    #[error("the run was cancelled")]
    Cancelled,
    /// The strategy's expressions could not be evaluated.
    #[error(transparent)]
    Factor(#[from] factor::Error),
    /// An amount or a time leaves its range.
    #[error(transparent)]
    Market(#[from] market::Error),
    /// The ledger refused a fill.
    #[error(transparent)]
    Ledger(#[from] portfolio::Error),
}

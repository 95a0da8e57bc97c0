//! Knows: fills, positions, performance and risk.
//! Never knows: why a trade was made.

#![forbid(unsafe_code)]

mod contract;
mod curve;
mod ledger;
mod measure;
mod performance;
mod position;
mod statistics;
mod trade;

pub use contract::Contract;
pub use curve::{Drawdown, EquityPoint, YearReturns, daily, drawdowns, monthly_returns};
pub use ledger::Ledger;
pub use measure::{Measure, Unit, Value};
pub use performance::{Performance, RollingPoint, Settings, performance, periods_per_year};
pub use position::{Fill, InstrumentId, Leg, Liquidity, Position};
pub use trade::{Direction, Trade, round_trips};

use market::{Money, Symbol};

/// Everything that can go wrong in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An amount leaves the range of money.
    #[error(transparent)]
    Market(#[from] market::Error),
    /// A fill names an instrument that the ledger was not opened for.
    #[error("instrument {} is not in this ledger of {known} instruments", .instrument.0)]
    Instrument {
        /// Which one.
        instrument: InstrumentId,
        /// How many the ledger has.
        known: usize,
    },
    /// A listing multiplies by nothing, or by less.
    #[error("{symbol} has the multiplier {multiplier}: it must be positive")]
    Multiplier {
        /// Whose.
        symbol: Symbol,
        /// The multiplier.
        multiplier: Money,
    },
}

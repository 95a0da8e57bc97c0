//! Knows: fills, positions, performance and risk.
//! Never knows: why a trade was made.

#![forbid(unsafe_code)]

mod contract;
mod curve;
mod fee;
mod flow;
mod ledger;
mod margin;
mod measure;
mod performance;
mod position;
mod statistics;
mod trade;

pub use contract::Contract;
pub use curve::{Drawdown, EquityPoint, YearReturns, daily, drawdowns, monthly_returns};
pub use fee::{FeeMeter, FeeSchedule, FeeTier, OrderFees};
pub use flow::{Carry, CashFlow, Flow, Flows};
pub use ledger::{AccountTerms, Borrowing, Ledger, PositionMode, Statement};
pub use margin::{Bracket, MarginTiers, initial_rate};
pub use measure::{Measure, Unit, Value};
pub use performance::{
    Performance, RollingPoint, Settings, Totals, performance, performance_of, periods_per_year,
};
pub use position::{Fill, InstrumentId, Leg, Liquidity, Position};
pub use trade::{Direction, Trade, Trips, round_trips};

use market::{Currency, Money, Rate, Symbol};

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
    /// A fill is for a leg that an account of this mode does not have.
    #[error("instrument {} has no {leg} leg: the account is {mode}", .instrument.0)]
    Leg {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Which leg.
        leg: Leg,
        /// The account's mode.
        mode: PositionMode,
    },
    /// A fill would close more of a leg than it holds: a leg never turns round.
    #[error("{asked} lots cannot be closed of {held} on the {leg} leg of instrument {}", .instrument.0)]
    Overclosed {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Which leg.
        leg: Leg,
        /// Lots it holds.
        held: u64,
        /// Lots of the fill.
        asked: u64,
    },
    /// The account has nothing of a currency.
    #[error("the account has no {currency}")]
    Currency {
        /// Which one.
        currency: Currency,
    },
    /// Something is held or owed in a currency whose rate was never told.
    #[error("there is no rate for {currency}, in which something is held or owed")]
    NoRate {
        /// Which one.
        currency: Currency,
    },
    /// A rate is not positive, or the account's own currency is not worth one of itself.
    #[error("one {currency} cannot be worth {rate} of the account's currency")]
    Rate {
        /// Of which currency.
        currency: Currency,
        /// The rate.
        rate: Rate,
    },
    /// A listing multiplies by nothing, or by less.
    #[error("{symbol} has the multiplier {multiplier}: it must be positive")]
    Multiplier {
        /// Whose.
        symbol: Symbol,
        /// The multiplier.
        multiplier: Money,
    },
    /// A split is not a positive ratio.
    #[error("{numerator}:{denominator} of instrument {} is not a positive ratio", .instrument.0)]
    Split {
        /// Of which instrument.
        instrument: InstrumentId,
        /// New units.
        numerator: u32,
        /// For so many old ones.
        denominator: u32,
    },
    /// Margin brackets do not fit together.
    #[error("margin bracket {place}: {fault}")]
    Bracket {
        /// Which one, from 0.
        place: usize,
        /// What is wrong with it.
        fault: BracketFault,
    },
    /// Fee tiers do not fit together.
    #[error("fee tier {place}: {fault}")]
    Fees {
        /// Which one, from 0.
        place: usize,
        /// What is wrong with it.
        fault: FeeFault,
    },
}

/// What can be wrong with a margin bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BracketFault {
    /// There is none at all.
    #[error("there is none")]
    None,
    /// The first one does not begin at zero.
    #[error("the first one must begin at 0")]
    NotFromZero,
    /// It does not begin above the one before.
    #[error("it must begin above the one before")]
    Order,
    /// A rate is out of bounds.
    #[error("rates must be 0 <= maintenance <= initial <= 1, initial above 0, maintenance below 1")]
    Rates,
    /// A rate is lower than in the bracket before.
    #[error("rates must not fall from one bracket to the next")]
    Falling,
    /// The deduction leaves a jump at the bracket's edge.
    #[error("its deduction leaves a jump where the bracket begins: {continuous} does not")]
    Deduction {
        /// As it must be.
        continuous: Money,
    },
}

/// What can be wrong with a fee tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeeFault {
    /// There is none at all.
    #[error("there is none")]
    None,
    /// The first one does not begin at zero.
    #[error("the first one must begin at a volume of 0")]
    NotFromZero,
    /// It does not begin above the one before.
    #[error("it must begin above the one before")]
    Order,
    /// A rate is beyond the whole notional.
    #[error("a rate must lie between -1 and 1")]
    Rate,
    /// The least fee of an order is negative.
    #[error("the least fee of an order must not be negative")]
    Minimum,
}

//! Orders and what can become of them.

use market::{Money, Quantity, Side, Timestamp};
use portfolio::InstrumentId;
use std::fmt;

/// An order's number in its run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// Whether an order may enlarge a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It enters or enlarges: it needs buying power.
    Open,
    /// It only shrinks: never refused for cash, never larger than what is held.
    Close,
}

/// What happens to an order that the account cannot pay in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// It is refused whole: entries by signals, so that every entry has the size that was asked.
    Reject,
    /// It is cut to the lots that can be paid: rebalancing, so that one gap spoils no basket.
    Reduce,
}

/// A market order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// The kernel's tick that decided it.
    pub tick: u64,
    /// The row that decided it.
    pub row: u32,
    /// When it was decided.
    pub time: Timestamp,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// Whether it may enlarge a position.
    pub intent: Intent,
    /// What happens if cash is short.
    pub shortfall: Shortfall,
}

/// An order, or a part of it, that never met the market; or a wish that never became an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The order; `None` for a wish.
    pub order: Option<OrderId>,
    /// The row on which it was refused.
    pub row: u32,
    /// When it was refused.
    pub time: Timestamp,
    /// What was to be traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much of it was refused.
    pub quantity: Quantity,
    /// Why.
    pub reason: RefusalReason,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The account has no leverage: notional and fee exceed what it may still take on.
    Cash {
        /// Notional and fee of the whole order.
        needed: Money,
        /// Buying power: cash − 2 × the value of shorts.
        available: Money,
    },
    /// There was nothing (left) to close.
    NothingToClose,
    /// The size comes to less than one lot.
    LessThanALot,
    /// The instrument never had a price.
    NeverPriced,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cash { needed, available } => {
                write!(f, "needs {needed}, the account may take on {available}")
            }
            Self::NothingToClose => f.write_str("nothing is left to close"),
            Self::LessThanALot => f.write_str("the size is less than one lot"),
            Self::NeverPriced => f.write_str("the instrument never had a price"),
        }
    }
}

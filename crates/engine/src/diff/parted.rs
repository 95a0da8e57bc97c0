//! What the comparison of a live session with the backtest of its rows comes to.

use super::why::Why;
use crate::live::ClientId;
use market::{Money, Quantity, Side, Timestamp};
use portfolio::InstrumentId;
use std::collections::BTreeMap;

/// A live session held against the backtest of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// Decisions that are the same in both, to the unit.
    pub same: usize,
    /// All others, in the order of time.
    pub trades: Vec<Parting>,
    /// What each kind of cost comes to, and how many decisions have it.
    pub totals: BTreeMap<&'static str, (usize, Money)>,
    /// What the live session's trades earned by the last closes, fees taken off.
    pub live: Money,
    /// What the backtest's earned.
    pub backtest: Money,
    /// The backtest's less the live session's: what the real world cost.
    pub shortfall: Money,
}

/// One decision on which they part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// The row that decided.
    pub row: Timestamp,
    /// What was traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// The live order's name, where there is one.
    pub name: Option<ClientId>,
    /// What the live session did.
    pub live: Option<Done>,
    /// What the backtest did.
    pub backtest: Option<Done>,
    /// Why they part.
    pub why: Why,
    /// How much worse the live price was, in basis points of the backtest's, in 1e-8 of one.
    pub bps: Option<Money>,
    /// From the row's close to the order, and from the order to its first trade, in nanoseconds.
    pub delays: Option<(i64, Option<i64>)>,
    /// What it cost.
    pub cost: Cost,
}

/// What came of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What was asked.
    pub asked: Quantity,
    /// What traded.
    pub filled: Quantity,
    /// Σ |price × quantity|.
    pub notional: Money,
    /// Σ fees.
    pub fees: Money,
    /// When the first of it traded.
    pub first: Option<Timestamp>,
}

/// What a decision cost; negative where the live session did better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// By the price of what both traded.
    pub price: Money,
    /// By fees.
    pub fees: Money,
    /// By what only one of them traded.
    pub rest: Money,
}

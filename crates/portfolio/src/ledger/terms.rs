//! What an account is opened with.

use crate::{InstrumentId, Leg, MarginTiers};
use market::{Currency, Money};
use std::fmt;

/// The terms of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTerms {
    /// What equity, exposure and margin are counted in.
    pub currency: Currency,
    /// Cash at the start; several amounts of one currency add up.
    pub balances: Vec<(Currency, Money)>,
    /// One position an instrument, or two.
    pub mode: PositionMode,
    /// Whether positions that are paid in full may be paid with borrowed cash.
    pub borrowing: Borrowing,
    /// What positions of an instrument need. One that is not listed here needs its whole value,
    /// and nothing to be kept.
    pub margin: Vec<(InstrumentId, MarginTiers)>,
}

impl AccountTerms {
    /// One currency, netted, no borrowing, no margin.
    #[must_use]
    pub fn cash(currency: Currency, cash: Money) -> Self {
        Self {
            currency,
            balances: vec![(currency, cash)],
            mode: PositionMode::Netted,
            borrowing: Borrowing::Forbidden,
            margin: Vec::new(),
        }
    }
}

/// How fills of one instrument come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PositionMode {
    /// One position: buys and sells offset each other.
    #[default]
    Netted,
    /// A long and a short position side by side.
    Hedged,
}

impl PositionMode {
    /// Whether an account of this mode has such a leg.
    #[must_use]
    pub const fn has(self, leg: Leg) -> bool {
        matches!((self, leg), (Self::Netted, Leg::Net) | (Self::Hedged, Leg::Long | Leg::Short))
    }
}

impl fmt::Display for PositionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Netted => "netted",
            Self::Hedged => "hedged",
        })
    }
}

/// Whether an account may owe cash for what it buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Borrowing {
    /// What is paid in full needs its whole value, whatever margin is listed for it.
    #[default]
    Forbidden,
    /// What is paid in full needs its margin; the rest is owed.
    Allowed,
}

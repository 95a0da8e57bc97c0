//! Cash that moves without a trade, as records for the log and as sums for the books.

use crate::{InstrumentId, Leg};
use market::{Currency, Money, Rate};
use std::fmt;

/// Why cash moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Longs pay shorts rate × value of the position, or the other way.
    Funding {
        /// For this one payment.
        rate: Rate,
        /// Of the position, negative for a short; in the instrument's currency.
        value: Money,
    },
    /// Funding as a venue booked it: the amount is all that is known of it.
    Booked,
    /// Paid by the issuer to longs, by shorts to whom they borrowed from.
    Dividend {
        /// For each unit held.
        per_unit: Money,
        /// Lots held; negative is short.
        lots: i64,
    },
    /// A fee for borrowed shares or coins.
    Borrow {
        /// For a year of 365 days.
        yearly: Rate,
        /// Of the short position; negative.
        value: Money,
    },
    /// Interest on borrowed cash.
    Interest {
        /// For a year of 365 days.
        yearly: Rate,
        /// What is owed; negative.
        balance: Money,
    },
    /// Cash for the fraction of a lot that a split leaves over.
    Fraction {
        /// New units of the split.
        numerator: u32,
        /// For so many old ones.
        denominator: u32,
    },
}

impl Flow {
    /// The name of its kind, in logs and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Funding { .. } | Self::Booked => "funding",
            Self::Dividend { .. } => "dividend",
            Self::Borrow { .. } => "borrow",
            Self::Interest { .. } => "interest",
            Self::Fraction { .. } => "fraction",
        }
    }
}

/// One movement of cash that was no fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CashFlow {
    /// The position that it belongs to; `None` for a cash balance.
    pub instrument: Option<InstrumentId>,
    /// Which position of the instrument.
    pub leg: Leg,
    /// What `amount` is counted in.
    pub currency: Currency,
    /// Received; negative is paid.
    pub amount: Money,
    /// Why.
    pub flow: Flow,
}

impl fmt::Display for CashFlow {
    /// One line of a log: `funding of instrument 0, net: -5.00 USD, 0.0001 of 50000.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.flow.name())?;
        if let Some(instrument) = self.instrument {
            write!(f, " of instrument {}, {}", instrument.0, self.leg)?;
        }
        write!(f, ": {} {}, ", self.amount, self.currency)?;
        match self.flow {
            Flow::Funding { rate, value } => write!(f, "{rate} of {value}"),
            Flow::Booked => f.write_str("as the venue booked it"),
            Flow::Dividend { per_unit, lots } => write!(f, "{per_unit} a unit on {lots} lots"),
            Flow::Borrow { yearly, value } => write!(f, "{yearly} a year of {value}"),
            Flow::Interest { yearly, balance } => write!(f, "{yearly} a year of {balance}"),
            Flow::Fraction { numerator, denominator } => {
                write!(f, "split {numerator}:{denominator}")
            }
        }
    }
}

/// What one act moved: at most one record for each leg of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flows(pub(crate) [Option<CashFlow>; 2]);

impl Flows {
    /// The records: the long or the only leg first.
    pub fn iter(&self) -> impl Iterator<Item = &CashFlow> {
        self.0.iter().flatten()
    }

    /// Whether nothing moved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// What holding brought and cost, apart from prices and trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carry {
    /// Funding received less funding paid.
    pub funding: Money,
    /// Dividends received less dividends paid.
    pub dividends: Money,
    /// Borrow fees and interest paid.
    pub borrow: Money,
}

impl Carry {
    /// The same with one more flow in it.
    pub(crate) fn with(mut self, record: &CashFlow) -> Result<Self, market::Error> {
        match record.flow {
            Flow::Funding { .. } | Flow::Booked => {
                self.funding = self.funding.plus(record.amount)?;
            }
            Flow::Dividend { .. } => self.dividends = self.dividends.plus(record.amount)?,
            Flow::Borrow { .. } | Flow::Interest { .. } => {
                self.borrow = self.borrow.minus(record.amount)?;
            }
            // A fraction is sold: it belongs to the realised profit.
            Flow::Fraction { .. } => {}
        }
        Ok(self)
    }
}

//! Orders: what is asked of a venue, and what it answers.

mod capabilities;
mod kind;
mod update;

pub use capabilities::Capabilities;
pub use kind::{Distance, OrderKind, Restrictions, TimeInForce};
pub use update::{Amount, Breach, Change, Ending, Limit, Reason, Refusal, Update};

use market::{Price, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Leg};

/// An order's number in its run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// What happens to an order that the account cannot pay in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// It is refused whole: entries by signals, so that every entry has the size that was asked.
    Reject,
    /// It is cut to the lots that can be paid: rebalancing, so that one gap spoils no basket.
    Reduce,
}

/// What a strategy or a person wants traded; the kernel makes an [`Order`] of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// When, and at which price.
    pub kind: OrderKind,
    /// For how long.
    pub tif: TimeInForce,
    /// What it must not do.
    pub restrictions: Restrictions,
    /// Lots shown at a time, for an iceberg; `None` shows all.
    pub display: Option<Quantity>,
    /// Which leg of a hedged account; [`Leg::Net`] in a netted one.
    pub leg: Leg,
    /// What happens if cash is short.
    pub shortfall: Shortfall,
    /// Why it is there: attribution and protections go by it.
    pub purpose: Purpose,
    /// One cancels the others: as soon as one order of a group trades, the rest of the group is
    /// cancelled; a reduce-only one as soon as another is filled whole, so that what is left of a
    /// position keeps its stop. `None` for an order on its own.
    pub group: Option<GroupId>,
}

/// A group of orders of which one cancels the others; its number in the run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

impl Ticket {
    /// A market order that waits for the next price, refused whole if cash is short.
    #[must_use]
    pub const fn market(instrument: InstrumentId, side: Side, quantity: Quantity) -> Self {
        Self {
            instrument,
            side,
            quantity,
            kind: OrderKind::Market,
            tif: TimeInForce::GoodTillCancelled,
            restrictions: Restrictions::NONE,
            display: None,
            leg: Leg::Net,
            shortfall: Shortfall::Reject,
            purpose: Purpose::Entry,
            group: None,
        }
    }

    /// The same of another kind.
    #[must_use]
    pub const fn of(self, kind: OrderKind) -> Self {
        Self { kind, ..self }
    }

    /// The same, for another time.
    #[must_use]
    pub const fn lasting(self, tif: TimeInForce) -> Self {
        Self { tif, ..self }
    }

    /// The same with one more restriction.
    #[must_use]
    pub const fn restricted(self, more: Restrictions) -> Self {
        Self { restrictions: self.restrictions.with(more), ..self }
    }
}

/// Why an order is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To open a position, or to enlarge it.
    Entry,
    /// To close one because the strategy says so.
    Exit,
    /// To close one that loses.
    StopLoss,
    /// To close one that won.
    TakeProfit,
    /// To bring a position to its target.
    Rebalance,
    /// The venue closed it: margin ran out.
    Liquidation,
    /// Close-all, by a person or the gate.
    Flatten,
}

impl Purpose {
    /// Its name in tables and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Exit => "exit",
            Self::StopLoss => "stop_loss",
            Self::TakeProfit => "take_profit",
            Self::Rebalance => "rebalance",
            Self::Liquidation => "liquidation",
            Self::Flatten => "flatten",
        }
    }
}

/// A ticket that passed the gate and has a number.
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
    /// What is asked.
    pub ticket: Ticket,
}

impl Order {
    /// Whether it may only shrink a position.
    #[must_use]
    pub const fn reduces_only(&self) -> bool {
        self.ticket.restrictions.has(Restrictions::REDUCE_ONLY)
    }
}

/// A change to a working order: what is `None` stays. It keeps its place in the queue only if
/// nothing but a smaller size is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amendment {
    /// All told, what traded included.
    pub quantity: Option<Quantity>,
    /// A new limit.
    pub price: Option<Price>,
    /// A new trigger.
    pub trigger: Option<Price>,
}

//! What goes into the kernel, and what comes out.

use super::Flags;
use crate::{
    MarketEvent,
    order::{Amendment, Order, OrderId, Update},
    risk,
};
use market::{Price, Timestamp};
use portfolio::{CashFlow, InstrumentId};

/// What the outside tells the kernel.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The bars of a row have closed.
    Row(Row<'a>),
    /// The market told something about one instrument; if that completes a row, these are its
    /// values.
    Market(&'a MarketEvent, Option<Row<'a>>),
    /// A venue said something about an order.
    Update(&'a Update),
    /// A venue made an order of its own for the account: it closes a position.
    Adopt(&'a Order),
    /// A venue booked cash that no trade moved: funding. The amount is the venue's.
    Booked(&'a CashFlow),
    /// A timer is due.
    Timer(TimerId),
    /// A person, or the host, wants something.
    Command(Command),
}

/// A row of the calendar, all its bars in.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its place in the calendar, from 0.
    pub row: u32,
    /// What it is stamped with: schedules go by it, whenever the row is told.
    pub time: Timestamp,
    /// The last price of each instrument that has a bar on it.
    pub closes: &'a [(InstrumentId, Price)],
    /// The strategy's values.
    pub values: Decision<'a>,
}

/// A row of the strategy's values, one per instrument.
#[derive(Debug, Clone, Copy)]
pub enum Decision<'a> {
    /// The strategy has no expressions.
    Nothing,
    /// Which signals are true.
    Signals(&'a [Flags]),
    /// 1 for a name that is in, else 0 or NaN: equal weights.
    Members(&'a [f64]),
    /// Fractions of equity; NaN is 0.
    Weights(&'a [f64]),
}

/// A timer's number, chosen by whoever sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

/// What a person may want at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Put the risk gate into this state.
    Gate(risk::State),
    /// Cancel this order.
    Cancel(OrderId),
    /// Cancel every order and close every position at the market. Works in every state.
    Flatten,
}

/// What the kernel asks of the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this order.
    Submit(Order),
    /// Take this order back.
    Cancel(OrderId, InstrumentId),
    /// Change this order.
    Amend(OrderId, InstrumentId, Amendment),
    /// Call again at this time.
    Timer(TimerId, Timestamp),
    /// Tell a person that the gate's state is another one now.
    State(risk::State),
}

//! Plans above single orders, as state machines: brackets, orders that trigger others, orders of
//! which one cancels the others, slices over time, and kinds that a venue lacks.
//!
//! A plan says what to do as [`Step`]s and is told what came of it. Whoever drives it gives each
//! child an order number, sends it through the risk gate as any other ticket, and tells a refusal
//! of the gate as [`Change::Ended`]. Updates of one child come in the venue's order; news of a
//! position come after the update that changed it. After [`Step::Done`] nothing more comes.

mod bracket;
mod child;
mod emulator;
mod error;
mod oco;
mod oto;
mod trigger;
mod twap;

pub use crate::order::Capabilities;
pub use bracket::{Bracket, Exits};
pub use emulator::Emulator;
pub use error::PlanError;
pub use oco::{Oco, Race};
pub use oto::{Oto, Release};
pub use trigger::Prices;
pub use twap::{Jitter, Rest, Twap, TwapTerms};

use crate::order::{Amendment, Change, Ending, Ticket};
use market::{Price, Quantity, Timestamp};

/// A child's name within its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

/// What a plan is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// When it was known.
    pub now: Timestamp,
    /// What.
    pub news: News,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The plan begins. It comes first, and once.
    Start {
        /// The latest price of the instrument, if there was one.
        last: Option<Price>,
        /// Lots held of the plan's leg; negative is short.
        held: i64,
    },
    /// What became of a child.
    Update {
        /// Which one.
        key: Key,
        /// What a venue or the gate says.
        change: Change,
    },
    /// The instrument has new prices.
    Market(Prices),
    /// Lots held of the plan's leg changed.
    Position {
        /// Lots held now; negative is short.
        held: i64,
    },
    /// A moment that the plan asked for has come, or is past.
    Timer,
    /// The owner wants no more of it. A plan takes back what enters and keeps what protects.
    Cancel,
}

/// What a plan wants done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send an order.
    Submit {
        /// Its name from now on.
        key: Key,
        /// What is asked.
        ticket: Ticket,
    },
    /// Take an order back.
    Cancel(Key),
    /// Change an order.
    Amend(Key, Amendment),
    /// Come back at this moment, or after it.
    Timer(Timestamp),
    /// The plan is over.
    Done(Outcome),
}

/// How a plan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that was asked traded.
    Complete,
    /// A part of what was asked never traded.
    Incomplete {
        /// How much.
        rest: Quantity,
        /// Why, by the last word on it.
        why: Ending,
    },
    /// Lots are held that nothing protects: their stop is gone, and closing them was refused.
    Unprotected {
        /// How many.
        lots: Quantity,
    },
}

/// A state machine above orders.
pub trait Plan {
    /// Folds one input into the state; appends what should be done.
    fn on(&mut self, input: &Input, out: &mut Vec<Step>);
}

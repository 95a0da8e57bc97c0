//! The risk gate: what is looked at before every order, and which orders a state lets through.

mod bounds;
mod equity;
mod facts;
mod gate;
mod hold;
mod limits;
mod lock;
mod protection;
mod recent;
mod sheet;
mod span;
mod validate;
mod window;

pub use facts::{Facts, Pass, Pending, Reference};
pub use gate::Gate;
pub use hold::{Author, Cause, Command, Notice, Scope, Shift};
pub use limits::{
    Bounds, DailyLoss, Drawdown, Limits, OrderRate, Protection, Reach, Restraint, Sides, Threshold,
    TripEnd,
};
pub use lock::Lock;
pub use protection::RoundTrip;
pub use sheet::{Measure, Verdict};
pub use span::{Day, Span};
pub use validate::{LimitError, PROTECTIONS_MAX, RATE_MAX, TRIPS_MAX};

use std::fmt;

/// What the gate lets through. Exits, stops and close-all pass in every state: a position is never
/// stranded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum State {
    /// Everything within the limits.
    #[default]
    Normal,
    /// Only what shrinks a position.
    ReduceOnly,
    /// No new order of the strategy but exits; what works and would enlarge is cancelled.
    Halted,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::ReduceOnly => "reduce_only",
            Self::Halted => "halted",
        })
    }
}

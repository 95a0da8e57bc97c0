//! What restrains the gate: who or what, until when.

use super::{Restraint, State};
use crate::order::{Amount, Breach, Limit};
use market::{Side, Timestamp};
use portfolio::InstrumentId;
use std::collections::BTreeMap;

/// Why the gate is not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Equity fell too far from its peak.
    Drawdown,
    /// Equity fell too far since the day began.
    DailyLoss,
    /// A command.
    Command(Author),
}

/// Who gives commands. What one holds, the other's release does not lift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Author {
    /// A person.
    Person,
    /// The program around the kernel: a lost connection, an open reconciliation, a licence.
    Program,
}

/// What the gate is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Restrain everything; goes before what the same author asked earlier.
    Hold {
        /// Who asks.
        by: Author,
        /// How far.
        then: Restraint,
        /// Up to this moment; `None` until it is released.
        until: Option<Timestamp>,
    },
    /// Lift one cause. Equity limits start anew from the latest equity.
    Release {
        /// Which one.
        cause: Cause,
    },
    /// Lock an instrument, or all of them.
    Lock {
        /// What.
        scope: Scope,
        /// Only orders of this side; `None` for both.
        side: Option<Side>,
        /// Up to this moment; `None` until it is lifted.
        until: Option<Timestamp>,
        /// Why, for people; at most 200 characters are kept.
        reason: String,
    },
    /// Lift every lock of exactly this scope, whatever set it.
    Unlock {
        /// Which scope.
        scope: Scope,
    },
}

/// What a lock is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All instruments.
    All,
    /// One.
    Instrument(InstrumentId),
}

/// Something that the gate did, for the log. Whoever carries out orders cancels the working ones
/// that may enlarge a position on every shift to [`State::Halted`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something restrains it, or no longer does.
    Shifted(Shift),
    /// A lock was set.
    Locked(super::Lock),
}

/// A change of what restrains the gate. The state can stay what it was, if something else holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// When.
    pub at: Timestamp,
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// What began or ceased to restrain.
    pub cause: Cause,
    /// Up to when; `None` until it is released, or if it just was.
    pub until: Option<Timestamp>,
    /// The limit that tripped, if one did.
    pub breach: Option<Breach>,
}

/// One restraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hold {
    state: State,
    until: Option<Timestamp>,
    breach: Option<Breach>,
}

impl Hold {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// All restraints; the strictest one counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Holds(BTreeMap<Cause, Hold>);

impl Holds {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, cause: Cause) -> bool {
        self.0.contains_key(&cause)
    }

    /// The state at a moment. A hold ends by time even if nobody looked in between.
    pub(super) fn state(&self, now: Timestamp) -> State {
        self.strictest(now).map_or(State::Normal, |hold| hold.state)
    }

    /// Why nothing may be enlarged at a moment, if that is so.
    pub(super) fn breach(&self, now: Timestamp) -> Option<Breach> {
        let hold = self.strictest(now)?;
        let (value, bound) = (Amount::State(hold.state), Amount::State(State::Normal));
        Some(hold.breach.unwrap_or(Breach { limit: Limit::State, value, bound }))
    }

    fn strictest(&self, now: Timestamp) -> Option<&Hold> {
        // Of equals the last is taken: what a command says, before what a limit says.
        self.0.values().filter(|hold| !hold.is_over(now)).max_by_key(|hold| hold.state)
    }

    pub(super) fn set(
        &mut self,
        at: Timestamp,
        cause: Cause,
        (then, until): (Restraint, Option<Timestamp>),
        breach: Option<Breach>,
    ) -> Shift {
        let from = self.state(at);
        self.0.insert(cause, Hold { state: then.state(), until, breach });
        Shift { at, from, to: self.state(at), cause, until, breach }
    }

    pub(super) fn release(&mut self, at: Timestamp, cause: Cause) -> Option<Shift> {
        let from = self.state(at);
        self.0.remove(&cause)?;
        Some(Shift { at, from, to: self.state(at), cause, until: None, breach: None })
    }

    /// Takes one hold off whose time is up, the one that ended first.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Shift> {
        let ended = self.0.iter().filter_map(|(cause, hold)| Some((hold.until?, *cause)));
        let (until, cause) = ended.min().filter(|(until, _)| *until <= now)?;
        let just_before = Timestamp::from_nanos(until.nanos().saturating_sub(1));
        let from = self.state(just_before);
        self.0.remove(&cause);
        Some(Shift { at: now, from, to: self.state(until), cause, until: None, breach: None })
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|hold| hold.until).min()
    }

    pub(super) fn list(&self, now: Timestamp) -> impl Iterator<Item = (Cause, Option<Timestamp>)> {
        let active = self.0.iter().filter(move |(_, hold)| !hold.is_over(now));
        active.map(|(cause, hold)| (*cause, hold.until))
    }
}

impl Cause {
    /// Its name in tables and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drawdown => "drawdown",
            Self::DailyLoss => "daily_loss",
            Self::Command(Author::Person) => "person",
            Self::Command(Author::Program) => "program",
        }
    }
}

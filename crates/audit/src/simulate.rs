//! A seeded world of a log, its witnesses and its readers, and what must hold in it nevertheless.
//!
//! One seed is one world: the log's machine goes down before or after it stored, it is put back to an old
//! backup, and in some worlds an insider with root and all of the log's keys tells two stories. Witnesses are
//! away, go down between what they judged and what they stored, lie, or are put back to an old state
//! themselves. Messages are lost and overtake one another. What judges is the very code that serves.
//!
//! What must hold:
//! - readers who ask for so many witnesses that two quorums share a good one never believe two stories;
//! - who holds one old checkpoint believes no log that is not a continuation of it, whoever has its keys;
//! - a good witness never cosigns two stories;
//! - an honest log is never accused, through any crash and after any restore;
//! - what was acknowledged is in the log;
//! - after a restore, the first leaf of the new log names all that anyone who asks for witnesses can have
//!   believed of the old one.

mod laws;
mod tale;
mod world;

use std::collections::BTreeMap;
use world::World;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// Two readers with overlapping quorums believe one story.
    OneStory,
    /// Who saw a checkpoint believes only what continues it.
    NothingRewritten,
    /// A good witness cosigns one story.
    WitnessIsTrue,
    /// An honest log is not accused.
    NoFalseAlarm,
    /// What was acknowledged is there.
    Durable,
    /// The log that a restore opens names what was lost.
    LossIsNamed,
}

/// A wall that a weak twin lacks: each shows that a law bites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wall {
    /// A witness stores before it answers.
    StoredFirst,
    /// A witness stores only over what it judged against.
    Compared,
    /// A witness looks at the proof.
    Proved,
    /// A reader remembers what it saw.
    Pinned,
    /// Quorums overlap in more witnesses than may be bad.
    Overlap,
    /// A checkpoint is shown after its leaves are stored.
    StoredBeforeShown,
    /// An act is acknowledged after it is stored.
    StoredBeforeAcknowledged,
    /// A restore opens a new log.
    NewLog,
    /// It names the last checkpoint that was witnessed, not the last one in the backup.
    NamesWitnessed,
}

impl Wall {
    /// All of them, each with the law that breaks without it.
    pub const ALL: [(Self, Law); 9] = [
        (Self::StoredFirst, Law::WitnessIsTrue),
        (Self::Compared, Law::WitnessIsTrue),
        (Self::Proved, Law::WitnessIsTrue),
        (Self::Pinned, Law::NothingRewritten),
        (Self::Overlap, Law::OneStory),
        (Self::StoredBeforeShown, Law::NoFalseAlarm),
        (Self::StoredBeforeAcknowledged, Law::Durable),
        (Self::NewLog, Law::NoFalseAlarm),
        (Self::NamesWitnessed, Law::LossIsNamed),
    ];
}

/// What happened in one world, or in many: that all of it happened is part of the judgement.
pub type Counts = BTreeMap<&'static str, u64>;

/// What became of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The laws that broke, each with what happened; empty if all held.
    pub broken: Vec<(Law, String)>,
    /// What happened.
    pub counts: Counts,
}

/// Lives through the world of this seed, perhaps without one of its walls.
#[must_use]
pub fn simulate(seed: u64, without: Option<Wall>) -> Verdict {
    let mut world = World::new(seed, without);
    for _ in 0..STEPS {
        world.step();
    }
    world.verdict()
}

/// Steps of a world.
const STEPS: usize = 140;

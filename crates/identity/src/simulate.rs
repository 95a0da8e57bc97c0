//! A seeded world of people, thieves and two servers, and what must hold in it nevertheless.
//!
//! One seed is one world: a server goes down between what it stored and what it answered, clocks
//! are skewed and jump, news of changes lag, requests overtake one another between what they read
//! and what they write, and thieves replay every code, link, token and password that they saw. The
//! machines are the very ones that serve people. The same seed gives the same world, anywhere.
//!
//! What must hold:
//! - no access token works for longer than the bound after its session's end, its account's change
//!   of password, factors, address or role, or its disabling;
//! - no code, recovery code or link works twice, in parallel neither;
//! - a used refresh token revokes its family, except for the honest second tab, once;
//! - no reset passes by the second factor, and no lost factor is replaced before its day is over;
//! - no role that decides about others is given or taken by one person, or at once by a sole one,
//!   and the server never loses its last owner;
//! - who runs the server without a second factor can do nothing;
//! - the owner's known device is never kept out by a flood;
//! - an address with an account and one without get the same answers;
//! - every change leaves an event.

mod database;
mod dice;
mod errands;
mod ledger;
mod offices;
mod people;
mod server;
mod world;

pub use ledger::Law;

use std::collections::{BTreeMap, BTreeSet};
use world::World;

/// A wall that a weak twin lacks: each shows that a law bites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wall {
    /// Uses of codes are compared and set.
    UsedOnce,
    /// A followed link is deleted in the act that it admits.
    SpentLinks,
    /// What was judged is compared with what is stored.
    Compared,
    /// What is in memory is believed for a second only.
    Lease,
    /// Ends and changes raise the account's epoch.
    Epoch,
    /// A reset asks for the second factor.
    ResetFactor,
    /// A lost factor waits for a day.
    LossWait,
    /// A second person approves.
    SecondPerson,
    /// Reuse of a refresh token revokes.
    Reuse,
    /// A known device has a budget of its own.
    OwnBudget,
    /// Roles of staff ask for a second factor.
    StaffFactor,
    /// Who asks for a letter hears the same whoever has an account.
    EqualAnswers,
}

impl Wall {
    /// All of them, each with the law that breaks without it.
    pub const ALL: [(Self, Law); 12] = [
        (Self::UsedOnce, Law::CodesWorkOnce),
        (Self::SpentLinks, Law::LinksWorkOnce),
        (Self::Compared, Law::NothingOvertaken),
        (Self::Lease, Law::RevokedWithinBound),
        (Self::Epoch, Law::RevokedWithinBound),
        (Self::ResetFactor, Law::FactorNeverBypassed),
        (Self::LossWait, Law::LossWaits),
        (Self::SecondPerson, Law::TwoPersons),
        (Self::Reuse, Law::ReuseRevokes),
        (Self::OwnBudget, Law::OwnerGetsIn),
        (Self::StaffFactor, Law::StaffHasFactor),
        (Self::EqualAnswers, Law::SameAnswers),
    ];
}

/// What became of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its number.
    pub seed: u64,
    /// The laws that broke, each with what happened; empty if all held.
    pub broken: Vec<(Law, String)>,
    /// What happened.
    pub counts: Counts,
}

/// What happened in one world, or in many: that all of it happened is part of the judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Worlds.
    pub seeds: u64,
    /// Requests that were let in.
    pub admitted: u64,
    /// Requests that were not.
    pub refused: u64,
    /// Commits that lost a race or met a used-up proof.
    pub overtaken: u64,
    /// Crashes between storing and answering.
    pub crashes: u64,
    /// Events by kind.
    pub events: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Adds another world's.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.overtaken += other.overtaken;
        self.crashes += other.crashes;
        for (kind, count) in &other.events {
            *self.events.entry(kind).or_default() += count;
        }
    }

    /// The kinds of events that happened.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<&'static str> {
        self.events.keys().copied().collect()
    }
}

/// Runs one world to its end; `without` takes a wall away.
#[must_use]
pub fn simulate(seed: u64, without: Option<Wall>) -> Verdict {
    World::new(seed, without).run()
}

//! A seeded world in which a bot is killed at every step and lied to, and what must hold nevertheless.
//!
//! One seed is one world: a venue whose market walks at random, a network that drops, duplicates,
//! delays, reorders and lies, a machine that crashes between any two effects, loses power, fills its
//! disk, and a person who trades on the same account, pulls the kill switch and lets a licence run
//! out. The bot is [`crate::live::Session`] as it runs live; the venue is [`crate::venue::Account`] as
//! it stands in the box. The same seed gives the same world, on any machine.
//!
//! What must hold:
//! - no order of the bot is at the venue twice, and no wish of its trader is sent under two names;
//! - no trade is lost: what the bot counts is what the venue counts, to the last lot;
//! - the position is the venue's, and so is the kernel's;
//! - no position is without its stop: at no moment where the venue takes stops first and only the bot
//!   trades; nor where an entry brings its stop along, but for what entries traded that can bring none,
//!   or whose stop the venue refused; and for no longer than a bound otherwise;
//! - on spot, where stops hold the coins that they would sell: a close-all ends flat within a bound, and the
//!   venue does not refuse one exit after the other;
//! - nothing is opened without a licence or behind the kill switch, and closing works in every state.

mod checks;
mod faults;
mod machine;
mod network;
mod trader;
mod world;

pub use faults::{FAULTS, Fault};

use crate::live::{StopHolds, StopTiming};
use std::collections::BTreeMap;
use world::World;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether intents are written down before they are sent. Without, the laws do not hold: that
    /// shows that they are worth something.
    pub intents: Intents,
    /// When the venue takes stops.
    pub takes: Takes,
    /// Whether entries bring their stops along where the venue takes both together.
    pub entries: Entries,
    /// Whether what is traded is on margin.
    pub paid: Paid,
    /// Whether exits free the coins that stops hold.
    pub exits: Exits,
    /// How the venue's lists of trades name the orders of them.
    pub lists: Lists,
    /// Whether to keep a line for everything that happens.
    pub trace: Trace,
}

/// How what is traded is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paid {
    /// On margin.
    #[default]
    OnMargin,
    /// In full: on spot, at a venue whose stops hold this. Nobody is short, nobody is liquidated, and each
    /// world ends with a close-all.
    InFull(StopHolds),
}

/// Whether exits free the coins that stops hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exits {
    /// As a bot does it.
    #[default]
    FreeCoins,
    /// The weak twin: they are sent while the stop stands.
    Blocked,
}

/// When the venue takes stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Takes {
    /// As the seed says, any of the three ways.
    #[default]
    Drawn,
    /// As the seed says, first or behind the entry: the worlds of before there were stops that come
    /// along with entries.
    FirstOrBehind,
    /// In this way.
    Only(StopTiming),
}

/// Whether entries bring their stops along where the venue takes both together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Entries {
    /// As a bot does it.
    #[default]
    WithStops,
    /// The weak twin: their stops follow.
    Bare,
}

/// How the venue's lists of trades name the orders of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lists {
    /// By the bot's names, as its stream does.
    #[default]
    Named,
    /// By the venue's numbers alone, as Binance does.
    Numbered,
}

/// Whether everything that happens is noted down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trace {
    /// It is not.
    #[default]
    None,
    /// It is: many thousand lines a world.
    Kept,
}

/// Whether intents are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Intents {
    /// As a bot does it.
    #[default]
    Written,
    /// The weak twin.
    Skipped,
}

/// What became of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its number.
    pub seed: u64,
    /// What did not hold; empty if all did.
    pub broken: Vec<String>,
    /// What happened.
    pub counts: Counts,
    /// Everything that happened, in order, where that was wanted.
    pub trace: Vec<String>,
}

/// What happened in one world, or in many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Worlds.
    pub seeds: u64,
    /// Orders of the bot that reached the venue.
    pub orders: u64,
    /// The fewest in one world.
    pub orders_least: u64,
    /// Entries that brought their stop along.
    pub guarded: u64,
    /// Trades.
    pub fills: u64,
    /// Lives of the bot.
    pub lives: u64,
    /// Records written.
    pub records: u64,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, u64>,
}

impl Counts {
    /// Adds another world's.
    pub fn add(&mut self, other: &Self) {
        self.orders_least = if self.seeds == 0 {
            other.orders_least
        } else {
            self.orders_least.min(other.orders_least)
        };
        self.seeds += other.seeds;
        self.orders += other.orders;
        self.guarded += other.guarded;
        self.fills += other.fills;
        self.lives += other.lives;
        self.records += other.records;
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }
}

/// Orders that each world has at least.
pub const ORDERS_MIN: u64 = 50;

/// Runs one world to its end.
#[must_use]
pub fn simulate(seed: u64, options: Options) -> Verdict {
    let mut world = World::new(seed, options);
    match world.run() {
        Ok(()) => world.verdict(),
        Err(error) => {
            let mut verdict = world.verdict();
            verdict.broken.push(format!("the simulation itself failed: {error}"));
            verdict
        }
    }
}

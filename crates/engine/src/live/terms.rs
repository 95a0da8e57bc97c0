//! What the owner of an account allows, and what its venue is like. Both are final: nothing that a
//! strategy, a venue or a remote command says widens them.

use crate::risk::Span;
use market::{Currency, Listing, Money, Rate};
use std::fmt;

/// The terms on which orders are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What is traded; an instrument's number is its place.
    pub listings: Vec<Listing>,
    /// The coin that each of them is of, by its place; a fee in that coin makes the holding smaller.
    /// Empty where fees are never taken so.
    pub bases: Vec<Currency>,
    /// The stop that stands at the venue for every position; `None` leaves positions to the bot alone.
    pub stop: Option<StopRule>,
    /// When a position on margin comes by its stop.
    pub stops: StopTiming,
    /// What a stop that waits at the venue holds back on spot.
    pub holds: StopHolds,
    /// The caps on entries.
    pub caps: Caps,
    /// A request that the venue has not acted on after so long is dropped by it.
    pub window: Span,
    /// What the venue shows of an account may be so old.
    pub lag: Span,
    /// Say so every third of this, or the venue cancels what works; `None` where it cannot, or where
    /// it would cancel stops too.
    pub heartbeat: Option<Heartbeat>,
    /// How often everything is compared with the venue while nothing seems wrong.
    pub compare_every: Span,
}

/// The venue's countdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Seconds until it cancels.
    pub seconds: u32,
    /// Whether each instrument has its own.
    pub by_instrument: Each,
}

/// What a countdown is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    /// One instrument.
    Instrument,
    /// The account.
    Account,
}

/// Where the disaster stop lies. It is there for the hour in which the bot is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopRule {
    /// So far from the average entry, as a fraction of it.
    pub distance: Rate,
    /// Where the bot has a stop of its own, so far beyond that one, as a fraction of its trigger.
    pub beyond: Rate,
}

/// When a position comes by its stop: as early as the venue allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopTiming {
    /// Before there is one: an entry waits until its stop stands.
    First,
    /// With it: an entry that meets the market brings its stop along, and goes out with one or not at
    /// all. The venue makes an order of the stop, under the name that was given to it, once the entry
    /// is over, for as much as the entry traded.
    WithEntry,
    /// As soon as it is known of.
    Behind,
}

/// What a stop that waits for its trigger holds back on spot. On margin it holds nothing back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum StopHolds {
    /// Nothing: what it sells has to be there when it wakes.
    #[default]
    Nothing,
    /// The coins that it would sell: until it is gone, nothing else can sell them.
    Coins,
}

/// The most that an entry may do, whoever asks for it. Nothing here binds an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// Value of one order.
    pub order: Option<Money>,
    /// Value of one position, this order and others on their way included.
    pub position: Option<Money>,
    /// Entries in a minute.
    pub per_minute: Option<u32>,
    /// A market order becomes a limit order so far beyond the latest price, as a fraction of it.
    pub slippage: Option<Rate>,
}

/// Whether risk may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permit {
    /// It may.
    Open,
    /// Only exits, stops and close-all: no licence, or one that has run out.
    ManageOnly,
}

/// The kill switch; each level does what the ones before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Kill {
    /// Not pulled.
    #[default]
    Off,
    /// No new entries.
    NoEntries,
    /// All orders are taken back, but for the stops of positions.
    CancelAll,
    /// Every position is closed at the market.
    Flatten,
}

impl Kill {
    /// All levels.
    pub const ALL: [Self; 4] = [Self::Off, Self::NoEntries, Self::CancelAll, Self::Flatten];

    /// Its name in commands, files and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NoEntries => "no-entries",
            Self::CancelAll => "cancel-all",
            Self::Flatten => "flatten",
        }
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Terms {
    /// Without caps, stops or heartbeat, at a venue that drops requests after five seconds and shows
    /// nothing older than two.
    #[must_use]
    pub fn of(listings: Vec<Listing>) -> Self {
        Self {
            listings,
            bases: Vec::new(),
            stop: None,
            stops: StopTiming::Behind,
            holds: StopHolds::Nothing,
            caps: Caps::default(),
            window: Span::from_secs(5),
            lag: Span::from_secs(2),
            heartbeat: None,
            compare_every: Span::from_secs(60),
        }
    }
}

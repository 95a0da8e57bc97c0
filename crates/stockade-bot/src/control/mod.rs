//! How a running bot is told what to do: a socket in its state directory, a file, signals. Each can only
//! reduce risk; letting the kill switch go takes the socket, and so its owner at the machine.

mod kill_file;
mod socket;

pub use kill_file::{Found, look};
pub use socket::{Asked, Door, ask, is_running};

use engine::live::Kill;
use serde::{Deserialize, Serialize};

/// What can be asked of a running bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How things stand.
    Status,
    /// Pull the kill switch this far.
    Kill {
        /// How far.
        level: Level,
    },
    /// Let it go.
    Resume,
    /// End, and leave positions with their stops at the venue.
    Stop,
}

/// Levels of the kill switch as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// No new entries.
    NoEntries,
    /// All orders are taken back, but for the stops of positions.
    CancelAll,
    /// Every position is closed.
    Flatten,
}

impl From<Level> for Kill {
    fn from(level: Level) -> Self {
        match level {
            Level::NoEntries => Self::NoEntries,
            Level::CancelAll => Self::CancelAll,
            Level::Flatten => Self::Flatten,
        }
    }
}

/// What a running bot answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// How things stand.
    Status {
        /// The snapshot.
        view: Box<crate::view::View>,
    },
    /// It is done, or under way.
    Done {
        /// In words.
        text: String,
    },
    /// It is not done, and why.
    Refused {
        /// In words.
        text: String,
    },
}

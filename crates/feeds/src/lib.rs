//! Knows: the public market data of exchanges, from both ends: requests, answers, streams, books.
//! Never knows: keys, orders, sockets, or what the data is for.

#![forbid(unsafe_code)]

pub mod binance;
pub mod bybit;
pub mod okx;
mod source;

pub use source::{
    Ask, BookLevels, Hosts, PublicCounter, PublicStream, Source, Step, Told, Topic, Wish,
};

/// What can be wrong with public data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The instrument is not in the roster.
    #[error("instrument {number} is not among the {known} that this feed was set up for")]
    Instrument {
        /// Its number.
        number: u32,
        /// How many there are.
        known: usize,
    },
    /// The venue has no such data.
    #[error("{venue} has no {what}")]
    Unsupported {
        /// Which venue.
        venue: market::VenueName,
        /// What was asked for.
        what: String,
    },
    /// The venue is busy, or we asked too often.
    #[error("{venue} asks to wait {seconds} s")]
    Throttled {
        /// Which venue.
        venue: market::VenueName,
        /// How long.
        seconds: u32,
    },
    /// The venue refused.
    #[error("{venue} refused ({code}): {text}")]
    Refused {
        /// Which venue.
        venue: market::VenueName,
        /// Its code.
        code: i64,
        /// Its words, cleaned and cut.
        text: String,
    },
    /// A message is not what this venue sends.
    #[error("{venue} sent something that this version does not read: {what}")]
    Unreadable {
        /// Which venue.
        venue: market::VenueName,
        /// What is wrong with it.
        what: String,
    },
}

//! Knows: the signed protocols of exchanges, from both ends, and the keys that sign.
//! Never knows: the server, sockets, or why an order is sent.
//!
//! Nothing here does I/O: a [`Client`] turns a [`Call`] into the bytes of a request and an answer's
//! bytes into an [`Answer`]; a [`Stream`] reads a private stream. A [`Counter`] is the other end of the
//! same protocol: it is what the exchange in a box speaks with.

#![forbid(unsafe_code)]

pub mod binance;
pub mod bybit;
mod client;
mod counter;
mod keys;
pub mod okx;
mod text;

pub use client::{
    Client, Heartbeat, Hosts, Load, Setup, Stream, Traits, by_book, join, stop_holds,
};
pub use counter::{Asked, Counter, Hearing, KeyRing};
pub use keys::Keys;

/// What can be wrong before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The instrument is not in the roster that the client was made for.
    #[error("instrument {number} is not among the {known} that this client was set up for")]
    Instrument {
        /// Its number.
        number: u32,
        /// How many there are.
        known: usize,
    },
    /// The venue has no such order, or no such call.
    #[error("{venue} takes no {what}")]
    Unsupported {
        /// Which venue.
        venue: market::VenueName,
        /// What was asked for.
        what: &'static str,
    },
    /// An order is named by neither of its names.
    #[error("an order is named by nothing")]
    Nameless,
    /// A message is not what this venue sends.
    #[error("{venue} sent something that this version does not read: {what}")]
    Unreadable {
        /// Which venue.
        venue: market::VenueName,
        /// What is wrong with it, without its values.
        what: String,
    },
}

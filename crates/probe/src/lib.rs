//! Knows: how to look at a server from outside, and what each sight proves of a claim.
//! Never knows: the server's own code, or anything that only the server says.
//!
//! A [`Target`] is visited within [`Bounds`]; each [`Probe`] comes to a [`Sight`]: it held, it did not, or it
//! could not be looked at. [`visit`] runs them one after the other over one connection at a time.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: it opens sockets, measures its patience, and keeps what it saw in a file"
)]

mod accounts;
mod answer;
mod budget;
mod burst;
mod certificate;
mod claims;
mod cookies;
mod deeds;
mod disclosure;
mod errand;
mod greeting;
mod handshake;
mod headers;
mod hello;
mod isolation;
mod log;
mod mail;
mod memory;
mod pace;
mod page;
mod posture;
mod redirect;
mod renewal;
mod report;
mod resolver;
mod roles;
mod routes;
mod run;
mod shown;
mod target;
mod token;
mod trust;
mod verdict;
mod visit;
mod wire;

pub use accounts::Account;
pub use answer::Answer;
pub use budget::Bounds;
pub use burst::Burst;
pub use certificate::Certificate;
pub use claims::{CLAIMS, Claim, NOT_LOOKED_AT, Reach};
pub use errand::Errand;
pub use mail::MailDomain;
pub use memory::Memory;
pub use pace::Pace;
pub use report::Report;
pub use run::{Ask, Found, PROBES, visit};
pub use target::Target;
pub use trust::Trust;
pub use verdict::{Row, rows};

use jiff::Timestamp;
use std::{io, net::SocketAddr, path::PathBuf};

/// Everything that can keep a visit, or one of its probes, from seeing something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no address of a server.
    #[error(
        "{text:?} is no address of a server: {why}; write it as in https://stockade.example.com"
    )]
    Address {
        /// The text, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The name is not found.
    #[error("{host} is not found: {source}")]
    Lookup {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody takes the connection.
    #[error("nothing answers at {address}: {source}")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Socket(#[source] io::Error),
    /// Nothing came within the patience of one request.
    #[error("the server takes too long to answer")]
    Slow,
    /// The other side hung up without an answer.
    #[error("the server hung up without an answer")]
    HungUp,
    /// The handshake failed, or the certificate is not believed.
    #[error("the handshake failed: {0}")]
    Tls(#[from] rustls::Error),
    /// What came back is no answer.
    #[error("the server answers with {what}")]
    Answer {
        /// What it answers with.
        what: &'static str,
    },
    /// The bounds of the visit are reached.
    #[error("the visit's bound of {what} is reached")]
    Spent {
        /// Of what.
        what: &'static str,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// `read`, `write`.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is remembered of the last visit cannot be believed.
    #[error("{path}: {why}; put it aside to begin anew")]
    Memory {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of test accounts is not taken.
    #[error("{path}: {why}")]
    Accounts {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, or the fix.
        why: &'static str,
    },
    /// The resolver does not answer a question.
    #[error("the resolver answers code {code} for {name}")]
    Resolver {
        /// The name.
        name: String,
        /// The code of RFC 1035 §4.1.1.
        code: u8,
    },
    /// A key that was given is none.
    #[error("{which}: {source}")]
    Key {
        /// Where it was given.
        which: &'static str,
        /// What is wrong with it.
        source: audit::Error,
    },
    /// No claim and no probe is called so.
    #[error(
        "{text:?} is no claim and no probe that is looked at from outside: see the table in docs/verify.md"
    )]
    Claim {
        /// What was asked for, cut to 40 characters.
        text: String,
    },
    /// A file holds no authorities.
    #[error(
        "{path} holds no certificate in PEM; take authority.pem of the server, or its fingerprint"
    )]
    NoRoots {
        /// Which.
        path: PathBuf,
    },
}

impl Error {
    /// Whether it was typed wrongly, and nothing else is the matter.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Address { .. } | Self::Key { .. } | Self::Claim { .. })
    }
}

/// What became of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// This visitor saw that it is so.
    Held,
    /// This visitor saw that it is not so.
    Broken,
    /// It was not looked at, or not seen: never a "fine".
    Unseen,
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Which probe.
    pub probe: &'static Probe,
    /// What became of it.
    pub outcome: Outcome,
    /// What was seen, in a sentence's half.
    pub seen: String,
    /// When.
    pub at: Timestamp,
}

/// A way to look at a server.
#[derive(Debug)]
pub struct Probe {
    /// Its name, which stays.
    pub name: &'static str,
    /// What holds where it succeeds.
    pub what: &'static str,
    /// How to see the same with a plain tool; `$HOST` stands for the host with its port.
    pub command: &'static str,
    look: fn(&mut run::Walk<'_>) -> Seen,
}

impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Probe {}

/// What a probe returns: what it saw where it held, or why not.
type Seen = Result<String, Miss>;

/// Why a probe did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Miss {
    /// It is not so.
    Failed(String),
    /// It could not be seen.
    Unseen(String),
}

impl From<Error> for Miss {
    /// What kept a probe from looking is no finding about the server.
    fn from(error: Error) -> Self {
        Self::Unseen(error.to_string())
    }
}

fn failed<T>(text: impl Into<String>) -> Result<T, Miss> {
    Err(Miss::Failed(text.into()))
}

fn unseen<T>(text: impl Into<String>) -> Result<T, Miss> {
    Err(Miss::Unseen(text.into()))
}

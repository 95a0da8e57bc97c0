//! What became of a request that has no answer: certainly unsent, or unknown.

use crate::Origin;
use http::StatusCode;
use std::{io, net::IpAddr};

/// Why there is no answer, and what that says about the request.
///
/// Whoever sends orders depends on the difference: what was never sent may be sent again, and
/// what is unknown stays unknown until the other side is asked.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Not one byte of the request left this machine.
    #[error("nothing was sent to {origin}: {why}")]
    NeverSent {
        /// To whom it should have gone.
        origin: Origin,
        /// What was in the way.
        why: Unsent,
    },
    /// Bytes left, and no whole answer came: it may have been carried out, or not.
    #[error("sent to {origin}, and whether it was carried out is unknown: {why}")]
    Unknown {
        /// To whom it went.
        origin: Origin,
        /// The status, if the answer came that far.
        status: Option<StatusCode>,
        /// What broke.
        why: Lost,
    },
}

/// Why a request was never sent.
#[derive(Debug, thiserror::Error)]
pub enum Unsent {
    /// The origin is not on the list; its name was not looked up.
    #[error("it is not on the list of allowed hosts")]
    NotAllowed,
    /// The request cannot be put in words.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it.
        what: &'static str,
    },
    /// As many requests as may be are under way there.
    #[error("{limit} requests are under way there, and none ended in time")]
    Busy {
        /// How many may be.
        limit: usize,
    },
    /// The name has no address.
    #[error("its name cannot be looked up: {0}")]
    Lookup(io::Error),
    /// The name leads inside, where nobody said that it may lead.
    #[error("its name leads to {ip}, which is no public address: the list must say so")]
    PrivateAddress {
        /// The address.
        ip: IpAddr,
    },
    /// Nobody answers there.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The certificate is not good for this host, now, from anybody who is believed.
    #[error("its certificate is refused: {0}")]
    Certificate(rustls::Error),
    /// The certificate is good, and its key is not one of the pinned ones.
    #[error("its certificate's key {seen} is none of the pinned ones")]
    Pin {
        /// The key that was shown, as a pin is written.
        seen: String,
    },
    /// No TLS session came about.
    #[error("no TLS session: {0}")]
    Tls(io::Error),
    /// The deadline passed first.
    #[error("no time was left while {step}")]
    Timeout {
        /// What was being done.
        step: Step,
    },
    /// The connection ended before the kernel took anything.
    #[error("the connection closed first: {0}")]
    Closed(hyper::Error),
}

/// What comes before the first byte of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The name's addresses.
    Lookup,
    /// TCP.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Room in the kernel.
    Write,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lookup => "looking up the name",
            Self::Connect => "connecting",
            Self::Handshake => "shaking hands",
            Self::Write => "waiting to write",
        })
    }
}

/// Why a request that was sent has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The deadline passed.
    #[error("no answer in time")]
    Timeout,
    /// The connection ended before an answer began.
    #[error("the connection ended without an answer: {0}")]
    Closed(hyper::Error),
    /// The connection ended inside the answer.
    #[error("the answer was cut short after {bytes} bytes of its body")]
    Truncated {
        /// How much of the body had come.
        bytes: usize,
    },
    /// The body is longer than allowed.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// How long it may be.
        limit: usize,
    },
    /// What came is not HTTP/1.1, or its head is longer than allowed.
    #[error("the answer is not HTTP: {0}")]
    Malformed(hyper::Error),
}

impl SendError {
    /// Whether it is certain that the other side got nothing.
    #[must_use]
    pub fn is_never_sent(&self) -> bool {
        matches!(self, Self::NeverSent { .. })
    }
}

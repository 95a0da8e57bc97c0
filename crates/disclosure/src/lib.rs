//! Knows: how weaknesses are reported, answered and published: contact, terms, courses, clocks, advisories.
//! Never knows: HTTP, SQL, who reads a report, or what it says.

#![forbid(unsafe_code)]

mod advisory;
mod answer;
mod clock;
mod contact;
mod course;
mod policy;
mod receipt;

pub use advisory::{
    Advisory, AdvisoryId, Draft, Issuer, Link, Origin, Range, Revision, Version, Wording,
    csaf_changes, csaf_index,
};
pub use answer::{Answer, Template};
pub use clock::{Clock, ClockKind, Hand};
pub use contact::{Contact, Form, Freshness};
pub use course::{Course, Moments, Move, Severity, Standing};
pub use policy::{Block, Policy, Tongue};
pub use receipt::Receipt;

/// What can go wrong with a report or with the words about reports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A report that stands so is not moved like this.
    #[error("a report that is {standing} cannot be {wish}: {fix}")]
    Move {
        /// How it stands.
        standing: Standing,
        /// What was wanted.
        wish: &'static str,
        /// What goes before it.
        fix: &'static str,
    },
    /// A step lies before the one that it follows.
    #[error(
        "{step} would lie before the step that it follows: the clock of this machine went back"
    )]
    Backwards {
        /// Which.
        step: &'static str,
    },
    /// Not the text of a receipt.
    #[error("a receipt is srr_ and 40 hexadecimal digits, as it was shown once")]
    Receipt,
    /// A field of an advisory is not as it must be.
    #[error("an advisory's {field} {why}")]
    Draft {
        /// Which.
        field: &'static str,
        /// What is wrong with it, and how it is written.
        why: &'static str,
    },
    /// Not the name of an advisory.
    #[error("{found:?} is no name of an advisory: they are written STOCKADE-2026-001")]
    AdvisoryId {
        /// What was given.
        found: String,
    },
    /// Not an address that mail can be sent to.
    #[error("{found:?} is no address of mail: write one as security@example.org")]
    Address {
        /// What was given.
        found: String,
    },
}

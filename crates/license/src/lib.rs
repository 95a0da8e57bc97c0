//! Knows: what was paid for, by signed files and leases, and what may be opened by it.
//! Never knows: passwords, how money moved, how to reach the licence service.
//!
//! Only the opening of risk is gated, and by a type: [`MayOpen`]. Nothing here can refuse a stop, an
//! exit, a reconciliation or the kill switch, because nothing here is asked about them.

#![forbid(unsafe_code)]

mod clock;
mod document;
mod error;
mod file;
mod kept;
mod lease;
mod license;
mod request;
mod state;

pub use clock::{Clock, Drift, TrustedTime, Witness};
pub use document::{issuer_from_text, issuer_id, issuer_to_text};
pub use error::Error;
pub use file::{CheckIn, LicenseFile, Term, Terms};
pub use lease::{Lease, LeaseTerms, Revocation, RevocationTerms, Unreachable};
pub use license::License;
pub use request::{Activation, Check, Question};
pub use state::{MayOpen, Refusal, State, Why};

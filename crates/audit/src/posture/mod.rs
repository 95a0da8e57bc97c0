//! The posture: how every claim stands, as a server says it and signs it.
//!
//! A row is never stronger than its evidence, and evidence that is too old counts for nothing: who reads a
//! posture later than it was made sees the rows that have run out since as not met.

mod envelope;
mod health;
mod judging;
mod statement;
mod word;

pub use envelope::{ENVELOPE_BYTES_MAX, PAYLOAD_TYPE, PostureSigner};
pub(crate) use envelope::{opened, sealed};
pub use health::{HEALTH_TYPE, Health, HealthPart, Standing};
pub use judging::{Attested, Evidence, Facts, Seen, State, Verdict, judge};
pub use statement::{Expected, STATEMENT_TYPE};
pub use word::{PREDICATE_TYPE, Posture, PostureRow};

//! What an account owns and owes, worked out by hand, and the laws that hold for any sequence.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod account;
mod carry;
mod currencies;
mod fees;
mod laws;
mod legs;
mod margin;
mod overflow;
mod splits;

//! Knows: verdicts on requests: how often somebody may ask, counted in memory that nobody can grow.
//! Never knows: sockets, HTTP, accounts, or who is told of a verdict.

#![forbid(unsafe_code)]

mod asker;
mod limiter;
mod window;

pub use asker::Asker;
pub use limiter::{Limiter, Policy, Spent, Verdict};

//! Knows: verdicts on requests: how often somebody may ask, and whose address is refused, in memory that nobody can grow.
//! Never knows: sockets, HTTP, accounts, or who is told of a verdict.

#![forbid(unsafe_code)]

mod asker;
mod gate;
mod limiter;
mod list;
mod prefix;
mod window;

pub use asker::Asker;
pub use gate::{Blocks, Gate, Passage};
pub use limiter::{Limiter, Policy, Spent, Verdict};
pub use list::{Freshness, LIST_BYTES_MAX, NoList, PREFIXES_MAX, PrefixList};
pub use prefix::{NoPrefix, Prefix, Prefixes};

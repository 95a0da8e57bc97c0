//! Ticks: every event that the kernel handles is numbered, and what cannot be read off the tape is
//! written down, in blocks that are chained by their hashes.
//!
//! The tape (bars, quotes, trades) has a digest of its own, so an event that the tape brought is
//! written as a count. Whatever else happened, and whatever the kernel asked for, is written whole.
//! From the tape and the log every state can be rebuilt, and a second engine that is given the
//! same must ask for the same.

mod block;
mod entry;
mod flows;
mod log;
mod orders;
mod reasons;
pub(crate) mod wire;

pub use block::{Block, BlockError, TICKS_PER_BLOCK, read_chain, verify, write_chain};
pub use entry::{Damaged, Entries, Entry};
pub use log::{Log, Recording};

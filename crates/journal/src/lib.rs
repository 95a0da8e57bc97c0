//! Knows: crash-safe append-only files: frames, segments, checkpoints, group commit.
//! Never knows: what a record means.
//!
//! A journal is a directory of numbered segments. A record is in the file when [`Journal::append`]
//! returns, so it survives the end of the process; it is on the disk when [`Committer::durable`] has
//! reached its sequence, so it survives the end of the machine. A checkpoint begins a new segment with
//! the state so far, and what came before may go.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "an adapter: this crate writes files and has the thread that flushes them"
)]

mod commit;
mod directory;
mod error;
mod frame;
mod journal;
mod read;
mod segment;

pub use commit::Committer;
pub use error::Error;
pub use journal::{Journal, Options, Recovery};
pub use read::{Entry, Torn, read};

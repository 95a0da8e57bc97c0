//! Knows: snapshots, the ledger of them, what is kept and for how long, where they lie, and how they come back.
//! Never knows: unwrapped production keys, the database, who may restore.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "an adapter: this crate reads and writes repositories, and starts this program as its own worker"
)]

mod bucket;
mod child;
mod error;
mod file;
mod key_file;
mod kit;
mod ledger;
mod local;
mod manifest;
mod place;
mod remote;
mod repository;
mod retention;
mod schedule;
mod shelf;
mod signed;
mod worker;

pub use bucket::{Bucket, Credentials};
pub use child::Child;
pub use error::Error;
pub use kit::{Kit, RECIPIENTS_MIN};
pub use ledger::{
    Act, BYTES_MAX as LEDGER_BYTES_MAX, Ledger, Proof, Record, Snapshot, Taken, Trigger,
};
pub use manifest::{FileLine, Manifest, TableLine};
pub use place::{Hold, Place};
pub use repository::inside;
pub use retention::{DAYS, KEY_SET_DAYS, MONTHS, Plan, Reason, WEEKS, old_key_sets, plan};
pub use schedule::{AGAIN, DRILL_EVERY, HOUR, History, backup_due, drill_due};
pub use shelf::{Shelf, Upkeep};
pub use worker::{Answer, MEMORY_BYTES_MAX, Order, Reach, Stored, Target, WORKER, serve_worker};

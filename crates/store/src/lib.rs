//! Knows: SQL, all of it.
//! Never knows: the plaintext of a sealed field.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: this crate does the database's I/O"
)]

mod act;
mod error;
mod log;
mod migrate;
mod open;
mod verify;

pub use act::{Act, Committed};
pub use error::Error;
pub use log::{Export, Head, LogPage};
pub use open::Store;

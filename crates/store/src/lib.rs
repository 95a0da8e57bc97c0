//! Knows: SQL, all of it.
//! Never knows: the plaintext of a sealed field.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: this crate does the database's I/O"
)]

mod accounts;
mod act;
mod backtests;
mod datasets;
mod error;
mod factors;
mod log;
mod migrate;
mod open;
mod reports;
mod sessions;
mod strategies;
mod sweeps;
mod trials;
mod verify;

pub use accounts::AccountRow;
pub use act::{Act, Committed};
pub use backtests::{BacktestRow, BacktestState, NewBacktest};
pub use error::Error;
pub use factors::{FactorLine, FactorVersion, FactorWords};
pub use log::{Export, Head, LogPage};
pub use open::Store;
pub use reports::Violation;
pub use sessions::SessionRow;
pub use strategies::{StrategyLine, StrategyRow, StrategyWords};
pub use sweeps::{NewSweep, SweepProgress, SweepRow, SweepState};

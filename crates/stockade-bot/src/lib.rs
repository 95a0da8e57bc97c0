//! Knows: wiring, schedules: how configuration, keys, venue, kernel and journal come together in one process.
//! Never knows: rules of its own.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the app: it decides when, so it reads the clock, the disk and the environment"
)]

mod adapters;
pub mod boxed;
pub mod clean;
mod cli;
pub mod config;
pub mod control;
pub mod explain;
pub mod herald;
pub mod licence;
pub mod lived;
pub mod logging;
pub mod membership;
pub mod metrics;
pub mod output;
pub mod recorded;
pub mod run;
pub mod tui;
pub mod vault;
pub mod view;

/// Runs the command that was typed; its exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    cli::run()
}

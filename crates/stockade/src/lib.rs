//! Knows: wiring, routes, schedules.
//! Never knows: rules of its own.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the app: it decides when, so it reads the clock, the disk and the environment"
)]

mod cli;
pub mod desk;
pub mod past;
pub mod readout;
pub mod report;
pub mod server;
pub mod sweep;
pub mod tearsheet;
pub mod watching;

/// Runs the command that was typed; its exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    cli::run()
}

//! `stockade machines`, as it is typed.

use clap::Subcommand;

/// Commands about workers and bots.
#[derive(Debug, Subcommand)]
pub(crate) enum Machines {
    /// Print a token by which a machine comes in, once and within an hour. What it has now goes on until then.
    Add {
        /// `bot/NAME` or `worker/NAME`.
        machine: String,
    },
    /// List the machines: who belongs, and how each stands.
    List,
    /// Put a machine out: its certificate is refused from now on, and its connections end.
    Revoke {
        /// `bot/NAME` or `worker/NAME`.
        machine: String,
    },
}

//! `stockade limits`, as it is typed.

use clap::Subcommand;

/// Commands about who is kept out by address.
#[derive(Debug, Subcommand)]
pub(crate) enum Limits {
    /// Show the lists of addresses that are kept out, and the blocks. Exit code 3 says that a list is stale or damaged.
    Show,
    /// Shut an address or a prefix out until a moment.
    Block {
        /// `192.0.2.7` or `192.0.2.0/24`.
        prefix: String,
        /// For how long: `30m`, `24h`, `7d`.
        #[arg(long = "for", value_name = "TIME")]
        lasts: String,
        /// Why; the log holds it.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Let it in again before its time.
    Unblock {
        /// As it was blocked.
        prefix: String,
    },
}

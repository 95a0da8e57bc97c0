//! `stockade payments`, as it is typed.

use clap::Subcommand;

/// Commands about payments.
#[derive(Debug, Subcommand)]
pub(crate) enum Payments {
    /// List what payment processors told and signed, the newest first: 200 at a time.
    Ls {
        /// Go on below this leaf of the log, as the last line names it.
        #[arg(long, value_name = "LEAF")]
        before: Option<u64>,
    },
}

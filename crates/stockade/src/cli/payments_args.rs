//! `stockade payments`, as it is typed.

use clap::Subcommand;

/// Commands about payments.
#[derive(Debug, Subcommand)]
pub(crate) enum Payments {
    /// List what payment processors told and signed, the newest first: 200 at a time.
    Ls {
        /// Go on from behind the notice with this digest, as the note behind a full page names it.
        #[arg(long, value_name = "DIGEST")]
        before: Option<String>,
    },
}

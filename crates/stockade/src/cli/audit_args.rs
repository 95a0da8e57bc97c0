//! `stockade audit`, as it is typed.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

/// `stockade audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Verify the whole log, or one receipt, or an export, without a server; or a server's log from outside.
    Verify {
        /// A receipt (`.tlog-proof`), an export (`.jsonl`) or the address of a server; the log of this data
        /// directory unless given.
        #[arg(value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// The log's verifier key, `name+hash+key`, known from elsewhere.
        #[arg(long, value_name = "VKEY")]
        key: Option<String>,
        /// A checkpoint kept from an earlier day, which the log must extend.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        seen: Vec<PathBuf>,
        #[command(flatten)]
        online: OnlineLog,
    },
    /// Cosign the log of a server, if it continues what was seen of it before.
    Witness(WitnessAsk),
    /// Print the key of this installation as a witness, for the operator of the log.
    WitnessKey,
    /// List the newest entries.
    Ls {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Only entries of this kind, such as session.opened.
        #[arg(long)]
        kind: Option<String>,
    },
    /// Print the receipt of one entry.
    Receipt {
        /// Its index, from 0.
        index: u64,
    },
    /// Write the whole log as JSON lines.
    Export {
        /// Where to; stdout unless given.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
    /// Open the bodies of entries that nobody chose: shows that what must be kept is there.
    Sample {
        /// How many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        count: u32,
    },
    /// Prune the bodies of entries that are seven years old; the tree, its proofs and its checkpoints stay.
    Purge {
        /// Of entries before this day, as 2033-01-31.
        #[arg(long, value_name = "DAY")]
        before: jiff::civil::Date,
    },
    /// Look for rows that no entry of the log tells of.
    Reconcile,
    /// Print the newest signed checkpoint.
    Checkpoint,
    /// Print the log's verifier key.
    Key,
}

/// What a log at an address is held against.
#[derive(Debug, clap::Args)]
pub(crate) struct OnlineLog {
    /// A witness whose word counts, by its key; may be given more than once.
    #[arg(long, value_name = "VKEY")]
    pub(crate) witness: Vec<String>,
    /// How many of them must have seen it; all of them unless given.
    #[arg(long, value_name = "N")]
    pub(crate) quorum: Option<usize>,
    /// Certificate authority (PEM) to believe besides those of the web.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) authority: Option<PathBuf>,
}

/// `stockade audit witness`.
#[derive(Debug, clap::Args)]
pub(crate) struct WitnessAsk {
    /// The address of the server: `https://stockade.example.com`.
    pub(crate) url: String,
    /// The log's verifier key, known from elsewhere; without it the first sight decides.
    #[arg(long, value_name = "VKEY")]
    pub(crate) key: Option<String>,
    /// Certificate authority (PEM) to believe besides those of the web.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) authority: Option<PathBuf>,
    /// Go on, and look again after so long, such as 10m.
    #[arg(long, value_name = "TIME")]
    pub(crate) every: Option<String>,
}

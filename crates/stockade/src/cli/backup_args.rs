//! `stockade backup` as it can be typed.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

/// Commands about backups.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Make a backup now, by way of the server if one runs.
    Now,
    /// List the snapshots: what the ledger says, and what the repository has besides.
    Ls,
    /// Look for damage in the repository.
    Check {
        /// Read and compare every byte; without it a flipped byte of the contents is not seen.
        #[arg(long)]
        read_data: bool,
    },
    /// Bring a server back into an empty directory. It begins a new log; sessions, tokens and links are over.
    Restore {
        /// The place of the backups.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        from: PathBuf,
        /// The empty directory.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        into: PathBuf,
        /// The file of an identity that the recovery kit was sealed to.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        identity: PathBuf,
        /// The snapshot's number; the newest unless given.
        #[arg(long, value_name = "NUMBER")]
        snapshot: Option<u64>,
    },
    /// Restore the newest snapshot into a scratch place, compare all of it, and write the proof down.
    Drill,
    /// Make a key that can open the backups after a loss: keep its file elsewhere, and put what is printed into
    /// `backup.recipients`.
    Recipient {
        /// Where the identity goes; nothing may be there.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

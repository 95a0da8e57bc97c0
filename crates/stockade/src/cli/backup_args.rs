//! `stockade backup` as it can be typed.

use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// A place of backups, where no server's configuration names it.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// The place of the backups: a directory, or `s3://BUCKET/PREFIX`.
    #[arg(long = "from", value_name = "PLACE", value_hint = ValueHint::DirPath)]
    pub(crate) place: String,
    /// The object store of a bucket, as https://HOST:PORT.
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) endpoint: String,
    /// Its region.
    #[arg(long, value_name = "NAME", default_value = "us-east-1")]
    pub(crate) region: String,
    /// The file of the credentials for it: `aws_access_key_id = …`, `aws_secret_access_key = …`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) credentials: Option<PathBuf>,
}

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
        #[command(flatten)]
        from: Source,
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
    /// Let go what is no longer kept, where `backup.upkeep` is `elsewhere`: under the rights of whoever asks, with
    /// nothing of the server's.
    Prune {
        #[command(flatten)]
        from: Source,
        /// The file of an identity that the recovery kit was sealed to.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        identity: PathBuf,
    },
    /// On another machine than the server's: pull what a backup is made of, keep it under a password that the server
    /// never sees, prove a restore every week, and tell the server. `backup.place` and `backup.recipients` of this
    /// directory say where to and for whom.
    Pull {
        /// Become a machine of this server first, by the token on stdin that `stockade machines add worker/NAME` printed.
        #[arg(long, value_name = "HOST:PORT")]
        join: Option<String>,
        /// Only what is due: a night's backup, a week's proof, the next certificate.
        #[arg(long)]
        if_due: bool,
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

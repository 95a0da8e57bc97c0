//! `stockade secrets` as data.

use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// `stockade secrets`.
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// List the secrets: names, fingerprints, dates, who put them in and where they are used; never a value.
    List,
    /// Seal a secret. The value is typed at a prompt that shows nothing, or comes on stdin; never as a word
    /// of the command, which others can see.
    Put {
        /// Its name, such as mail.password, vendor.NAME, webhook.NAME, database.password.
        name: String,
    },
    /// Remove a secret.
    Remove {
        /// Its name.
        name: String,
    },
    /// Take over, once, the secrets that lie in plain text in the environment or in a file, and say where
    /// the plain text still lies.
    Import(Import),
}

/// `stockade secrets import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// From the environment of this command: `STOCKADE_MAIL_PASSWORD`, `STOCKADE_DATABASE_URL`,
    /// `STOCKADE_VENDOR_NAME`, `STOCKADE_WEBHOOK_NAME`, `PGPASSWORD`.
    #[arg(long, required_unless_present = "file", conflicts_with = "file")]
    pub env: bool,
    /// From a file: .toml, .yaml, or lines of KEY=VALUE.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Put values in the place of others that are sealed under the same names.
    #[arg(long)]
    pub replace: bool,
}

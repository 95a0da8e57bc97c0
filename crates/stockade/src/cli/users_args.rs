//! What can be typed after `stockade users`.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

/// `stockade users`.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Import accounts with the hashes of their passwords: all of a file, or none.
    ///
    /// CSV with the columns email, name, role, hash in any order, or JSON lines with those keys; name
    /// and role may be left out (a trader then). Hashes are bcrypt ($2a$, $2b$, $2y$) or PHC strings of
    /// Argon2; each is wrapped in Argon2id at once and made anew at the first sign-in.
    Import {
        /// The file, at most 10,000 accounts.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Only say what is wrong, and import nothing.
        #[arg(long)]
        check: bool,
    },
    /// End everybody's sessions at once: after a break-in, or when a key was lost.
    ///
    /// Everyone signs in again. Passwords, factors, known devices, API tokens and bots stay as they are.
    EndSessions {
        /// Everybody's, owners included; it must be said.
        #[arg(long, required = true)]
        all: bool,
    },
}

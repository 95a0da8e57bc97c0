//! `stockade release` and `stockade self-check` as they can be typed.

use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// Commands about releases.
#[derive(Debug, Subcommand)]
pub(crate) enum Release {
    /// Sign what `cargo xtask release` made: the statement, and each program as minisign does. Nothing is signed
    /// that does not carry what its tests said. The passphrase of the key is typed, or comes on stdin.
    Sign {
        /// The directory.
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
        /// The secret key, made by `minisign -G`.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: PathBuf,
    },
}

/// `stockade self-check`.
///
/// It finds damage, mix-ups and old releases played again. Whoever owns the machine can make a program say anything:
/// where that is the question, ask another one, or `minisign -V`. Exit code 3 says that something was found.
#[derive(Debug, Args)]
pub(crate) struct SelfCheck {
    /// What was signed of the release; release.dsse.json beside the program unless given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub manifest: Option<PathBuf>,
    /// The key that signs releases, from elsewhere: its line, or the file. Without it the one that was seen before
    /// counts, or the one beside the program, which is said.
    #[arg(long, value_name = "KEY|FILE")]
    pub key: Option<String>,
    /// A checkout of github.com/RustSec/advisory-db, to hold the program's parts against.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub advisories: Option<PathBuf>,
    /// Look at this file, not at the program that runs.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub executable: Option<PathBuf>,
}

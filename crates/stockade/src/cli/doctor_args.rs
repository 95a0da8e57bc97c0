//! What can be typed after `stockade doctor`.

use clap::{Args, ValueHint};
use std::path::PathBuf;

/// `stockade doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Mend what is safe to mend and can be taken back: the permissions of the program's own files.
    #[arg(long)]
    pub fix: bool,
    /// A port that others are meant to reach, besides that of SSH and, with --public, the server's own.
    #[arg(long = "open-port", value_name = "PORT")]
    pub open_ports: Vec<u16>,
    /// An address from which you sign in, for the rules of the firewall that are proposed.
    #[arg(long = "known-source", value_name = "ADDRESS")]
    pub known_sources: Vec<String>,
    /// A copy of the list of Debian's security tracker, which the installed packages are held against.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub package_advisories: Option<PathBuf>,
}

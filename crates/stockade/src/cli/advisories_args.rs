//! `stockade advisories`, as it is typed.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;
use uuid::Uuid;

/// Commands about advisories.
#[derive(Debug, Subcommand)]
pub(crate) enum Advisories {
    /// Publish an advisory: as a page, as OSV and as CSAF. What is published stays; a revision adds to it.
    Publish {
        /// A file of TOML: title, summary, details, advice, cvss, affected, and addresses under references.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The report that it answers, as `stockade reports ls` shows it: this is its step `publish`.
        #[arg(long, value_name = "ID", conflicts_with = "revise")]
        report: Option<Uuid>,
        /// The advisory that it replaces.
        #[arg(long, value_name = "ADVISORY", requires = "note")]
        revise: Option<String>,
        /// What is new in it, on one line.
        #[arg(long, value_name = "TEXT", requires = "revise")]
        note: Option<String>,
    },
    /// List the advisories that are out.
    Ls,
    /// Show one: what it says now, and how bad it is.
    Show {
        /// Its name.
        #[arg(value_name = "ADVISORY")]
        id: String,
    },
}

//! `stockade evidence` as it can be typed.

use clap::{Subcommand, ValueHint};
use jiff::civil::Date;
use std::path::PathBuf;

/// Commands about documents that people sign for.
#[derive(Debug, Subcommand)]
pub(crate) enum Evidence {
    /// Keep a document that speaks for a claim, by way of the server if one runs. The log names who signed for
    /// it; the page /security shows the claim as attested until it runs out.
    Add {
        /// The claim: M38, M47, M48, S61.
        #[arg(value_name = "CLAIM")]
        claim: String,
        /// The document.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Who says so.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// The day that it speaks of.
        #[arg(long, value_name = "DATE")]
        on: Date,
        /// The last day on which it counts; never longer than the claim's own limit.
        #[arg(long, value_name = "DATE")]
        until: Option<Date>,
        /// Let anyone fetch the document; without this its digest is public, and the document stays here.
        #[arg(long)]
        public: bool,
    },
    /// List the claims for which documents count, and how each stands.
    Ls,
}

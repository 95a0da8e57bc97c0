//! `stockade reports`, as it is typed.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;
use uuid::Uuid;

/// Commands about reports of weaknesses.
#[derive(Debug, Subcommand)]
pub(crate) enum Reports {
    /// List the reports, how each stands, and what is due when.
    Ls,
    /// Hand over a report as a file of age, for `age -d` on the machine where the key is; or open it here.
    Open {
        /// Its number, as `ls` shows it.
        id: Uuid,
        /// Identity that opens it here; without one it stays sealed.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        identity: Option<PathBuf>,
    },
    /// Note a step: acknowledge, triage, breach, notify, fix, publish, decline. Its sender sees it by the receipt.
    Move {
        /// Its number, as `ls` shows it.
        id: Uuid,
        /// The step.
        #[arg(value_parser = ["acknowledge", "triage", "breach", "notify", "fix", "publish", "decline"])]
        step: String,
        /// How bad it is; a triage needs it.
        #[arg(long, value_parser = ["low", "medium", "high", "critical"])]
        severity: Option<String>,
    },
    /// Thank whoever sent a published report in public, if they wished it; without a name, no longer.
    Thank {
        /// Its number, as `ls` shows it.
        id: Uuid,
        /// The name, as they want it.
        name: Option<String>,
    },
    /// Print a text to begin an answer from; what stands in braces is yours to fill in.
    Answer {
        /// Which.
        #[arg(value_parser = ["acknowledge", "fixed", "declined"])]
        answer: String,
        /// Its language.
        #[arg(long, value_parser = ["en", "de"], default_value = "en")]
        language: String,
    },
}

//! `stockade-bot self-check`: whether the program is the one that was released, and what is known of its parts.

use super::{args::SelfCheck, usage};
use crate::output::{Ending, Output};
use anyhow::Context;
use host::{
    doctor::{Report, Severity},
    release,
};
use jiff::Timestamp;
use std::path::Path;

/// Looks at the program itself, or at another file; what was seen is kept beside the configuration.
pub(super) fn run(ask: &SelfCheck, config: &Path, output: Output) -> anyhow::Result<Ending> {
    let own = || std::env::current_exe().context("the program's own file cannot be found");
    let key = ask.key.as_deref().map(release::key).transpose();
    let report = release::Ask {
        program: "stockade-bot",
        version: env!("CARGO_PKG_VERSION"),
        executable: ask.executable.clone().map_or_else(own, Ok)?,
        statement: ask.manifest.clone(),
        key: key.map_err(|error| usage(format!("--key: {error}")))?,
        memory: std::path::absolute(config)?.with_file_name("release.seen"),
        advisories: ask.advisories.clone(),
        now: Timestamp::now(),
    }
    .examine();
    output.show(&report, Report::text)?;
    Ok(if report.worst() >= Severity::Warning { Ending::Findings } else { Ending::Done })
}

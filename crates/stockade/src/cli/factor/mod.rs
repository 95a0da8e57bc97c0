//! `stockade factor`: expressions over a panel, kept, proven and read.

mod eval;
mod library;
mod own;
mod prove;
mod set;
mod source;
mod study;
mod tell;

use super::{
    args::{Cli, Factor},
    configuration,
    output::{Ending, Output},
};
use crate::desk;
use std::path::PathBuf;

/// Bytes one evaluation may hold; larger files are evaluated with `--stream`.
const MEMORY_BYTES_MAX: u64 = 8 << 30;

/// Runs a factor command.
pub(super) fn run(command: &Factor, cli: &Cli, output: Output) -> anyhow::Result<Ending> {
    // The configuration is read only by what needs the data directory: a file is enough for most.
    let place = Place { cli };
    match command {
        Factor::Eval(eval) => eval::evaluate(eval, &place, output)?,
        Factor::Operators { markdown } => tell::operators(*markdown, output)?,
        Factor::Library { name, markdown } => library::library(name.as_deref(), *markdown, output)?,
        Factor::Check(check) => return tell::check(check, &place, output),
        Factor::Explain(explain) => return tell::explain(explain, &place, output),
        Factor::TruncateCheck(check) => prove::truncate(check, &place, output)?,
        Factor::Conformance => prove::conformance(output)?,
        Factor::Study(study) => study::study(study, &place, output)?,
        Factor::Compare(compare) => study::compare(compare, &place, output)?,
        Factor::Save(save) => own::save(save, &place, output)?,
        Factor::Ls { archived } => own::list(*archived, &place, output)?,
        Factor::Versions { name } => own::versions(name, &place, output)?,
        Factor::Rm { name } => own::remove(name, &place, output)?,
    }
    Ok(Ending::Done)
}

/// The data directory, found when it is asked for.
struct Place<'a> {
    cli: &'a Cli,
}

impl Place<'_> {
    fn home(&self) -> anyhow::Result<desk::Home> {
        configuration::home(&configuration::load(self.cli)?)
    }

    fn dir(&self) -> anyhow::Result<PathBuf> {
        Ok(configuration::data_dir(&configuration::load(self.cli)?))
    }
}

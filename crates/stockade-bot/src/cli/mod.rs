//! The command line: what was typed, done, shown to a person or a program.

mod args;
mod ask;
mod backup;
mod configuration;
mod doctor;
mod exchange;
mod join;
mod keys;
mod self_check;
mod session;
mod simulate;
mod steer;
mod words;

use crate::output::{Ending, Format, Notes, Output, plain};
use args::{Cli, Command};
use clap::Parser;
use std::{fmt, io::Write, process::ExitCode};

/// Something that was typed wrongly and that only the command itself could notice.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error that ends in exit code 2.
fn usage(text: impl Into<String>) -> anyhow::Error {
    Usage(text.into()).into()
}

/// Runs the command that was typed; its exit code.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(&cli) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Findings) => ExitCode::from(3),
        Err(error) => {
            // Nobody is left to tell if stderr is gone.
            let text = plain(&in_one_line(&error));
            let _ = writeln!(std::io::stderr().lock(), "error: {text}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

/// The error and its causes, leaving out a cause that the text above it has said already.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

fn dispatch(cli: &Cli) -> anyhow::Result<Ending> {
    let format = if cli.json { Format::Json } else { Format::Text };
    let notes = if cli.quiet { Notes::Hidden } else { Notes::Shown };
    let output = Output::new(format, notes);
    match &cli.command {
        Command::Completions { shell } => words::completions(*shell)?,
        Command::Man { out } => {
            let pages = words::manual(out)?;
            output.note(&format!("{pages} pages in {}", out.display()));
        }
        Command::Config(command) => return configuration::run(command, &cli.config, output),
        Command::Keys(command) => return keys::run(command, &cli.config, output),
        Command::Backup(ask) => backup::backup(ask, &cli.config, output)?,
        Command::Restore(ask) => backup::restore(ask, output)?,
        Command::Status { watch } => return steer::status(&cli.config, *watch, output),
        Command::Halt(halt) => return steer::halt(halt, &cli.config, output),
        Command::Flatten { yes } => return steer::flatten(&cli.config, *yes, output),
        Command::Resume => return steer::resume(&cli.config, output),
        Command::Join(ask) => join::run(ask, &cli.config, output)?,
        Command::Run(run) => return session::live(run, &cli.config, output),
        Command::Paper(paper) => return session::paper(paper, &cli.config, output),
        Command::Replay { session } => {
            return session::replay(session.as_deref(), &cli.config, output);
        }
        Command::Export(ask) => session::export(ask, &cli.config, output)?,
        Command::License => return session::license(&cli.config, output),
        Command::Doctor { fix } => return doctor::run(*fix, &cli.config, output),
        Command::SelfCheck(ask) => return self_check::run(ask, &cli.config, output),
        Command::Explain { name } => {
            let tapes = crate::config::load(&cli.config)?.tape_dir();
            output
                .show(&crate::explain::explain(&tapes, name)?, crate::explain::Explained::text)?;
        }
        Command::Simulate(ask) => return simulate::run(ask, output),
        Command::Exchange(exchange) => return exchange::run(exchange, output),
    }
    Ok(Ending::Done)
}

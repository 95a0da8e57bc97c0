//! The command line: what was typed, done by the desk, shown to a person or a program.

mod advisories;
mod advisories_args;
mod args;
mod ask;
mod audit;
mod audit_args;
mod backtest;
mod backup;
mod backup_args;
mod backup_worker;
mod certificate;
mod certificate_args;
mod configuration;
mod data;
mod db;
mod db_args;
mod doctor;
mod doctor_args;
mod doctor_front;
mod evidence;
mod evidence_args;
mod factor;
mod factor_args;
mod front;
mod interrupt;
mod keys;
mod keys_args;
mod licences;
mod license;
mod license_args;
mod limits;
mod limits_args;
mod live;
mod login;
mod login_args;
mod machines;
mod machines_args;
mod mail;
mod mail_args;
mod marked;
mod operations;
mod output;
mod paper;
mod past;
mod payments;
mod payments_args;
mod plain_file;
mod release;
mod release_args;
mod reports;
mod reports_args;
mod retention;
mod routes;
mod sealed;
mod secrets;
mod secrets_args;
mod secrets_import;
mod serve;
mod sweep;
mod sweep_args;
mod users;
mod users_args;
mod verify;
mod verify_args;
mod whole;
mod witness;
mod words;

use args::{Cli, Command, Config};
use clap::Parser;
use output::{Ending, Format, Notes, Output};
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
            let text = output::plain(&in_one_line(&error));
            let _ = writeln!(std::io::stderr().lock(), "error: {text}");
            ExitCode::from(code(&error))
        }
    }
}

/// Whoever starts the program again after a failure must not do so where the holder of the root key has refused:
/// a token counts that, and locks.
fn code(error: &anyhow::Error) -> u8 {
    let refused = match error.downcast_ref::<crate::desk::Error>() {
        Some(crate::desk::Error::Key(error)) => Some(error),
        _ => error.downcast_ref::<kms::Error>(),
    };
    match refused {
        Some(kms::Error::Denied { .. }) => 4,
        _ if error.is::<Usage>() => 2,
        _ => 1,
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
    let settings = || configuration::load(cli);
    match &cli.command {
        Command::Completions { shell } => words::completions(*shell)?,
        Command::Man { out } => {
            let pages = words::manual(out)?;
            output.note(&format!("{pages} pages in {}", out.display()));
        }
        Command::Routes { markdown: true, .. } => routes::markdown()?,
        Command::Routes { openapi: true, .. } => routes::openapi()?,
        Command::Routes { .. } => routes::show(output)?,
        Command::Factor(command) => return factor::run(command, cli, output),
        Command::Config(Config::Show { origin }) => {
            configuration::show(&settings()?, *origin, output)?;
        }
        Command::Serve(serve) => serve::serve(serve, &settings()?, output)?,
        Command::SetupLink => serve::setup_link(&settings()?, output)?,
        Command::Recover { email } => serve::recover(email, &settings()?, output)?,
        Command::Data(command) => return data::run(command, &settings()?, output),
        Command::Backtest(command) => return backtest::run(command, &settings()?, output),
        Command::Sweep(command) => return sweep::run(command, &settings()?, output),
        Command::Paper(command) => return paper::run(command, &settings()?, output),
        Command::Replay(ask) => return past::replay(ask, &settings()?, output),
        Command::Diff(ask) => return past::diff(ask, &settings()?, output),
        Command::Reproduce(ask) => return past::reproduce(ask, &settings()?, output),
        Command::Db(command) => return db::run(command, &settings()?, output),
        Command::Keys(command) => return keys::run(command, &settings()?, output),
        Command::Secrets(command) => return secrets::run(command, &settings()?, output),
        Command::Backup(command) => return backup::run(command, &settings()?, output),
        Command::Evidence(command) => return evidence::run(command, &settings()?, output),
        Command::BackupWorker => backup_worker::run()?,
        Command::License(command) => return license::run(command, &settings()?, output),
        Command::Machines(command) => return machines::run(command, &settings()?, output),
        Command::Limits(ask) => return limits::run(ask, &settings()?, output),
        Command::Reports(command) => return reports::run(command, &settings()?, output),
        Command::Payments(command) => return payments::run(command, &settings()?, output),
        Command::Advisories(command) => return advisories::run(command, &settings()?, output),
        Command::Certificate(command) => return certificate::run(command, &settings()?, output),
        Command::Users(command) => return users::run(command, &settings()?, output),
        Command::Mail(command) => return mail::run(command, &settings()?, output),
        Command::Doctor(ask) => return doctor::run(ask, &settings()?, output),
        Command::Verify(ask) => {
            let home = configuration::home(&settings()?)?;
            return verify::run(ask, &home, output);
        }
        Command::SelfCheck(ask) => return release::own(ask, &settings()?, output),
        Command::Release(command) => return release::run(command, output),
        Command::Login(ask) => return login::run(ask, output),
        Command::Audit(command) => return audit::run(command, &settings()?, output),
    }
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_said_once() {
        let missing = || anyhow::anyhow!("no such file");
        let told: anyhow::Result<()> =
            Err(missing()).context("cannot open x: no such file; check it");
        assert_eq!(
            in_one_line(&told.expect_err("an error")),
            "cannot open x: no such file; check it"
        );
        let untold: anyhow::Result<()> = Err(missing()).context("cannot open x");
        assert_eq!(in_one_line(&untold.expect_err("an error")), "cannot open x: no such file");
    }
}

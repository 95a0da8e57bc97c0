//! `stockade users`: accounts of another system, taken over.

use super::{
    args::Users,
    configuration::home,
    interrupt,
    output::{Ending, Output},
    serve,
};
use crate::desk::{self, Intake, UserImport};
use serde_json::json;
use settings::Settings;
use std::{ops::ControlFlow, path::Path};

/// Runs a command on accounts.
pub(super) fn run(command: &Users, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    match command {
        Users::Import { file, check } => {
            let intake = if *check { Intake::Judge } else { Intake::Take };
            import(file, intake, settings, output)
        }
        Users::EndSessions { all: _ } => end_sessions(settings, output),
    }
}

fn end_sessions(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let terms = serve::terms("https://localhost", settings)?;
    let ended = desk::connect(home(settings)?)?.end_everybodys_sessions(terms)?;
    output.show(&json!({ "ended": ended }), |_| {
        format!("{ended} sessions are over: everybody signs in again; the log holds this")
    })?;
    Ok(Ending::Done)
}

fn import(
    file: &Path,
    intake: Intake,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    // A server that runs reads it from another directory.
    let file = std::path::absolute(file)?;
    interrupt::listen()?;
    let bar = output.progress("importing");
    let mut progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let terms = serve::terms("https://localhost", settings)?;
    let done = desk::connect(home(settings)?)?.import_users(&file, (intake, terms), &mut progress);
    bar.finish_and_clear();
    let done = done?;
    output.show(&done, |done| words(done, intake))?;
    Ok(if done.refused.is_empty() { Ending::Done } else { Ending::Findings })
}

fn words(done: &UserImport, intake: Intake) -> String {
    let mut text = String::new();
    for refused in &done.refused {
        text.push_str(&format!("line {}: {}\n", refused.line, refused.problem));
    }
    let (lines, bad) = (done.lines, done.refused.len());
    text + &match (intake, bad) {
        (_, 1..) => format!("{bad} of {lines} accounts cannot be taken over; nothing was imported"),
        (Intake::Judge, _) => format!("{lines} accounts can be taken over; nothing was imported"),
        (Intake::Take, _) => format!(
            "{} accounts are imported: they sign in with their old passwords, and each hash is \
             made anew at the first sign-in",
            done.imported
        ),
    }
}

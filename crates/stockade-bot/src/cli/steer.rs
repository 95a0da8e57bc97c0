//! `status`, `halt`, `flatten`, `resume`: what is said to a running bot.

use super::{args::Halt, ask};
use crate::{
    clean::line,
    config::{self, Config},
    control::{self, Answer, Ask, Level},
    output::{Ending, Output},
    tui::{self, Wish},
    view::View,
};
use anyhow::bail;
use std::{ops::ControlFlow, path::Path};

/// A runtime for one question.
fn asked(config: &Config, question: Ask) -> anyhow::Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(control::ask(&config.socket(), question))
}

fn viewed(config: &Config) -> anyhow::Result<View> {
    match asked(config, Ask::Status)? {
        Answer::Status { view } => Ok(*view),
        Answer::Done { text } | Answer::Refused { text } => bail!("{}", line(&text)),
    }
}

/// `stockade-bot status`.
pub(super) fn status(path: &Path, watch: bool, output: Output) -> anyhow::Result<Ending> {
    let config = config::load(path)?;
    if watch {
        tui::watch(&mut || Some(viewed(&config)), &mut |wish| match wish {
            Wish::Leave => ControlFlow::Break(()),
            Wish::Ask(question) => ControlFlow::Continue(match asked(&config, question) {
                Ok(Answer::Done { text } | Answer::Refused { text }) => text,
                Ok(Answer::Status { .. }) => String::new(),
                Err(error) => format!("{error:#}"),
            }),
        })?;
        return Ok(Ending::Done);
    }
    let view = viewed(&config)?;
    output.show(&view, View::text)?;
    let is_fine = view.ready && view.barred.is_empty();
    Ok(if is_fine { Ending::Done } else { Ending::Findings })
}

/// `stockade-bot halt`.
pub(super) fn halt(halt: &Halt, path: &Path, output: Output) -> anyhow::Result<Ending> {
    let level = match (halt.cancel, halt.flatten) {
        (_, true) => Level::Flatten,
        (true, false) => Level::CancelAll,
        (false, false) => Level::NoEntries,
    };
    said(&config::load(path)?, Ask::Kill { level }, output)
}

/// `stockade-bot resume`.
pub(super) fn resume(path: &Path, output: Output) -> anyhow::Result<Ending> {
    said(&config::load(path)?, Ask::Resume, output)
}

/// `stockade-bot flatten`: by the running bot, or by itself.
pub(super) fn flatten(path: &Path, yes: bool, output: Output) -> anyhow::Result<Ending> {
    let config = config::load(path)?;
    if !yes && !ask::is_wanted("close every position at the market")? {
        output.note("nothing was done");
        return Ok(Ending::Findings);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if runtime.block_on(control::is_running(&config.socket())) {
        return said(&config, Ask::Kill { level: Level::Flatten }, output);
    }
    drop(runtime);
    crate::run::flatten(&config, &mut ask::passphrase, output)
}

fn said(config: &Config, question: Ask, output: Output) -> anyhow::Result<Ending> {
    let answer = asked(config, question)?;
    output.show(&answer, |answer| match answer {
        Answer::Done { text } | Answer::Refused { text } => line(text),
        Answer::Status { view } => view.text(),
    })?;
    Ok(if matches!(answer, Answer::Refused { .. }) { Ending::Findings } else { Ending::Done })
}

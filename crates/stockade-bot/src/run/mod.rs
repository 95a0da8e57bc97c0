//! Running: what starts, what is wired to what.

use crate::{
    config::Config,
    output::{Ending, Output},
};
use anyhow::{Context, bail};
use engine::{Convention, Strategy};
use seal::Secret;
use std::path::Path;

/// How a passphrase is asked for.
pub type AskSecret<'a> = &'a mut dyn FnMut() -> anyhow::Result<Secret<String>>;

/// The text of a strategy file.
pub fn strategy_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the strategy {}", path.display()))
}

/// A strategy that can be traded as things happen.
pub fn strategy(text: &str, path: &Path) -> anyhow::Result<Strategy> {
    let listed = |problems: Vec<engine::Problem>| {
        let lines: Vec<String> =
            problems.iter().map(|one| format!("{}: {one}", path.display())).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    };
    let strategy = engine::parse_strategy(text).map_err(listed)?;
    if strategy.convention == Convention::SameClose {
        bail!(
            "{}: `convention: {}` fills at the price that was used to decide; it cannot be traded: write `next_open`",
            path.display(),
            strategy.convention
        );
    }
    if strategy.clock.counts_quotes() {
        bail!("{}: strategies on quotes are not traded by the bot yet: use `bar:`", path.display());
    }
    Ok(strategy)
}

/// `stockade-bot keys check`.
pub fn check_key(_: &Config, _: AskSecret<'_>, _: Output) -> anyhow::Result<Ending> {
    bail!("not there yet")
}

/// `stockade-bot flatten` with no bot running.
pub fn flatten(_: &Config, _: AskSecret<'_>, _: Output) -> anyhow::Result<Ending> {
    bail!("not there yet")
}

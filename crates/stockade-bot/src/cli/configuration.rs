//! `stockade-bot config`.

use super::args::Config;
use crate::{
    clean::line,
    config::{self, Shown},
    output::{Ending, Output, table},
};
use std::path::Path;

/// Runs a command about the configuration.
pub(super) fn run(command: &Config, path: &Path, output: Output) -> anyhow::Result<Ending> {
    match command {
        Config::Init => {
            config::init(path)?;
            output.note(&format!("{} is written; see `stockade-bot config show`", path.display()));
        }
        Config::Check => return check(path, output),
        Config::Show => {
            let text = config::read_private(path)?;
            output.show(&config::shown(&text), |all| as_text(all))?;
        }
    }
    Ok(Ending::Done)
}

fn check(path: &Path, output: Output) -> anyhow::Result<Ending> {
    let config = config::load(path)?;
    let text = crate::run::strategy_text(&config.strategy)?;
    let strategy = crate::run::strategy(&text, &config.strategy)?;
    let told = serde_json::json!({
        "config": path,
        "strategy": config.strategy,
        "venue": config.venue.name.name(),
        "symbols": config.symbols,
        "clock": strategy.clock.to_string(),
    });
    output.show(&told, |_| {
        format!("{} and {} are fine", path.display(), config.strategy.display())
    })?;
    Ok(Ending::Done)
}

fn as_text(all: &[Shown]) -> String {
    let row = |one: &Shown| {
        let value = one.value.as_deref().map_or_else(|| "–".to_owned(), line);
        let origin = if one.written { "file" } else { "default" };
        vec![one.key.clone(), value, origin.to_owned(), one.about.to_owned()]
    };
    let head = ["key", "value", "from", "for"].map(str::to_owned).to_vec();
    table(&std::iter::once(head).chain(all.iter().map(row)).collect::<Vec<_>>())
}

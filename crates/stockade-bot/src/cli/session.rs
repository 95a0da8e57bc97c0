//! `run`, `paper`, `replay`, `export`, `license`: sessions, and what is left of them.

use super::{
    args::{Export, Paper, Run},
    ask,
};
use crate::{
    config,
    licence::Licence,
    lived,
    logging::{self, Besides},
    output::{Ending, Output, plain},
    run::{self, Compared, Manner, Shown, Until},
};
use serde::Serialize;
use std::path::Path;

fn manner(config: &config::Config, tui: bool, output: Output) -> Manner {
    let (besides, screen) =
        if tui { (Besides::Nowhere, Shown::Here) } else { (Besides::Stderr, Shown::Nowhere) };
    let mut manner = Manner::new(logging::start(&config.log, besides), output);
    manner.screen = screen;
    manner
}

/// `stockade-bot run`.
pub(super) fn live(run: &Run, path: &Path, output: Output) -> anyhow::Result<Ending> {
    let config = config::load(path)?;
    run::run_live(&config, &mut ask::passphrase, manner(&config, run.tui, output))?;
    output.note("ended; what is held keeps its stops at the venue");
    Ok(Ending::Done)
}

#[derive(Serialize)]
struct Papered {
    run_id: String,
    digest: String,
    equals_backtest: bool,
    fills: usize,
    rows: usize,
    end_equity: Option<String>,
}

/// `stockade-bot paper`.
pub(super) fn paper(paper: &Paper, path: &Path, output: Output) -> anyhow::Result<Ending> {
    let config = config::load(path)?;
    let mut manner = manner(&config, paper.tui, output);
    manner.until = paper.rows.map_or(Until::Told, Until::Rows);
    let compared = run::run_paper(&config, &mut ask::passphrase, (manner, paper.out.clone()))?;
    let Compared { series, paper: ours, backtest } = &compared;
    let told = Papered {
        run_id: ours.run_id.to_string(),
        digest: ours.digest.to_string(),
        equals_backtest: ours.digest == backtest.digest,
        fills: ours.simulation.fills.len(),
        rows: series.iter().map(market::BarSeries::len).max().unwrap_or(0),
        end_equity: ours.simulation.final_equity().map(|equity| equity.to_string()),
    };
    let place = crate::recorded::write(&paper.out, &config, &compared)?;
    output.show(&told, |told| {
        let same = if told.equals_backtest { "the same" } else { "ANOTHER" };
        format!(
            "{} rows, {} fills, equity {}\nrun     {}\ndigest  {}\na backtest of the recorded rows has {same} digest",
            told.rows,
            told.fills,
            told.end_equity.as_deref().unwrap_or("–"),
            told.run_id,
            told.digest
        )
    })?;
    output.note(&format!("{}", place.display()));
    Ok(if told.equals_backtest { Ending::Done } else { Ending::Findings })
}

/// `stockade-bot replay`.
pub(super) fn replay(
    session: Option<&Path>,
    path: &Path,
    output: Output,
) -> anyhow::Result<Ending> {
    let tape = match session {
        Some(tape) => tape.to_owned(),
        None => run::latest_tape(&config::load(path)?.tape_dir())?,
    };
    let told = run::replay(&tape)?;
    output.show(&told, |told| {
        let ending = match &told.differs {
            None => "every record is the same, byte for byte".to_owned(),
            Some(one) => format!(
                "record {} differs:\n  recorded  {}\n  now       {}",
                one.record,
                one.recorded.as_deref().unwrap_or("nothing"),
                one.again.as_deref().unwrap_or("nothing")
            ),
        };
        format!(
            "{} session of {}: {} inputs, {} rows, {} records\n{ending}",
            told.world, told.began, told.inputs, told.rows, told.records
        )
    })?;
    Ok(if told.differs.is_none() { Ending::Done } else { Ending::Findings })
}

/// `stockade-bot export`.
pub(super) fn export(ask: &Export, path: &Path, output: Output) -> anyhow::Result<()> {
    let tapes = match &ask.session {
        Some(tape) => vec![tape.clone()],
        None => lived::lives(&config::load(path)?.tape_dir(), ask.since)?,
    };
    let told = lived::export(&tapes, &ask.out)?;
    for note in &told.notes {
        output.note(&plain(note));
    }
    output.show(&told, |told| {
        format!(
            "{} lives, {} rows, {} orders, {} trades, {} held back\n{}",
            told.lives,
            told.rows,
            told.orders,
            told.fills,
            told.held_back,
            told.directory.display()
        )
    })?;
    output
        .note(&format!("hold it against its backtest: stockade diff {}", told.directory.display()));
    Ok(())
}

/// `stockade-bot license`.
pub(super) fn license(path: &Path, output: Output) -> anyhow::Result<Ending> {
    let config = config::load(path)?;
    let now = jiff::Timestamp::now();
    // The machine's clock alone proves nothing, so this is what it would be with the venue's beside it.
    let standing = Licence::load(&config).look(now, Some(now));
    let told = serde_json::json!({ "may_open": standing.may_open, "text": standing.text });
    output.show(&told, |_| standing.text.clone())?;
    Ok(if standing.may_open { Ending::Done } else { Ending::Findings })
}

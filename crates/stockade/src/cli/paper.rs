//! `stockade paper`: a strategy on a tape that runs at its own pace.

use super::{
    args::{Paper, Speed},
    configuration::data_dir,
    output::{Ending, Output, plain, write_stdout},
};
use crate::{
    desk,
    past::{self, Pace, Papered, QuoteTape, Tape},
};
use anyhow::bail;
use catalog::Catalog;
use engine::Moment;
use market::Instrument;
use portfolio::Fill;
use serde::Serialize;
use settings::Settings;
use std::{ops::ControlFlow, path::Path};

/// Runs a paper command.
pub(super) fn run(ask: &Paper, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let Paper::Run { file, speed, out } = ask;
    let text = super::backtest::strategy(file)?;
    let catalog = Catalog::open(&desk::catalog_dir(&data_dir(settings)))?;
    let pace = match speed {
        Speed::Max => Pace::Free,
        Speed::Times(times) => Pace::Times(*times),
    };
    super::interrupt::listen()?;
    if let Some(tape) = QuoteTape::open(&catalog, &text)? {
        return on_quotes(&tape, pace, out, output);
    }
    let tape = Tape::open(&catalog, &text)?;
    let mut teller = Teller { instruments: tape.instruments(), told: 0, output };
    let bar = output.progress("paper");
    let ended = past::paper(&tape, pace, &mut |moment| {
        bar.set_length(moment.rows as u64);
        bar.set_position(moment.row as u64);
        bar.suspend(|| teller.tell(moment));
        asked()
    });
    bar.finish_and_clear();
    let ended = ended?;
    hold(&ended.digest, &ended.backtest.digest)?;
    let written = ended.backtest.files.place(out, &ended.backtest.run_id)?;
    output.show(&Summary::of(&ended), Summary::text)?;
    output.note(&format!("{}", written.display()));
    Ok(Ending::Done)
}

fn asked() -> ControlFlow<()> {
    if super::interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Paper is the backtest of what it saw.
fn hold(paper: &str, backtest: &str) -> anyhow::Result<()> {
    if paper == backtest {
        return Ok(());
    }
    bail!(
        "paper came to {paper}, a backtest on the same tape to {backtest}: this is a fault of the engine, please report it"
    )
}

fn on_quotes(
    tape: &QuoteTape<'_>,
    pace: Pace,
    out: &Path,
    output: Output,
) -> anyhow::Result<Ending> {
    let teller = Teller { instruments: vec![tape.instrument.clone()], told: 0, output };
    let bar = output.progress("paper");
    let ended = tape.run(pace, &mut |_, taken, fills| {
        if taken.is_multiple_of(4096) {
            bar.set_position(taken);
        }
        if !fills.is_empty() && !output.is_json() {
            bar.suspend(|| fills.iter().for_each(|fill| teller.line(fill, "")));
        }
        asked()
    });
    bar.finish_and_clear();
    let ended = ended?;
    hold(&ended.paper.digest, &ended.backtest)?;
    let shown = Summary {
        run_id: &ended.paper.run_id,
        digest: &ended.paper.digest,
        equals_backtest: true,
        stopped: ended.stopped.map(|time| time.to_string()),
        summary: &ended.paper.summary,
    };
    output.show(&shown, Summary::text)?;
    if ended.stopped.is_some() {
        output.note("nothing is written: a result has the name of a whole tape");
        return Ok(Ending::Done);
    }
    let written = ended.paper.files.place(out, &ended.paper.run_id)?;
    output.note(&format!("{}", written.display()));
    Ok(Ending::Done)
}

/// Tells of fills as they come.
struct Teller {
    instruments: Vec<Instrument>,
    told: usize,
    output: Output,
}

impl Teller {
    fn tell(&mut self, moment: &Moment<'_>) {
        if self.output.is_json() {
            self.told = moment.fills.len();
            return;
        }
        let equity = format!("  equity {}", moment.equity);
        moment.fills.iter().skip(self.told).for_each(|fill| self.line(fill, &equity));
        self.told = moment.fills.len();
    }

    fn line(&self, fill: &Fill, more: &str) {
        let Some(one) = self.instruments.get(fill.instrument.index()) else { return };
        let size = one.lot_scale.format(i64::try_from(fill.quantity.0).unwrap_or(i64::MAX));
        let line = format!(
            "{}  {} {size} {} at {}{more}\n",
            fill.time,
            fill.side,
            plain(one.symbol.as_str()),
            one.price_scale.format(fill.price.0),
        );
        // A reader that has gone away ends the telling, not the run.
        let _ = write_stdout(line.as_bytes());
    }
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the names of the JSON")]
struct Summary<'a> {
    run_id: &'a str,
    digest: &'a str,
    equals_backtest: bool,
    stopped: Option<String>,
    summary: &'a serde_json::Value,
}

impl<'a> Summary<'a> {
    fn of(ended: &'a Papered) -> Self {
        Self {
            run_id: &ended.backtest.run_id,
            digest: &ended.digest,
            equals_backtest: ended.digest == ended.backtest.digest,
            stopped: ended.stopped.map(|time| time.to_string()),
            summary: &ended.backtest.summary,
        }
    }

    fn text(&self) -> String {
        let equity = self.summary.get("end_equity").and_then(serde_json::Value::as_str);
        let fills = self.summary.get("fills").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let end = match &self.stopped {
            Some(time) => format!("stopped before {time}"),
            None => "the tape has ended".to_owned(),
        };
        format!(
            "{end}: {fills} fills, equity {}\nrun     {}\ndigest  {}\na backtest on the same tape has the same digest",
            equity.unwrap_or("–"),
            self.run_id,
            self.digest
        )
    }
}

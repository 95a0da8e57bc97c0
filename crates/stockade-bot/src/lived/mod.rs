//! What a bot did live, as a directory that `stockade diff` holds against the backtest of its rows: the
//! rows, the strategy, and orders, executions and what was held back, over all lives of the bot.

mod bars;
mod collect;
mod file;

pub use collect::Collected;
pub use file::LAYOUT;

use crate::run::{self, Head};
use anyhow::{Context, bail};
use collect::Collector;
use engine::ticks::Recording;
use market::Timestamp;
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Where it lies.
    pub directory: PathBuf,
    /// Lives of the bot in it.
    pub lives: usize,
    /// Rows, history among them.
    pub rows: u64,
    /// Orders that were sent.
    pub orders: usize,
    /// Executions.
    pub fills: usize,
    /// Orders that were not sent.
    pub held_back: usize,
    /// What is to be known of it.
    pub notes: Vec<String>,
}

/// The recordings of one live session: the latest one, and those before it that ran the same strategy on
/// the same instruments of the same venue, back to `since`.
pub fn lives(tapes: &Path, since: Option<Timestamp>) -> anyhow::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut latest: Option<Head> = None;
    for tape in run::all_tapes(tapes)?.into_iter().rev() {
        let Some(head) = run::head_of_tape(&tape)? else { continue };
        if head.world != "live" {
            continue;
        }
        let is_before = since.is_some_and(|since| head.began < since.nanos());
        if is_before || latest.as_ref().is_some_and(|latest| !is_same(latest, &head)) {
            break;
        }
        latest.get_or_insert(head);
        found.push(tape);
    }
    if found.is_empty() {
        bail!(
            "no live session in {}{}: `stockade-bot run` records one",
            tapes.display(),
            since.map_or_else(String::new, |since| format!(" since {since}"))
        );
    }
    found.reverse();
    Ok(found)
}

/// Whether two lives ran the same strategy in the same place.
fn is_same(a: &Head, b: &Head) -> bool {
    let place = |head: &Head| {
        let plan = run::plan_of(head).ok()?;
        let venue = &plan.config.venue;
        Some((venue.name, venue.product, plan.natives()))
    };
    a.strategy == b.strategy && place(a) == place(b)
}

/// Writes the session of these recordings, oldest first, into a directory of its own in `out`.
pub fn export(tapes: &[PathBuf], out: &Path) -> anyhow::Result<Exported> {
    let first = tapes.first().context("no recordings")?;
    let name = first.file_name().context("a recording's name")?.to_string_lossy().into_owned();
    run::make_private(out)?;
    let (place, under_way) =
        (out.join(format!("live-{name}")), out.join(format!(".live-{name}.tmp")));
    if under_way.exists() {
        // What an export that was killed left.
        fs::remove_dir_all(&under_way).with_context(|| under_way.display().to_string())?;
    }
    run::make_private(&under_way)?;
    let written = write(tapes, &under_way);
    if written.is_err() {
        // The error is the first one; what is left is swept by the next export.
        let _ = fs::remove_dir_all(&under_way);
    }
    let mut exported = written?;
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| place.display().to_string())?;
    }
    fs::rename(&under_way, &place).with_context(|| place.display().to_string())?;
    exported.directory = place;
    Ok(exported)
}

fn write(tapes: &[PathBuf], place: &Path) -> anyhow::Result<Exported> {
    let collected = collect(tapes, place)?;
    bars::private(&place.join("strategy.yaml"), collected.plan.strategy_text.as_bytes())?;
    let mut json = serde_json::to_vec_pretty(&file::of(&collected)?)?;
    json.push(b'\n');
    bars::private(&place.join("live.json"), &json)?;
    Ok(Exported {
        directory: place.to_owned(),
        lives: collected.lived.lives.len(),
        rows: collected.rows,
        orders: collected.lived.orders.len(),
        fills: collected.lived.fills.len(),
        held_back: collected.lived.held_back.len(),
        notes: collected.notes,
    })
}

/// Makes the lives again, one after the other, and gathers what they did; `bars.csv` is written on the way.
pub fn collect(tapes: &[PathBuf], place: &Path) -> anyhow::Result<Collected> {
    let mut collector = Collector::new(&place.join("bars.csv"))?;
    for tape in tapes {
        let head = run::head_of_tape(tape)?;
        if head.is_some_and(|head| head.world != "live") {
            bail!(
                "{} is a session on paper: `stockade-bot paper` wrote its result",
                tape.display()
            );
        }
        let told = run::retrace(tape, Recording::Blocks, &mut |seen| collector.see(&seen))
            .with_context(|| tape.display().to_string())?;
        let name = tape.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        match told.map(|told| told.differs) {
            None => collector.note(format!("life {name} ended before anything came in")),
            Some(Some(differs)) => collector.note(format!(
                "life {name} does not make record {} again as it was written: orders and trades are as \
                 written, what was held back may be another",
                differs.record
            )),
            Some(None) => {}
        }
    }
    collector.finish()
}

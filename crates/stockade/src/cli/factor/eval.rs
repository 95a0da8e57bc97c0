//! `stockade factor eval`: columns out of a panel, from file to file.

use super::{MEMORY_BYTES_MAX, Place, set, source};
use crate::cli::{
    factor_args::{Eval, Format, Shape},
    interrupt,
    output::Output,
};
use anyhow::{Context, bail};
use catalog::{PanelBlocks, Sink, Storage, Target, Texts};
use factor::Schema;
use market::{Column, NarrowColumn, NarrowPanel, Panel, Symbol, Timestamp};
use serde::Serialize;
use std::{path::Path, time::Instant};

/// Cells of all columns that a block of dates is read into.
const BLOCK_CELLS: usize = 1 << 21;
/// Files that are written side by side; a process may often open no more than 256.
const OPEN_FILES_MAX: usize = 128;
/// Rows that are widened at a time where numbers are stored in 32 bits.
const WIDENED_ROWS: usize = 1 << 10;

/// What an evaluation took.
#[derive(Debug, Default, Serialize)]
struct Stats {
    rows: usize,
    names: usize,
    expressions: usize,
    threads: usize,
    cells: u64,
    read_seconds: f64,
    evaluate_seconds: f64,
    write_seconds: f64,
    cells_per_second: f64,
    bytes_read: u64,
    bytes_written: u64,
    bytes_held: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trials: Option<u64>,
}

/// Evaluates expressions over a panel.
pub(super) fn evaluate(eval: &Eval, place: &Place<'_>, output: Output) -> anyhow::Result<()> {
    let texts = set::texts(&eval.what, place)?;
    let mut stats = match &eval.source.file {
        Some(file) if eval.stream => streamed(eval, file, &texts, place)?,
        _ => whole(eval, &texts, place)?,
    };
    stats.cells = as_u64(stats.rows * stats.names * stats.expressions);
    stats.cells_per_second = per_second(stats.cells, stats.evaluate_seconds);
    if let Some(file) = &eval.source.file {
        stats.bytes_read = std::fs::metadata(file).map_or(0, |m| m.len());
    }
    if eval.stats || output.is_json() {
        return output
            .show(&stats, |stats| serde_json::to_string_pretty(stats).unwrap_or_default());
    }
    output.note(&format!(
        "{} expressions over {} rows and {} names in {}",
        stats.expressions,
        stats.rows,
        stats.names,
        eval.out.display()
    ));
    Ok(())
}

/// The whole panel in memory.
fn whole(eval: &Eval, texts: &[(String, String)], place: &Place<'_>) -> anyhow::Result<Stats> {
    let started = Instant::now();
    let panel = source::load(&eval.source, place)?.panel;
    let read_seconds = started.elapsed().as_secs_f64();
    let schema = Schema::of(&panel);
    let ready = source::ready(texts, &schema, &eval.source, place)?;
    let run = source::run(eval.threads)?;
    let (rows, symbols) = (panel.rows(), panel.symbols().to_vec());
    let times = panel.times().to_vec();
    let mut stats = Stats {
        rows,
        names: symbols.len(),
        expressions: texts.len(),
        threads: run.threads.get(),
        read_seconds,
        bytes_held: ready.plan.cost(rows, symbols.len()).bytes,
        trials: ready.trials,
        ..Stats::default()
    };
    let evaluating = Instant::now();
    if eval.float32 {
        let columns = ready.plan.evaluate_narrow(&NarrowPanel::from(panel), &run)?;
        stats.evaluate_seconds = evaluating.elapsed().as_secs_f64();
        let writing = Instant::now();
        for part in columns.chunks(files_at_once(eval.shape)) {
            stats.bytes_written += write_narrow(eval, &symbols, &times, part)?;
        }
        stats.write_seconds = writing.elapsed().as_secs_f64();
    } else {
        let columns = ready.plan.evaluate(&panel, &run)?;
        stats.evaluate_seconds = evaluating.elapsed().as_secs_f64();
        let writing = Instant::now();
        for part in columns.chunks(files_at_once(eval.shape)) {
            let names: Vec<String> = part.iter().map(|(name, _)| name.clone()).collect();
            let values: Vec<&[f64]> = part.iter().map(|(_, column)| column.values()).collect();
            let mut sink = create(eval, &names, &symbols)?;
            sink.push(&times, &values)?;
            stats.bytes_written += sink.finish()?;
        }
        stats.write_seconds = writing.elapsed().as_secs_f64();
    }
    Ok(stats)
}

/// How many columns are written side by side: each wide one is an open file.
const fn files_at_once(shape: Shape) -> usize {
    match shape {
        Shape::Wide => OPEN_FILES_MAX,
        Shape::Long => usize::MAX,
    }
}

/// Block after block: what is held does not grow with the file.
fn streamed(
    eval: &Eval,
    file: &Path,
    texts: &[(String, String)],
    place: &Place<'_>,
) -> anyhow::Result<Stats> {
    let started = Instant::now();
    let outline = catalog::outline(file)?;
    let schema = Schema {
        fields: outline.fields.iter().cloned().collect(),
        groups: outline.groups.iter().cloned().collect(),
    };
    let ready = source::ready(texts, &schema, &eval.source, place)?;
    interrupt::listen()?;
    if eval.shape == Shape::Wide && ready.set.len() > OPEN_FILES_MAX {
        bail!(
            "--stream writes {OPEN_FILES_MAX} wide files at once and there are {} expressions: use --shape long",
            ready.set.len()
        );
    }
    let names: Vec<String> = ready.set.iter().map(|(name, _)| name.clone()).collect();
    let width = Panel::stride_of(outline.symbols.len());
    let columns = outline.fields.len() + outline.groups.len() + names.len();
    let dates = (BLOCK_CELLS / width / columns.max(1)).max(1);
    let block = (columns - names.len()).saturating_mul(dates).saturating_mul(width);
    let bytes_held = affordable(ready.plan.cost(dates, outline.symbols.len()).bytes, block)?;
    let mut stream = ready.plan.stream(outline.symbols.len());
    let mut sink = create(eval, &names, &outline.symbols)?;
    let mut stats = Stats {
        names: outline.symbols.len(),
        expressions: names.len(),
        threads: 1,
        bytes_held,
        read_seconds: started.elapsed().as_secs_f64(),
        ..Stats::default()
    };
    let mut blocks = PanelBlocks::open(&outline, dates)?;
    loop {
        let started = Instant::now();
        let Some(block) = blocks.next().transpose()? else { break };
        stats.read_seconds += started.elapsed().as_secs_f64();
        let started = Instant::now();
        let fields: Vec<&[f64]> = stream
            .fields()
            .iter()
            .map(|name| block.field(name).map_or(&[][..], Column::values))
            .collect();
        let labels: Vec<&[u32]> = stream
            .groups()
            .iter()
            .map(|name| block.group(name).map_or(&[][..], market::Labels::codes))
            .collect();
        stream.push(block.times(), (&fields, &labels), interrupt::flag())?;
        stats.evaluate_seconds += started.elapsed().as_secs_f64();
        let started = Instant::now();
        let results: Vec<&[f64]> = (0..names.len()).map(|at| stream.result(at)).collect();
        sink.push(block.times(), &results)?;
        stats.write_seconds += started.elapsed().as_secs_f64();
        stats.rows += block.rows();
    }
    stats.bytes_written = sink.finish()?;
    Ok(stats)
}

/// What a stream holds: its state and results, and the cells of a block; refused if it is too much.
fn affordable(state_bytes: u64, block_cells: usize) -> Result<u64, factor::Error> {
    let needed = as_u64(block_cells).saturating_mul(8).saturating_add(state_bytes);
    if needed > MEMORY_BYTES_MAX {
        return Err(factor::Error::Memory { needed, limit: MEMORY_BYTES_MAX });
    }
    Ok(needed)
}

fn create(eval: &Eval, names: &[String], symbols: &[Symbol]) -> anyhow::Result<Sink> {
    std::fs::create_dir_all(&eval.out)
        .with_context(|| format!("cannot make the directory {}", eval.out.display()))?;
    let target = Target {
        directory: eval.out.clone(),
        format: match eval.format {
            Format::Csv => catalog::Format::Csv,
            Format::Parquet => catalog::Format::Parquet,
            Format::Arrow => catalog::Format::Arrow,
        },
        shape: match eval.shape {
            Shape::Wide => catalog::Shape::Wide,
            Shape::Long => catalog::Shape::Long,
        },
        storage: if eval.float32 { Storage::Float32 } else { Storage::Float64 },
        texts: if eval.raw { Texts::Raw } else { Texts::Harmless },
    };
    Ok(Sink::create(&target, names, symbols)?)
}

/// Some rows at a time: the columns are never there in 64 bits as a whole.
fn write_narrow(
    eval: &Eval,
    symbols: &[Symbol],
    times: &[Timestamp],
    columns: &[(String, NarrowColumn)],
) -> anyhow::Result<u64> {
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let mut sink = create(eval, &names, symbols)?;
    let stride = Panel::stride_of(symbols.len());
    for (n, times) in times.chunks(WIDENED_ROWS).enumerate() {
        let start = n * WIDENED_ROWS * stride;
        let cells = start..start + times.len() * stride;
        let wide = |(_, column): &(String, NarrowColumn)| -> Vec<f64> {
            let part = column.values().get(cells.clone()).unwrap_or_default();
            part.iter().copied().map(f64::from).collect()
        };
        let wide: Vec<Vec<f64>> = columns.iter().map(wide).collect();
        let wide: Vec<&[f64]> = wide.iter().map(Vec::as_slice).collect();
        sink.push(times, &wide)?;
    }
    Ok(sink.finish()?)
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[allow(clippy::cast_precision_loss, reason = "a speed for people")]
fn per_second(cells: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { cells as f64 / seconds } else { 0.0 }
}

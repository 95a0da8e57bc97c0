//! A sweep on disk: what was asked, and the outcome of each set as it comes.

use super::{Error, Result, Watch, results};
use catalog::{Catalog, Field};
use engine::{
    Convention, Digest, Template,
    sweep::{Grid, Row, Sweep},
};
use market::Money;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

const ASKED: &str = "sweep.json";
const ROWS: &str = "rows.jsonl";
const BATCH_BYTES: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Asked {
    text: String,
    axes: Vec<String>,
    conditions: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    number: u64,
    values: Vec<String>,
    run_id: String,
    digest: String,
    equity: String,
    fees: String,
    figures: [Option<f64>; 7],
    counts: [u64; 2],
}

fn failed(doing: &'static str, path: PathBuf) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::File { doing, path, source }
}

fn damaged(error: &dyn std::fmt::Display) -> Error {
    Error::Report { problem: error.to_string() }
}

pub(super) fn create(directory: &Path, template: &Template, grid: &Grid) -> Result<()> {
    results::make_directory(directory).map_err(failed("make", directory.to_owned()))?;
    let asked = Asked {
        text: template.text().to_owned(),
        axes: grid.axes().iter().map(ToString::to_string).collect(),
        conditions: grid.conditions().iter().map(ToString::to_string).collect(),
    };
    let path = directory.join(ASKED);
    let bytes = serde_json::to_vec(&asked).map_err(|e| damaged(&e))?;
    fs::write(&path, bytes).map_err(failed("write", path))
}

pub(super) fn open(directory: &Path) -> Result<(Template, Grid)> {
    let path = directory.join(ASKED);
    let bytes = fs::read(&path).map_err(failed("read", path))?;
    let asked: Asked = serde_json::from_slice(&bytes).map_err(|e| damaged(&e))?;
    let template = Template::parse(&asked.text).map_err(Error::Strategy)?;
    let axes: Result<Vec<_>, _> = asked.axes.iter().map(|text| text.parse()).collect();
    let conditions: Result<Vec<_>, _> = asked.conditions.iter().map(|text| text.parse()).collect();
    let grid = Grid::new(
        &template,
        axes.map_err(|e: engine::sweep::Error| damaged(&e))?,
        conditions.map_err(|e: engine::sweep::Error| damaged(&e))?,
    );
    Ok((template, grid.map_err(|e| damaged(&e))?))
}

pub(super) fn rows(directory: &Path) -> Result<Vec<Row>> {
    let text = fs::read_to_string(directory.join(ROWS)).unwrap_or_default();
    let mut rows: Vec<Row> = text.lines().filter_map(|line| read(line)).collect();
    rows.sort_by_key(|row| row.number);
    Ok(rows)
}

fn read(line: &str) -> Option<Row> {
    let line: Line = serde_json::from_str(line).ok()?;
    let digest = |text: &str| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Digest(bytes))
    };
    let [total_return, sharpe, max_drawdown, win_rate, profit_factor, turnover, exposure] =
        line.figures;
    Some(Row {
        number: line.number,
        values: line.values.iter().map(|v| Money::parse(v).ok()).collect::<Option<_>>()?,
        run_id: digest(&line.run_id)?,
        digest: digest(&line.digest)?,
        equity: Money::parse(&line.equity).ok()?,
        total_return,
        sharpe,
        max_drawdown,
        fills: line.counts[0],
        trades: line.counts[1],
        win_rate,
        profit_factor,
        fees: Money::parse(&line.fees).ok()?,
        turnover,
        exposure,
    })
}

fn line(row: &Row) -> Line {
    Line {
        number: row.number,
        values: row.values.iter().map(ToString::to_string).collect(),
        run_id: row.run_id.to_string(),
        digest: row.digest.to_string(),
        equity: row.equity.to_string(),
        fees: row.fees.to_string(),
        figures: [
            row.total_return,
            row.sharpe,
            row.max_drawdown,
            row.win_rate,
            row.profit_factor,
            row.turnover,
            row.exposure,
        ],
        counts: [row.fills, row.trades],
    }
}

/// Goes on until all sets are there, or until it is stopped.
pub(super) fn run(catalog: &Catalog, directory: &Path, watch: &Watch) -> Result<()> {
    let (template, grid) = open(directory)?;
    let strategy = template.strategy();
    let manifest = catalog.manifest(&strategy.data)?;
    if strategy.convention == Convention::NextOpen
        && !manifest.dataset.fields.contains(&Field::Open)
    {
        return Err(Error::NoOpen { data: strategy.data.clone() });
    }
    let mut series =
        catalog.series(&strategy.data, strategy.universe.as_deref(), strategy.adjust)?;
    series.sort_by(|a, b| a.instrument().symbol.cmp(&b.instrument().symbol));
    let sweep = Sweep::new(&template, &grid, &series).map_err(|e| damaged(&e))?;
    let there = rows(directory)?;
    let left: Vec<u64> = (0..grid.sets())
        .filter(|n| there.binary_search_by_key(n, |row| row.number).is_err())
        .collect();
    let mut done = there.len() as u64;
    let path = directory.join(ROWS);
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(failed("open", path.clone()))?;
    for batch in left.chunks(sweep.batch_sets(BATCH_BYTES).min(8)) {
        if watch.is_stopped() {
            return Err(Error::Cancelled);
        }
        let rows = sweep.run_batch(batch, watch.flag()).map_err(|error| match error {
            engine::sweep::Error::Engine(engine::Error::Cancelled)
            | engine::sweep::Error::Run { source: engine::Error::Cancelled, .. } => {
                Error::Cancelled
            }
            other => damaged(&other),
        })?;
        let mut text = String::new();
        for row in &rows {
            text += &serde_json::to_string(&line(row)).map_err(|e| damaged(&e))?;
            text.push('\n');
        }
        file.write_all(text.as_bytes()).map_err(failed("write", path.clone()))?;
        file.sync_data().map_err(failed("flush", path.clone()))?;
        done += rows.len() as u64;
        watch.tell(done, grid.sets());
    }
    Ok(())
}

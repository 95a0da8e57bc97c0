//! A strategy over history: text in, figures and files out; nothing is written here.

use super::{
    Error, FILLS, Files, JSON, ORDERS, Part, REFUSALS, Result, TEARSHEET, TICKS, TRADES, Watch,
    quotes, results::Scratch,
};
use crate::{
    report::{self, ResultDocument},
    tearsheet,
};
use catalog::{Catalog, Field};
use engine::{Convention, Outcome, Resources, Strategy};
use market::BarSeries;
use portfolio::EquityPoint;
use serde_json::Value;
use std::{ops::ControlFlow, path::Path, sync::atomic::AtomicBool};

/// What came of a run.
#[derive(Debug)]
pub struct Computed {
    /// Hash of data, strategy, convention and semantics.
    pub run_id: String,
    /// Digest of the outcome.
    pub digest: String,
    /// What the strategy calls itself.
    pub name: String,
    /// The figures that people look at first, JSON.
    pub summary: Value,
    /// The result's files.
    pub files: Files,
    /// Where some of the files lie until they are placed.
    pub scratch: Option<Scratch>,
}

/// Bytes that the expressions of one run may take at their peak.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// Runs a strategy over the catalogue's prices.
pub(super) fn compute(
    (catalog, results): (&Catalog, &Path),
    text: &str,
    watch: &Watch,
) -> Result<Computed> {
    let strategy: Strategy = engine::parse_strategy(text).map_err(Error::Strategy)?;
    if strategy.clock.counts_quotes() {
        let dataset = strategy.data.clone();
        return compute_on_quotes((catalog, results), (&strategy, text), &dataset, watch);
    }
    let series = series_of(catalog, &strategy)?;
    compute_on(&strategy, text, &series, watch)
}

/// Runs a strategy, with its text as it was written, over a dataset's quotes.
pub(crate) fn compute_on_quotes(
    (catalog, results): (&Catalog, &Path),
    (strategy, text): (&Strategy, &str),
    dataset: &str,
    watch: &Watch,
) -> Result<Computed> {
    let manifest = catalog.manifest(dataset)?;
    quotes::compute((catalog, results), (strategy, &manifest, text), watch)
}

/// The digest of what a strategy on quotes would trade on in a dataset.
pub(crate) fn quotes_digest(
    catalog: &Catalog,
    strategy: &Strategy,
    dataset: &str,
) -> Result<Option<String>> {
    let digest = quotes::digest(catalog, (strategy, &catalog.manifest(dataset)?));
    Ok(digest.map(|digest| digest.to_string()))
}

/// The bars that a strategy runs on.
pub(crate) fn series_of(catalog: &Catalog, strategy: &Strategy) -> Result<Vec<BarSeries>> {
    let manifest = catalog.manifest(&strategy.data)?;
    // Ticks are refused here.
    manifest.bar()?;
    if strategy.convention == Convention::NextOpen
        && !manifest.dataset.fields.contains(&Field::Open)
    {
        return Err(Error::NoOpen { data: strategy.data.clone() });
    }
    Ok(catalog.series(&strategy.data, strategy.universe.as_deref(), strategy.adjust)?)
}

/// Runs a strategy, with its text as it was written, over these bars.
pub(crate) fn compute_on(
    strategy: &Strategy,
    text: &str,
    series: &[BarSeries],
    watch: &Watch,
) -> Result<Computed> {
    let threads = std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN);
    let resources = Resources {
        threads,
        memory_bytes_max: MEMORY_BYTES_MAX,
        ticks: engine::ticks::Recording::Blocks,
    };
    let mut looking = Looking { watch };
    let outcome = engine::backtest_on(strategy, series, &resources, &mut looking)?;
    let executions = report::Executions::of(&outcome).map_err(|e| failed(&e))?;
    let orders = executions.orders().map_err(engine::Error::from)?;
    let document = ResultDocument::of(&outcome, text).map_err(engine::Error::from)?;
    let tables = vec![
        (TRADES, report::trades_csv(&document)),
        (FILLS, report::to_csv(report::FILLS, executions.fills())),
        (ORDERS, report::to_csv(report::ORDERS, orders)),
        (REFUSALS, report::to_csv(report::REFUSALS, executions.refusals())),
    ];
    let bytes = |(name, table): (_, Result<Vec<u8>, _>)| {
        table.map(|bytes| (name, Part::Bytes(bytes))).map_err(|e: csv::Error| failed(&e))
    };
    let mut parts: Vec<_> = tables.into_iter().map(bytes).collect::<Result<_>>()?;
    let ticks = engine::ticks::write_chain(outcome.run_id, &outcome.simulation.blocks);
    parts.push((TICKS, Part::Bytes(ticks)));
    written((&outcome, &document), (parts, None))
}

/// What cannot be put into words.
pub(super) fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::Report { problem: error.to_string() }
}

/// A result whose tables and ticks are there.
pub(super) fn written(
    (outcome, document): (&Outcome, &ResultDocument),
    (mut parts, scratch): (Vec<(&'static str, Part)>, Option<Scratch>),
) -> Result<Computed> {
    let mut summary = serde_json::to_value(&document.summary).map_err(|e| failed(&e))?;
    if let Some(fields) = summary.as_object_mut() {
        fields.insert("spark".to_owned(), spark(&outcome.simulation.curve).into());
    }
    parts.push((JSON, Part::Bytes(document.to_json().map_err(|e| failed(&e))?)));
    parts.push((TEARSHEET, Part::Bytes(tearsheet::render(document).into_bytes())));
    Ok(Computed {
        run_id: outcome.run_id.to_string(),
        digest: outcome.digest.to_string(),
        name: outcome.strategy.name.clone(),
        summary,
        files: Files::new(parts),
        scratch,
    })
}

/// Points of a list's little curve.
const SPARK_POINTS: usize = 32;

/// A few values of the equity curve, evenly spaced, the first and the last among them.
fn spark(curve: &[EquityPoint]) -> Vec<f64> {
    let last = curve.len().saturating_sub(1);
    let points = SPARK_POINTS.min(curve.len());
    let at = |n: usize| n * last / points.saturating_sub(1).max(1);
    (0..points).filter_map(|n| curve.get(at(n))).map(|point| point.equity.to_f64()).collect()
}

struct Looking<'a> {
    watch: &'a Watch,
}

impl engine::Watch for Looking<'_> {
    fn progress(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        self.watch.tell(done as u64, total as u64);
        if self.watch.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn cancel(&self) -> Option<&AtomicBool> {
        Some(self.watch.flag())
    }
}

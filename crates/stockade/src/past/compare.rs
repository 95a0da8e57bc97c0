//! Where two runs part, and why.

use super::PastRun;
use crate::desk::Result;
use catalog::Catalog;
use engine::{
    Blotter,
    diff::{Comparison, Difference, Run, Traded, diff},
};
use market::{BarSeries, Instrument, Price, Quantity, Symbol};
use serde::Serialize;
use std::collections::BTreeMap;

/// Two runs held against one another, in words.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// Names of the two.
    pub runs: [String; 2],
    /// Their digests are the same: not a bit differs.
    pub identical: bool,
    /// Keys of the strategy that differ: the key, one value, the other.
    pub rules: Vec<(String, String, String)>,
    /// The semantics' numbers of the engines.
    pub semantics: [u32; 2],
    /// Digests of the data.
    pub data: [String; 2],
    /// The first bar of each instrument that differs, where both tapes are still in the catalogue.
    pub bars: Vec<String>,
    /// What could not be looked at.
    pub notes: Vec<String>,
    /// Trades that are the same in both.
    pub same: usize,
    /// Trades that are not, in the order of time.
    pub differences: Vec<DifferenceRow>,
}

/// One trade on which they disagree.
#[derive(Debug, Serialize)]
pub struct DifferenceRow {
    /// When it was decided.
    pub decided: String,
    /// What was traded.
    pub symbol: String,
    /// Which way.
    pub side: String,
    /// What one did.
    pub a: String,
    /// What the other did.
    pub b: String,
    /// `data`, `latency`, `fill`, `fee`, `rule`, `code`, `follows` or `unexplained`.
    pub cause: &'static str,
    /// The cause in words.
    pub why: String,
}

/// Compares two past runs; bars are compared where the catalogue still has both tapes.
pub fn compare(a: &PastRun, b: &PastRun, catalog: &Catalog) -> Result<Compared> {
    let mut notes = Vec::new();
    let mut series = [Vec::new(), Vec::new()];
    if a.document.data.digest != b.document.data.digest {
        for (past, series) in [a, b].into_iter().zip(&mut series) {
            match past.series(catalog) {
                Ok((_, found)) => *series = found,
                Err(error) => notes.push(format!("bars are not compared: {error}")),
            }
        }
        if series.iter().any(Vec::is_empty) {
            series = [Vec::new(), Vec::new()];
        }
    }
    let (blotters, names) = ([a.blotter()?, b.blotter()?], [names(a), names(b)]);
    let ([of_a, of_b], [names_a, names_b], [bars_a, bars_b]) = (&blotters, &names, &series);
    let run = |past, blotter, symbols, series| run_of(past, (blotter, symbols), series);
    let comparison = diff(&run(a, of_a, names_a, bars_a), &run(b, of_b, names_b, bars_b));
    Ok(told([a, b], comparison, notes))
}

fn run_of<'a>(
    past: &'a PastRun,
    (blotter, symbols): (&'a Blotter, &'a [Symbol]),
    series: &'a [BarSeries],
) -> Run<'a> {
    let semantics = past.document.engine.semantics;
    Run { strategy: &past.strategy, semantics, symbols, blotter, series }
}

fn names(past: &PastRun) -> Vec<Symbol> {
    past.instruments().map(|one| one.symbol).collect()
}

fn told([a, b]: [&PastRun; 2], found: Comparison, notes: Vec<String>) -> Compared {
    let known: BTreeMap<Symbol, Instrument> =
        [b, a].iter().flat_map(|p| p.instruments()).map(|i| (i.symbol.clone(), i)).collect();
    let price = |symbol: &Symbol, price: Price| {
        known.get(symbol).map_or_else(String::new, |one| one.price_scale.format(price.0))
    };
    let bars = found.data.iter().map(|bar| {
        let side = |prices: Option<(Price, Price)>| {
            prices.map_or_else(
                || "no bar".to_owned(),
                |(open, close)| {
                    format!("open {} close {}", price(&bar.symbol, open), price(&bar.symbol, close))
                },
            )
        };
        format!("{} at {}: {} against {}", bar.symbol, bar.time, side(bar.a), side(bar.b))
    });
    let documents = [&a.document, &b.document];
    Compared {
        runs: documents.map(|document| document.run_id.clone()),
        identical: a.document.digest == b.document.digest,
        semantics: documents.map(|document| document.engine.semantics),
        data: documents.map(|document| document.data.digest.clone()),
        bars: bars.collect(),
        notes,
        same: found.same,
        differences: found.differences.iter().map(|one| row(&known, one)).collect(),
        rules: found.rules,
    }
}

fn row(known: &BTreeMap<Symbol, Instrument>, one: &Difference) -> DifferenceRow {
    let side = |traded: Option<Traded>| {
        let nothing = || "no order".to_owned();
        traded.map_or_else(nothing, |traded| in_words(known.get(&one.symbol), &traded))
    };
    DifferenceRow {
        decided: one.decided.to_string(),
        symbol: one.symbol.to_string(),
        side: one.side.to_string(),
        a: side(one.a),
        b: side(one.b),
        cause: one.cause.name(),
        why: one.cause.to_string(),
    }
}

/// What came of an order: `30 of 30 at 10.05 on 2020-01-07, fees 0.30`.
fn in_words(instrument: Option<&Instrument>, traded: &Traded) -> String {
    let size = |quantity: Quantity| {
        let lots = i64::try_from(quantity.0).unwrap_or(i64::MAX);
        instrument.map_or_else(|| quantity.0.to_string(), |one| one.lot_scale.format(lots))
    };
    let asked = size(traded.asked);
    let Some(time) = traded.time else { return format!("0 of {asked}") };
    let units = instrument.map_or(1, |one| i128::from(one.lot_scale.units()));
    let mean = traded.notional.scaled(units, i128::from(traded.filled.0.max(1)));
    let mean = mean.map(|price| price.to_string()).unwrap_or_default();
    format!("{} of {asked} at {mean} on {time}, fees {}", size(traded.filled), traded.fees)
}

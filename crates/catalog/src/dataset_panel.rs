//! A dataset as a panel: its price fields and its extra columns over one calendar.

use crate::{Catalog, Content, Error, Field, Manifest, Result, catalog::wanted, part};
use market::{Adjustment, BarSeries, Column, Panel, Symbol, Timestamp, adjust_splits};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What bars always have.
const PRICES: [Field; 5] = [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume];
/// Bytes of a bar while a panel is made: its time and five fields, and its time in the calendar.
const BAR_BYTES: u64 = 7 * 8;

impl Manifest {
    /// The numeric fields that a panel of this dataset has, sorted.
    #[must_use]
    pub fn panel_fields(&self) -> Vec<String> {
        let own = self.dataset.fields.iter().map(|field| price_name(*field).to_owned());
        let mut names: Vec<String> = own.chain(self.dataset.extra.iter().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

const fn price_name(field: Field) -> &'static str {
    match field {
        Field::Open => "open",
        Field::High => "high",
        Field::Low => "low",
        Field::Close => "close",
        Field::Volume => "volume",
        Field::Bid => "bid",
        Field::Ask => "ask",
        Field::BidSize => "bid_size",
        Field::AskSize => "ask_size",
        Field::Price => "price",
        Field::Size => "size",
        Field::Side => "side",
    }
}

/// One symbol's bars, and as many extra values for each.
struct Rows {
    bars: BarSeries,
    extra: Vec<f64>,
}

impl Catalog {
    /// The given symbols, or all, as a panel over the union of their times, beside the digest of
    /// the columns it was made of; checksums are verified.
    ///
    /// Splits apply to prices and volumes only: what an extra column holds, its source has
    /// adjusted or not. An extra column that is called like a price field gives way to it. A
    /// panel that takes more than `bytes_max` bytes while it is made is refused before it is
    /// made, and before any bar is read if the manifest shows it.
    pub fn panel(
        &self,
        name: &str,
        symbols: Option<&[Symbol]>,
        adjustment: Adjustment,
        bytes_max: u64,
    ) -> Result<(String, Panel)> {
        self.stable(name, |manifest, dir| {
            let panel = panel(manifest, dir, symbols, (adjustment, bytes_max))?;
            Ok((manifest.dataset.digest.clone(), panel))
        })
    }
}

fn panel(
    manifest: &Manifest,
    dir: &Path,
    symbols: Option<&[Symbol]>,
    (adjustment, bytes_max): (Adjustment, u64),
) -> Result<Panel> {
    manifest.must_hold(Content::Bars)?;
    let dataset = &manifest.dataset;
    let names: Vec<Symbol> =
        wanted(manifest, symbols)?.into_iter().map(|instrument| instrument.symbol).collect();
    let names: BTreeSet<&Symbol> = names.iter().collect();
    let afford = |rows: u64| {
        let needed = bytes(manifest, &names, rows);
        let fits = needed <= bytes_max;
        let refused =
            || Error::PanelSize { dataset: dataset.name.clone(), needed, limit: bytes_max };
        fits.then_some(()).ok_or_else(refused)
    };
    let own = manifest.instruments.iter().filter(|entry| names.contains(&entry.symbol));
    // The union of all times is no shorter than the longest of them.
    afford(own.map(|entry| entry.rows).max().unwrap_or(0))?;
    let (series, extra) = read(manifest, dir, &names, adjustment)?;
    afford(calendar_rows(&series))?;
    let mut panel = Panel::from_series(&series);
    for field in PRICES.into_iter().filter(|field| !dataset.fields.contains(field)) {
        panel.remove(price_name(field));
    }
    place_extra(&mut panel, &dataset.extra, &extra, &series)?;
    Ok(panel)
}

/// The bars in order of symbol, and the extra values of each.
fn read(
    manifest: &Manifest,
    dir: &Path,
    names: &BTreeSet<&Symbol>,
    adjustment: Adjustment,
) -> Result<(Vec<BarSeries>, Vec<Vec<f64>>)> {
    let mut found: BTreeMap<&Symbol, Rows> = BTreeMap::new();
    for entry in manifest.instruments.iter().filter(|entry| names.contains(&entry.symbol)) {
        let bars = BarSeries::from_bars(entry.instrument(), manifest.bar()?, [])?;
        found.insert(&entry.symbol, Rows { bars, extra: Vec::new() });
    }
    for partition in &manifest.partitions {
        part::read(dir, manifest, partition, Some(names), &mut |entry, bar, extra| {
            if let Some(rows) = found.get_mut(&entry.symbol) {
                rows.bars.push(*bar)?;
                rows.extra.extend_from_slice(extra);
            }
            Ok(())
        })?;
    }
    let actions = manifest.corporate_actions();
    let mut series = Vec::with_capacity(found.len());
    let mut extra = Vec::with_capacity(found.len());
    for rows in found.into_values() {
        series.push(match adjustment {
            Adjustment::Raw => rows.bars,
            Adjustment::Splits => adjust_splits(&rows.bars, &actions)?,
        });
        extra.push(rows.extra);
    }
    Ok((series, extra))
}

/// Bytes of a panel of so many rows while it is made, what it is made of included.
fn bytes(manifest: &Manifest, names: &BTreeSet<&Symbol>, rows: u64) -> u64 {
    let extra = manifest.dataset.extra.len();
    let columns = (manifest.dataset.fields.len() + extra).max(PRICES.len()) as u64;
    let cells = rows.saturating_mul(Panel::stride_of(names.len()) as u64);
    let own = manifest.instruments.iter().filter(|entry| names.contains(&entry.symbol));
    let bars = own.fold(0_u64, |sum, entry| sum.saturating_add(entry.rows));
    let each = BAR_BYTES + 8 * extra as u64;
    cells.saturating_mul(8 * columns).saturating_add(bars.saturating_mul(each))
}

fn calendar_rows(series: &[BarSeries]) -> u64 {
    let mut times: Vec<Timestamp> = series.iter().flat_map(BarSeries::times).copied().collect();
    times.sort_unstable();
    times.dedup();
    times.len() as u64
}

fn place_extra(
    panel: &mut Panel,
    names: &[String],
    extra: &[Vec<f64>],
    series: &[BarSeries],
) -> Result<()> {
    let times = panel.times().to_vec();
    let (rows, width) = (panel.rows(), panel.symbols().len());
    for (at, name) in names.iter().enumerate() {
        if panel.field(name).is_some() {
            continue;
        }
        let mut column = Column::missing(rows, width);
        for (j, (one, extra)) in series.iter().zip(extra).enumerate() {
            let mut t = 0;
            for (time, values) in one.times().iter().zip(extra.chunks(names.len())) {
                while times.get(t).is_some_and(|known| known < time) {
                    t += 1;
                }
                let value = values.get(at).copied().unwrap_or(f64::NAN);
                if times.get(t) == Some(time) && value.is_finite() {
                    column.set(t, j, value);
                }
            }
        }
        panel.insert(name.clone(), column)?;
    }
    Ok(())
}

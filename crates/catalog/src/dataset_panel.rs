//! A dataset as a panel: its price fields and its extra columns over one calendar.

use crate::{Catalog, Error, Field, Manifest, Result, part};
use market::{Adjustment, BarSeries, Column, Panel, Symbol, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

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
    }
}

/// Extra values of one symbol, a row a bar.
type Extra = Vec<(Timestamp, Vec<f64>)>;

impl Catalog {
    /// The given symbols, or all, as a panel over the union of their times; checksums are
    /// verified.
    ///
    /// Splits apply to prices and volumes only: what an extra column holds, its source has
    /// adjusted or not. An extra column that is called like a price field gives way to it. A
    /// panel of more than `bytes_max` bytes is refused before it is made.
    pub fn panel(
        &self,
        name: &str,
        symbols: Option<&[Symbol]>,
        adjustment: Adjustment,
        bytes_max: u64,
    ) -> Result<Panel> {
        let manifest = self.manifest(name)?;
        let mut series = self.series(name, symbols, adjustment)?;
        series.sort_by(|a, b| a.instrument().symbol.cmp(&b.instrument().symbol));
        let needed = bytes(&series, manifest.dataset.extra.len());
        if needed > bytes_max {
            return Err(Error::PanelSize { dataset: name.to_owned(), needed, limit: bytes_max });
        }
        let bars = Panel::from_series(&series);
        let mut panel = Panel::new(bars.times().to_vec(), bars.symbols().to_vec());
        if !manifest.dataset.extra.is_empty() {
            let extra = self.extra(name, symbols)?;
            place_extra(&mut panel, &manifest.dataset.extra, &extra, &series)?;
        }
        for field in &manifest.dataset.fields {
            if let Some(column) = bars.field(price_name(*field)) {
                panel.insert(price_name(*field), column.clone())?;
            }
        }
        Ok(panel)
    }

    /// The extra values of the given symbols, or of all, bar by bar.
    fn extra(&self, name: &str, symbols: Option<&[Symbol]>) -> Result<BTreeMap<Symbol, Extra>> {
        self.stable(name, |manifest, dir| {
            let set: BTreeSet<&Symbol> = symbols.into_iter().flatten().collect();
            let filter = symbols.is_some().then_some(&set);
            let mut found: BTreeMap<Symbol, Extra> = BTreeMap::new();
            for partition in &manifest.partitions {
                part::read(dir, manifest, partition, filter, &mut |entry, bar, extra| {
                    let rows = found.entry(entry.symbol.clone()).or_default();
                    rows.push((bar.open_time, extra.to_vec()));
                    Ok(())
                })?;
            }
            Ok(found)
        })
    }
}

/// Bytes of a panel of these series, while it is made.
fn bytes(series: &[BarSeries], extra: usize) -> u64 {
    let mut times: Vec<Timestamp> = series.iter().flat_map(BarSeries::times).copied().collect();
    times.sort_unstable();
    times.dedup();
    let cells = (times.len() as u64).saturating_mul(Panel::stride_of(series.len()) as u64);
    cells.saturating_mul(8 * (5 + extra as u64))
}

fn place_extra(
    panel: &mut Panel,
    names: &[String],
    extra: &BTreeMap<Symbol, Extra>,
    series: &[BarSeries],
) -> Result<()> {
    let times = panel.times().to_vec();
    let (rows, width) = (panel.rows(), panel.symbols().len());
    for (at, name) in names.iter().enumerate() {
        let mut column = Column::missing(rows, width);
        for (j, one) in series.iter().enumerate() {
            let mut t = 0;
            for (time, values) in extra.get(&one.instrument().symbol).into_iter().flatten() {
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

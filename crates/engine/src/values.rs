//! A strategy's expressions over its data, row by row, as the kernel takes them.

use crate::{Decision, Error, Flags, Resources, Rules, Strategy};
use factor::{Expression, Limits, Plan, Run, Schema, Type};
use market::{BarSeries, Column, Panel, Symbol, Timestamp};
use std::{collections::BTreeSet, sync::atomic::AtomicBool};

/// One value per row of the calendar and instrument.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Which signals are true.
    Signals {
        /// Row after row.
        flags: Vec<Flags>,
        /// Instruments.
        names: usize,
    },
    /// Truth: equal weights over the true names.
    Members(Column),
    /// Fractions of equity.
    Weights(Column),
}

impl Values {
    /// The values of one row; none outside the calendar.
    #[inline]
    #[must_use]
    pub fn row(&self, row: usize) -> Decision<'_> {
        match self {
            Self::Signals { flags, names } => {
                Decision::Signals(flags.get(row * names..(row + 1) * names).unwrap_or(&[]))
            }
            Self::Members(column) => Decision::Members(column.row(row)),
            Self::Weights(column) => Decision::Weights(column.row(row)),
        }
    }
}

/// The union of all times: the calendar on which windows count rows.
#[must_use]
pub(crate) fn calendar(series: &[BarSeries]) -> Vec<Timestamp> {
    if let [only] = series {
        return only.times().to_vec();
    }
    let mut times: Vec<Timestamp> = series.iter().flat_map(BarSeries::times).copied().collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// Evaluates a strategy's expressions over series in symbol order.
pub fn evaluate(
    strategy: &Strategy,
    series: &[BarSeries],
    resources: &Resources,
    cancel: &AtomicBool,
) -> Result<Values, Error> {
    let set = strategy.expressions();
    let panel = panel(series, &set)?;
    let plan = Plan::new(&set, &Schema::bars(), &Limits::default())?;
    let run =
        Run { threads: resources.threads, cancel, memory_bytes_max: resources.memory_bytes_max };
    let mut columns = plan.evaluate(&panel, &run)?;
    match &strategy.rules {
        Rules::Signals(_) => Ok(signals(&columns, series.len(), panel.rows())),
        Rules::Weights { target, .. } => {
            let column = columns.pop().map_or_else(|| Column::missing(0, 1), |(_, column)| column);
            let truth = target.result_type() == Type::Truth;
            Ok(if truth { Values::Members(column) } else { Values::Weights(column) })
        }
    }
}

/// Only the fields that the expressions name: a panel pads each row to a register's width, so a
/// field that nobody reads is expensive for a single name.
fn panel(series: &[BarSeries], set: &[(String, Expression)]) -> Result<Panel, Error> {
    let symbols: Vec<Symbol> = series.iter().map(|s| s.instrument().symbol.clone()).collect();
    let mut panel = Panel::new(calendar(series), symbols);
    let fields: BTreeSet<&str> = set.iter().flat_map(|(_, e)| e.fields()).collect();
    for field in fields {
        let mut column = Column::missing(panel.rows(), series.len());
        for (j, one) in series.iter().enumerate() {
            fill(&mut column, panel.times(), one, field, j);
        }
        panel.insert(field, column)?;
    }
    Ok(panel)
}

fn fill(column: &mut Column, times: &[Timestamp], series: &BarSeries, field: &str, j: usize) {
    let instrument = series.instrument();
    let mut write = |values: &mut dyn Iterator<Item = f64>| {
        let stride = column.stride();
        let mut cells = times.iter().zip(column.values_mut().chunks_exact_mut(stride));
        for (time, value) in series.times().iter().zip(values) {
            let here = cells.find(|(at, _)| *at == time);
            if let Some(cell) = here.and_then(|(_, row)| row.get_mut(j)) {
                *cell = value;
            }
        }
    };
    let price = |p: &market::Price| instrument.price_f64(*p);
    match field {
        "open" => write(&mut series.open().iter().map(price)),
        "high" => write(&mut series.high().iter().map(price)),
        "low" => write(&mut series.low().iter().map(price)),
        "close" => write(&mut series.close().iter().map(price)),
        _ => write(&mut series.volume().iter().map(|q| instrument.quantity_f64(*q))),
    }
}

fn signals(columns: &[(String, Column)], names: usize, rows: usize) -> Values {
    let mut flags = vec![Flags::NONE; rows * names];
    let absent = |name: &str| columns.iter().all(|(other, _)| other != name);
    for (name, column) in columns {
        let (when_true, when_false) = match name.as_str() {
            "long" if absent("exit") => (Flags::LONG, Flags::EXIT),
            "long" => (Flags::LONG, Flags::NONE),
            "exit" => (Flags::EXIT, Flags::NONE),
            "short" if absent("cover") => (Flags::SHORT, Flags::COVER),
            "short" => (Flags::SHORT, Flags::NONE),
            _ => (Flags::COVER, Flags::NONE),
        };
        let rows = column.values().chunks_exact(column.stride());
        for (flags, row) in flags.chunks_exact_mut(names.max(1)).zip(rows) {
            for (flag, value) in flags.iter_mut().zip(row) {
                let more = match *value {
                    1.0 => when_true,
                    0.0 => when_false,
                    _ => Flags::NONE,
                };
                *flag = flag.with(more);
            }
        }
    }
    Values::Signals { flags, names }
}

//! A strategy's expressions over its data, row by row, as the kernel takes them.

use crate::{Decision, Error, Flags, Resources, Rules, Strategy};
use factor::{Expression, Limits, Plan, Run, Schema, Stream, Type};
use market::{BarSeries, Column, Panel, Symbol, Timestamp};
use std::{collections::BTreeSet, ops::Range, sync::atomic::AtomicBool};

/// One value per row and instrument.
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

/// The values of consecutive rows, found by their place in the calendar.
#[derive(Debug, Clone, Copy)]
pub struct ValueRows<'a> {
    /// The values, the first row's first.
    pub values: &'a Values,
    /// The first row's place in the calendar.
    pub first: usize,
}

impl<'a> ValueRows<'a> {
    /// The values of one row; none outside.
    #[inline]
    #[must_use]
    pub fn row(&self, row: usize) -> Decision<'a> {
        let row = row.wrapping_sub(self.first);
        match self.values {
            Values::Signals { flags, names } => {
                let row = flags.get(row.saturating_mul(*names)..).unwrap_or(&[]);
                Decision::Signals(row.get(..*names).unwrap_or(&[]))
            }
            Values::Members(column) => Decision::Members(column.row(row)),
            Values::Weights(column) => Decision::Weights(column.row(row)),
        }
    }

    /// The first of these rows on which the signals of a lone instrument want another position
    /// than the one that is held; the end of the rows, if there is none.
    #[must_use]
    pub(crate) fn change(&self, held: i64, rows: Range<usize>) -> usize {
        let Values::Signals { flags, names: 1 } = self.values else { return rows.start };
        let differs =
            Flags::ALL.map(|flags| flags.wanted(held).is_some_and(|w| w != held.signum()));
        let part = rows.start.wrapping_sub(self.first)..rows.end.wrapping_sub(self.first);
        let here = flags.get(part).unwrap_or(&[]);
        let wants = |flags: &Flags| differs.get(flags.index()).copied().unwrap_or(true);
        here.iter().position(wants).map_or(rows.end, |place| rows.start + place)
    }
}

/// The union of all times: the calendar on which windows count rows.
#[must_use]
pub fn calendar(series: &[BarSeries]) -> Vec<Timestamp> {
    if let Some(first) = series.first()
        && is_lockstep(series)
    {
        return first.times().to_vec();
    }
    let mut times: Vec<Timestamp> = series.iter().flat_map(BarSeries::times).copied().collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// Whether all series have their bars at the same times: the calendar is that of each.
#[must_use]
pub(crate) fn is_lockstep(series: &[BarSeries]) -> bool {
    series.iter().zip(series.iter().skip(1)).all(|(a, b)| a.times() == b.times())
}

/// Evaluates a strategy's expressions over series in symbol order, all rows at once.
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
        Rules::Signals(_) => {
            let mut flags = vec![Flags::NONE; panel.rows() * series.len()];
            for ((_, column), role) in columns.iter().zip(Roles::of(&set).0) {
                raise(&mut flags, series.len(), (column.values(), column.stride()), role);
            }
            Ok(Values::Signals { flags, names: series.len() })
        }
        Rules::Weights { target, .. } => {
            let column = columns.pop().map_or_else(|| Column::missing(0, 1), |(_, column)| column);
            let truth = target.result_type() == Type::Truth;
            Ok(if truth { Values::Members(column) } else { Values::Weights(column) })
        }
    }
}

/// Evaluates a strategy's expressions as its rows come: the same bits as [`evaluate`], however the
/// rows are cut, in the memory of one piece.
pub struct Evaluator<'a> {
    series: &'a [BarSeries],
    stream: Stream,
    roles: Roles,
    /// Of each series, the first bar that was not taken yet.
    next: Vec<usize>,
    /// Of each field, the rows of the piece.
    fields: Vec<Vec<f64>>,
    lockstep: bool,
    values: Values,
}

/// Cells of one column that are evaluated at a time: what stays in a core's second cache.
const CELLS: usize = 16_384;

impl<'a> Evaluator<'a> {
    /// Over series in symbol order.
    pub fn new(strategy: &Strategy, series: &'a [BarSeries]) -> Result<Self, Error> {
        let set = strategy.expressions();
        let stream = Plan::new(&set, &Schema::bars(), &Limits::default())?.stream(series.len());
        let (roles, values) = (Roles::of(&set), values_of(strategy, series.len()));
        let (next, fields) = (vec![0; series.len()], vec![Vec::new(); stream.fields().len()]);
        let lockstep = is_lockstep(series);
        Ok(Self { series, stream, roles, next, fields, lockstep, values })
    }

    /// Rows that are best taken at a time.
    #[must_use]
    pub fn rows(&self) -> usize {
        (CELLS / self.stream.stride()).max(1)
    }

    /// Takes the next rows of the calendar and gives their values.
    pub fn take(&mut self, times: &[Timestamp], cancel: &AtomicBool) -> Result<&Values, Error> {
        self.read(times);
        let fields: Vec<&[f64]> = self.fields.iter().map(Vec::as_slice).collect();
        self.stream.push(times, (&fields, &[]), cancel)?;
        self.roles.read(&self.stream, (times.len(), self.series.len()), &mut self.values)?;
        Ok(&self.values)
    }

    /// The values of the rows that were taken last.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// Brings the fields of these rows into the layout of a panel.
    fn read(&mut self, times: &[Timestamp]) {
        let stride = self.stream.stride();
        let from = self.next.first().copied().unwrap_or(0);
        for (name, cells) in self.stream.fields().iter().zip(&mut self.fields) {
            if self.lockstep {
                // Every cell of a name is written; what lies after the names may be anything.
                cells.resize(times.len() * stride, f64::NAN);
                interleave((cells, stride), from..from + times.len(), self.series, name);
                continue;
            }
            cells.clear();
            cells.resize(times.len() * stride, f64::NAN);
            for (j, (series, next)) in self.series.iter().zip(&self.next).enumerate() {
                fill((cells.get_mut(j..).unwrap_or(&mut []), stride), times, (series, *next), name);
            }
        }
        let Some(last) = times.last() else { return };
        for (series, next) in self.series.iter().zip(&mut self.next) {
            *next += if self.lockstep {
                times.len()
            } else {
                let rest = series.times().get(*next..).unwrap_or(&[]);
                let most = rest.get(..times.len().min(rest.len())).unwrap_or(rest);
                most.partition_point(|time| time <= last)
            };
        }
    }
}

/// Writes a field of the same bars of all series, in blocks of names that share a cache line.
fn interleave(
    (cells, stride): (&mut [f64], usize),
    bars: Range<usize>,
    series: &[BarSeries],
    field: &str,
) {
    for (block, names) in series.chunks(Panel::LANES).enumerate() {
        let cells = cells.get_mut(block * Panel::LANES..).unwrap_or(&mut []);
        for (lane, one) in names.iter().enumerate() {
            let instrument = one.instrument();
            let price = |p: &market::Price| instrument.price_f64(*p);
            let into = (&mut *cells, stride, lane);
            match field {
                "open" => spread(into, one.open().get(bars.clone()), price),
                "high" => spread(into, one.high().get(bars.clone()), price),
                "low" => spread(into, one.low().get(bars.clone()), price),
                "close" => spread(into, one.close().get(bars.clone()), price),
                _ => spread(into, one.volume().get(bars.clone()), |q| instrument.quantity_f64(*q)),
            }
        }
    }
}

/// Writes values down one lane of consecutive rows.
fn spread<T>(
    (cells, stride, lane): (&mut [f64], usize, usize),
    values: Option<&[T]>,
    number: impl Fn(&T) -> f64,
) {
    for (row, value) in cells.chunks_mut(stride).zip(values.unwrap_or(&[])) {
        if let Some(cell) = row.get_mut(lane) {
            *cell = number(value);
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
        let stride = column.stride();
        for (j, one) in series.iter().enumerate() {
            let cells = column.values_mut().get_mut(j..).unwrap_or(&mut []);
            fill((cells, stride), panel.times(), (one, 0), field);
        }
        panel.insert(field, column)?;
    }
    Ok(panel)
}

/// Writes a field of a series, from one of its bars on, into the first cell of each row that has
/// the bar's time.
fn fill(
    (cells, stride): (&mut [f64], usize),
    times: &[Timestamp],
    (series, from): (&BarSeries, usize),
    field: &str,
) {
    let instrument = series.instrument();
    let own = series.times().get(from..).unwrap_or(&[]);
    let rows = (times, cells, stride);
    let price = |p: &market::Price| instrument.price_f64(*p);
    match field {
        "open" => write(rows, own, series.open().iter().skip(from).map(price)),
        "high" => write(rows, own, series.high().iter().skip(from).map(price)),
        "low" => write(rows, own, series.low().iter().skip(from).map(price)),
        "close" => write(rows, own, series.close().iter().skip(from).map(price)),
        _ => {
            let size = |q: &market::Quantity| instrument.quantity_f64(*q);
            write(rows, own, series.volume().iter().skip(from).map(size));
        }
    }
}

/// Writes values, each with its time, into the first cells of the rows of those times.
fn write(
    (times, cells, stride): (&[Timestamp], &mut [f64], usize),
    own: &[Timestamp],
    values: impl Iterator<Item = f64>,
) {
    let mut rows = times.iter().zip(cells.chunks_mut(stride));
    for (time, value) in own.iter().zip(values) {
        let Some((at, row)) = rows.find(|(at, _)| *at >= time) else { return };
        if at > time {
            return;
        }
        if let Some(cell) = row.first_mut() {
            *cell = value;
        }
    }
}

/// Values of the shape that a strategy's rules have, of no rows yet.
pub(crate) fn values_of(strategy: &Strategy, names: usize) -> Values {
    match &strategy.rules {
        Rules::Signals(_) => Values::Signals { flags: Vec::new(), names },
        Rules::Weights { target, .. } if target.result_type() == Type::Truth => {
            Values::Members(Column::missing(0, names))
        }
        Rules::Weights { .. } => Values::Weights(Column::missing(0, names)),
    }
}

/// What each signal raises where it is true, and where it is false.
pub(crate) struct Roles(Vec<(Flags, Flags)>);

impl Roles {
    /// Of a strategy's expressions.
    pub(crate) fn of(set: &[(String, Expression)]) -> Self {
        let absent = |name: &str| set.iter().all(|(other, _)| other != name);
        let role = |(name, _): &(String, Expression)| match name.as_str() {
            "long" if absent("exit") => (Flags::LONG, Flags::EXIT),
            "long" => (Flags::LONG, Flags::NONE),
            "exit" => (Flags::EXIT, Flags::NONE),
            "short" if absent("cover") => (Flags::SHORT, Flags::COVER),
            "short" => (Flags::SHORT, Flags::NONE),
            _ => (Flags::COVER, Flags::NONE),
        };
        Self(set.iter().map(role).collect())
    }

    /// Reads a stream's latest rows, so many of so many names, into values of their shape.
    pub(crate) fn read(
        &self,
        stream: &Stream,
        (rows, names): (usize, usize),
        values: &mut Values,
    ) -> Result<(), Error> {
        match values {
            Values::Signals { flags, .. } => {
                flags.clear();
                flags.resize(rows * names, Flags::NONE);
                for (at, role) in self.0.iter().enumerate() {
                    raise(flags, names, (stream.result(at), stream.stride()), *role);
                }
            }
            Values::Members(column) | Values::Weights(column) => {
                *column = Column::from_values(stream.result(0).to_vec(), stream.stride())?;
            }
        }
        Ok(())
    }
}

fn raise(
    flags: &mut [Flags],
    names: usize,
    (cells, stride): (&[f64], usize),
    (when_true, when_false): (Flags, Flags),
) {
    let rows = cells.chunks_exact(stride);
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

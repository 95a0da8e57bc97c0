//! A strategy's expressions over its data, row by row, as the kernel takes them.

use crate::{
    Decision, Error, Flags, Resources, Rules, Strategy,
    fields::{FieldRows, fill},
};
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
        let differs = Flags::that_differ(held);
        let part = rows.start.wrapping_sub(self.first)..rows.end.wrapping_sub(self.first);
        let here = flags.get(part).unwrap_or(&[]);
        let wants = |flags: &Flags| flags.is_in(differs);
        let (eights, rest) = here.as_chunks::<8>();
        // Mostly the next eight rows say what the eight before them said.
        let mut calm = None;
        for (n, eight) in eights.iter().enumerate() {
            let said = u64::from_le_bytes(eight.map(Flags::bits));
            if calm == Some(said) {
                continue;
            }
            if let Some(place) = eight.iter().position(wants) {
                return rows.start + n * 8 + place;
            }
            calm = Some(said);
        }
        let last = rows.end - rest.len().min(rows.len());
        rest.iter().position(wants).map_or(rows.end, |place| last + place)
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
            for ((_, column), (on, off, _)) in columns.iter().zip(Roles::of(&set).0) {
                raise(&mut flags, series.len(), (column.values(), column.stride()), (on, off));
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
    names: usize,
    stream: Stream,
    roles: Roles,
    fields: FieldRows<'a>,
    values: Values,
}

/// Cells of one column that are evaluated at a time: what stays in a core's second cache.
const CELLS: usize = 16_384;

impl<'a> Evaluator<'a> {
    /// Over series in symbol order.
    pub fn new(strategy: &Strategy, series: &'a [BarSeries]) -> Result<Self, Error> {
        let set = strategy.expressions();
        let stream = stream(&Plan::new(&set, &Schema::bars(), &Limits::default())?, series.len());
        let fields = FieldRows::new(series, &stream, is_lockstep(series));
        let (roles, values) = (Roles::of(&set), values_of(strategy, series.len()));
        Ok(Self { names: series.len(), stream, roles, fields, values })
    }

    /// Rows that are best taken at a time.
    #[must_use]
    pub fn rows(&self) -> usize {
        (CELLS / Panel::stride_of(self.names)).max(1)
    }

    /// Takes the next rows of the calendar and gives their values.
    pub fn take(&mut self, times: &[Timestamp], cancel: &AtomicBool) -> Result<&Values, Error> {
        self.fields.push(times, &mut self.stream, cancel)?;
        self.roles.read(&self.stream, (times.len(), self.names), &mut self.values)?;
        Ok(&self.values)
    }

    /// The values of the rows that were taken last.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }
}

/// A stream over the rows of so many names.
pub(crate) fn stream(plan: &Plan, names: usize) -> Stream {
    if names == 1 { plan.lone_stream() } else { plan.stream(names) }
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

/// What each signal raises where it is true, and where it is false, and which of a stream's results
/// it is.
pub(crate) struct Roles(Vec<(Flags, Flags, usize)>);

impl Roles {
    /// Of a strategy's expressions, which are the stream's results in this order.
    pub(crate) fn of(set: &[(String, Expression)]) -> Self {
        Self::at(set, (0..set.len()).collect())
    }

    /// The same, where the expressions have other places among the stream's results.
    pub(crate) fn at(set: &[(String, Expression)], places: Vec<usize>) -> Self {
        let absent = |name: &str| set.iter().all(|(other, _)| other != name);
        let role = |((name, _), place): (&(String, Expression), usize)| match name.as_str() {
            "long" if absent("exit") => (Flags::LONG, Flags::EXIT, place),
            "long" => (Flags::LONG, Flags::NONE, place),
            "exit" => (Flags::EXIT, Flags::NONE, place),
            "short" if absent("cover") => (Flags::SHORT, Flags::COVER, place),
            "short" => (Flags::SHORT, Flags::NONE, place),
            _ => (Flags::COVER, Flags::NONE, place),
        };
        Self(set.iter().zip(places).map(role).collect())
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
                self.add(stream, (rows, names), flags);
            }
            Values::Members(column) | Values::Weights(column) => {
                let place = self.0.first().map_or(0, |(.., place)| *place);
                *column = spread((stream.result(place), stream.stride()), names)?;
            }
        }
        Ok(())
    }

    /// Reads a stream's latest rows, whose values are signals, behind those that are there.
    pub(crate) fn add(
        &self,
        stream: &Stream,
        (rows, names): (usize, usize),
        flags: &mut Vec<Flags>,
    ) {
        if stream.stride() == 1 {
            return self.read_lone(stream, rows, flags);
        }
        let before = flags.len();
        flags.resize(before + rows * names, Flags::NONE);
        let new = flags.get_mut(before..).unwrap_or(&mut []);
        for (when_true, when_false, place) in &self.0 {
            let cells = (stream.result(*place), stream.stride());
            raise(new, names, cells, (*when_true, *when_false));
        }
    }

    /// Reads the rows of a name whose cells lie side by side.
    fn read_lone(&self, stream: &Stream, rows: usize, flags: &mut Vec<Flags>) {
        let mut bits = [0; BLOCK];
        for from in (0..rows).step_by(BLOCK) {
            let block = bits.get_mut(..BLOCK.min(rows - from)).unwrap_or(&mut []);
            block.fill(0);
            for (when_true, when_false, place) in &self.0 {
                stream.raise((*place, from), (when_true.bits(), when_false.bits()), block);
            }
            flags.extend(block.iter().map(|bits| Flags::from_bits(*bits)));
        }
    }
}

/// Rows of a lone name that are read at a time.
const BLOCK: usize = 256;

/// A result as a column, whose rows are whole lanes.
fn spread((cells, stride): (&[f64], usize), names: usize) -> Result<Column, Error> {
    if stride == Panel::stride_of(names) {
        return Ok(Column::from_values(cells.to_vec(), stride)?);
    }
    let mut column = Column::missing(cells.len() / stride.max(1), names);
    let wide = column.stride();
    for (row, from) in column.values_mut().chunks_exact_mut(wide).zip(cells.chunks_exact(stride)) {
        row.iter_mut().zip(from).for_each(|(cell, x)| *cell = *x);
    }
    Ok(column)
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

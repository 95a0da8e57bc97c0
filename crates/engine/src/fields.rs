//! The fields of series, row by row of their calendar, in the layout in which a stream takes them.

use crate::Error;
use factor::Stream;
use market::{Bar, BarSeries, Instrument, Panel, Timestamp};
use std::{ops::Range, sync::atomic::AtomicBool};

/// Series in symbol order, and how far they were read.
pub(crate) struct FieldRows<'a> {
    series: &'a [BarSeries],
    /// Of each series, the first bar that was not taken yet.
    next: Vec<usize>,
    /// Of each field, the rows of the piece.
    fields: Vec<Vec<f64>>,
    lockstep: bool,
}

impl<'a> FieldRows<'a> {
    /// Before the first row, for a stream over them; in `lockstep` all have their bars at the same
    /// times.
    pub(crate) fn new(series: &'a [BarSeries], stream: &Stream, lockstep: bool) -> Self {
        let (next, fields) = (vec![0; series.len()], vec![Vec::new(); stream.fields().len()]);
        Self { series, next, fields, lockstep }
    }

    /// Reads the next rows of the calendar and hands them to the stream.
    pub(crate) fn push(
        &mut self,
        times: &[Timestamp],
        stream: &mut Stream,
        cancel: &AtomicBool,
    ) -> Result<(), Error> {
        self.read(times, stream);
        let fields: Vec<&[f64]> = self.fields.iter().map(Vec::as_slice).collect();
        Ok(stream.push(times, (&fields, &[]), cancel)?)
    }

    /// Brings the fields of these rows into the layout of a panel.
    fn read(&mut self, times: &[Timestamp], stream: &Stream) {
        let stride = stream.stride();
        let from = self.next.first().copied().unwrap_or(0);
        for (name, cells) in stream.fields().iter().zip(&mut self.fields) {
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

/// A field of one bar.
pub(crate) fn cell(instrument: &Instrument, bar: &Bar, field: &str) -> f64 {
    match field {
        "open" => instrument.price_f64(bar.open),
        "high" => instrument.price_f64(bar.high),
        "low" => instrument.price_f64(bar.low),
        "close" => instrument.price_f64(bar.close),
        _ => instrument.quantity_f64(bar.volume),
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

/// Writes a field of a series, from one of its bars on, into the first cell of each row that has
/// the bar's time.
pub(crate) fn fill(
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

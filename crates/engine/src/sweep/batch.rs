//! Many sets in one pass over the data.

use super::{Error, Row, Sweep};
use crate::{
    Digest, RuleTrader, Strategy, ValueRows, Values,
    fields::FieldRows,
    run_id,
    session::{BarFeed, BarSession, Curve},
    ticks::{Log, Recording},
    values::{Roles, stream, values_of},
};
use factor::{Expression, Limits, Plan, Schema, Stream};
use market::{Money, Timestamp};
use portfolio::periods_per_year;
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// One set on its way.
struct Member<'a> {
    number: u64,
    values: Vec<Money>,
    strategy: Strategy,
    run_id: Digest,
    roles: Roles,
    /// What its expressions say of the rows that it has not run over yet.
    said: Values,
    /// Once it runs.
    session: Option<BarSession<BarFeed<'a>, RuleTrader>>,
}

/// Bytes of results that are evaluated at a time: what stays in a core's second cache.
const PIECE_BYTES: usize = 1 << 20;
/// The fewest and the most rows of a piece.
const PIECE_ROWS: Range<usize> = 128..2048;
/// Bytes of signals that are worked out before the sets run over them, one set after the other: what
/// one of them uses stays in the caches, and is used again by the next one.
const SPAN_BYTES: usize = 48 << 20;

impl Sweep<'_> {
    /// Runs sets in one pass over the data. The rows come in the order of `numbers`; they do not
    /// depend on which other sets are in the batch. The flag stops it with [`crate::Error::Cancelled`].
    pub fn run_batch(&self, numbers: &[u64], cancel: &AtomicBool) -> Result<Vec<Row>, Error> {
        self.run_in_spans(numbers, SPAN_BYTES, cancel)
    }

    fn run_in_spans(
        &self,
        numbers: &[u64],
        span_bytes: usize,
        cancel: &AtomicBool,
    ) -> Result<Vec<Row>, Error> {
        let mut distinct = Distinct::default();
        let mut members = numbers
            .iter()
            .map(|n| self.member(*n, &mut distinct))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(first) = members.first() else { return Ok(Vec::new()) };
        let is_signals = matches!(first.said, Values::Signals { .. });
        let series = self.history.series();
        let plan = Plan::new(&distinct.set, &Schema::bars(), &Limits::default());
        let mut stream = stream(&plan.map_err(crate::Error::from)?, series.len());
        let mut fields = FieldRows::new(series, &stream, self.history.is_lockstep());
        let cells = distinct.set.len().max(1) * stream.stride();
        let piece = (PIECE_BYTES / 8 / cells).clamp(PIECE_ROWS.start, PIECE_ROWS.end);
        let signals = (members.len() * series.len()).max(1);
        let span = if is_signals { (span_bytes / signals).max(piece) } else { piece };
        let times = self.history.times();
        let (mut rows, mut annual) = (Vec::with_capacity(members.len()), None);
        for (at, span_times) in times.chunks(span).enumerate() {
            for piece_times in span_times.chunks(piece) {
                fields.push(piece_times, &mut stream, cancel)?;
                for member in &mut members {
                    member.read(&stream, (piece_times.len(), series.len()))?;
                }
            }
            let here = at * span..at * span + span_times.len();
            let is_last = here.end == times.len();
            for member in &mut members {
                if cancel.load(Ordering::Relaxed) {
                    return Err(crate::Error::Cancelled.into());
                }
                self.run(member, here.clone(), span_times)?;
                if is_last {
                    rows.push(self.sum_up(member, &mut annual)?);
                }
            }
        }
        Ok(rows)
    }

    fn member(&self, number: u64, distinct: &mut Distinct) -> Result<Member<'_>, Error> {
        let values = self.grid.values(number)?;
        let strategy = self.strategy(&values)?;
        let set = strategy.expressions();
        let places = set.iter().map(|(_, expression)| distinct.place(expression)).collect();
        let run_id = run_id(self.data, &strategy);
        let roles = Roles::at(&set, places);
        let said = values_of(&strategy, self.history.series().len());
        Ok(Member { number, values, strategy, run_id, roles, said, session: None })
    }

    /// Takes a set over the rows that are known.
    fn run<'a>(
        &'a self,
        member: &mut Member<'a>,
        rows: Range<usize>,
        times: &[Timestamp],
    ) -> Result<(), Error> {
        let Member { strategy, run_id, said, session, values, .. } = member;
        let taken = (|| {
            let session = if let Some(session) = session {
                session
            } else {
                let log = Log::new(Recording::Nothing, *run_id);
                let curve = Curve::planned(Arc::clone(&self.points));
                session.insert(self.history.open(strategy, log, curve)?)
            };
            let first = rows.start;
            session.run(rows, times, &ValueRows { values: said, first })
        })();
        if let Values::Signals { flags, .. } = said {
            flags.clear();
        }
        taken.map_err(|source| self.at(values, source))
    }

    /// The periods in a year depend on the times of the points, which all sets share.
    fn sum_up(&self, member: &mut Member<'_>, annual: &mut Option<f64>) -> Result<Row, Error> {
        let Member { number, values, strategy, run_id, session, said, .. } = member;
        let session = session.take().ok_or(crate::Error::NoBars)?;
        let run = session.finish().map_err(|source| self.at(values, source))?;
        // What is not needed any more makes room for the next set.
        *said = Values::Signals { flags: Vec::new(), names: 1 };
        let bar = strategy.clock.measured_by();
        let annual = *annual.get_or_insert_with(|| periods_per_year(&run.curve, bar));
        let run = (&run, self.history.instruments());
        Row::of((*number, std::mem::take(values)), (*run_id, strategy), run, annual)
    }

    fn at(&self, values: &[Money], source: crate::Error) -> Error {
        Error::Run { set: self.grid.shown(values), source }
    }
}

impl Member<'_> {
    /// Takes down what its expressions say of the stream's latest rows.
    fn read(&mut self, stream: &Stream, shape: (usize, usize)) -> Result<(), crate::Error> {
        match &mut self.said {
            Values::Signals { flags, .. } => self.roles.add(stream, shape, flags),
            said => self.roles.read(stream, shape, said)?,
        }
        Ok(())
    }
}

/// Expressions, each but once; what parts of them have in common, the plan finds.
#[derive(Default)]
struct Distinct {
    set: Vec<(String, Expression)>,
    places: BTreeMap<String, usize>,
}

impl Distinct {
    fn place(&mut self, expression: &Expression) -> usize {
        let next = self.set.len();
        let place = *self.places.entry(expression.to_string()).or_insert(next);
        if place == next {
            self.set.push((next.to_string(), expression.clone()));
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Template,
        sweep::{Axis, Grid},
    };
    use market::{Bar, BarSeries, BarSize, Instrument, Price, Quantity};

    fn series(symbol: &str, step: i64) -> BarSeries {
        let instrument = Instrument::share(symbol.parse().expect("a symbol"));
        let bar = |minute: i64| {
            let open = Price(10_000 + minute * step % 97 - minute % 41);
            let open_time = Timestamp::from_nanos(minute * BarSize::MINUTE.nanos());
            Bar { open_time, open, high: open, low: open, close: open, volume: Quantity(1) }
        };
        let bars = (0..9_000).map(bar);
        BarSeries::from_bars(instrument, BarSize::MINUTE, bars).expect("in order")
    }

    #[test]
    fn a_span_ends_anywhere() {
        let text = "version: 1\nname: n\ndata: d\nbar: 1m\nparameters: { fast: 3, slow: 20 }\n\
            signals:\n  long: ema(close, $fast) > ema(close, $slow)\nsizing: { percent: 10 }\n";
        let template = Template::parse(text).expect("a template");
        let axes = ["fast=2,3,5", "slow=20,40"].map(|axis| axis.parse::<Axis>().expect("an axis"));
        let grid = Grid::new(&template, axes.into(), Vec::new()).expect("a grid");
        let all = [series("AAA", 7), series("BBB", 11)];
        for series in [&all[..1], &all[..]] {
            let sweep = Sweep::new(&template, &grid, series).expect("a sweep");
            let numbers: Vec<u64> = (0..6).collect();
            let never = AtomicBool::new(false);
            let whole = sweep.run_in_spans(&numbers, SPAN_BYTES, &never).expect("runs");
            assert!(whole.iter().all(|row| row.trades > 50), "{whole:?}");
            for bytes in [0, 20_000, 30_001] {
                let parts = sweep.run_in_spans(&numbers, bytes, &never).expect("runs");
                assert_eq!(parts, whole, "{bytes}");
            }
        }
    }
}

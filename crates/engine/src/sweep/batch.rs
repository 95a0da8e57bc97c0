//! Many sets in one pass over the data.

use super::{Error, Row, Sweep};
use crate::{
    Digest, RuleTrader, Strategy, ValueRows, Values,
    fields::FieldRows,
    run_id,
    session::{BarSession, Curve},
    ticks::{Log, Recording},
    values::{Roles, stream, values_of},
};
use factor::{Expression, Limits, Plan, Schema, Stream};
use market::{Money, Timestamp};
use portfolio::periods_per_year;
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, atomic::AtomicBool},
};

/// One set on its way.
struct Member<'a> {
    number: u64,
    values: Vec<Money>,
    strategy: Strategy,
    run_id: Digest,
    roles: Roles,
    session: BarSession<'a, RuleTrader>,
}

/// Bytes of results that are evaluated at a time: what stays in a core's second cache.
const PIECE_BYTES: usize = 1 << 20;
/// The fewest and the most rows of a piece.
const PIECE_ROWS: Range<usize> = 128..2048;

impl Sweep<'_> {
    /// Runs sets in one pass over the data. The rows come in the order of `numbers`; they do not
    /// depend on which other sets are in the batch. The flag stops it with [`crate::Error::Cancelled`].
    pub fn run_batch(&self, numbers: &[u64], cancel: &AtomicBool) -> Result<Vec<Row>, Error> {
        let mut distinct = Distinct::default();
        let mut members = numbers
            .iter()
            .map(|n| self.member(*n, &mut distinct))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(first) = members.first() else { return Ok(Vec::new()) };
        let series = self.history.series();
        let mut scratch = values_of(&first.strategy, series.len());
        let plan = Plan::new(&distinct.set, &Schema::bars(), &Limits::default());
        let mut stream = stream(&plan.map_err(crate::Error::from)?, series.len());
        let mut fields = FieldRows::new(series, &stream, self.history.is_lockstep());
        let cells = distinct.set.len().max(1) * stream.stride();
        let piece = (PIECE_BYTES / 8 / cells).clamp(PIECE_ROWS.start, PIECE_ROWS.end);
        let times = self.history.times();
        for (at, piece_times) in times.chunks(piece).enumerate() {
            fields.push(piece_times, &mut stream, cancel)?;
            let rows = at * piece..at * piece + piece_times.len();
            for member in &mut members {
                member
                    .take((rows.clone(), piece_times), (&stream, series.len()), &mut scratch)
                    .map_err(|source| self.at(&member.values, source))?;
            }
        }
        let mut annual = None;
        members.into_iter().map(|member| self.sum_up(member, &mut annual)).collect()
    }

    fn member(&self, number: u64, distinct: &mut Distinct) -> Result<Member<'_>, Error> {
        let values = self.grid.values(number)?;
        let strategy = self.strategy(&values)?;
        let set = strategy.expressions();
        let places = set.iter().map(|(_, expression)| distinct.place(expression)).collect();
        let run_id = run_id(self.data, &strategy);
        let log = Log::new(Recording::Nothing, run_id);
        let curve = Curve::planned(Arc::clone(&self.points));
        let session = self.history.open(&strategy, log, curve);
        let session = session.map_err(|source| self.at(&values, source))?;
        let roles = Roles::at(&set, places);
        Ok(Member { number, values, strategy, run_id, roles, session })
    }

    /// The periods in a year depend on the times of the points, which all sets share.
    fn sum_up(&self, member: Member<'_>, annual: &mut Option<f64>) -> Result<Row, Error> {
        let Member { number, values, strategy, run_id, session, .. } = member;
        let run = session.finish().map_err(|source| self.at(&values, source))?;
        let annual = *annual.get_or_insert_with(|| periods_per_year(&run.curve, strategy.bar));
        let run = (&run, self.history.instruments());
        Row::of((number, values), (run_id, &strategy), run, annual)
    }

    fn at(&self, values: &[Money], source: crate::Error) -> Error {
        Error::Run { set: self.grid.shown(values), source }
    }
}

impl Member<'_> {
    fn take(
        &mut self,
        (rows, times): (Range<usize>, &[Timestamp]),
        (stream, names): (&Stream, usize),
        values: &mut Values,
    ) -> Result<(), crate::Error> {
        self.roles.read(stream, (times.len(), names), values)?;
        let first = rows.start;
        self.session.run(rows, times, &ValueRows { values, first })
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

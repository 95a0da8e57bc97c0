//! Sweeps: one strategy with many sets of values for its parameters, all in one pass over the data.
//!
//! Every set goes through the whole kernel: orders, exchange, account, curve. Only its ticks are
//! not kept; run the set alone and they are there, under the same run id and digest.

mod axis;
mod batch;
mod condition;
mod error;
mod grid;
mod row;

pub use axis::Axis;
pub use condition::Condition;
pub use error::Error;
pub use grid::{AXIS_VALUES_MAX, Grid, SETS_MAX, Shard};
pub use row::Row;

use crate::{
    Digest, Strategy, Template, columns_digest,
    history::{History, check, is_sorted},
    session::Curve,
};
use market::{BarSeries, Money, Timestamp};
use portfolio::{EquityPoint, Fill};
use std::sync::Arc;

/// A template, its grid and the data: any sets of it can be run, in any order and by many threads.
pub struct Sweep<'a> {
    template: &'a Template,
    grid: &'a Grid,
    history: History<'a>,
    data: Digest,
    /// The times of the points that every curve ends with.
    points: Arc<[Timestamp]>,
}

/// Sets that are best run at once: more share more averages, and leave the cores' caches.
pub const SETS_AT_ONCE: usize = 100;

/// Sets whose values are tried before a sweep begins.
const TRIED_MAX: usize = 10_000;

/// Rows for each fill, in the estimate of a batch's memory.
const ROWS_PER_FILL: usize = 16;

impl<'a> Sweep<'a> {
    /// Over the series of the strategy's universe, sorted by symbol. Values of an axis that make no
    /// strategy are found here, as far as they can be told one axis at a time.
    pub fn new(
        template: &'a Template,
        grid: &'a Grid,
        series: &'a [BarSeries],
    ) -> Result<Self, Error> {
        if !is_sorted(series) {
            let pair = series.windows(2).find(|pair| !is_sorted(pair)).and_then(<[_]>::last);
            let symbol = pair.map(|one| one.instrument().symbol.clone());
            return Err(Error::Unsorted {
                symbol: symbol.map_or_else(String::new, |s| s.to_string()),
            });
        }
        check(template.strategy(), series)?;
        let history = History::new(series)?;
        let (data, points) = (columns_digest(series), Curve::plan(history.times()));
        let sweep = Self { template, grid, history, data, points };
        sweep.try_values()?;
        Ok(sweep)
    }

    /// Tries every value of each axis beside the first set's others.
    fn try_values(&self) -> Result<(), Error> {
        let first = self.grid.values(0)?;
        let mut tried = 0;
        for (place, axis) in self.grid.axes().iter().enumerate() {
            for value in axis.values().iter().take(TRIED_MAX - tried) {
                let mut values = first.clone();
                if let Some(one) = values.get_mut(place) {
                    *one = *value;
                }
                let strategy = self.strategy(&values)?;
                crate::Terms::of(&strategy, self.history.instruments())
                    .map_err(|source| Error::Run { set: self.grid.shown(&values), source })?;
                tried += 1;
            }
        }
        Ok(())
    }

    /// The strategy of some values.
    fn strategy(&self, values: &[Money]) -> Result<Strategy, Error> {
        self.template.with(&self.grid.named(values)).map_err(|problems| {
            let set = self.grid.shown(values);
            Error::Strategy { set, problems }
        })
    }

    /// What is swept.
    #[must_use]
    pub const fn template(&self) -> &Template {
        self.template
    }

    /// The sets.
    #[must_use]
    pub const fn grid(&self) -> &Grid {
        self.grid
    }

    /// SHA-256 of the logical columns, as in [`crate::Outcome::data`].
    #[must_use]
    pub const fn data(&self) -> Digest {
        self.data
    }

    /// Rows of the calendar that each set goes through.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.history.times().len()
    }

    /// How many sets one batch may have in so many bytes, at least one: room for each set's curve,
    /// account and signals, and for a fill of each instrument every sixteen rows.
    #[must_use]
    pub fn batch_sets(&self, memory_bytes: u64) -> usize {
        let names = self.history.instruments().len();
        let curve = self.points.len() * size_of::<EquityPoint>();
        let fills = (self.rows() / ROWS_PER_FILL + 64) * names * size_of::<Fill>();
        let account = 4096 + names * 1024;
        let signals = self.rows() * names;
        // Growing vectors take up to twice what is in them.
        let each = (curve + 2 * fills + account + signals) as u64;
        usize::try_from(memory_bytes / each.max(1)).unwrap_or(usize::MAX).max(1)
    }
}

//! What a run on quotes comes to, in the memory of what is open: fills are summed up as they come.

use crate::{Digest, Error, Outcome, Simulation, Strategy, digest::FillHash, run_id};
use market::{Instrument, Timestamp};
use portfolio::{Contract, Fill, Totals, Trade, Trips};

/// Executions and round trips that are kept, the first ones; all are summed up.
pub const KEPT_MAX: usize = 5_000;

/// Sums up the executions of a run on the quotes of one instrument.
pub struct Tally {
    run_id: Digest,
    data: Digest,
    hash: FillHash,
    trips: Trips,
    totals: Totals,
    fills: Vec<Fill>,
    trades: Vec<Trade>,
}

/// A run on quotes and what came of it.
pub struct Tallied {
    /// With the first [`KEPT_MAX`] fills and closed round trips, and all that are open.
    pub outcome: Outcome,
    /// Of all fills and round trips.
    pub totals: Totals,
    /// Round trips that closed last, and those that are open: what [`Tally::take`] has not given.
    pub rest: Vec<Trade>,
}

impl Tally {
    /// Of a strategy on data of this digest.
    #[must_use]
    pub fn new(strategy: &Strategy, instrument: &Instrument, data: Digest) -> Self {
        let run_id = run_id(data, strategy);
        Self {
            run_id,
            data,
            hash: FillHash::new(run_id),
            trips: Trips::new(&[Contract::of(instrument)]),
            totals: Totals::default(),
            fills: Vec::new(),
            trades: Vec::new(),
        }
    }

    /// The run's name.
    #[must_use]
    pub const fn run_id(&self) -> Digest {
        self.run_id
    }

    /// The next executions; the round trips that they close.
    pub fn take(&mut self, fills: &[Fill]) -> Result<Vec<Trade>, Error> {
        for fill in fills {
            self.hash.fill(fill);
            self.totals.fill(fill)?;
            self.trips.fill(fill)?;
            if self.fills.len() < KEPT_MAX {
                self.fills.push(*fill);
            }
        }
        let closed = self.trips.take();
        for trade in &closed {
            self.totals.trade(trade)?;
            if self.trades.len() < KEPT_MAX {
                self.trades.push(*trade);
            }
        }
        Ok(closed)
    }

    /// What it comes to, with what the run gave at its end: `rows` in all, the last quote at `last`.
    pub fn finish(
        mut self,
        (strategy, instrument): (&Strategy, &Instrument),
        mut simulation: Simulation,
        (rows, last): (usize, Timestamp),
    ) -> Result<Tallied, Error> {
        let mut rest = self.take(&std::mem::take(&mut simulation.fills))?;
        let last_row = u32::try_from(rows.saturating_sub(1)).unwrap_or(u32::MAX);
        let open = self.trips.finish(&simulation.latest, last_row)?;
        let digest = self.hash.finish(&simulation);
        simulation.fills = self.fills;
        let mut trades = self.trades;
        trades.extend(&open);
        rest.extend(open);
        let outcome = Outcome {
            run_id: self.run_id,
            data: self.data,
            digest,
            strategy: strategy.clone(),
            instruments: vec![instrument.clone()],
            simulation,
            trades,
            last_bars: vec![Some(last)],
        };
        Ok(Tallied { outcome, totals: self.totals, rest })
    }
}

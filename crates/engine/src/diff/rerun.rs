//! The backtest of the rows that a live session saw.

use crate::{
    Blotter, Digest, Error, OrderRecord, PaperRun, Strategy,
    ticks::{Damaged, Log, Recording},
};
use market::{Bar, Instrument, Listing, Money, Price, Timestamp};
use portfolio::{AccountTerms, InstrumentId, Ledger};

/// The same kernel and the simulated exchange, on rows that are handed over one by one, with the
/// terms that the live session had. Its memory grows with the orders and the rows' times alone.
pub struct Rerun {
    run: PaperRun,
    since: Timestamp,
    blotter: Blotter,
    times: Vec<Timestamp>,
    marks: Vec<Option<Price>>,
    start: Money,
}

/// A backtest and what a live session is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Every order with what became of it.
    pub blotter: Blotter,
    /// The rows' times.
    pub times: Vec<Timestamp>,
    /// The last close of each instrument.
    pub marks: Vec<Option<Price>>,
    /// Equity before the first row.
    pub start: Money,
    /// Equity after the last one.
    pub end: Money,
    /// Positions after the last row, in lots, by the instrument's number.
    pub held: Vec<i64>,
}

/// Why a backtest of recorded rows does not come about.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The account's terms are impossible.
    #[error(transparent)]
    Account(#[from] portfolio::Error),
    /// Its own log cannot be read.
    #[error(transparent)]
    Log(#[from] Damaged),
}

impl Rerun {
    /// Of a strategy on these listings, in symbol order, on an account of these terms. On rows before
    /// `since` nothing is decided: they are history.
    ///
    /// # Errors
    /// If strategy, listings and account do not go together.
    pub fn new(
        strategy: &Strategy,
        listings: &[Listing],
        account: AccountTerms,
        since: Timestamp,
    ) -> Result<Self, RerunError> {
        let instruments: Vec<Instrument> =
            listings.iter().map(|one| one.instrument.clone()).collect();
        crate::history::check_instruments(strategy, instruments.iter())?;
        let ledger = Ledger::on(account, listings)?;
        let start = ledger.equity()?;
        let log = Log::new(Recording::Blocks, Digest([0; 32]));
        let run = PaperRun::on(strategy, listings, ledger, log)?;
        let marks = vec![None; listings.len()];
        Ok(Self { run, since, blotter: Blotter::default(), times: Vec::new(), marks, start })
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// If it is no next row: see [`PaperRun::push`].
    pub fn row(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> Result<(), RerunError> {
        if time < self.since {
            self.run.warm(time, bars)?;
        } else {
            self.run.push(time, bars)?;
        }
        self.times.push(time);
        for (mark, bar) in self.marks.iter_mut().zip(bars) {
            *mark = bar.as_ref().map(|bar| bar.close).or(*mark);
        }
        self.run.drain_fills();
        self.run.drain_trades();
        for block in self.run.take_blocks() {
            self.blotter.add(&block)?;
        }
        Ok(())
    }

    /// What it came to.
    ///
    /// # Errors
    /// If its figures exceed what money can be.
    pub fn finish(mut self) -> Result<Rebuilt, RerunError> {
        let (_, end) = self.run.so_far()?;
        let ledger = self.run.desk().ledger();
        let ids = (0..).map(InstrumentId).take(self.marks.len());
        let held = ids.map(|id| ledger.position(id).lots).collect();
        for block in self.run.finish()?.blocks {
            self.blotter.add(&block)?;
        }
        let Self { blotter, times, marks, start, .. } = self;
        Ok(Rebuilt { blotter, times, marks, start, end, held })
    }
}

impl Rebuilt {
    /// The row that decided an order.
    #[must_use]
    pub fn decided(&self, record: &OrderRecord) -> Timestamp {
        let row = self.times.get(record.order.row as usize).copied();
        row.unwrap_or(record.order.time)
    }
}

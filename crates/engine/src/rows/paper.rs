//! Paper on rows that happen: the kernel and the simulated exchange of a backtest, a row at a time.

use super::RowEvaluator;
use crate::{
    Command, Decision, Desk, Error, RuleTrader, Simulation, Strategy,
    history::open_with,
    session::{BarSession, Curve, PresentRow},
    ticks::{Block, Log},
};
use factor::Memory;
use market::{Bar, Instrument, Listing, Money, Timestamp};
use portfolio::{Contract, Fill, Ledger, Totals, Trade, Trips};

/// A run on paper over rows that are handed over as they close.
///
/// What comes of it is what a backtest over the same rows gives: fills, curve, ticks, the chain's
/// head. Fills, round trips and blocks of ticks are kept until they are taken; without them its
/// memory does not grow.
pub struct PaperRun {
    evaluator: RowEvaluator,
    session: BarSession<PresentRow, RuleTrader>,
    trips: Trips,
    totals: Totals,
    /// Fills, of those that were not taken, that are summed up.
    summed: usize,
    closed: Vec<Trade>,
}

impl PaperRun {
    /// Before the first row of these instruments, which are in symbol order, with the strategy's cash.
    pub fn new(strategy: &Strategy, instruments: &[Instrument], log: Log) -> Result<Self, Error> {
        let listings: Vec<Listing> = instruments.iter().cloned().map(Listing::of).collect();
        Self::on(strategy, &listings, Ledger::open(strategy.cash, instruments), log)
    }

    /// On an account of its own terms, which is open on these listings.
    pub fn on(
        strategy: &Strategy,
        listings: &[Listing],
        ledger: Ledger,
        log: Log,
    ) -> Result<Self, Error> {
        let instruments: Vec<Instrument> =
            listings.iter().map(|one| one.instrument.clone()).collect();
        let evaluator = RowEvaluator::new(strategy, &instruments)?;
        let contracts: Vec<Contract> =
            listings.iter().map(Contract::listed).collect::<Result<_, _>>()?;
        let feed = PresentRow::new(instruments.len());
        let parts = (instruments.as_slice(), listings, ledger);
        let session = open_with(strategy, parts, feed, (log, Curve::default()))?;
        Ok(Self {
            evaluator,
            session,
            trips: Trips::new(&contracts),
            totals: Totals::default(),
            summed: 0,
            closed: Vec::new(),
        })
    }

    /// How many rows of history it needs; see [`RowEvaluator::look_back`].
    #[must_use]
    pub const fn look_back(&self) -> &Memory {
        self.evaluator.look_back()
    }

    /// Takes a row of history: a row of the run on which nothing is decided. While the look-back is
    /// not there nothing is decided anyway, so that many rows change no figure; a run with more of
    /// them is told again by [`crate::replay::Replay::after_history`].
    pub fn warm(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> Result<(), Error> {
        let row = self.evaluator.warm(time, bars)?.row as usize;
        self.session.feed().bring(bars);
        self.session.step(row, time, Decision::Nothing)?;
        self.sum_up()
    }

    /// Takes the next row, a bar or none for each instrument. A row that is refused for what it is
    /// changes nothing; after any other error the run is over.
    pub fn push(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> Result<(), Error> {
        let row = self.evaluator.push(time, bars)?.row as usize;
        self.session.feed().bring(bars);
        self.session.run(row..row + 1, &[time], &self.evaluator.values())?;
        self.sum_up()
    }

    /// Something that a person, or the host, wants after the latest row: what it asks for is
    /// carried out as what was decided on that row.
    pub fn command(&mut self, command: Command) -> Result<(), Error> {
        self.session.command(command)?;
        self.sum_up()
    }

    /// The kernel's state; its positions stand at the latest prices after [`Self::so_far`].
    #[must_use]
    pub const fn desk(&self) -> &Desk {
        self.session.desk()
    }

    /// The fills that were not taken, and the equity at the latest prices.
    pub fn so_far(&mut self) -> Result<(&[Fill], Money), Error> {
        self.session.so_far()
    }

    /// Of all fills and closed round trips, those that were taken too.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The executions since they were taken last; [`Self::finish`] gives the others.
    pub fn drain_fills(&mut self) -> Vec<Fill> {
        self.summed = 0;
        self.session.take_fills()
    }

    /// The round trips that closed since they were taken last.
    pub fn drain_trades(&mut self) -> Vec<Trade> {
        std::mem::take(&mut self.closed)
    }

    /// The blocks of ticks that are full and were not taken yet.
    pub fn take_blocks(&mut self) -> Vec<Block> {
        self.session.engine().log().take()
    }

    /// What came of it.
    pub fn finish(self) -> Result<Simulation, Error> {
        self.session.finish()
    }

    /// Sums up the fills that a row brought.
    fn sum_up(&mut self) -> Result<(), Error> {
        let fills = self.session.fills();
        if fills.len() == self.summed {
            return Ok(());
        }
        for fill in fills.get(self.summed..).unwrap_or(&[]) {
            self.totals.fill(fill)?;
            self.trips.fill(fill)?;
        }
        self.summed = fills.len();
        for trade in self.trips.take() {
            self.totals.trade(&trade)?;
            self.closed.push(trade);
        }
        Ok(())
    }
}

//! Rows of bars through the kernel and the simulated exchange.

use super::{Curve, Feed, Wiring};
use crate::{
    Command, Decision, Desk, Engine, Error, Event, Row, Simulation, Trader, ValueRows,
    exchange::{Exchange, Moment},
};
use market::{Bar, Money, Price, Timestamp};
use portfolio::{Fill, InstrumentId};
use std::ops::Range;

/// A run over bars: rows in, fills and a curve out.
///
/// On each row, if orders are out: bars open, what that fills may bring new orders; bars take their
/// path, and again; bars are complete. Then the bars close for the kernel, and the trader decides.
/// Under `same_close` what it decided is filled at those closes. The account is noted down.
pub(crate) struct BarSession<F, T> {
    wiring: Wiring<T>,
    feed: F,
    bars: Vec<(InstrumentId, Bar)>,
    closes: Vec<(InstrumentId, Price)>,
    counts: Vec<(InstrumentId, usize)>,
    curve: Curve,
    /// The time of a point that the curve has not been given yet: the state is still that of it.
    due: Option<Timestamp>,
    /// Whether the ledger has not heard of the latest closes.
    stale: bool,
}

/// Times that a bar's path is asked again for orders that came on the way.
const PATHS_MAX: usize = 16;

impl<F: Feed, T: Trader> BarSession<F, T> {
    /// Before the first row of a feed.
    pub(crate) fn new(exchange: Exchange, engine: Engine<T>, feed: F, curve: Curve) -> Self {
        let instruments = engine.desk().instruments();
        Self {
            wiring: Wiring::new(engine, exchange),
            feed,
            bars: Vec::new(),
            closes: Vec::with_capacity(instruments),
            counts: Vec::with_capacity(instruments),
            curve,
            due: None,
            stale: false,
        }
    }

    /// Takes the next rows of the calendar, with the times of all of them.
    pub(crate) fn run(
        &mut self,
        rows: Range<usize>,
        times: &[Timestamp],
        values: &ValueRows<'_>,
    ) -> Result<(), Error> {
        let mut row = rows.start;
        while row < rows.end {
            if self.wiring.is_quiet() {
                let wake = self.wiring.engine.wakes(values, row..rows.end);
                if wake > row {
                    let asleep = times.get(row - rows.start..wake - rows.start).unwrap_or(&[]);
                    self.sleep(row, asleep)?;
                    row = wake;
                    continue;
                }
            }
            let Some(time) = times.get(row - rows.start) else { break };
            self.step(row, *time, values.row(row))?;
            row += 1;
        }
        Ok(())
    }

    /// Takes one row, whether anything can happen on it or not.
    #[inline]
    pub(crate) fn step(
        &mut self,
        row: usize,
        time: Timestamp,
        values: Decision<'_>,
    ) -> Result<(), Error> {
        self.note_what_is_due(time)?;
        #[allow(clippy::cast_possible_truncation, reason = "the caller bounds the rows")]
        let at = Moment { time, row: row as u32 };
        self.feed.advance(time);
        if !self.wiring.is_quiet() {
            self.meet(at)?;
        }
        self.feed.closes(&mut self.closes);
        let event = Event::Row(Row { row: at.row, time, closes: &self.closes, values });
        let Wiring { engine, actions, .. } = &mut self.wiring;
        engine.handle(&event, time, actions)?;
        if !actions.is_empty() {
            self.decided(at)?;
        }
        self.due = Some(time);
        Ok(())
    }

    /// Bars of instruments that have orders out meet them, phase by phase.
    fn meet(&mut self, at: Moment) -> Result<(), Error> {
        self.wiring.pass_time(at)?;
        let Self { wiring, bars, feed, .. } = self;
        feed.bars(bars, |id| !wiring.exchange.is_idle(id));
        wiring.trade(|exchange, clerk| exchange.on_open(bars, at, clerk))?;
        wiring.carry(at)?;
        for _ in 0..PATHS_MAX {
            let before = wiring.engine.desk().tick();
            // A fill may have brought orders of instruments that had none.
            feed.bars(bars, |id| !wiring.exchange.is_idle(id));
            for (id, bar) in bars.iter() {
                wiring.trade(|exchange, clerk| exchange.on_range(*id, bar, at, clerk))?;
                wiring.carry(at)?;
            }
            if wiring.engine.desk().tick() == before {
                break;
            }
        }
        for (id, bar) in bars.iter() {
            wiring.trade(|exchange, clerk| exchange.on_close(*id, bar, at, clerk))?;
        }
        Ok(())
    }

    /// What was decided on this row's closes goes out.
    fn decided(&mut self, at: Moment) -> Result<(), Error> {
        self.wiring.carry(at)?;
        if self.wiring.exchange.terms().model == crate::exchange::Model::SameClose {
            let Self { wiring, bars, feed, .. } = self;
            feed.bars(bars, |id| !wiring.exchange.is_idle(id));
            wiring.trade(|exchange, clerk| exchange.on_decided(bars, at, clerk))?;
            wiring.carry(at)?;
        }
        Ok(())
    }

    /// Takes rows on which nobody acts: only prices move.
    fn sleep(&mut self, first: usize, times: &[Timestamp]) -> Result<(), Error> {
        let Some(last) = times.last().copied() else { return Ok(()) };
        let mut rest = times;
        while let Some(time) = rest.first() {
            self.note_what_is_due(*time)?;
            let covered = self.curve.covered(rest);
            let here = rest.split_off(..covered).unwrap_or(&[]);
            self.feed.pass(here);
            self.stale = true;
            self.due = here.last().copied().or(self.due);
        }
        self.mark_all()?;
        let count = times.len() as u64;
        #[allow(clippy::cast_possible_truncation, reason = "the caller bounds the rows")]
        let row = (first + times.len() - 1) as u32;
        self.feed.counts(&mut self.counts);
        self.wiring.engine.sleep(count, (row, last), &self.counts);
        Ok(())
    }

    /// Gives the curve the point that is due, unless one that comes now takes its place.
    #[inline]
    fn note_what_is_due(&mut self, now: Timestamp) -> Result<(), Error> {
        let Some(time) = self.due else { return Ok(()) };
        if self.curve.passes_over(time, now) {
            return Ok(());
        }
        self.mark_all()?;
        self.curve.note(self.wiring.engine.desk().ledger().point(time)?);
        Ok(())
    }

    /// Values every position at its instrument's latest close.
    fn mark_all(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.stale) {
            return Ok(());
        }
        for (id, price) in self.feed.latest() {
            self.wiring.engine.mark(id, price)?;
        }
        Ok(())
    }

    /// The fills so far, and the equity at the latest prices.
    pub(crate) fn so_far(&mut self) -> Result<(&[Fill], Money), Error> {
        self.mark_all()?;
        Ok((&self.wiring.fills, self.wiring.engine.desk().ledger().equity()?))
    }

    /// Where the bars come from.
    pub(crate) const fn feed(&mut self) -> &mut F {
        &mut self.feed
    }

    /// The kernel.
    pub(crate) const fn engine(&mut self) -> &mut Engine<T> {
        &mut self.wiring.engine
    }

    /// The kernel's state.
    pub(crate) const fn desk(&self) -> &Desk {
        self.wiring.engine.desk()
    }

    /// The executions that were not taken yet.
    pub(crate) fn fills(&self) -> &[Fill] {
        &self.wiring.fills
    }

    /// The executions since they were taken last.
    pub(crate) fn take_fills(&mut self) -> Vec<Fill> {
        std::mem::take(&mut self.wiring.fills)
    }

    /// A person, or the host, wants something after the latest row, as if decided on it.
    pub(crate) fn command(&mut self, command: Command) -> Result<(), Error> {
        self.mark_all()?;
        let desk = self.wiring.engine.desk();
        let at = Moment { time: self.due.unwrap_or_else(|| desk.now()), row: desk.row() };
        let Wiring { engine, actions, .. } = &mut self.wiring;
        engine.handle(&Event::Command(command), at.time, actions)?;
        self.decided(at)
    }

    /// What came of it.
    pub(crate) fn finish(mut self) -> Result<Simulation, Error> {
        if let Some(time) = self.due {
            self.mark_all()?;
            self.curve.push(self.wiring.engine.desk().ledger().point(time)?);
        }
        Ok(Simulation::of(self.wiring, self.curve))
    }
}

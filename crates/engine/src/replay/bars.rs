//! Rows of bars, told again.

use super::{ReplayError, Tape};
use crate::{
    Action, Decision, Engine, Evaluator, Event, Row, RuleTrader, Strategy, ValueRows,
    session::{BarFeed, Feed as _},
    values::{calendar, is_lockstep},
};
use market::{BarSeries, Price, Timestamp};
use portfolio::InstrumentId;
use std::{ops::Range, sync::atomic::AtomicBool};

/// The rows of a calendar.
pub(super) struct BarTape<'a> {
    feed: BarFeed<'a>,
    evaluator: Evaluator<'a>,
    times: Vec<Timestamp>,
    /// Rows at the beginning that were told as history.
    history: usize,
    /// The first row that was not told yet, and the rows whose values are at hand.
    next: usize,
    at_hand: Range<usize>,
    closes: Vec<(InstrumentId, Price)>,
    never: AtomicBool,
}

impl<'a> BarTape<'a> {
    /// The first rows were told as history: nothing was decided on them.
    pub(super) fn new(
        strategy: &Strategy,
        series: &'a [BarSeries],
        history: usize,
    ) -> Result<Self, ReplayError> {
        Ok(Self {
            feed: BarFeed::new(series, is_lockstep(series)),
            evaluator: Evaluator::new(strategy, series)?,
            times: calendar(series),
            history,
            next: 0,
            at_hand: 0..0,
            closes: Vec::new(),
            never: AtomicBool::new(false),
        })
    }
}

impl Tape for BarTape<'_> {
    fn tell(
        &mut self,
        engine: &mut Engine<RuleTrader>,
        actions: &mut Vec<Action>,
    ) -> Result<Option<Timestamp>, ReplayError> {
        let row = self.next;
        let Some(time) = self.times.get(row).copied() else { return Ok(None) };
        if !self.at_hand.contains(&row) {
            let end = self.times.len().min(row + self.evaluator.rows());
            let times = self.times.get(row..end).unwrap_or(&[]);
            self.evaluator.take(times, &self.never)?;
            self.at_hand = row..end;
        }
        self.feed.advance(time);
        self.feed.closes(&mut self.closes);
        let values = ValueRows { values: self.evaluator.values(), first: self.at_hand.start };
        let number = u32::try_from(row).unwrap_or(u32::MAX);
        let values = if row < self.history { Decision::Nothing } else { values.row(row) };
        let event = Row { row: number, time, closes: &self.closes, values };
        engine.handle(&Event::Row(event), time, actions)?;
        self.next = row + 1;
        Ok(Some(time))
    }

    fn told(&self) -> usize {
        self.next
    }
}

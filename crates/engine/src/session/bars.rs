//! Rows of bars through the kernel and the simulated exchange.

use super::{BarFeed, Curve};
use crate::{
    Account, Action, Convention, Engine, Error, Event, Exchange, Row, Simulation, Trader,
    ValueRows,
    order::{Change, Update},
};
use market::{BarSeries, Money, Price, Timestamp};
use portfolio::{Fill, InstrumentId, Ledger};
use std::ops::Range;

/// A run over bars: rows in, fills and a curve out.
///
/// On each row: waiting orders whose instrument has a bar are filled at its open (`next_open`);
/// the bars close; the trader decides; under `same_close` the new orders are filled at those
/// closes; the account is noted down.
pub(crate) struct BarSession<'a, T> {
    convention: Convention,
    exchange: Exchange,
    engine: Engine<T>,
    feed: BarFeed<'a>,
    closes: Vec<(InstrumentId, Price)>,
    counts: Vec<(InstrumentId, usize)>,
    actions: Vec<Action>,
    fills: Vec<Fill>,
    curve: Curve,
    /// The time of a point that the curve has not been given yet: the state is still that of it.
    due: Option<Timestamp>,
    /// Whether the ledger has not heard of the latest closes.
    stale: bool,
}

/// The kernel as the exchange sees it, with everything that was filled noted down.
struct Clerk<'a, T> {
    engine: &'a mut Engine<T>,
    fills: &'a mut Vec<Fill>,
}

impl<T: Trader> Account for Clerk<'_, T> {
    fn ledger(&self) -> &Ledger {
        self.engine.desk().ledger()
    }

    fn update(&mut self, update: &Update) -> Result<(), Error> {
        if let Change::Filled(fill) = update.change {
            self.fills.push(fill);
        }
        self.engine.update(update)
    }
}

impl<'a, T: Trader> BarSession<'a, T> {
    /// At the beginning of these series.
    pub(crate) fn new(
        (exchange, convention): (Exchange, Convention),
        engine: Engine<T>,
        series: &'a [BarSeries],
    ) -> Self {
        Self {
            convention,
            exchange,
            engine,
            feed: BarFeed::new(series),
            closes: Vec::with_capacity(series.len()),
            counts: Vec::with_capacity(series.len()),
            actions: Vec::new(),
            fills: Vec::new(),
            curve: Curve::default(),
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
            if self.exchange.working().is_empty() {
                let wake = self.engine.wakes(values, row..rows.end);
                if wake > row {
                    let asleep = times.get(row - rows.start..wake - rows.start).unwrap_or(&[]);
                    self.sleep(row, asleep)?;
                    row = wake;
                    continue;
                }
            }
            let Some(time) = times.get(row - rows.start) else { break };
            self.step(row, *time, values)?;
            row += 1;
        }
        Ok(())
    }

    #[inline]
    fn step(&mut self, row: usize, time: Timestamp, values: &ValueRows<'_>) -> Result<(), Error> {
        self.note_what_is_due(time)?;
        #[allow(clippy::cast_possible_truncation, reason = "the caller bounds the rows")]
        let at = (row as u32, time);
        self.feed.advance(time);
        if self.convention == Convention::NextOpen {
            self.trade(at, BarFeed::open)?;
        }
        self.feed.closes(&mut self.closes);
        let values = values.row(row);
        let event = Event::Row(Row { row: at.0, closes: &self.closes, values });
        self.engine.handle(&event, time, &mut self.actions)?;
        self.send();
        if self.convention == Convention::SameClose {
            self.trade(at, BarFeed::close)?;
        }
        self.due = Some(time);
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
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
        #[allow(clippy::cast_possible_truncation, reason = "the caller bounds the rows")]
        let row = (first + times.len() - 1) as u32;
        self.feed.counts(&mut self.counts);
        self.engine.sleep(count, (row, last), &self.counts);
        Ok(())
    }

    /// Gives the curve the point that is due, unless one that comes now takes its place.
    #[inline]
    fn note_what_is_due(&mut self, now: Timestamp) -> Result<(), Error> {
        let Some(time) = self.due else { return Ok(()) };
        if self.curve.covers(now) && self.curve.covers(time) {
            return Ok(());
        }
        self.mark_all()?;
        self.curve.push(self.engine.desk().ledger().point(time)?);
        Ok(())
    }

    /// Values every position at its instrument's latest close.
    fn mark_all(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.stale) {
            return Ok(());
        }
        for (id, price) in self.feed.latest() {
            self.engine.mark(id, price)?;
        }
        Ok(())
    }

    fn send(&mut self) {
        for action in self.actions.drain(..) {
            if let Action::Submit(order) = action {
                self.exchange.submit(order);
            }
        }
    }

    fn trade(
        &mut self,
        at: (u32, Timestamp),
        price: impl Fn(&BarFeed<'a>, InstrumentId) -> Option<Price>,
    ) -> Result<(), Error> {
        if self.exchange.working().is_empty() {
            return Ok(());
        }
        let feed = &self.feed;
        let price_of = |id: InstrumentId| price(feed, id);
        let mut clerk = Clerk { engine: &mut self.engine, fills: &mut self.fills };
        self.exchange.trade(at, price_of, &mut clerk)?;
        self.engine.take_actions(&mut self.actions);
        self.send();
        Ok(())
    }

    /// The fills so far, and the equity at the latest prices.
    pub(crate) fn so_far(&mut self) -> Result<(&[Fill], Money), Error> {
        self.mark_all()?;
        Ok((&self.fills, self.engine.desk().ledger().equity()?))
    }

    /// What came of it.
    pub(crate) fn finish(mut self) -> Result<Simulation, Error> {
        if let Some(time) = self.due {
            self.mark_all()?;
            self.curve.push(self.engine.desk().ledger().point(time)?);
        }
        self.engine.finish();
        let blocks = self.engine.log().take();
        let chain = self.engine.log().head();
        let desk = self.engine.desk();
        let ids = (0..).map(InstrumentId).take(self.feed.instruments());
        let (refusals, refused) = desk.refusals();
        Ok(Simulation {
            latest: ids.map(|id| desk.ledger().latest(id)).collect(),
            refusals: refusals.to_vec(),
            refused,
            unfilled: self.exchange.working().to_vec(),
            orders: desk.orders(),
            ticks: desk.tick(),
            chain,
            blocks,
            fills: self.fills,
            curve: self.curve.into_points(),
        })
    }
}

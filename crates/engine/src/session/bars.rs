//! Rows of bars through the kernel and the simulated exchange.

use super::Curve;
use crate::{
    Account, Action, Convention, Engine, Error, Event, Exchange, Row, Simulation, Trader,
    ValueRows,
    order::{Change, Update},
    values::is_lockstep,
};
use market::{BarSeries, Price, Timestamp};
use portfolio::{Fill, InstrumentId, Ledger};
use std::ops::Range;

/// One series and how far time has come in it.
struct Tape<'a> {
    id: InstrumentId,
    times: &'a [Timestamp],
    open: &'a [Price],
    close: &'a [Price],
    /// The first bar that is still to come.
    next: usize,
    /// The bar of the present row.
    here: Option<usize>,
}

impl<'a> Tape<'a> {
    fn of(id: InstrumentId, series: &'a BarSeries) -> Self {
        let (times, open, close) = (series.times(), series.open(), series.close());
        Self { id, times, open, close, next: 0, here: None }
    }

    #[inline]
    fn advance(&mut self, time: Timestamp) {
        self.here = (self.times.get(self.next) == Some(&time)).then_some(self.next);
        self.next += usize::from(self.here.is_some());
    }

    #[inline]
    fn open(&self) -> Option<Price> {
        self.open.get(self.here?).copied()
    }

    #[inline]
    fn close(&self) -> Option<Price> {
        self.close.get(self.here?).copied()
    }

    /// The last bar that has closed.
    #[inline]
    fn latest(&self) -> Option<Price> {
        self.close.get(self.next.checked_sub(1)?).copied()
    }
}

/// A run over bars: rows in, fills and a curve out.
///
/// On each row: waiting orders whose instrument has a bar are filled at its open (`next_open`);
/// the bars close; the trader decides; under `same_close` the new orders are filled at those
/// closes; the account is noted down.
pub(crate) struct BarSession<'a, T> {
    convention: Convention,
    exchange: Exchange,
    engine: Engine<T>,
    tapes: Vec<Tape<'a>>,
    closes: Vec<(InstrumentId, Price)>,
    slept: Vec<(InstrumentId, u32)>,
    actions: Vec<Action>,
    fills: Vec<Fill>,
    curve: Curve,
    /// The time of a point that the curve has not been given yet: the state is still that of it.
    due: Option<Timestamp>,
    /// Whether every tape has a bar on every row.
    lockstep: bool,
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
        let tapes = (0..).map(InstrumentId).zip(series).map(|(id, s)| Tape::of(id, s)).collect();
        Self {
            convention,
            exchange,
            engine,
            tapes,
            closes: Vec::with_capacity(series.len()),
            slept: Vec::with_capacity(series.len()),
            actions: Vec::new(),
            fills: Vec::new(),
            curve: Curve::default(),
            due: None,
            lockstep: is_lockstep(series),
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
        for tape in &mut self.tapes {
            tape.advance(time);
        }
        if self.convention == Convention::NextOpen {
            self.trade(at, Tape::open)?;
        }
        self.closes.clear();
        let closed = self.tapes.iter().filter_map(|tape| Some((tape.id, tape.close()?)));
        self.closes.extend(closed);
        let values = values.row(row);
        let event = Event::Row(Row { row: at.0, closes: &self.closes, values });
        self.engine.handle(&event, time, &mut self.actions)?;
        self.send();
        if self.convention == Convention::SameClose {
            self.trade(at, Tape::close)?;
        }
        self.due = Some(time);
        Ok(())
    }

    /// Takes rows on which nobody acts: only prices move.
    fn sleep(&mut self, first: usize, times: &[Timestamp]) -> Result<(), Error> {
        let Some(last) = times.last().copied() else { return Ok(()) };
        self.slept.clear();
        self.slept.extend(
            self.tapes.iter().map(|tape| (tape.id, u32::try_from(tape.next).unwrap_or(u32::MAX))),
        );
        let mut rest = times;
        while let Some(time) = rest.first() {
            self.note_what_is_due(*time)?;
            let covered = self.curve.covered(rest);
            let here = rest.split_off(..covered).unwrap_or(&[]);
            self.pass(here);
        }
        for ((_, bars), tape) in self.slept.iter_mut().zip(&self.tapes) {
            *bars = u32::try_from(tape.next).unwrap_or(u32::MAX) - *bars;
        }
        self.mark_all()?;
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
        #[allow(clippy::cast_possible_truncation, reason = "the caller bounds the rows")]
        let row = (first + times.len() - 1) as u32;
        self.engine.sleep(count, (row, last), &self.slept);
        Ok(())
    }

    /// Lets time pass on every tape, with nothing to note down but the last row.
    fn pass(&mut self, times: &[Timestamp]) {
        if self.lockstep {
            for tape in &mut self.tapes {
                tape.next += times.len();
                tape.here = tape.next.checked_sub(1);
            }
        } else {
            for time in times {
                self.tapes.iter_mut().for_each(|tape| tape.advance(*time));
            }
        }
        self.stale = true;
        self.due = times.last().copied().or(self.due);
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
        for tape in &self.tapes {
            if let Some(price) = tape.latest() {
                self.engine.mark(tape.id, price)?;
            }
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
        price: impl Fn(&Tape<'a>) -> Option<Price>,
    ) -> Result<(), Error> {
        if self.exchange.working().is_empty() {
            return Ok(());
        }
        let tapes = &self.tapes;
        let price_of = |id: InstrumentId| tapes.get(id.index()).and_then(&price);
        let mut clerk = Clerk { engine: &mut self.engine, fills: &mut self.fills };
        self.exchange.trade(at, price_of, &mut clerk)?;
        self.engine.take_actions(&mut self.actions);
        self.send();
        Ok(())
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
        let ids = (0..).map(InstrumentId).take(self.tapes.len());
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

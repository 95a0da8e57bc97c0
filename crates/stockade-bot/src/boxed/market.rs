//! The market of a box: what happened, what happens next, and the bars that both make.

use super::{shelf::Shelf, tape::Tape, walk::Walk};
use anyhow::Context;
use engine::{
    Data, MarketEvent,
    feed::{Basis, Candles},
};
use feeds::BookLevels;
use market::{Bar, BarSize, Price, Quantity, Roster, Session, Timestamp};
use portfolio::InstrumentId;
use std::collections::{BTreeMap, VecDeque};

/// Bars that are kept of an instrument and size.
const BARS_MAX: usize = 50_000;
/// Bars are built of these sizes.
const SIZES: [&str; 13] =
    ["3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "2d", "3d", "7d"];
/// Steps of the market that are taken in one go.
const STEPS_MAX: usize = 100_000;

/// Minutes since 1970.
pub(super) const fn minute_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(BarSize::MINUTE.nanos())
}

/// Where events come from.
#[derive(Debug)]
pub(super) enum Origin {
    /// Drawn from a seed.
    Walk(Walk),
    /// A tape that is played again.
    Tape(Tape),
}

/// A market.
#[derive(Debug)]
pub(super) struct Market {
    origin: Origin,
    shelves: Vec<Shelf>,
    minutes: Candles,
    longer: Candles,
    bars: BTreeMap<(InstrumentId, BarSize), VecDeque<Bar>>,
    now: Timestamp,
}

impl Market {
    /// Begins at `now`, with so many minutes of history where the market walks.
    pub(super) fn new(
        roster: &Roster,
        mut origin: Origin,
        (now, minutes): (Timestamp, i64),
    ) -> anyhow::Result<Self> {
        let session = Session::always();
        let (mut short, mut longer) = (Candles::new(), Candles::new());
        let sizes = SIZES.iter().map(|size| size.parse()).collect::<Result<Vec<BarSize>, _>>()?;
        let ids = (0..).map(InstrumentId).take(roster.all().len());
        for id in ids {
            short.add(id, Basis::Prints, &session, &[BarSize::MINUTE])?;
            longer.add(id, Basis::Bars(BarSize::MINUTE), &session, &sizes)?;
        }
        let past = match &mut origin {
            Origin::Walk(walk) => walk.past(minutes, now),
            Origin::Tape(_) => Vec::new(),
        };
        let mut market = Self {
            origin,
            shelves: vec![Shelf::default(); roster.all().len()],
            minutes: short,
            longer,
            bars: BTreeMap::new(),
            now,
        };
        let mut out = Vec::new();
        for (instrument, bar) in past {
            let end = bar.open_time.plus_nanos(BarSize::MINUTE.nanos())?;
            market.minute(
                MarketEvent { time: end, instrument, data: Data::Bar(bar, BarSize::MINUTE) },
                &mut out,
            )?;
        }
        market.remember_tape(&mut out)?;
        market.close(now, &mut out)?;
        Ok(market)
    }

    /// What lies before the box's beginning on a tape becomes bars.
    fn remember_tape(&mut self, out: &mut Vec<MarketEvent>) -> anyhow::Result<()> {
        let Origin::Tape(tape) = &self.origin else { return Ok(()) };
        let past: Vec<MarketEvent> = tape.past().collect();
        for event in past {
            self.close(event.time, out)?;
            if let Data::Bar(bar, size) = event.data {
                let end = bar.open_time.plus_nanos(size.nanos())?;
                self.minute(MarketEvent { time: end, data: Data::Bar(bar, size), ..event }, out)?;
            } else {
                self.minutes.take(&event)?;
            }
            out.clear();
        }
        Ok(())
    }

    /// When something happens next.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let next = match &self.origin {
            Origin::Walk(walk) => Some(walk.deadline()),
            Origin::Tape(tape) => tape.deadline(),
        };
        [next, self.minutes.deadline()].into_iter().flatten().min()
    }

    /// Everything that happened up to `now`, in order.
    pub(super) fn advance(
        &mut self,
        now: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) -> anyhow::Result<()> {
        for _ in 0..STEPS_MAX {
            let Some(at) = self.deadline().filter(|at| *at <= now) else { break };
            self.now = self.now.max(at);
            self.close(self.now, out)?;
            let mut step = Vec::new();
            match &mut self.origin {
                Origin::Walk(walk) if walk.deadline() <= at => {
                    walk.step(&mut self.shelves, &mut step);
                }
                Origin::Tape(tape) if tape.deadline().is_some_and(|next| next <= at) => {
                    tape.step(&mut self.shelves, &mut step);
                }
                Origin::Walk(_) | Origin::Tape(_) => {}
            }
            for event in &step {
                self.minutes.take(event)?;
            }
            out.append(&mut step);
        }
        Ok(())
    }

    /// Bars that have come to their end by `now`.
    fn close(&mut self, now: Timestamp, out: &mut Vec<MarketEvent>) -> anyhow::Result<()> {
        let mut closed = Vec::new();
        self.minutes.close(now, &mut closed);
        for candle in closed {
            if let Some(event) = candle.event() {
                self.minute(event, out)?;
            }
        }
        let mut closed = Vec::new();
        self.longer.close(now, &mut closed);
        for candle in closed {
            self.keep(candle.instrument, candle.size, candle.bar);
            out.extend(candle.event());
        }
        Ok(())
    }

    /// A bar of a minute has closed.
    fn minute(&mut self, event: MarketEvent, out: &mut Vec<MarketEvent>) -> anyhow::Result<()> {
        let Data::Bar(bar, size) = event.data else { return Ok(()) };
        let mut before = Vec::new();
        self.longer.before(&event, &mut before);
        for candle in before {
            self.keep(candle.instrument, candle.size, candle.bar);
            out.extend(candle.event());
        }
        self.keep(event.instrument, size, bar);
        self.longer.take(&event).context("a bar out of order")?;
        out.push(event);
        Ok(())
    }

    fn keep(&mut self, instrument: InstrumentId, size: BarSize, bar: Bar) {
        let kept = self.bars.entry((instrument, size)).or_default();
        if kept.back().is_none_or(|last| last.open_time < bar.open_time) {
            kept.push_back(bar);
        }
        if kept.len() > BARS_MAX {
            kept.pop_front();
        }
    }

    /// Closed bars that open in `[from, to)`, oldest first: the first `most` of them, or the last ones
    /// where no beginning is named.
    pub(super) fn bars(
        &self,
        (instrument, size): (InstrumentId, BarSize),
        (from, to): (Timestamp, Timestamp),
        page: Page,
    ) -> Vec<(Timestamp, Bar)> {
        let kept = self.bars.get(&(instrument, size)).into_iter().flatten();
        let within = kept.filter(|bar| bar.open_time >= from && bar.open_time < to);
        let mut bars: Vec<_> = within.map(|bar| (bar.open_time, *bar)).collect();
        match page {
            Page::First(most) => bars.truncate(most),
            Page::Last(most) => drop(bars.drain(..bars.len().saturating_sub(most))),
        }
        bars
    }

    /// The book as it is.
    pub(super) fn book(&self, instrument: InstrumentId, levels: usize) -> BookLevels {
        let Some(own) = self.shelves.get(instrument.index()) else {
            return BookLevels { sequence: 0, bids: Vec::new(), asks: Vec::new() };
        };
        let level = |(price, size): (&Price, &Quantity)| (*price, *size);
        BookLevels {
            sequence: own.sequence,
            bids: own.bids.iter().rev().take(levels).map(level).collect(),
            asks: own.asks.iter().take(levels).map(level).collect(),
        }
    }
}

/// Which bars of a span are on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// The oldest so many.
    First(usize),
    /// The newest so many.
    Last(usize),
}

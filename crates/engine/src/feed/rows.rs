//! Rows from bars that come one by one, in any order, twice, late or never.

mod fold;
mod gather;

use super::{Error, candles::builds};
use fold::Fold;
use gather::{Gather, span_of};
use market::{Bar, BarSize, Status, Timestamp};
use portfolio::InstrumentId;

/// What rows are built by. Markets are open without end, days are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowTerms {
    /// How long a row is.
    pub size: BarSize,
    /// How long the bars are that come: as long as a row, or a part of it.
    pub from: BarSize,
    /// The first time that a bar may have. A row that begins earlier was not seen as a whole, and
    /// is none.
    pub since: Timestamp,
    /// How long after its close a row waits for bars that are missing.
    pub grace_nanos: u64,
}

/// What became of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It has its place in a row.
    Taken,
    /// It was there already, the same.
    Again,
    /// Another one was there already, and stays.
    Contradicts {
        /// The one that stays.
        kept: Bar,
    },
    /// Its row went without it.
    Late,
    /// It is from before the first row.
    Before,
}

/// What became of all bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// Bars that have their place.
    pub taken: u64,
    /// Bars that were there already.
    pub again: u64,
    /// Bars of which another one was there already.
    pub contradicting: u64,
    /// Bars whose row went without them.
    pub late: u64,
    /// Bars from before the first row.
    pub before: u64,
}

/// A row that is complete, or as complete as it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltRow {
    /// What it and its bars are stamped with: their opening time.
    pub time: Timestamp,
    /// When it closed: the first instant after it.
    pub end: Timestamp,
    /// A bar or none for each instrument; at least one is there.
    pub bars: Vec<Option<Bar>>,
    /// Instruments that trade and lack their bar, or a part of it.
    pub absent: Vec<InstrumentId>,
    /// Rows between the one before and this one of which nothing came.
    pub skipped: u64,
}

/// Bars that one instrument lacks, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Whose.
    pub instrument: InstrumentId,
    /// When the first one opens.
    pub from: Timestamp,
    /// When the last one closes.
    pub until: Timestamp,
    /// How many.
    pub bars: u64,
}

/// Puts closed bars of many instruments together into rows.
///
/// - A row goes when every instrument that trades has its bar, or the grace after its close is over.
/// - Rows strictly increase. One of which no bar came is left out, once its grace is over.
/// - A bar that comes after its row went is counted, and in no row.
/// - Longer rows are built from shorter bars as [`super::Candles`] builds them, in the same buckets.
///
/// After every [`RowBuilder::take`], and when [`RowBuilder::deadline`] has come, ask
/// [`RowBuilder::next`] until it gives nothing. After an interruption, first take what
/// [`RowBuilder::missing`] names from the venue's history, then ask: what went is not made again.
#[derive(Debug)]
pub struct RowBuilder {
    gather: Gather,
    fold: Option<Fold>,
    arrivals: Arrivals,
}

impl RowBuilder {
    /// For so many instruments, all of which trade.
    pub fn new(instruments: usize, terms: RowTerms) -> Result<Self, Error> {
        let RowTerms { size, from, .. } = terms;
        let fold = if size == from { None } else { Some(Fold::new(instruments, terms)?) };
        Ok(Self { gather: Gather::new(instruments, terms), fold, arrivals: Arrivals::default() })
    }

    /// Of the sizes that a venue offers, the one from which rows of a size are built best: the
    /// size itself, or the longest that divides it.
    #[must_use]
    pub fn source(size: BarSize, offered: &[BarSize]) -> Option<BarSize> {
        offered.iter().copied().filter(|from| *from == size || builds(*from, size)).max()
    }

    /// When the row that a time lies in begins.
    #[must_use]
    pub fn begin(size: BarSize, time: Timestamp) -> Timestamp {
        span_of(size, time).stamp
    }

    /// Rows do not wait for an instrument that does not trade.
    pub fn set_status(&mut self, instrument: InstrumentId, status: Status) {
        self.gather.set_status(instrument, status);
    }

    /// Takes a bar that has closed.
    pub fn take(&mut self, instrument: InstrumentId, bar: &Bar) -> Result<Arrival, Error> {
        let arrival = self.gather.take(instrument, bar)?;
        let count = match arrival {
            Arrival::Taken => &mut self.arrivals.taken,
            Arrival::Again => &mut self.arrivals.again,
            Arrival::Contradicts { .. } => &mut self.arrivals.contradicting,
            Arrival::Late => &mut self.arrivals.late,
            Arrival::Before => &mut self.arrivals.before,
        };
        *count += 1;
        Ok(arrival)
    }

    /// When to ask for a row, if nothing comes first.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let fold = self.fold.as_ref().and_then(Fold::deadline);
        [self.gather.deadline(), fold].into_iter().flatten().min()
    }

    /// The next row, if there is one by now.
    pub fn next(&mut self, now: Timestamp) -> Result<Option<BuiltRow>, Error> {
        let Some(fold) = &mut self.fold else { return Ok(self.gather.pop(now)) };
        loop {
            if let Some(row) = fold.pop() {
                return Ok(Some(row));
            }
            let Some(part) = self.gather.pop(now) else {
                let gone = fold.pass(now, self.gather.trading());
                if let Some(until) = gone {
                    self.gather.leave(until);
                }
                return Ok(fold.pop());
            };
            fold.take(&part, self.gather.trading())?;
        }
    }

    /// The bars that closed between two times and are still wanted: of instruments that trade, for
    /// rows that have not gone. As many rows as may wait are looked at, the first ones.
    #[must_use]
    pub fn missing(&self, from: Timestamp, until: Timestamp) -> Vec<Gap> {
        self.gather.missing(from, until)
    }

    /// What became of all bars so far.
    #[must_use]
    pub const fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }
}

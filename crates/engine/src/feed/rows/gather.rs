//! Bars of one size into rows of that size.

use super::{Arrival, BuiltRow, Error, Gap, RowTerms};
use market::{Bar, BarSize, Moment, Session, Span, Status, Timestamp};
use portfolio::InstrumentId;
use std::collections::{BTreeMap, VecDeque};

/// Cells of rows that wait, at most: 28 MB.
const CELLS_MAX: usize = 1 << 19;
/// Rows that went and are remembered, so that what comes twice is known.
const GONE_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Gather {
    size: BarSize,
    grace_nanos: u64,
    statuses: Vec<Status>,
    /// When the first row begins.
    first: Timestamp,
    /// Rows that begin earlier have gone.
    next: Timestamp,
    waiting: BTreeMap<Timestamp, Vec<Option<Bar>>>,
    gone: VecDeque<(Timestamp, Vec<Option<Bar>>)>,
}

/// The bar of a size that a time lies in, where the market never closes.
pub(super) fn span_of(size: BarSize, time: Timestamp) -> Span {
    let session = Session::always();
    match session.at(time) {
        Moment::Within(hours) => session.span(size, time, &hours),
        // Beyond the calendar.
        Moment::Outside { .. } => Span { stamp: time, end: time },
    }
}

/// When the first bar begins that does not begin before a time.
pub(super) fn first_from(size: BarSize, time: Timestamp) -> Timestamp {
    let span = span_of(size, time);
    if span.stamp < time { span.end } else { time }
}

pub(super) fn after(time: Timestamp, nanos: u64) -> Timestamp {
    let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
    Timestamp::from_nanos(time.nanos().saturating_add(nanos))
}

impl Gather {
    pub(super) fn new(instruments: usize, terms: RowTerms) -> Self {
        let first = first_from(terms.from, terms.since);
        Self {
            size: terms.from,
            grace_nanos: terms.grace_nanos,
            statuses: vec![Status::Trading; instruments],
            first,
            next: first,
            waiting: BTreeMap::new(),
            gone: VecDeque::new(),
        }
    }

    pub(super) fn set_status(&mut self, instrument: InstrumentId, status: Status) {
        if let Some(own) = self.statuses.get_mut(instrument.index()) {
            *own = status;
        }
    }

    /// Rows that begin before a time have gone, as parts of longer ones.
    pub(super) fn leave(&mut self, until: Timestamp) {
        self.next = self.next.max(until);
        self.waiting = self.waiting.split_off(&self.next);
    }

    /// The instruments that trade.
    pub(super) fn trading(&self) -> impl Iterator<Item = InstrumentId> {
        let all = (0..).map(InstrumentId).zip(&self.statuses);
        all.filter(|(_, status)| **status == Status::Trading).map(|(id, _)| id)
    }

    /// Rows that may wait.
    fn waiting_max(&self) -> usize {
        (CELLS_MAX / self.statuses.len().max(1)).max(2)
    }

    fn end(&self, stamp: Timestamp) -> Timestamp {
        after(stamp, self.size.nanos().unsigned_abs())
    }

    pub(super) fn take(&mut self, instrument: InstrumentId, bar: &Bar) -> Result<Arrival, Error> {
        let (names, time, size) = (self.statuses.len(), bar.open_time, self.size);
        if instrument.index() >= names {
            return Err(Error::Stranger { instrument, known: names });
        }
        if !self.waiting.contains_key(&time) {
            if span_of(size, time).stamp != time {
                return Err(Error::OffGrid { instrument, size, time });
            }
            if time < self.first {
                return Ok(Arrival::Before);
            }
            if time < self.next {
                let row = self.gone.iter().find(|(gone, _)| *gone == time);
                let kept =
                    row.and_then(|(_, bars)| bars.get(instrument.index()).copied().flatten());
                return Ok(kept.map_or(Arrival::Late, |kept| against(kept, bar)));
            }
            let limit = self.waiting_max();
            if self.waiting.len() >= limit {
                return Err(Error::Waiting { limit });
            }
        }
        let row = self.waiting.entry(time).or_insert_with(|| vec![None; names]);
        let Some(place) = row.get_mut(instrument.index()) else { return Ok(Arrival::Late) };
        if let Some(kept) = place {
            return Ok(against(*kept, bar));
        }
        *place = Some(*bar);
        Ok(Arrival::Taken)
    }

    /// When the first row that waits goes, if nothing comes.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let (stamp, bars) = self.waiting.first_key_value()?;
        Some(self.goes_at(*stamp, bars))
    }

    fn goes_at(&self, stamp: Timestamp, bars: &[Option<Bar>]) -> Timestamp {
        let end = self.end(stamp);
        if self.lacks(bars).next().is_some() {
            after(end, self.grace_nanos)
        } else if stamp > self.next {
            // Nothing came of the row before it, which closed when this one began.
            after(stamp, self.grace_nanos)
        } else {
            end
        }
    }

    /// The instruments that trade and have no bar.
    fn lacks<'a>(&'a self, bars: &'a [Option<Bar>]) -> impl Iterator<Item = InstrumentId> + 'a {
        self.trading().filter(|id| bars.get(id.index()).is_none_or(Option::is_none))
    }

    /// The first row that waits, if it goes now. A complete one goes at once: who closed its bars
    /// has another clock.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<BuiltRow> {
        let (stamp, bars) = self.waiting.first_key_value()?;
        let is_next_and_whole = *stamp == self.next && self.lacks(bars).next().is_none();
        if !is_next_and_whole && now < self.goes_at(*stamp, bars) {
            return None;
        }
        let absent = self.lacks(bars).collect();
        let (time, bars) = self.waiting.pop_first()?;
        let end = self.end(time);
        let between = time.nanos().saturating_sub(self.next.nanos()) / self.size.nanos();
        let skipped = u64::try_from(between).unwrap_or(0);
        self.next = end;
        if self.gone.len() >= GONE_MAX {
            self.gone.pop_front();
        }
        self.gone.push_back((time, bars.clone()));
        Some(BuiltRow { time, end, bars, absent, skipped })
    }

    pub(super) fn missing(&self, from: Timestamp, until: Timestamp) -> Vec<Gap> {
        let mut stamp = first_from(self.size, from).max(self.next);
        let mut open: Vec<Option<Gap>> = vec![None; self.statuses.len()];
        let mut gaps = Vec::new();
        for _ in 0..self.waiting_max() {
            let end = self.end(stamp);
            if end > until || end <= stamp {
                break;
            }
            let bars = self.waiting.get(&stamp);
            for (id, gap) in (0..).map(InstrumentId).zip(&mut open) {
                let is_there = bars.and_then(|bars| *bars.get(id.index())?).is_some();
                match gap {
                    _ if is_there => gaps.extend(gap.take()),
                    Some(gap) => (gap.until, gap.bars) = (end, gap.bars + 1),
                    None => *gap = Some(Gap { instrument: id, from: stamp, until: end, bars: 1 }),
                }
            }
            stamp = end;
        }
        gaps.extend(open.into_iter().flatten());
        let trades = |gap: &Gap| {
            self.statuses.get(gap.instrument.index()).is_some_and(|s| *s == Status::Trading)
        };
        gaps.retain(trades);
        gaps.sort_by_key(|gap| (gap.instrument, gap.from));
        gaps
    }
}

fn against(kept: Bar, bar: &Bar) -> Arrival {
    if kept == *bar { Arrival::Again } else { Arrival::Contradicts { kept } }
}

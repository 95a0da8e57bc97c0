//! Bars of many instruments, row after row of their common calendar: from tapes that are there as a
//! whole, or as they happen.

use market::{Bar, BarSeries, Price, Timestamp};
use portfolio::InstrumentId;

/// Where time stands in the bars of a run.
pub(crate) trait Feed {
    /// Goes on to the next row.
    fn advance(&mut self, time: Timestamp);

    /// Goes on over many rows at once.
    fn pass(&mut self, times: &[Timestamp]);

    /// The bars of this row, of those instruments that are wanted.
    fn bars(&self, out: &mut Vec<(InstrumentId, Bar)>, wanted: impl Fn(InstrumentId) -> bool);

    /// The last prices of all that have a bar on this row.
    fn closes(&self, out: &mut Vec<(InstrumentId, Price)>);

    /// The close of each instrument's last bar so far.
    fn latest(&self) -> impl Iterator<Item = (InstrumentId, Price)>;

    /// How many bars of each instrument have closed.
    fn counts(&self, out: &mut Vec<(InstrumentId, usize)>);
}

/// One series and how far time has come in it.
struct Tape<'a> {
    id: InstrumentId,
    times: &'a [Timestamp],
    series: &'a BarSeries,
    close: &'a [Price],
    /// The first bar that is still to come.
    next: usize,
    /// The bar of the present row.
    here: Option<usize>,
}

impl<'a> Tape<'a> {
    fn of(id: InstrumentId, series: &'a BarSeries) -> Self {
        let (times, close) = (series.times(), series.close());
        Self { id, times, series, close, next: 0, here: None }
    }

    #[inline]
    fn advance(&mut self, time: Timestamp) {
        self.here = (self.times.get(self.next) == Some(&time)).then_some(self.next);
        self.next += usize::from(self.here.is_some());
    }
}

/// Where time stands on the tapes of a run.
pub(crate) struct BarFeed<'a> {
    tapes: Vec<Tape<'a>>,
    /// Whether every tape has a bar on every row.
    lockstep: bool,
}

impl<'a> BarFeed<'a> {
    /// Before the first row.
    pub(crate) fn new(series: &'a [BarSeries], lockstep: bool) -> Self {
        let tapes = (0..).map(InstrumentId).zip(series).map(|(id, s)| Tape::of(id, s)).collect();
        Self { tapes, lockstep }
    }
}

impl Feed for BarFeed<'_> {
    #[inline]
    fn advance(&mut self, time: Timestamp) {
        for tape in &mut self.tapes {
            if self.lockstep {
                // Its time need not be looked at: that would be a trip to memory.
                tape.here = (tape.next < tape.times.len()).then_some(tape.next);
                tape.next += usize::from(tape.here.is_some());
            } else {
                tape.advance(time);
            }
        }
    }

    fn pass(&mut self, times: &[Timestamp]) {
        if self.lockstep {
            for tape in &mut self.tapes {
                tape.next += times.len();
                tape.here = tape.next.checked_sub(1);
            }
        } else {
            for time in times {
                self.advance(*time);
            }
        }
    }

    fn bars(&self, out: &mut Vec<(InstrumentId, Bar)>, wanted: impl Fn(InstrumentId) -> bool) {
        out.clear();
        let bar = |tape: &Tape<'_>| Some((tape.id, tape.series.bar(tape.here?)?));
        out.extend(self.tapes.iter().filter(|tape| wanted(tape.id)).filter_map(bar));
    }

    #[inline]
    fn closes(&self, out: &mut Vec<(InstrumentId, Price)>) {
        out.clear();
        let price = |tape: &Tape<'_>| Some((tape.id, tape.close.get(tape.here?).copied()?));
        out.extend(self.tapes.iter().filter_map(price));
    }

    #[inline]
    fn latest(&self) -> impl Iterator<Item = (InstrumentId, Price)> {
        let price =
            |tape: &Tape<'_>| Some((tape.id, tape.close.get(tape.next.checked_sub(1)?).copied()?));
        self.tapes.iter().filter_map(price)
    }

    fn counts(&self, out: &mut Vec<(InstrumentId, usize)>) {
        out.clear();
        out.extend(self.tapes.iter().map(|tape| (tape.id, tape.next)));
    }
}

/// The present row alone, for a run whose bars are told as they happen.
pub(crate) struct PresentRow {
    /// What the next row brings, until time goes on to it.
    next: Vec<Option<Bar>>,
    here: Vec<Option<Bar>>,
    latest: Vec<Option<Price>>,
    counts: Vec<usize>,
}

impl PresentRow {
    /// Before the first row of so many instruments.
    pub(crate) fn new(instruments: usize) -> Self {
        let none = || vec![None; instruments];
        Self {
            next: none(),
            here: none(),
            latest: vec![None; instruments],
            counts: vec![0; instruments],
        }
    }

    /// What the next row brings: a bar or none for each instrument.
    pub(crate) fn bring(&mut self, bars: &[Option<Bar>]) {
        for (next, bar) in self.next.iter_mut().zip(bars) {
            *next = *bar;
        }
    }
}

impl Feed for PresentRow {
    fn advance(&mut self, _time: Timestamp) {
        std::mem::swap(&mut self.here, &mut self.next);
        for ((bar, latest), count) in self.here.iter().zip(&mut self.latest).zip(&mut self.counts) {
            *latest = bar.map(|bar| bar.close).or(*latest);
            *count += usize::from(bar.is_some());
        }
    }

    fn pass(&mut self, times: &[Timestamp]) {
        for time in times {
            self.advance(*time);
        }
    }

    fn bars(&self, out: &mut Vec<(InstrumentId, Bar)>, wanted: impl Fn(InstrumentId) -> bool) {
        out.clear();
        let ids = (0..).map(InstrumentId).zip(&self.here);
        out.extend(ids.filter(|(id, _)| wanted(*id)).filter_map(|(id, bar)| Some((id, (*bar)?))));
    }

    fn closes(&self, out: &mut Vec<(InstrumentId, Price)>) {
        out.clear();
        let ids = (0..).map(InstrumentId).zip(&self.here);
        out.extend(ids.filter_map(|(id, bar)| Some((id, bar.as_ref()?.close))));
    }

    fn latest(&self) -> impl Iterator<Item = (InstrumentId, Price)> {
        let ids = (0..).map(InstrumentId).zip(&self.latest);
        ids.filter_map(|(id, price)| Some((id, (*price)?)))
    }

    fn counts(&self, out: &mut Vec<(InstrumentId, usize)>) {
        out.clear();
        out.extend((0..).map(InstrumentId).zip(self.counts.iter().copied()));
    }
}

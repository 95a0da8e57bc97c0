//! Bars of many instruments, row after row of their common calendar.

use market::{Bar, BarSeries, Price, Timestamp};
use portfolio::InstrumentId;

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

    /// Goes on to the next row.
    #[inline]
    pub(crate) fn advance(&mut self, time: Timestamp) {
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

    /// Goes on over many rows at once.
    pub(crate) fn pass(&mut self, times: &[Timestamp]) {
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

    /// The bars of this row, of those instruments that are wanted.
    pub(crate) fn bars(
        &self,
        out: &mut Vec<(InstrumentId, Bar)>,
        wanted: impl Fn(InstrumentId) -> bool,
    ) {
        out.clear();
        let bar = |tape: &Tape<'_>| Some((tape.id, tape.series.bar(tape.here?)?));
        out.extend(self.tapes.iter().filter(|tape| wanted(tape.id)).filter_map(bar));
    }

    /// The last prices of all that have a bar on this row.
    #[inline]
    pub(crate) fn closes(&self, out: &mut Vec<(InstrumentId, Price)>) {
        out.clear();
        let price = |tape: &Tape<'_>| Some((tape.id, tape.close.get(tape.here?).copied()?));
        out.extend(self.tapes.iter().filter_map(price));
    }

    /// The close of each instrument's last bar so far.
    #[inline]
    pub(crate) fn latest(&self) -> impl Iterator<Item = (InstrumentId, Price)> {
        let price =
            |tape: &Tape<'_>| Some((tape.id, tape.close.get(tape.next.checked_sub(1)?).copied()?));
        self.tapes.iter().filter_map(price)
    }

    /// How many bars of each instrument have closed.
    pub(crate) fn counts(&self, out: &mut Vec<(InstrumentId, usize)>) {
        out.clear();
        out.extend(self.tapes.iter().map(|tape| (tape.id, tape.next)));
    }
}

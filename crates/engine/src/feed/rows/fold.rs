//! Rows of short bars into rows of longer ones.

use super::{
    BuiltRow, Error, RowTerms,
    gather::{after, first_from, span_of},
};
use crate::{
    Data, MarketEvent,
    feed::{Basis, Candle, Candles},
};
use market::{BarSize, Session, Span, Timestamp};
use portfolio::InstrumentId;
use std::collections::{BTreeSet, VecDeque};

#[derive(Debug)]
pub(super) struct Fold {
    candles: Candles,
    closed: Vec<Candle>,
    names: usize,
    from: BarSize,
    size: BarSize,
    grace_nanos: u64,
    /// Rows that begin earlier were not seen from their beginning, or have gone.
    next: Timestamp,
    open: Option<Open>,
    ready: VecDeque<BuiltRow>,
}

/// The row that is being built.
#[derive(Debug)]
struct Open {
    span: Span,
    /// Up to where its parts have come.
    until: Timestamp,
    absent: BTreeSet<InstrumentId>,
}

impl Fold {
    pub(super) fn new(names: usize, terms: RowTerms) -> Result<Self, Error> {
        let RowTerms { size, from, since, grace_nanos } = terms;
        let (session, mut candles) = (Session::always(), Candles::new());
        for id in (0..).map(InstrumentId).take(names) {
            candles.add(id, Basis::Bars(from), &session, &[size])?;
        }
        Ok(Self {
            candles,
            closed: Vec::new(),
            names,
            from,
            size,
            grace_nanos,
            next: first_from(size, since),
            open: None,
            ready: VecDeque::new(),
        })
    }

    /// Takes the next row of short bars. Who trades and has no bar in a row that was left out lacks
    /// a part, too.
    pub(super) fn take(
        &mut self,
        part: &BuiltRow,
        trading: impl Iterator<Item = InstrumentId>,
    ) -> Result<(), Error> {
        let span = span_of(self.size, part.time);
        let trading: BTreeSet<InstrumentId> = trading.collect();
        if self.open.as_ref().is_some_and(|open| open.span != span) {
            self.close(&trading);
        }
        let open = self.open.get_or_insert_with(|| Open {
            span,
            until: span.stamp,
            absent: BTreeSet::new(),
        });
        if part.time > open.until {
            open.absent.extend(&trading);
        }
        open.absent.extend(&part.absent);
        open.until = part.end;
        for (id, bar) in (0..).map(InstrumentId).zip(&part.bars) {
            let Some(bar) = bar else { continue };
            let data = Data::Bar(*bar, self.from);
            self.candles.take(&MarketEvent { time: part.end, instrument: id, data })?;
        }
        if part.end >= span.end {
            self.close(&trading);
        }
        Ok(())
    }

    /// Time passes without bars; up to where rows have gone if that ends one.
    pub(super) fn pass(
        &mut self,
        now: Timestamp,
        trading: impl Iterator<Item = InstrumentId>,
    ) -> Option<Timestamp> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        self.close(&trading.collect());
        Some(self.next)
    }

    /// When the row that is being built goes, if nothing comes.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|open| after(open.span.end, self.grace_nanos))
    }

    /// The next row that is complete.
    pub(super) fn pop(&mut self) -> Option<BuiltRow> {
        self.ready.pop_front()
    }

    /// The row that is being built is over.
    fn close(&mut self, trading: &BTreeSet<InstrumentId>) {
        let Some(Open { span, until, mut absent }) = self.open.take() else { return };
        if until < span.end {
            absent.extend(trading);
        }
        self.closed.clear();
        self.candles.close(span.end, &mut self.closed);
        if span.stamp < self.next {
            return;
        }
        let mut bars = vec![None; self.names];
        for candle in self.closed.iter().filter(|candle| candle.bar.open_time == span.stamp) {
            if let Some(place) = bars.get_mut(candle.instrument.index()) {
                *place = Some(candle.bar);
            }
        }
        let between = span.stamp.nanos().saturating_sub(self.next.nanos()) / self.size.nanos();
        let skipped = u64::try_from(between).unwrap_or(0);
        self.next = span.end;
        let (time, end, absent) = (span.stamp, span.end, absent.into_iter().collect());
        self.ready.push_back(BuiltRow { time, end, bars, absent, skipped });
    }
}

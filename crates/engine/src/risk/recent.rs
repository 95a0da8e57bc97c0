//! Orders that came lately, to tell when one comes twice.

use super::Span;
use crate::order::{Amount, Breach, Distance, Limit, OrderKind, Ticket};
use market::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Different orders that are remembered. While so many lie within the span, nothing that enlarges
/// passes: it could not be told from those before it.
const KEPT_MAX: usize = 4_096;

/// The orders of the last span by what they ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Duplicates {
    span: Span,
    last: BTreeMap<Key, Timestamp>,
    order: VecDeque<(Timestamp, Key)>,
}

/// Instrument, leg, side and kind; size; limit, trigger and start; distance.
type Key = ([u32; 4], u64, [Option<i64>; 3], i128);

impl Duplicates {
    pub(super) const fn within(span: Span) -> Self {
        Self { span, last: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(super) const fn span(&self) -> Span {
        self.span
    }

    pub(super) fn breach(&mut self, ticket: &Ticket, now: Timestamp) -> Option<Breach> {
        self.forget(now);
        let limit = Limit::Duplicate;
        if let Some(then) = self.last.get(&key(ticket)) {
            let value = Amount::Span(Span::between(*then, now));
            return Some(Breach { limit, value, bound: Amount::Span(self.span) });
        }
        let kept = self.last.len();
        let (value, bound) = (Amount::Count(kept as u64 + 1), Amount::Count(KEPT_MAX as u64));
        (kept >= KEPT_MAX).then_some(Breach { limit, value, bound })
    }

    pub(super) fn note(&mut self, ticket: &Ticket, now: Timestamp) {
        self.last.insert(key(ticket), now);
        self.order.push_back((now, key(ticket)));
    }

    pub(super) fn count(&self, now: Timestamp) -> u64 {
        self.last.values().filter(|then| self.span.is_recent(**then, now)).count() as u64
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((then, old)) = self.order.front()
            && !self.span.is_recent(*then, now)
        {
            self.last.remove(old);
            self.order.pop_front();
        }
    }
}

fn key(ticket: &Ticket) -> Key {
    let (kind, distance, from) = match ticket.kind {
        OrderKind::Market => (0, 0, None),
        OrderKind::Limit { .. } => (1, 0, None),
        OrderKind::Stop { .. } => (2, 0, None),
        OrderKind::StopLimit { .. } => (3, 0, None),
        OrderKind::Touched { .. } => (4, 0, None),
        OrderKind::TouchedLimit { .. } => (5, 0, None),
        OrderKind::Trailing { distance: Distance::Ticks(ticks), from } => {
            (6, i128::from(ticks), from)
        }
        OrderKind::Trailing { distance: Distance::Fraction(rate), from } => (7, rate.0, from),
    };
    let place = [ticket.instrument.0, ticket.leg as u32, ticket.side as u32, kind];
    let prices = [ticket.kind.limit(), ticket.kind.trigger(), from];
    (place, ticket.quantity.0, prices.map(|price| price.map(|it| it.0)), distance)
}

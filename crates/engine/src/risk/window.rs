//! What is remembered of a span of time, in bounded memory.

use super::Span;
use market::{Money, Timestamp};
use std::collections::VecDeque;

/// The last `keep` moments at which something happened: enough to say whether it happened `keep`
/// times within a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recent {
    times: VecDeque<Timestamp>,
    keep: usize,
}

impl Recent {
    pub(super) const fn keeping(keep: usize) -> Self {
        Self { times: VecDeque::new(), keep }
    }

    pub(super) fn note(&mut self, now: Timestamp) {
        while self.times.len() >= self.keep.max(1) {
            self.times.pop_front();
        }
        self.times.push_back(now);
    }

    /// Whether it happened `keep` times within the span that ends now.
    pub(super) fn is_full(&self, now: Timestamp, span: Span) -> bool {
        let oldest = self.times.front();
        self.times.len() >= self.keep && oldest.is_some_and(|then| span.is_recent(*then, now))
    }

    /// How often it happened within the span that ends now, at most `keep`.
    pub(super) fn count(&self, now: Timestamp, span: Span) -> u64 {
        self.times.iter().filter(|then| span.is_recent(**then, now)).count() as u64
    }
}

/// Parts of a window: it moves on by one of them at a time.
const SLOTS: i64 = 64;

/// The highest equity of a span that ends now. The span counts in 64ths, so that memory has a
/// bound: a peak is kept for at least the span and at most a 64th longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peak {
    width: i64,
    /// Falling from front to back, one a slot: what a later and higher one hides is gone.
    slots: VecDeque<(i64, Money)>,
}

impl Peak {
    pub(super) fn over(span: Span) -> Self {
        let width = span.nanos() / SLOTS + i64::from(span.nanos() % SLOTS != 0);
        Self { width: width.max(1), slots: VecDeque::new() }
    }

    /// Takes one figure in; the highest of the span comes back.
    pub(super) fn observe(&mut self, now: Timestamp, equity: Money) -> Money {
        let slot = now.nanos().div_euclid(self.width);
        while self.slots.front().is_some_and(|(first, _)| slot.saturating_sub(*first) > SLOTS) {
            self.slots.pop_front();
        }
        while self.slots.back().is_some_and(|(_, lower)| *lower <= equity) {
            self.slots.pop_back();
        }
        if self.slots.back().is_none_or(|(last, _)| *last < slot) {
            self.slots.push_back((slot, equity));
        }
        self.slots.front().map_or(equity, |(_, peak)| *peak)
    }

    /// The last figure that is kept and the end of its slot: until then, what is not above it
    /// changes nothing.
    pub(super) fn latest(&self) -> Option<(Money, Timestamp)> {
        let (slot, money) = self.slots.back()?;
        let end = slot.saturating_add(1).saturating_mul(self.width);
        Some((*money, Timestamp::from_nanos(end)))
    }

    /// Forgets everything: the next figure is the peak.
    pub(super) fn restart(&mut self) {
        self.slots.clear();
    }

    pub(super) fn highest(&self) -> Option<Money> {
        self.slots.front().map(|(_, peak)| *peak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn a_window_of_moments_is_open_at_its_old_end() {
        let span = Span::from_nanos(10);
        let mut recent = Recent::keeping(2);
        recent.note(at(0));
        assert!(!recent.is_full(at(1), span), "one of two");
        recent.note(at(5));
        assert!(recent.is_full(at(9), span), "0 lies 9 back");
        assert!(!recent.is_full(at(10), span), "0 lies 10 back, no longer within 10");
        assert_eq!((recent.count(at(9), span), recent.count(at(10), span)), (2, 1));
    }

    proptest! {
        #[test]
        fn memory_is_bounded_whatever_comes(
            steps in prop::collection::vec((0i64..50, -1_000i128..1_000), 1..2_000),
            keep in 1usize..20,
            nanos in 1u64..5_000,
        ) {
            let (mut recent, mut peak) = (Recent::keeping(keep), Peak::over(Span::from_nanos(nanos)));
            let mut seen: Vec<(i64, i128)> = Vec::new();
            let mut now = 0;
            for (step, equity) in steps {
                now += step;
                recent.note(at(now));
                seen.push((now, equity));
                let highest = peak.observe(at(now), Money(equity)).0;
                prop_assert!(recent.times.len() <= keep && peak.slots.len() <= 65);
                let span = i64::try_from(nanos).expect("small");
                let over = |span: i64| {
                    let within = seen.iter().filter(|(time, _)| now - time <= span);
                    within.map(|(_, equity)| *equity).max().expect("at least the last one")
                };
                prop_assert!(highest >= over(span), "it covers the whole span");
                let part = (span + 63) / 64;
                prop_assert!(highest <= over(part * 65), "and at most a 64th more");
            }
        }

        #[test]
        fn a_falling_figure_does_not_fill_the_memory(falls in 100usize..3_000) {
            let mut peak = Peak::over(Span::from_nanos(6_400));
            for (time, equity) in (0..).zip((0..i128::try_from(falls).expect("small")).rev()) {
                peak.observe(at(time * 7), Money(equity));
                prop_assert!(peak.slots.len() <= 65);
            }
        }
    }
}

//! What a tick must be, alone and after the one before it.
//!
//! | what | rule |
//! |---|---|
//! | time outside the range | flaw |
//! | earlier than the row before | flaw: unsorted, or overlapping where a new file began |
//! | equal to the row before, time included | flaw; of trades only noted: two equal ones are real |
//! | bid above ask | flaw; equal is a locked market and allowed |
//! | price of zero or below | flaw, but for [`Pricing::Signed`] |
//! | size of zero | flaw; of a book's level it means that the level is gone |
//! | longer silence than stated | noted, kept |
//! | further from the price before than stated | noted, kept |

use super::{Depth, Funding, Print, Quote};
use crate::{Price, Pricing, Quantity, Timestamp};

/// What ticks of one stream must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickRules {
    /// Which prices can exist.
    pub pricing: Pricing,
    /// The first time that can be.
    pub from: Timestamp,
    /// The first time that cannot.
    pub until: Timestamp,
    /// A longer silence, in nanoseconds, is a gap; `None`: none is.
    pub gap_max: Option<i64>,
    /// A price further from the one before, in 1/100 of a per cent of it, is a jump; `None`: none
    /// is. Between prices above zero only.
    pub jump_max_bps: Option<u32>,
}

impl TickRules {
    /// From 1980 up to 2200, where a time in another unit than nanoseconds does not fall; silence
    /// of any length; jumps above a half.
    #[must_use]
    pub const fn of(pricing: Pricing) -> Self {
        Self {
            pricing,
            from: Timestamp::from_nanos(315_532_800_000_000_000),
            until: Timestamp::from_nanos(7_258_118_400_000_000_000),
            gap_max: None,
            jump_max_bps: Some(5_000),
        }
    }
}

/// Why a tick cannot be, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Its time is not one that can be.
    #[error(
        "{time} lies outside {from} to {until}: check the unit of the times, or widen the range"
    )]
    Range {
        /// Its time.
        time: Timestamp,
        /// The first that can be.
        from: Timestamp,
        /// The first that cannot.
        until: Timestamp,
    },
    /// It is earlier than the row before it.
    #[error("{time} comes after {before}: sort the rows by time")]
    Unsorted {
        /// Its time.
        time: Timestamp,
        /// The row before it.
        before: Timestamp,
    },
    /// It is earlier than the end of the part before.
    #[error("{time} is before {before}, where the part before ends: the parts overlap, cut one")]
    Overlap {
        /// Its time.
        time: Timestamp,
        /// The last row of the part before.
        before: Timestamp,
    },
    /// It is the row before once more.
    #[error("it repeats the row before it, time included: remove it")]
    Duplicate,
    /// The bid is above the ask.
    #[error("the bid {} is above the ask {} (ticks): correct or remove the row", bid.0, ask.0)]
    Crossed {
        /// The bid.
        bid: Price,
        /// The ask.
        ask: Price,
    },
    /// A price is zero or below.
    #[error("the price {} (ticks) is not above zero: remove the row, or list the instrument with signed prices", price.0)]
    NotPositive {
        /// The price.
        price: Price,
    },
    /// Nothing was traded or shown.
    #[error("a size is zero: remove the row")]
    NoSize,
}

/// What is odd about a tick that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// So many nanoseconds of silence before it, more than stated.
    pub gap: Option<i64>,
    /// The price before, in half ticks; this one is further from it than stated.
    pub jumped_from: Option<i128>,
    /// A trade that equals the one before it, time included.
    pub repeats: bool,
}

/// What it means that a row equals the row before it, time included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// It happened twice.
    Real,
    /// It was written twice.
    Redundant,
}

/// A row of a stream of ticks.
pub trait Tick: Copy + PartialEq {
    /// What a repetition of it means.
    const REPEATS: Repeats;

    /// When.
    fn time(&self) -> Timestamp;

    /// What is wrong with it alone.
    fn flaw(&self, pricing: Pricing) -> Option<Flaw>;

    /// The price that jumps are told by, in half ticks.
    fn level(&self) -> Option<i128>;
}

fn existing(price: Price, pricing: Pricing) -> Option<Flaw> {
    (pricing == Pricing::Positive && price.0 <= 0).then_some(Flaw::NotPositive { price })
}

fn some(size: Quantity) -> Option<Flaw> {
    (size == Quantity::ZERO).then_some(Flaw::NoSize)
}

impl Tick for Quote {
    const REPEATS: Repeats = Repeats::Redundant;

    fn time(&self) -> Timestamp {
        self.time
    }

    fn flaw(&self, pricing: Pricing) -> Option<Flaw> {
        let (bid, ask) = (self.bid, self.ask);
        if bid > ask {
            return Some(Flaw::Crossed { bid, ask });
        }
        existing(bid, pricing).or_else(|| some(self.bid_size.min(self.ask_size)))
    }

    fn level(&self) -> Option<i128> {
        Some(i128::from(self.bid.0) + i128::from(self.ask.0))
    }
}

impl Tick for Print {
    const REPEATS: Repeats = Repeats::Real;

    fn time(&self) -> Timestamp {
        self.time
    }

    fn flaw(&self, pricing: Pricing) -> Option<Flaw> {
        existing(self.price, pricing).or_else(|| some(self.size))
    }

    fn level(&self) -> Option<i128> {
        Some(2 * i128::from(self.price.0))
    }
}

impl Tick for Depth {
    const REPEATS: Repeats = Repeats::Redundant;

    fn time(&self) -> Timestamp {
        self.time
    }

    fn flaw(&self, pricing: Pricing) -> Option<Flaw> {
        existing(self.price, pricing)
    }

    /// Levels of a book lie apart.
    fn level(&self) -> Option<i128> {
        None
    }
}

impl Tick for Funding {
    const REPEATS: Repeats = Repeats::Redundant;

    fn time(&self) -> Timestamp {
        self.time
    }

    fn flaw(&self, pricing: Pricing) -> Option<Flaw> {
        self.mark.and_then(|mark| existing(mark, pricing))
    }

    fn level(&self) -> Option<i128> {
        self.mark.map(|mark| 2 * i128::from(mark.0))
    }
}

/// Looks at one stream's rows in order.
#[derive(Debug, Clone, Copy)]
pub struct TickWatch<T> {
    rules: TickRules,
    last: Option<T>,
    /// No row of the part at hand has been kept yet.
    fresh: bool,
}

impl<T: Tick> TickWatch<T> {
    /// Before the first row.
    #[must_use]
    pub const fn new(rules: TickRules) -> Self {
        Self { rules, last: None, fresh: false }
    }

    /// A new part of the stream begins: its next file.
    pub const fn part(&mut self) {
        self.fresh = true;
    }

    /// The last row without a flaw.
    #[must_use]
    pub const fn last(&self) -> Option<&T> {
        self.last.as_ref()
    }

    /// Judges a row. One with a flaw changes nothing: the next is compared with the last good one.
    #[inline]
    pub fn see(&mut self, tick: &T) -> Result<Seen, Flaw> {
        let (time, rules) = (tick.time(), &self.rules);
        if time < rules.from || time >= rules.until {
            return Err(Flaw::Range { time, from: rules.from, until: rules.until });
        }
        let seen = match &self.last {
            Some(last) => self.after(last, tick)?,
            None => Seen::default(),
        };
        if let Some(flaw) = tick.flaw(rules.pricing) {
            return Err(flaw);
        }
        self.fresh = false;
        self.last = Some(*tick);
        Ok(seen)
    }

    fn after(&self, last: &T, tick: &T) -> Result<Seen, Flaw> {
        let (time, before) = (tick.time(), last.time());
        if time < before {
            let overlap = Flaw::Overlap { time, before };
            return Err(if self.fresh { overlap } else { Flaw::Unsorted { time, before } });
        }
        let repeats = time == before && tick == last;
        if repeats && T::REPEATS == Repeats::Redundant {
            return Err(Flaw::Duplicate);
        }
        // Both lie within the range of the rules: the difference fits.
        let silence = time.nanos().saturating_sub(before.nanos());
        let gap = self.rules.gap_max.and_then(|most| (silence > most).then_some(silence));
        Ok(Seen { gap, jumped_from: self.jump(last, tick), repeats })
    }

    fn jump(&self, last: &T, tick: &T) -> Option<i128> {
        let bps = i128::from(self.rules.jump_max_bps?);
        let (from, to) = (last.level()?, tick.level()?);
        let far = (to - from).abs() * 10_000 > bps * from;
        (from > 0 && to > 0 && far).then_some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rate, Side};

    const START: i64 = 1_000_000_000_000_000_000;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(START + nanos)
    }

    fn quote(nanos: i64, bid: i64, ask: i64, bid_size: u64, ask_size: u64) -> Quote {
        let (bid, ask) = (Price(bid), Price(ask));
        let (bid_size, ask_size) = (Quantity(bid_size), Quantity(ask_size));
        Quote { time: at(nanos), bid, ask, bid_size, ask_size }
    }

    fn print(nanos: i64, price: i64, size: u64) -> Print {
        let (price, size) = (Price(price), Quantity(size));
        Print { time: at(nanos), price, size, aggressor: None }
    }

    /// What is said of each row in turn.
    fn check<T: Tick>(rules: TickRules, rows: &[T], want: &[&str]) {
        let mut watch = TickWatch::new(rules);
        let found: Vec<String> = rows
            .iter()
            .map(|row| match watch.see(row) {
                Err(flaw) => flaw.to_string(),
                Ok(seen) if seen == Seen::default() => "fine".to_owned(),
                Ok(seen) => {
                    format!(
                        "gap {:?} jump {:?} repeats {}",
                        seen.gap, seen.jumped_from, seen.repeats
                    )
                }
            })
            .collect();
        assert_eq!(found.len(), want.len());
        for (found, want) in found.iter().zip(want) {
            assert!(found.contains(want), "{found:?} does not say {want:?}");
        }
    }

    #[test]
    fn quotes_have_their_rules() {
        let rules = TickRules::of(Pricing::Positive);
        let rows = [
            quote(0, 99, 101, 1, 1),
            quote(1, 100, 100, 1, 1),
            quote(2, 101, 100, 1, 1),
            quote(1, 100, 100, 1, 1),
            quote(0, 99, 101, 1, 1),
            quote(3, 0, 100, 1, 1),
            quote(3, 99, 101, 0, 1),
            quote(3, 99, 101, 1, 0),
            quote(3, 151, 151, 1, 1),
        ];
        check(
            rules,
            &rows,
            &[
                "fine",
                "fine",
                "the bid 101 is above the ask 100",
                "it repeats the row before it",
                "sort the rows by time",
                "the price 0 (ticks) is not above zero",
                "a size is zero",
                "a size is zero",
                // 302 half ticks after 200: 51 per cent.
                "jump Some(200)",
            ],
        );
        let spread = [quote(0, -2, 0, 1, 1), quote(1, -3, -1, 1, 1), quote(2, 0, -1, 1, 1)];
        check(TickRules::of(Pricing::Signed), &spread, &["fine", "fine", "is above the ask"]);
    }

    #[test]
    fn trades_repeat_and_levels_vanish() {
        let mut rules = TickRules::of(Pricing::Positive);
        rules.gap_max = Some(10);
        let rows = [print(0, 100, 5), print(0, 100, 5), print(10, 100, 5), print(21, 100, 5)];
        check(rules, &rows, &["fine", "repeats true", "fine", "gap Some(11)"]);
        check(rules, &[print(0, 0, 5), print(0, -1, 5), print(0, 1, 0)], &["zero"; 3]);
        let level = |nanos, price, size| {
            let (price, size) = (Price(price), Quantity(size));
            Depth { time: at(nanos), side: Side::Buy, price, size }
        };
        let rows = [level(0, 100, 5), level(0, 100, 0), level(0, 100, 0), level(1, 0, 5)];
        check(rules, &rows, &["fine", "fine", "it repeats", "is not above zero"]);
        let paid = |nanos, mark: Option<i64>| Funding {
            time: at(nanos),
            rate: Rate::ZERO,
            mark: mark.map(Price),
        };
        check(
            rules,
            &[paid(0, None), paid(0, None), paid(1, Some(0))],
            &["fine", "it repeats", "zero"],
        );
    }

    #[test]
    fn times_lie_in_the_range() {
        let rules = TickRules::of(Pricing::Positive);
        // Milliseconds read as nanoseconds end up in January 1970.
        let early = Print { time: Timestamp::from_nanos(1_700_000_000_000), ..print(0, 1, 1) };
        let late = Print { time: rules.until, ..early };
        check(rules, &[early, late], &["check the unit of the times"; 2]);
    }

    #[test]
    fn a_part_that_begins_too_early_overlaps() {
        let mut watch = TickWatch::new(TickRules::of(Pricing::Positive));
        watch.see(&print(5, 1, 1)).expect("fine");
        watch.part();
        let (time, before) = (at(4), at(5));
        assert_eq!(watch.see(&print(4, 1, 1)), Err(Flaw::Overlap { time, before }));
        watch.see(&print(6, 1, 1)).expect("fine");
        let (time, before) = (at(5), at(6));
        assert_eq!(watch.see(&print(5, 1, 1)), Err(Flaw::Unsorted { time, before }));
    }
}

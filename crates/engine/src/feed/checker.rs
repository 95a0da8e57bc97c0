//! Bad ticks, stream by stream: refused, or left out and counted.

use super::Error;
use market::{Flaw, Tick, TickRules, TickWatch, Timestamp};

/// What happens to a row with a flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The first is an error that names stream, row and fix.
    Strict,
    /// It is left out and counted.
    Report,
}

/// What a row is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is left out.
    Drop,
}

/// What was found in a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Rows looked at.
    pub rows: u64,
    /// Left out: times that cannot be.
    pub out_of_range: u64,
    /// Left out: earlier than the row before.
    pub unsorted: u64,
    /// Left out: earlier than the end of the part before.
    pub overlapping: u64,
    /// Left out: the row before once more.
    pub duplicates: u64,
    /// Left out: bid above ask.
    pub crossed: u64,
    /// Left out: a price of zero or below.
    pub not_positive: u64,
    /// Left out: a size of zero.
    pub no_size: u64,
    /// Kept: trades that equal the one before.
    pub repeats: u64,
    /// Kept: longer silences than stated.
    pub gaps: u64,
    /// The longest of them, in nanoseconds, and the time of the row after it.
    pub longest_gap: Option<(i64, Timestamp)>,
    /// Kept: prices further from the one before than stated.
    pub jumps: u64,
    /// The time of the first of them.
    pub first_jump: Option<Timestamp>,
    /// The first row that was left out, from 1 of its part, and why.
    pub first: Option<(u64, Flaw)>,
}

impl Checked {
    /// Rows left out.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.out_of_range
            + self.unsorted
            + self.overlapping
            + self.duplicates
            + self.crossed
            + self.not_positive
            + self.no_size
    }

    fn count(&mut self, row: u64, flaw: Flaw) {
        let slot = match flaw {
            Flaw::Range { .. } => &mut self.out_of_range,
            Flaw::Unsorted { .. } => &mut self.unsorted,
            Flaw::Overlap { .. } => &mut self.overlapping,
            Flaw::Duplicate => &mut self.duplicates,
            Flaw::Crossed { .. } => &mut self.crossed,
            Flaw::NotPositive { .. } => &mut self.not_positive,
            Flaw::NoSize => &mut self.no_size,
        };
        *slot += 1;
        self.first.get_or_insert((row, flaw));
    }
}

/// Judges the rows of one stream by the rules of [`TickRules`]: one instrument, one kind.
#[derive(Debug, Clone)]
pub struct Checker<T> {
    stream: String,
    policy: Policy,
    watch: TickWatch<T>,
    row: u64,
    found: Checked,
}

impl<T: Tick> Checker<T> {
    /// Before the first row of a stream by its name.
    #[must_use]
    pub fn new(stream: impl Into<String>, rules: TickRules, policy: Policy) -> Self {
        let (stream, watch) = (stream.into(), TickWatch::new(rules));
        Self { stream, policy, watch, row: 0, found: Checked::default() }
    }

    /// The stream goes on in a part of this name: its rows are counted anew, and one that is
    /// earlier than the part before ends overlaps.
    pub fn part(&mut self, stream: impl Into<String>) {
        self.stream = stream.into();
        self.row = 0;
        self.watch.part();
    }

    /// Judges the next row.
    #[inline]
    pub fn check(&mut self, tick: &T) -> Result<Verdict, Error> {
        self.row += 1;
        self.found.rows += 1;
        match self.watch.see(tick) {
            Ok(seen) => {
                if seen != market::Seen::default() {
                    self.note(tick.time(), seen);
                }
                Ok(Verdict::Keep)
            }
            Err(flaw) if self.policy == Policy::Strict => {
                Err(Error::Row { stream: self.stream.clone(), row: self.row, flaw })
            }
            Err(flaw) => {
                self.found.count(self.row, flaw);
                Ok(Verdict::Drop)
            }
        }
    }

    fn note(&mut self, time: Timestamp, seen: market::Seen) {
        let found = &mut self.found;
        found.repeats += u64::from(seen.repeats);
        if let Some(gap) = seen.gap {
            found.gaps += 1;
            if found.longest_gap.is_none_or(|(longest, _)| gap > longest) {
                found.longest_gap = Some((gap, time));
            }
        }
        if seen.jumped_from.is_some() {
            found.jumps += 1;
            found.first_jump.get_or_insert(time);
        }
    }

    /// What was found so far.
    #[must_use]
    pub const fn found(&self) -> &Checked {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Price, Pricing, Print, Quantity, Quote};

    const START: i64 = 1_000_000_000_000_000_000;

    fn quote(nanos: i64, bid: i64, ask: i64, size: u64) -> Quote {
        let time = Timestamp::from_nanos(START + nanos);
        let (bid, ask, size) = (Price(bid), Price(ask), Quantity(size));
        Quote { time, bid, ask, bid_size: size, ask_size: size }
    }

    fn rules() -> TickRules {
        TickRules { gap_max: Some(100), ..TickRules::of(Pricing::Positive) }
    }

    #[test]
    fn strict_refuses_the_first_and_names_it() {
        let check = |bad: Quote, want: &str| {
            let mut checker = Checker::new("quotes of BTC", rules(), Policy::Strict);
            assert_eq!(checker.check(&quote(10, 99, 101, 1)), Ok(Verdict::Keep));
            assert_eq!(checker.check(&bad).expect_err("is refused").to_string(), want);
        };
        let (early, late) = ("2001-09-09T01:46:40.000000009Z", "2001-09-09T01:46:40.00000001Z");
        check(
            quote(9, 99, 101, 1),
            &format!("quotes of BTC, row 2: {early} comes after {late}: sort the rows by time"),
        );
        check(
            quote(10, 99, 101, 1),
            "quotes of BTC, row 2: it repeats the row before it, time included: remove it",
        );
        check(
            quote(11, 102, 101, 1),
            "quotes of BTC, row 2: the bid 102 is above the ask 101 (ticks): correct or remove the row",
        );
        check(quote(11, 99, 101, 0), "quotes of BTC, row 2: a size is zero: remove the row");
        check(
            quote(11, -1, 101, 1),
            "quotes of BTC, row 2: the price -1 (ticks) is not above zero: remove the row, or list \
             the instrument with signed prices",
        );
    }

    #[test]
    fn report_leaves_out_and_counts() {
        let mut checker = Checker::new("one", rules(), Policy::Report);
        let mut kept = Vec::new();
        let mut take = |checker: &mut Checker<Quote>, row: Quote| {
            if checker.check(&row).expect("is never refused") == Verdict::Keep {
                kept.push(row.time.nanos() - START);
            }
        };
        for row in [
            quote(0, 99, 101, 1),
            quote(0, 99, 101, 1),       // repeats
            quote(5, 102, 101, 1),      // crossed
            quote(4, 100, 100, 1),      // locked: fine
            quote(3, 99, 101, 1),       // before 4
            quote(200, 99, 101, 1),     // 196 ns of silence
            quote(201, 0, 101, 1),      // no price
            quote(201, 99, 101, 0),     // no size
            quote(201, 300, 300, 1),    // 600 half ticks after 200
            quote(-2 * START, 1, 1, 1), // before 1980
        ] {
            take(&mut checker, row);
        }
        checker.part("two");
        take(&mut checker, quote(200, 300, 300, 1)); // before the end of part one
        take(&mut checker, quote(202, 300, 300, 1));
        assert_eq!(kept, [0, 4, 200, 201, 202]);
        let time = |nanos: i64| Timestamp::from_nanos(START + nanos);
        let want = Checked {
            rows: 12,
            out_of_range: 1,
            unsorted: 1,
            overlapping: 1,
            duplicates: 1,
            crossed: 1,
            not_positive: 1,
            no_size: 1,
            repeats: 0,
            gaps: 1,
            longest_gap: Some((196, time(200))),
            jumps: 1,
            first_jump: Some(time(201)),
            first: Some((2, Flaw::Duplicate)),
        };
        assert_eq!((checker.found(), checker.found().dropped()), (&want, 7));
    }

    #[test]
    fn rows_of_a_part_are_counted_from_its_start() {
        let mut checker = Checker::new("day one", rules(), Policy::Strict);
        let print = |nanos| {
            let (time, price) = (Timestamp::from_nanos(START + nanos), Price(1));
            Print { time, price, size: Quantity(1), aggressor: None }
        };
        checker.check(&print(5)).expect("fine");
        checker.check(&print(5)).expect("a trade may repeat");
        checker.part("day two");
        let error = checker.check(&print(4)).expect_err("overlaps").to_string();
        assert!(error.starts_with("day two, row 1: "), "{error}");
        assert!(error.ends_with("the parts overlap, cut one"), "{error}");
        assert_eq!(checker.found().repeats, 1);
    }
}

//! Lengths of time, and where a day begins.

use market::Timestamp;
use std::fmt;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A length of time in nanoseconds; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// So many nanoseconds; more than 292 years are 292 years.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        let longest = i64::MAX.unsigned_abs();
        Self(if nanos > longest { i64::MAX } else { nanos.cast_signed() })
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds as i64 * SECOND)
    }

    /// From one moment to a later one; nothing if it is not later.
    #[must_use]
    pub fn between(earlier: Timestamp, later: Timestamp) -> Self {
        Self(later.nanos().saturating_sub(earlier.nanos()).max(0))
    }

    /// Its nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The moment this much later; the last one there is, if that lies beyond it.
    #[must_use]
    pub const fn after(self, start: Timestamp) -> Timestamp {
        Timestamp::from_nanos(start.nanos().saturating_add(self.0))
    }

    /// Whether `then` lies less than this before `now`. Of a clock that went back, everything that
    /// seems to come later is recent.
    #[must_use]
    pub(super) const fn is_recent(self, then: Timestamp, now: Timestamp) -> bool {
        now.nanos().saturating_sub(then.nanos()) < self.0
    }
}

impl fmt::Display for Span {
    /// `1h 30m`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", jiff::SignedDuration::from_nanos(self.0))
    }
}

/// Where a trading day begins, as an offset that does not change over the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Day {
    /// Nanoseconds after midnight UTC, from 0 to less than a day.
    begins: i64,
}

impl Day {
    /// At midnight UTC.
    pub const UTC: Self = Self { begins: 0 };

    /// At midnight of a clock that is this many minutes ahead of UTC (behind, if negative).
    #[must_use]
    pub const fn of_offset(minutes: i16) -> Self {
        Self { begins: (-(minutes as i64) * 60 * SECOND).rem_euclid(DAY) }
    }

    /// So long after midnight UTC: the end of a session, say.
    #[must_use]
    pub const fn beginning(after_midnight: Span) -> Self {
        Self { begins: after_midnight.0.rem_euclid(DAY) }
    }

    /// The number of the day that a moment belongs to; a day owns its first moment.
    #[must_use]
    pub(super) const fn number(self, time: Timestamp) -> i64 {
        time.nanos().saturating_sub(self.begins).div_euclid(DAY)
    }

    /// The first moment of the next day.
    #[must_use]
    pub(super) const fn next(self, time: Timestamp) -> Timestamp {
        let next = (self.number(time) + 1).saturating_mul(DAY).saturating_add(self.begins);
        Timestamp::from_nanos(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_where_it_is_told() {
        let check = |day: Day, time: &str, next: &str| {
            let time: Timestamp = time.parse().expect("a time");
            assert_eq!(day.next(time).to_string(), next);
            assert_eq!(day.number(day.next(time)), day.number(time) + 1);
        };
        check(Day::UTC, "2024-03-01", "2024-03-02");
        check(Day::UTC, "2024-03-01T23:59:59Z", "2024-03-02");
        check(Day::UTC, "1969-12-31T12:00:00Z", "1970-01-01");
        // Berlin in winter is an hour ahead: its midnight is 23:00 UTC.
        check(Day::of_offset(60), "2024-03-01T22:59:59Z", "2024-03-01T23:00:00Z");
        check(Day::of_offset(60), "2024-03-01T23:00:00Z", "2024-03-02T23:00:00Z");
        check(Day::of_offset(-300), "2024-03-01T04:59:59Z", "2024-03-01T05:00:00Z");
        check(
            Day::beginning(Span::from_secs(22 * 3600)),
            "2024-03-01T22:00:00Z",
            "2024-03-02T22:00:00Z",
        );
    }

    #[test]
    fn spans_print_as_people_write_them() {
        let check = |nanos: u64, want: &str| assert_eq!(Span::from_nanos(nanos).to_string(), want);
        check(90 * 60 * 1_000_000_000, "1h 30m");
        check(250_000_000, "250ms");
        check(0, "0s");
    }
}

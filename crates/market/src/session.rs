//! When a market trades, and which bar an instant belongs to.

use crate::{BarSize, Error, Timestamp, excerpt};
use jiff::{
    ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};
use std::collections::BTreeSet;

/// The epoch's date; days are counted from it.
const EPOCH: Date = Date::constant(1970, 1, 1);
/// Weeks begin on a Monday, as in ISO 8601; the first after the epoch is 1970-01-05.
const MONDAY: i64 = 4;
/// Days looked through for the next session beyond every holiday.
const LOOK_DAYS: usize = 16;

/// The hours of a market: one session a day, in the civil time of a zone.
///
/// A session's day is the date of its last instant. A close at or before the open lies on the next
/// date, so that futures which open on Sunday at 17:00 and close on Monday at 16:00 trade Monday,
/// and a market that is open from midnight to midnight trades the date it opened on. Clock changes
/// move the instants with the civil times; a civil time that is skipped becomes the one as much
/// later, of one that comes twice the first counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    zone: TimeZone,
    open: Time,
    close: Time,
    weekdays: Vec<Weekday>,
    holidays: BTreeSet<Date>,
}

/// One session: from its open up to, and without, its close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Its day: the date of its last instant.
    pub day: Date,
    /// Its first instant.
    pub open: Timestamp,
    /// The first instant after it.
    pub close: Timestamp,
}

/// What a session says of an instant, and for how long the answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Within these hours.
    Within(Hours),
    /// Between sessions.
    Outside {
        /// When the next one opens.
        until: Timestamp,
    },
}

/// The stretch of time that one bar sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What the bar is stamped with: its first instant; for a day or longer midnight UTC of its
    /// first date, as daily prices are kept, wherever the market is.
    pub stamp: Timestamp,
    /// The first instant after it: then the bar is known.
    pub end: Timestamp,
}

impl Session {
    /// Open without end, days as in UTC: coins.
    #[must_use]
    pub fn always() -> Self {
        Self {
            zone: TimeZone::UTC,
            open: Time::midnight(),
            close: Time::midnight(),
            weekdays: Weekday::Monday.cycle_forward().take(7).collect(),
            holidays: BTreeSet::new(),
        }
    }

    /// Monday to Friday, from `open` to `close` in a zone by its IANA name; both are whole minutes,
    /// so that no bar is cut by them.
    pub fn new(zone: &str, open: Time, close: Time) -> Result<Self, Error> {
        let unknown = |_| Error::TimeZone { text: excerpt(zone) };
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(unknown)?;
        let whole = |time: Time| time.second() == 0 && time.subsec_nanosecond() == 0;
        if !(whole(open) && whole(close)) {
            return Err(Error::Session { what: "a session opens and closes at whole minutes" });
        }
        let weekdays = Weekday::Monday.cycle_forward().take(5).collect();
        Ok(Self { zone, open, close, weekdays, holidays: BTreeSet::new() })
    }

    /// The same hours on other days of the week.
    pub fn on(self, weekdays: &[Weekday]) -> Result<Self, Error> {
        if weekdays.is_empty() {
            return Err(Error::Session { what: "a session needs a day of the week" });
        }
        Ok(Self { weekdays: weekdays.to_vec(), ..self })
    }

    /// Without these days. A shortened day is a full one on which trading stops early.
    #[must_use]
    pub fn without(self, holidays: impl IntoIterator<Item = Date>) -> Self {
        Self { holidays: holidays.into_iter().collect(), ..self }
    }

    /// The session of a day, if there is one and it lies within the range of [`Timestamp`].
    #[must_use]
    pub fn hours(&self, day: Date) -> Option<Hours> {
        if !self.weekdays.contains(&day.weekday()) || self.holidays.contains(&day) {
            return None;
        }
        let (from, to) = if self.open < self.close {
            (day, day)
        } else if self.close == Time::midnight() {
            (day, day.tomorrow().ok()?)
        } else {
            (day.yesterday().ok()?, day)
        };
        let instant = |at: DateTime| Timestamp::try_from(self.zone.to_timestamp(at).ok()?).ok();
        let open = instant(from.to_datetime(self.open))?;
        let close = instant(to.to_datetime(self.close))?;
        (open < close).then_some(Hours { day, open, close })
    }

    /// Whether the market is open at an instant, and until when that holds.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Moment {
        let date = self.zone.to_datetime(time.instant()).date();
        let start = date.yesterday().unwrap_or(date);
        for day in start.series(1.day()).take(LOOK_DAYS + 8 * self.holidays.len()) {
            match self.hours(day) {
                Some(hours) if time < hours.open => return Moment::Outside { until: hours.open },
                Some(hours) if time < hours.close => return Moment::Within(hours),
                _ => {}
            }
        }
        Moment::Outside { until: Timestamp::from_nanos(i64::MAX) }
    }

    /// The bar of a size that an instant within `hours` belongs to.
    ///
    /// Below a day bars follow the clock: whole multiples of their size since the epoch, in UTC.
    /// From a day on they follow the sessions: see [`Session::days`].
    #[must_use]
    pub fn span(&self, size: BarSize, time: Timestamp, hours: &Hours) -> Span {
        if size.is_daily() {
            return self.days(size, hours.day);
        }
        let stamp = Timestamp::from_nanos(
            time.nanos().saturating_sub(time.nanos().rem_euclid(size.nanos())),
        );
        let end = Timestamp::from_nanos(stamp.nanos().saturating_add(size.nanos()));
        Span { stamp, end }
    }

    /// The bar of a day or longer that a session's day belongs to: it ends with the last session
    /// in it, so a week is known on Friday's close.
    ///
    /// Weeks begin on Monday. Two and three days are counted in calendar days from 1970-01-01, so
    /// that a bar's place depends neither on where the data begin nor on holidays.
    #[must_use]
    pub fn days(&self, size: BarSize, day: Date) -> Span {
        let length = size.nanos() / BarSize::DAY.nanos();
        let anchor = if length == 7 { MONDAY } else { 0 };
        let number = day_number(day);
        let first = number - (number - anchor).rem_euclid(length.max(1));
        let last = (first..first + length.max(1))
            .rev()
            .find_map(|n| EPOCH.checked_add(n.days()).ok().and_then(|day| self.hours(day)));
        let stamp = Timestamp::from_nanos(first.saturating_mul(BarSize::DAY.nanos()));
        let end = last.map_or(Timestamp::from_nanos(i64::MAX), |hours| hours.close);
        Span { stamp, end }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::always()
    }
}

/// Days since 1970-01-01.
fn day_number(day: Date) -> i64 {
    (day - EPOCH).get_days().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn new_york() -> Session {
        let session = Session::new("America/New_York", time(9, 30, 0, 0), time(16, 0, 0, 0));
        session.expect("a session").without([date(2024, 7, 4)])
    }

    fn hours(session: &Session, day: Date) -> Option<(String, String)> {
        session.hours(day).map(|h| (h.open.to_string(), h.close.to_string()))
    }

    #[test]
    fn hours_follow_the_clocks_of_the_zone() {
        let check = |session: &Session, day: Date, want: Option<(&str, &str)>| {
            let want = want.map(|(open, close)| (open.to_owned(), close.to_owned()));
            assert_eq!(hours(session, day), want, "{day}");
        };
        let share = new_york();
        // Clocks go forward on Sunday 2024-03-10 and back on Sunday 2024-11-03.
        check(&share, date(2024, 3, 8), Some(("2024-03-08T14:30:00Z", "2024-03-08T21:00:00Z")));
        check(&share, date(2024, 3, 11), Some(("2024-03-11T13:30:00Z", "2024-03-11T20:00:00Z")));
        check(&share, date(2024, 11, 1), Some(("2024-11-01T13:30:00Z", "2024-11-01T20:00:00Z")));
        check(&share, date(2024, 11, 4), Some(("2024-11-04T14:30:00Z", "2024-11-04T21:00:00Z")));
        check(&share, date(2024, 3, 9), None);
        check(&share, date(2024, 7, 4), None);
        // Monday's session of futures begins on Sunday evening.
        let future = Session::new("America/Chicago", time(17, 0, 0, 0), time(16, 0, 0, 0));
        let future = future.expect("a session");
        check(&future, date(2024, 3, 11), Some(("2024-03-10T22:00:00Z", "2024-03-11T21:00:00Z")));
        check(&future, date(2024, 3, 10), None);
        check(&Session::always(), date(2024, 3, 10), Some(("2024-03-10", "2024-03-11")));
        // Midnight to midnight in Berlin: 23 hours on 2024-03-31, 25 on 2024-10-27.
        let berlin = Session::new("Europe/Berlin", Time::midnight(), Time::midnight());
        let berlin = berlin.and_then(|s| s.on(&[Weekday::Sunday])).expect("a session");
        check(&berlin, date(2024, 3, 31), Some(("2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z")));
        check(&berlin, date(2024, 10, 27), Some(("2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z")));
    }

    #[test]
    fn an_instant_is_within_a_session_or_before_the_next() {
        let check = |session: &Session, at: &str, want: &str| {
            let found = match session.at(at.parse().expect("a time")) {
                Moment::Within(hours) => format!("in {}", hours.day),
                Moment::Outside { until } => format!("until {until}"),
            };
            assert_eq!(found, want, "{at}");
        };
        let share = new_york();
        check(&share, "2024-03-08T14:29:59Z", "until 2024-03-08T14:30:00Z");
        check(&share, "2024-03-08T14:30:00Z", "in 2024-03-08");
        check(&share, "2024-03-08T20:59:59.9Z", "in 2024-03-08");
        check(&share, "2024-03-08T21:00:00Z", "until 2024-03-11T13:30:00Z");
        check(&share, "2024-07-04T15:00:00Z", "until 2024-07-05T13:30:00Z");
        let fx = Session::new("America/New_York", time(17, 0, 0, 0), time(17, 0, 0, 0));
        let fx = fx.expect("a session");
        check(&fx, "2024-03-10T20:59:00Z", "until 2024-03-10T21:00:00Z");
        check(&fx, "2024-03-10T21:00:00Z", "in 2024-03-11");
        check(&fx, "2024-03-11T21:00:00Z", "in 2024-03-12");
        check(&fx, "2024-03-15T21:00:00Z", "until 2024-03-17T21:00:00Z");
        check(&Session::always(), "1969-12-31T23:59:59Z", "in 1969-12-31");
    }

    #[test]
    fn bars_of_days_are_anchored_to_mondays_and_to_the_epoch() {
        let check = |session: &Session, size: &str, day: Date, want: (&str, &str)| {
            let span = session.days(size.parse().expect("a size"), day);
            let found = (span.stamp.to_string(), span.end.to_string());
            assert_eq!((found.0.as_str(), found.1.as_str()), want, "{size} {day}");
        };
        let always = Session::always();
        check(&always, "7d", date(2024, 3, 10), ("2024-03-04", "2024-03-11"));
        check(&always, "7d", date(2024, 3, 11), ("2024-03-11", "2024-03-18"));
        check(&always, "7d", date(1969, 12, 31), ("1969-12-29", "1970-01-05"));
        // 2024-03-08 is day 19,790: even, and 2 beyond a multiple of three.
        check(&always, "2d", date(2024, 3, 9), ("2024-03-08", "2024-03-10"));
        check(&always, "3d", date(2024, 3, 8), ("2024-03-06", "2024-03-09"));
        check(&always, "1d", date(2024, 3, 8), ("2024-03-08", "2024-03-09"));
        // A week of shares is known on Friday's close, on Wednesday's if the rest is off.
        let share = new_york();
        check(&share, "7d", date(2024, 3, 4), ("2024-03-04", "2024-03-08T21:00:00Z"));
        let off = new_york().without([date(2024, 3, 7), date(2024, 3, 8)]);
        check(&off, "7d", date(2024, 3, 4), ("2024-03-04", "2024-03-06T21:00:00Z"));
        check(&share, "2d", date(2024, 3, 8), ("2024-03-08", "2024-03-08T21:00:00Z"));
    }

    #[test]
    fn intraday_bars_are_multiples_since_the_epoch() {
        let check = |size: &str, at: &str, want: &str| {
            let (session, time) = (Session::always(), at.parse().expect("a time"));
            let Moment::Within(hours) = session.at(time) else { panic!("always open") };
            let span = session.span(size.parse().expect("a size"), time, &hours);
            assert_eq!(format!("{} {}", span.stamp, span.end), want);
        };
        check("1m", "2024-03-08T14:30:59Z", "2024-03-08T14:30:00Z 2024-03-08T14:31:00Z");
        check("3m", "2024-03-08T14:31:00Z", "2024-03-08T14:30:00Z 2024-03-08T14:33:00Z");
        check("12h", "1969-12-31T13:00:00Z", "1969-12-31T12:00:00Z 1970-01-01");
    }

    #[test]
    fn sessions_that_no_market_keeps_are_refused() {
        let noon = time(12, 0, 0, 0);
        assert!(matches!(Session::new("Mars/Olympus", noon, noon), Err(Error::TimeZone { .. })));
        let odd = Session::new("UTC", time(9, 30, 1, 0), noon);
        assert!(matches!(odd, Err(Error::Session { .. })));
        assert!(matches!(Session::always().on(&[]), Err(Error::Session { .. })));
    }
}

//! Times as files write them.

use crate::{Flaw, TimeZone, error::excerpt};
use jiff::civil;
use std::{collections::BTreeSet, fmt};

const SECOND: i64 = 1_000_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// How a column writes its times; decided by its first cell, held to for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `2024-01-31`
    Date,
    /// `20240131`
    CompactDate,
    /// `2024-01-31 09:30[:00[.5]]` or with a `T`; read in the stated zone.
    Local,
    /// The same with `Z` or an offset.
    Offset,
    /// A count of units since 1970; nanoseconds a unit.
    Epoch(i64),
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Date => "date, as in 2024-01-31",
            Self::CompactDate => "date, as in 20240131",
            Self::Local => "date and time without offset, as in 2024-01-31 09:30:00",
            Self::Offset => "date and time with offset, as in 2024-01-31T09:30:00Z",
            Self::Epoch(SECOND) => "epoch in seconds",
            Self::Epoch(1_000_000) => "epoch in milliseconds",
            Self::Epoch(1_000) => "epoch in microseconds",
            Self::Epoch(_) => "epoch in nanoseconds",
        })
    }
}

/// Reads the times of one column.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    form: Form,
    zone: TimeZone,
    /// The cell before and its time: neighbours often share one.
    last: (Vec<u8>, i64),
}

impl Clock {
    /// Decides the form by the first cell.
    pub(crate) fn of(first: &str, zone: &TimeZone) -> Result<Self, Flaw> {
        let form = form_of(first)?;
        Ok(Self { form, zone: zone.clone(), last: (Vec::new(), 0) })
    }

    /// The form in use.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// Nanoseconds since 1970.
    pub(crate) fn read(&mut self, cell: &[u8]) -> Result<i64, Flaw> {
        if !cell.is_empty() && cell == self.last.0.as_slice() {
            return Ok(self.last.1);
        }
        let text = std::str::from_utf8(cell).unwrap_or("");
        let nanos = read(text.trim(), self.form, &self.zone)?;
        self.last.0.clear();
        self.last.0.extend_from_slice(cell);
        self.last.1 = nanos;
        Ok(nanos)
    }
}

/// A local date-time's instant in a zone; a time in a gap moves forward, the first of two counts.
pub(crate) fn in_zone(at: civil::DateTime, zone: &TimeZone) -> Option<i64> {
    let instant = zone.inner().to_ambiguous_zoned(at).compatible().ok()?.timestamp();
    i64::try_from(instant.as_nanosecond()).ok()
}

/// Are all times of a file the start of a day in its zone? Then they are dates.
#[derive(Debug)]
pub(crate) struct Midnights {
    zone: TimeZone,
    /// The dates so far, as days since 1970; `None` once a time was within a day.
    dates: Option<BTreeSet<i64>>,
    last: i64,
}

impl Midnights {
    pub(crate) fn new(zone: &TimeZone) -> Self {
        // In UTC the time and its date are the same already.
        let dates = (*zone != TimeZone::default()).then(BTreeSet::new);
        Self { zone: zone.clone(), dates, last: i64::MIN }
    }

    /// Looks at one time.
    pub(crate) fn see(&mut self, nanos: i64) {
        let Some(dates) = &mut self.dates else { return };
        if nanos == self.last {
            return;
        }
        self.last = nanos;
        match date_at(nanos, &self.zone) {
            Some((day, true)) => _ = dates.insert(day),
            _ => self.dates = None,
        }
    }

    /// The dates, in order, if every time was the start of its day.
    pub(crate) const fn dates(&self) -> Option<&BTreeSet<i64>> {
        self.dates.as_ref()
    }
}

/// Midnight UTC of the date that an instant has in a zone.
pub(crate) fn as_date(nanos: i64, zone: &TimeZone) -> i64 {
    date_at(nanos, zone).and_then(|(day, _)| day.checked_mul(DAY)).unwrap_or(nanos)
}

/// The date of an instant in a zone, as days since 1970, and whether that date starts with it.
fn date_at(nanos: i64, zone: &TimeZone) -> Option<(i64, bool)> {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
    let local = instant.to_zoned(zone.inner().clone());
    let days = local.date().since((jiff::Unit::Day, civil::date(1970, 1, 1))).ok()?.get_days();
    // Where clocks go forward at midnight, the day starts later.
    Some((i64::from(days), local.start_of_day().ok()? == local))
}

fn form_of(text: &str) -> Result<Form, Flaw> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits && text.len() == 8 && text.starts_with(['1', '2']) {
        return Ok(Form::CompactDate);
    }
    if digits {
        // Until the year 5138 a count of seconds has at most eleven digits, and so on.
        return Ok(Form::Epoch(match text.len() {
            0..=11 => SECOND,
            12..=14 => 1_000_000,
            15..=17 => 1_000,
            _ => 1,
        }));
    }
    if text.contains('/') && text.bytes().next().is_some_and(|b| b.is_ascii_digit()) {
        return Err(Flaw::AmbiguousDate { text: excerpt(text) });
    }
    let zone = TimeZone::default();
    [Form::Date, Form::Local, Form::Offset]
        .into_iter()
        .find(|form| read(text, *form, &zone).is_ok())
        .ok_or_else(|| Flaw::TimeForm { text: excerpt(text) })
}

fn read(text: &str, form: Form, zone: &TimeZone) -> Result<i64, Flaw> {
    let wrong = || Flaw::Time { text: excerpt(text), form: form.to_string() };
    let range = || Flaw::TimeRange { text: excerpt(text) };
    match form {
        Form::Date => {
            let days = plain_date(text.as_bytes()).ok_or_else(wrong)?;
            days.checked_mul(DAY).ok_or_else(range)
        }
        Form::CompactDate => {
            let date = (text.len() == 8).then_some(text.as_bytes());
            let days = date.and_then(|b| days_of(b.get(..4)?, b.get(4..6)?, b.get(6..)?));
            days.ok_or_else(wrong)?.checked_mul(DAY).ok_or_else(range)
        }
        Form::Local => {
            let at: civil::DateTime = local(text).ok_or_else(wrong)?;
            in_zone(at, zone).ok_or_else(range)
        }
        Form::Offset => {
            let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
            i64::try_from(instant.as_nanosecond()).map_err(|_| range())
        }
        Form::Epoch(unit) => {
            let count: i64 = text.parse().map_err(|_| wrong())?;
            count.checked_mul(unit).ok_or_else(range)
        }
    }
}

fn local(text: &str) -> Option<civil::DateTime> {
    // jiff would take a bare date as midnight, and drop an offset.
    let time = text.get(11..)?;
    let offset = text.ends_with(['Z', 'z']) || time.contains(['+', '-', '[']);
    if offset { None } else { text.parse().ok() }
}

/// Days since 1970 of `2024-01-31`.
pub(crate) fn plain_date(text: &[u8]) -> Option<i64> {
    let dashes = text.len() == 10 && text.get(4) == Some(&b'-') && text.get(7) == Some(&b'-');
    if !dashes {
        return None;
    }
    days_of(text.get(..4)?, text.get(5..7)?, text.get(8..10)?)
}

fn days_of(year: &[u8], month: &[u8], day: &[u8]) -> Option<i64> {
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // The years run from March, so that the leap day is the last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Timestamp;
    use proptest::prelude::*;

    #[test]
    fn the_form_is_decided_by_the_first_cell() {
        let check = |text: &str, zone: &str, form: &str, want: &str| {
            let zone = TimeZone::named(zone).expect("a zone");
            let mut clock = Clock::of(text, &zone).expect("a time");
            let nanos = clock.read(text.as_bytes()).expect("reads its own first");
            assert!(clock.form().to_string().starts_with(form), "{text}: {}", clock.form());
            assert_eq!(Timestamp::from_nanos(nanos).to_string(), want, "{text}");
        };
        check("2000-03-01", "UTC", "date, as in 2024-", "2000-03-01");
        check("2000-03-01", "America/New_York", "date, as in 2024-", "2000-03-01");
        check("20000301", "UTC", "date, as in 20240131", "2000-03-01");
        check("2000-03-01 09:30:00", "UTC", "date and time without", "2000-03-01T09:30:00Z");
        check("2000-03-01T09:30", "America/New_York", "date and time wi", "2000-03-01T14:30:00Z");
        check("2000-03-01 00:00:00-05:00", "UTC", "date and time with ", "2000-03-01T05:00:00Z");
        check("2000-03-01T09:30:00.5Z", "UTC", "date and time with ", "2000-03-01T09:30:00.5Z");
        check("951868800", "UTC", "epoch in seconds", "2000-03-01");
        check("951868800000", "UTC", "epoch in milliseconds", "2000-03-01");
        check("951868800000000", "UTC", "epoch in microseconds", "2000-03-01");
        check("951868800000000000", "UTC", "epoch in nanoseconds", "2000-03-01");
    }

    #[test]
    fn other_forms_are_refused_with_the_fix() {
        let check = |first: &str, then: &str, want: &str| {
            let zone = TimeZone::default();
            let mut clock = match Clock::of(first, &zone) {
                Ok(clock) => clock,
                Err(flaw) => return assert!(flaw.to_string().contains(want), "{flaw}"),
            };
            let flaw = clock.read(then.as_bytes()).expect_err("is refused");
            assert!(flaw.to_string().contains(want), "{flaw}");
        };
        check("01/02/2024", "", "day or its month first");
        check("yesterday", "", "is not a time; write");
        check("2024-02-30", "", "is not a time; write");
        check("2024-02-28", "2024-02-28T10:00:00Z", "not a time like the column's first");
        check("2024-02-28", "2023-02-29", "not a time like the column's first");
        check("951868800", "9999999999999", "outside the years");
        assert!(TimeZone::named("Mars/Olympus").is_err());
    }

    #[test]
    fn midnights_of_a_zone_are_dates() {
        let check = |zone: &str, cells: &[&str], want: Option<&[&str]>| {
            let zone = TimeZone::named(zone).expect("a zone");
            let mut clock = Clock::of(cells[0], &zone).expect("a time");
            let mut midnights = Midnights::new(&zone);
            let mut found = Vec::new();
            for cell in cells {
                let nanos = clock.read(cell.as_bytes()).expect("a time");
                midnights.see(nanos);
                found.push(Timestamp::from_nanos(as_date(nanos, &zone)).to_string());
            }
            let days = midnights.dates().map(BTreeSet::len);
            assert_eq!(days, want.map(<[&str]>::len), "{zone:?} {cells:?}");
            assert!(want.is_none_or(|want| found == want), "{found:?}");
        };
        let two = ["2020-01-06 00:00:00", "2020-01-07 00:00:00"];
        check("Asia/Tokyo", &two, Some(&["2020-01-06", "2020-01-07"]));
        check("America/New_York", &two, Some(&["2020-01-06", "2020-01-07"]));
        check("UTC", &two, None);
        check("Asia/Tokyo", &["2020-01-06 00:00", "2020-01-06 01:00"], None);
        check("Asia/Tokyo", &["2020-01-06 15:00", "2020-01-07 15:00"], None);
        // Clocks went from 00:00 to 01:00: the day has no midnight.
        check("America/Sao_Paulo", &["2018-11-04 00:00"], Some(&["2018-11-04"]));
        check("America/New_York", &["1969-12-31 00:00"], Some(&["1969-12-31"]));
    }

    proptest! {
        #[test]
        fn dates_agree_with_the_calendar(days in -100_000_i64..100_000) {
            let text = Timestamp::from_nanos(days * DAY).to_string();
            prop_assert_eq!(plain_date(text.as_bytes()), Some(days));
        }
    }
}

//! Instants, as columns keep them.

use crate::{Error, excerpt};
use std::{fmt, str::FromStr};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Later by `nanos`, or [`Error::Overflow`].
    pub fn plus_nanos(self, nanos: i64) -> Result<Self, Error> {
        self.0.checked_add(nanos).map(Self).ok_or(Error::Overflow { what: "a time" })
    }

    /// The UTC calendar date, `2024-01-31`.
    #[must_use]
    pub fn date(self) -> jiff::civil::Date {
        self.instant().to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// The same instant as `jiff` has it.
    #[must_use]
    pub fn instant(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .expect("64-bit nanoseconds lie within jiff's range")
    }
}

impl TryFrom<jiff::Timestamp> for Timestamp {
    type Error = Error;

    fn try_from(instant: jiff::Timestamp) -> Result<Self, Error> {
        i64::try_from(instant.as_nanosecond())
            .map(Self)
            .map_err(|_| Error::Time { text: instant.to_string() })
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// A date (midnight UTC) or an RFC 3339 time.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Time { text: excerpt(text) };
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Self::try_from(instant).map_err(|_| wrong());
        }
        // jiff would read the date of a date-time here: the time of day must not be dropped.
        if text.len() != 10 {
            return Err(wrong());
        }
        let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        Self::try_from(midnight.timestamp()).map_err(|_| wrong())
    }
}

impl fmt::Display for Timestamp {
    /// The date alone at midnight UTC, else RFC 3339.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400_000_000_000;
        if self.0.rem_euclid(DAY) == 0 {
            write!(f, "{}", self.date())
        } else {
            write!(f, "{}", self.instant())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_and_printed() {
        let check = |text: &str, nanos: i64, printed: &str| {
            assert_eq!(text.parse(), Ok(Timestamp::from_nanos(nanos)), "{text}");
            assert_eq!(Timestamp::from_nanos(nanos).to_string(), printed);
        };
        check("1970-01-02", 86_400_000_000_000, "1970-01-02");
        check("1970-01-01T00:00:01Z", 1_000_000_000, "1970-01-01T00:00:01Z");
        check("1970-01-01T01:00:00+01:00", 0, "1970-01-01");
        check("1969-12-31", -86_400_000_000_000, "1969-12-31");
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in ["", "yesterday", "2024-13-01", "2024-02-30", "9999-01-01", "2024-01-01T10:00"]
        {
            assert!(matches!(text.parse::<Timestamp>(), Err(Error::Time { .. })), "{text}");
        }
    }

    #[test]
    fn the_whole_range_prints() {
        assert!(Timestamp::from_nanos(i64::MIN).to_string().starts_with("1677"));
        assert!(Timestamp::from_nanos(i64::MAX).to_string().starts_with("2262"));
    }
}

//! How long bodies stay: seven years by the calendar, then they may go, and the tree stays.
//!
//! What is kept is shown by bodies that are opened, not by roots alone: a root is the same whether its
//! bodies are there or not.

use crate::{Checkpoint, Error};
use jiff::{SignedDuration, Span, Timestamp, civil::Date, tz::TimeZone};
use seal::sha256_parts;
use std::collections::BTreeSet;

const YEARS: i64 = 7;
/// Entries of less than this tell of one clock, which may have been wrong for as long.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// 2010: a machine whose clock says less has none that was set; most begin at 1970 or 2000.
const CLOCKS_SET: Timestamp = Timestamp::constant(1_262_304_000, 0);

/// When the body of an entry of this time may go: seven years later, at the same time of the same day in
/// UTC; for the 29th of February the beginning of the 1st of March, so that no entry is short of a day and
/// none is kept longer than a later one.
#[must_use]
pub fn kept_until(time: Timestamp) -> Timestamp {
    let moved = time.to_zoned(TimeZone::UTC).datetime();
    let later = moved.checked_add(Span::new().years(YEARS));
    let later = later.and_then(|later| {
        let whole = later.day() == moved.day();
        if whole { Ok(later) } else { later.date().tomorrow().map(|day| day.at(0, 0, 0, 0)) }
    });
    let zoned = later.and_then(|later| later.to_zoned(TimeZone::UTC));
    zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// What the order of a log's entries allows to believe of their times, entry by entry from the first.
///
/// A clock that jumped ahead makes nothing old: what time it is, is told by entries that lie a week apart. A
/// clock that fell back makes nothing old either: an entry is no older than those before it.
#[derive(Debug, Clone, Default)]
pub struct Ages {
    /// The latest time so far of a clock that was set.
    latest: Option<Timestamp>,
    /// The first entry of those that lie within a week of it, and the last of them.
    week: Option<(Timestamp, Timestamp)>,
    confirmed: Option<Timestamp>,
}

impl Ages {
    /// Before this an entry's time is of no clock that was set.
    pub const SET: Timestamp = CLOCKS_SET;

    /// Takes in the time of the next entry.
    pub fn push(&mut self, time: Timestamp) {
        if time >= CLOCKS_SET {
            self.latest = self.latest.max(Some(time));
        }
        self.week = match self.week {
            Some((first, last)) if time.duration_since(first).abs() >= WEEK => {
                self.confirmed = self.confirmed.max(Some(last.min(time)));
                Some((time, time))
            }
            Some((first, _)) => Some((first, time)),
            None => Some((time, time)),
        };
    }

    /// Until when the body of the last entry is kept; `None` as long as no clock was set: it is then no older
    /// than the next entry that one was set for.
    #[must_use]
    pub fn kept_until(&self) -> Option<Timestamp> {
        self.latest.map(kept_until)
    }

    /// The time that it certainly is, by two entries in a row that are not of one week.
    #[must_use]
    pub fn confirmed(&self) -> Timestamp {
        self.confirmed.unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A permission to prune bodies: only [`Purge::new`] makes one, and never one that is too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purge(Timestamp);

impl Purge {
    /// Of the bodies of all entries before this day, if the youngest of them is seven years old.
    pub fn new(before: Date, now: Timestamp) -> Result<Self, Error> {
        let midnight = before.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        let before = midnight.map_err(|_| Error::Time { text: before.to_string() })?;
        let until = kept_until(before);
        if until <= now { Ok(Self(before)) } else { Err(Error::TooEarly { before, until }) }
    }

    /// Bodies of entries before this time may go.
    #[must_use]
    pub const fn before(&self) -> Timestamp {
        self.0
    }
}

/// So many places in a log that nobody chose: they follow from the root, which was not known before the
/// last entry was.
#[must_use]
pub fn sample(checkpoint: &Checkpoint, count: u32) -> BTreeSet<u64> {
    let place = |number: u32| {
        let parts: [&[u8]; 3] = [b"stockade/v1 sample", &checkpoint.root, &number.to_be_bytes()];
        let digest = sha256_parts(&parts);
        let number = digest.iter().take(8).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        number.checked_rem(checkpoint.size)
    };
    (0..count).filter_map(place).collect()
}

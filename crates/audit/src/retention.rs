//! How long bodies stay: seven years by the calendar, then they may go, and the tree stays.
//!
//! What is kept is shown by bodies that are opened, not by roots alone: a root is the same whether its
//! bodies are there or not.

use crate::{Checkpoint, Error};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use seal::sha256_parts;
use std::collections::BTreeSet;

const YEARS: i64 = 7;

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

//! How much a visit may ask for: connections, bytes and time. What is spent ends the visit politely.

use crate::Error;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// One handshake, and one answer, takes at most so long, in however many pieces it comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bounds of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests and handshakes, all told.
    pub requests: u32,
    /// Bytes of answers, all told.
    pub bytes: u64,
    /// How long it takes at most.
    pub time: Duration,
}

impl Bounds {
    /// Of a visit that waits where it is told to: room for all calls at sixty a minute.
    pub const PATIENT: Duration = Duration::from_mins(15);
}

impl Default for Bounds {
    /// Room for every route with two accounts.
    fn default() -> Self {
        Self { requests: 3_000, bytes: 64 << 20, time: Duration::from_mins(2) }
    }
}

/// What is left of them. Whoever reads from a socket takes from it, so it is shared.
#[derive(Debug)]
pub(crate) struct Budget {
    requests: Cell<u32>,
    bytes: Cell<u64>,
    asked: Cell<u32>,
    until: Instant,
    /// When the last request or handshake has taken too long.
    answer_until: Cell<Instant>,
}

impl Budget {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let now = Instant::now();
        Self {
            requests: Cell::new(bounds.requests),
            bytes: Cell::new(bounds.bytes),
            asked: Cell::new(0),
            until: now + bounds.time,
            answer_until: Cell::new(now + PATIENCE),
        }
    }

    /// How long the visit may still take.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Takes a request or a handshake, whose time begins.
    pub(crate) fn request(&self) -> Result<(), Error> {
        let left = self.requests.get().checked_sub(1);
        self.requests.set(left.ok_or(Error::Spent { what: "requests" })?);
        self.asked.set(self.asked.get() + 1);
        self.answer_until.set(Instant::now() + PATIENCE);
        Ok(())
    }

    /// How many were asked.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.get()
    }

    /// Takes bytes that have come.
    pub(crate) fn bytes(&self, count: usize) -> Result<(), Error> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let left = self.bytes.get().checked_sub(count);
        self.bytes.set(left.ok_or(Error::Spent { what: "bytes" })?);
        Ok(())
    }

    /// How long the next step may take.
    pub(crate) fn patience(&self) -> Result<Duration, Error> {
        let now = Instant::now();
        if self.until <= now {
            return Err(Error::Spent { what: "time" });
        }
        let left = self.until.min(self.answer_until.get()).saturating_duration_since(now);
        if left.is_zero() { Err(Error::Slow) } else { Ok(left) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_not_spent_again() {
        let bounds = Bounds { requests: 2, bytes: 10, time: Duration::from_mins(1) };
        let budget = Budget::new(bounds);
        assert!(budget.request().is_ok() && budget.request().is_ok());
        assert!(matches!(budget.request(), Err(Error::Spent { what: "requests" })));
        assert!(budget.bytes(10).is_ok());
        assert!(matches!(budget.bytes(1), Err(Error::Spent { what: "bytes" })));
        assert!(budget.patience().expect("there is time") <= PATIENCE);
        budget.answer_until.set(Instant::now());
        assert!(matches!(budget.patience(), Err(Error::Slow)), "one answer took all of its time");
        let late = Budget::new(Bounds { time: Duration::ZERO, ..bounds });
        assert!(matches!(late.patience(), Err(Error::Spent { what: "time" })));
    }
}

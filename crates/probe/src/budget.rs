//! How much a visit may ask for: connections, bytes and time. What is spent ends the visit politely.

use crate::Error;
use std::time::{Duration, Instant};

/// One answer takes at most so long.
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

impl Default for Bounds {
    /// Room for every route with two accounts.
    fn default() -> Self {
        Self { requests: 3_000, bytes: 64 << 20, time: Duration::from_mins(2) }
    }
}

/// What is left of them.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Bounds,
    until: Instant,
    /// How many were asked.
    pub asked: u32,
}

impl Budget {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { left: bounds, until: Instant::now() + bounds.time, asked: 0 }
    }

    /// Takes a request or a handshake.
    pub(crate) fn request(&mut self) -> Result<(), Error> {
        self.left.requests =
            self.left.requests.checked_sub(1).ok_or(Error::Spent { what: "requests" })?;
        self.asked += 1;
        Ok(())
    }

    /// Takes bytes that have come.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<(), Error> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.left.bytes =
            self.left.bytes.checked_sub(count).ok_or(Error::Spent { what: "bytes" })?;
        Ok(())
    }

    /// How long the next step may take.
    pub(crate) fn patience(&self) -> Result<Duration, Error> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Error::Spent { what: "time" }) } else { Ok(left.min(PATIENCE)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_not_spent_again() {
        let bounds = Bounds { requests: 2, bytes: 10, time: Duration::from_mins(1) };
        let mut budget = Budget::new(bounds);
        assert!(budget.request().is_ok() && budget.request().is_ok());
        assert!(matches!(budget.request(), Err(Error::Spent { what: "requests" })));
        assert!(budget.bytes(10).is_ok());
        assert!(matches!(budget.bytes(1), Err(Error::Spent { what: "bytes" })));
        assert!(budget.patience().expect("there is time") <= PATIENCE);
        let late = Budget::new(Bounds { time: Duration::ZERO, ..bounds });
        assert!(matches!(late.patience(), Err(Error::Spent { what: "time" })));
    }
}

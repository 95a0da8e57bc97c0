//! Budgets as several servers on one database count them together: every attempt that one server's
//! own buckets admitted takes from these too, one after the other, so that more servers grant no more.

/// One attempt's part of one budget. It is the bucket of [`Throttle`](crate::Throttle) once more,
/// as numbers that a row can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its name.
    pub name: &'static str,
    /// Whose it is; whoever stores it stores its MAC.
    pub holder: String,
    /// Milliseconds in which one attempt grows back.
    pub every_ms: i64,
    /// Milliseconds in which an empty budget is full again.
    pub capacity_ms: i64,
}

/// Longer than a puzzle lives.
const PUZZLE_MS: i64 = 180_000;

impl Budget {
    /// What an answer to a puzzle takes: it is good once, on one server alone.
    #[must_use]
    pub fn of_puzzle(puzzle: &str) -> Self {
        let holder = puzzle.to_owned();
        Self { name: "puzzle", holder, every_ms: PUZZLE_MS, capacity_ms: PUZZLE_MS }
    }
}

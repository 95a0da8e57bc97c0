//! On which rows a strategy decides.

use crate::Schedule;
use market::Timestamp;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// A schedule and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar {
    schedule: Schedule,
    period: Option<i64>,
}

impl Calendar {
    pub(crate) const fn every_row() -> Self {
        Self::of(Schedule::EveryBars(1))
    }

    pub(crate) const fn of(schedule: Schedule) -> Self {
        Self { schedule, period: None }
    }

    /// The first row from `row` on that may decide, if the rows tell it without their times.
    pub(crate) fn next(&self, row: usize, lookback: usize) -> Option<usize> {
        let Schedule::EveryBars(n) = self.schedule else { return None };
        let since = row.checked_sub(lookback)?;
        Some(lookback + since.next_multiple_of(n.max(1) as usize))
    }

    /// Whether this row decides: never before the look-back is there, then on it, then by schedule.
    #[inline]
    pub(crate) fn is_due(&mut self, row: u32, lookback: usize, time: Timestamp) -> bool {
        let Some(since) = (row as usize).checked_sub(lookback) else { return false };
        let period = match self.schedule {
            Schedule::EveryBars(1) => return true,
            Schedule::EveryBars(n) => return since.is_multiple_of(n.max(1) as usize),
            Schedule::Daily => time.nanos().div_euclid(DAY_NANOS),
            // Day 0 of the epoch is a Thursday; ISO weeks start on Monday.
            Schedule::Weekly => (time.nanos().div_euclid(DAY_NANOS) + 3).div_euclid(7),
            Schedule::Monthly => {
                let date = time.date();
                i64::from(date.year()) * 12 + i64::from(date.month())
            }
        };
        self.period.replace(period) != Some(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: Schedule, lookback: usize, want: &[&str]) {
        let days =
            ["2024-01-26", "2024-01-29", "2024-01-30", "2024-01-31", "2024-02-01", "2024-02-05"];
        let mut calendar = Calendar::of(schedule);
        let due = |(row, day): (u32, &&'static str)| {
            calendar.is_due(row, lookback, day.parse().expect("a day")).then_some(*day)
        };
        let got: Vec<&str> = (0..).zip(&days).filter_map(due).collect();
        assert_eq!(got, want, "{schedule}");
    }

    #[test]
    fn the_first_row_with_its_look_back_decides_then_the_schedule() {
        check(Schedule::EveryBars(1), 4, &["2024-02-01", "2024-02-05"]);
        check(Schedule::EveryBars(2), 1, &["2024-01-29", "2024-01-31", "2024-02-05"]);
        check(Schedule::Daily, 3, &["2024-01-31", "2024-02-01", "2024-02-05"]);
        check(Schedule::Weekly, 0, &["2024-01-26", "2024-01-29", "2024-02-05"]);
        check(Schedule::Monthly, 1, &["2024-01-29", "2024-02-01"]);
    }
}

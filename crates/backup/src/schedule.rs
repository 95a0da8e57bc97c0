//! When the next backup and the next drill are due. Time is an argument; all of it is UTC, which has no summer.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// The hour of the nightly backup, UTC.
pub const HOUR: i8 = 3;
/// How soon one that failed is tried again.
pub const AGAIN: SignedDuration = SignedDuration::from_mins(15);
/// How often a restore is proved.
pub const DRILL_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A clock that went back by less than this repeats no night.
const BACK_AT_MOST: SignedDuration = SignedDuration::from_hours(25);

/// What is known when it is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History {
    /// When the last one that ended well was taken.
    pub last: Option<Timestamp>,
    /// When one failed after that.
    pub failed: Option<Timestamp>,
}

/// When the next backup is due: at 03:00, or now, where the last 03:00 passed without one.
#[must_use]
pub fn backup_due(history: History, now: Timestamp) -> Timestamp {
    let night = last_night(now);
    let due = match history.last {
        // It says a time that is not yet: its clock was wrong, and nobody knows when it was.
        Some(last) if last > now && now.duration_until(last) > BACK_AT_MOST => now,
        Some(last) if last >= night => following(last.max(now)),
        _ => now,
    };
    later(due, history.failed, now)
}

/// When the next drill is due; never, while there is nothing to restore.
#[must_use]
pub fn drill_due(history: History, has_snapshot: bool, now: Timestamp) -> Option<Timestamp> {
    let due = match history.last {
        Some(last) if last <= now => last.checked_add(DRILL_EVERY).unwrap_or(Timestamp::MAX),
        _ => now,
    };
    has_snapshot.then(|| later(due.max(now), history.failed, now))
}

/// Not right after one that failed.
fn later(due: Timestamp, failed: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let failed = failed.filter(|failed| *failed <= now);
    let again = failed.and_then(|failed| failed.checked_add(AGAIN).ok());
    again.map_or(due, |again| due.max(again))
}

/// The last 03:00 that was, or is now.
fn last_night(now: Timestamp) -> Timestamp {
    let date = now.to_zoned(TimeZone::UTC).date();
    let night = date.at(HOUR, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(now, |at| at.timestamp());
    if night <= now { night } else { night.checked_sub(DAY).unwrap_or(Timestamp::MIN) }
}

/// The first 03:00 after this.
fn following(time: Timestamp) -> Timestamp {
    last_night(time).checked_add(DAY).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn a_backup_is_due_at_three_and_a_missed_one_at_once() {
        let check = |last: &str, now: &str, want: &str| {
            let history = History { last: last.parse().ok(), failed: None };
            assert_eq!(backup_due(history, at(now)), at(want), "{last} {now}");
        };
        check("", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z");
        check("2026-05-01T03:00:01Z", "2026-05-01T12:00:00Z", "2026-05-02T03:00:00Z");
        check("2026-05-01T02:59:59Z", "2026-05-01T03:00:00Z", "2026-05-01T03:00:00Z");
        check("2026-05-01T02:00:00Z", "2026-05-01T02:30:00Z", "2026-05-01T03:00:00Z");
        check("2026-05-01T03:00:00Z", "2026-05-04T01:00:00Z", "2026-05-04T01:00:00Z");
        // Leap day, year's end.
        check("2028-02-28T03:00:00Z", "2028-02-28T23:00:00Z", "2028-02-29T03:00:00Z");
        check("2028-02-29T03:00:00Z", "2028-02-29T03:00:01Z", "2028-03-01T03:00:00Z");
        check("2026-12-31T03:00:00Z", "2026-12-31T23:59:59Z", "2027-01-01T03:00:00Z");
        // The clock goes back over 03:00: the night is not done twice, and none is left out.
        check("2026-05-02T03:00:05Z", "2026-05-02T02:10:00Z", "2026-05-03T03:00:00Z");
        // A clock that was decades ahead stops nothing.
        check("2099-01-01T03:00:00Z", "2026-05-02T12:00:00Z", "2026-05-02T12:00:00Z");
    }

    #[test]
    fn one_that_failed_is_tried_again_but_not_at_once() {
        let history = History { last: None, failed: Some(at("2026-05-01T03:00:00Z")) };
        assert_eq!(backup_due(history, at("2026-05-01T03:01:00Z")), at("2026-05-01T03:15:00Z"));
        assert_eq!(backup_due(history, at("2026-05-01T04:00:00Z")), at("2026-05-01T04:00:00Z"));
    }

    #[test]
    fn a_restore_is_proved_every_week() {
        let now = at("2026-05-10T00:00:00Z");
        let due = |last: &str| {
            drill_due(History { last: last.parse().ok(), failed: None }, true, now).expect("some")
        };
        assert_eq!(due(""), now);
        assert_eq!(due("2026-05-04T00:00:00Z"), at("2026-05-11T00:00:00Z"));
        assert_eq!(due("2026-01-04T00:00:00Z"), now);
        assert_eq!(due("2099-01-04T00:00:00Z"), now);
        assert_eq!(drill_due(History::default(), false, now), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// A server that is up some of the time has one backup for each night that it saw, or caught up with.
        #[test]
        fn over_ten_years_no_night_is_done_twice_and_none_that_was_seen_is_left_out(
            steps in prop::collection::vec(1_u32..200_000, 2_000..2_500), seed in 0_i64..3_000
        ) {
            let start = at("2026-01-01T00:00:00Z");
            let mut now = start.checked_add(SignedDuration::from_hours(seed * 24)).expect("in range");
            let mut nights = Vec::new();
            let mut last = None;
            for step in steps {
                now = now.checked_add(SignedDuration::from_secs(i64::from(step))).expect("in range");
                let due = backup_due(History { last, failed: None }, now);
                prop_assert!(due >= now);
                let night = last_night(now);
                if due == now {
                    nights.push(night);
                    last = Some(now);
                }
                prop_assert_eq!(nights.last(), Some(&night));
            }
            let mut once = nights.clone();
            once.dedup();
            prop_assert_eq!(once, nights);
        }
    }
}

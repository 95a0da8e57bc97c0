//! The clocks of a report: until when what is promised, and how that went.

use crate::{Moments, Severity};
use jiff::{SignedDuration, Timestamp};

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockKind {
    /// A person answers.
    Answer,
    /// A critical weakness is fixed, or cannot be used any more.
    Critical,
    /// Those are told whom the law names, where data of persons got out.
    Notice,
    /// An advisory is out.
    Publication,
}

impl ClockKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Answer, Self::Critical, Self::Notice, Self::Publication];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Critical => "critical",
            Self::Notice => "notice",
            Self::Publication => "publication",
        }
    }

    /// How long it runs.
    #[must_use]
    pub const fn runs(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::Answer => 4,
            Self::Critical => 24,
            Self::Notice => 72,
            Self::Publication => 90 * 24,
        })
    }

    /// When it is due: from the report's receipt on, or from when the breach was noted.
    pub(crate) fn due(self, moments: &Moments) -> Timestamp {
        let from = match self {
            Self::Notice => moments.breach.unwrap_or(moments.received),
            Self::Answer | Self::Critical | Self::Publication => moments.received,
        };
        from.saturating_add(self.runs()).unwrap_or(Timestamp::MAX)
    }

    /// The clock, where it was begun.
    pub(crate) fn of(self, moments: &Moments) -> Option<Clock> {
        let over = moments.published.or(moments.declined);
        let (is_begun, ended) = match self {
            Self::Answer => (true, moments.acknowledged),
            Self::Critical => {
                (moments.severity == Some(Severity::Critical), moments.fixed.or(over))
            }
            Self::Notice => (moments.breach.is_some(), moments.notified),
            Self::Publication => (true, over),
        };
        is_begun.then(|| Clock { kind: self, due: self.due(moments), ended })
    }
}

/// One clock of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// What is promised.
    pub kind: ClockKind,
    /// Until when.
    pub due: Timestamp,
    /// When it was done.
    pub ended: Option<Timestamp>,
}

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// There is time left.
    Running,
    /// There is none left, and it is not done.
    Overdue,
    /// It was done in time.
    Kept,
    /// It was done, late.
    Late,
}

impl Hand {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Overdue => "overdue",
            Self::Kept => "kept",
            Self::Late => "late",
        }
    }
}

impl Clock {
    /// How it stands at a moment.
    #[must_use]
    pub fn hand(&self, now: Timestamp) -> Hand {
        match self.ended {
            Some(ended) if ended <= self.due => Hand::Kept,
            Some(_) => Hand::Late,
            None if now <= self.due => Hand::Running,
            None => Hand::Overdue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Course, Move};

    fn at(hours: i64) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        start + SignedDuration::from_hours(hours)
    }

    /// The clocks of a report with these steps, as they stand at `now`.
    fn check(steps: &[(Move, i64)], now: i64, want: &str) {
        let course = steps
            .iter()
            .try_fold(Course::begun(at(0)), |course, (step, hours)| course.moved(*step, at(*hours)))
            .expect("goes");
        let said = course.clocks().into_iter().map(|clock| {
            let due = clock.due.duration_since(at(0)).as_hours();
            format!("{} {due} {}", clock.kind.as_str(), clock.hand(at(now)).as_str())
        });
        assert_eq!(said.collect::<Vec<_>>().join(", "), want, "{steps:?} at {now}");
    }

    #[test]
    fn each_clock_runs_as_long_as_was_promised_and_stops_by_its_own_step() {
        use Move::{Acknowledge, Breach, Decline, Fix, Notify, Publish, Triage};
        let critical = Triage(Severity::Critical);
        check(&[], 4, "answer 4 running, publication 2160 running");
        check(&[], 5, "answer 4 overdue, publication 2160 running");
        check(&[(Acknowledge, 4)], 9, "answer 4 kept, publication 2160 running");
        check(&[(Acknowledge, 5)], 9, "answer 4 late, publication 2160 running");
        let rated = [(Acknowledge, 1), (Triage(Severity::High), 2)];
        check(&rated, 100, "answer 4 kept, publication 2160 running");
        // What is rated late is due no later: the day began when the report came.
        let rated = [(Acknowledge, 1), (critical, 30)];
        check(&rated, 30, "answer 4 kept, critical 24 overdue, publication 2160 running");
        let fixed = [(Acknowledge, 1), (critical, 2), (Fix, 20)];
        check(&fixed, 99, "answer 4 kept, critical 24 kept, publication 2160 running");
        let whole = [(Acknowledge, 1), (critical, 2), (Fix, 20), (Publish, 2161)];
        check(&whole, 9999, "answer 4 kept, critical 24 kept, publication 2160 late");
        let breach = [(Acknowledge, 1), (Breach, 10)];
        check(&breach, 82, "answer 4 kept, notice 82 running, publication 2160 running");
        check(&breach, 83, "answer 4 kept, notice 82 overdue, publication 2160 running");
        let told = [(Acknowledge, 1), (Breach, 10), (Notify, 50)];
        check(&told, 83, "answer 4 kept, notice 82 kept, publication 2160 running");
        // To decline a report does not undo what got out by it.
        let declined = [(Acknowledge, 1), (critical, 2), (Breach, 3), (Decline, 4)];
        let want = "answer 4 kept, critical 24 kept, notice 75 overdue, publication 2160 kept";
        check(&declined, 99, want);
    }

    #[test]
    fn the_deadline_is_the_next_clock_that_still_runs() {
        let begun = Course::begun(at(0));
        assert_eq!(begun.deadline(), Some(at(4)));
        let answered = begun.moved(Move::Acknowledge, at(1)).expect("goes");
        assert_eq!(answered.deadline(), Some(at(90 * 24)));
        let over = answered.moved(Move::Decline, at(2)).expect("goes");
        assert_eq!(over.deadline(), None);
    }
}

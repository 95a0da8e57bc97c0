//! A report from its receipt to its end: which step follows which.

use crate::{Clock, ClockKind, Error};
use jiff::Timestamp;
use std::{fmt, str::FromStr};

/// How a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is here; nobody has answered.
    Received,
    /// A person has answered.
    Acknowledged,
    /// It is a weakness, and rated.
    Triaged,
    /// A fix is out.
    Fixed,
    /// An advisory is out: the end.
    Published,
    /// It is no weakness, or none of ours: the end.
    Declined,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Received,
        Self::Acknowledged,
        Self::Triaged,
        Self::Fixed,
        Self::Published,
        Self::Declined,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Acknowledged => "acknowledged",
            Self::Triaged => "triaged",
            Self::Fixed => "fixed",
            Self::Published => "published",
            Self::Declined => "declined",
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Published | Self::Declined)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad a weakness is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Little, or for hardly anybody.
    Low,
    /// Something, under conditions.
    Medium,
    /// Much.
    High,
    /// Everything, for everybody, from anywhere.
    Critical,
}

impl Severity {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl FromStr for Severity {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or(())
    }
}

/// A step that a person takes with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Answers it.
    Acknowledge,
    /// Says that it is a weakness, and how bad; a second time: rates it anew.
    Triage(Severity),
    /// Notes that data of persons got out by it.
    Breach,
    /// Notes that those were told whom the law names.
    Notify,
    /// Notes that a fix is out.
    Fix,
    /// Notes that an advisory is out.
    Publish,
    /// Says that it is no weakness, or none of ours.
    Decline,
}

impl Move {
    /// What the report would be.
    const fn wish(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledged",
            Self::Triage(_) => "triaged",
            Self::Breach => "called a breach",
            Self::Notify => "noted as told to those whom the law names",
            Self::Fix => "fixed",
            Self::Publish => "published",
            Self::Decline => "declined",
        }
    }

    /// Its word in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Triage(_) => "triage",
            Self::Breach => "breach",
            Self::Notify => "notify",
            Self::Fix => "fix",
            Self::Publish => "publish",
            Self::Decline => "decline",
        }
    }
}

/// When which step was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// It came.
    pub received: Timestamp,
    /// A person answered.
    pub acknowledged: Option<Timestamp>,
    /// It was rated first.
    pub triaged: Option<Timestamp>,
    /// How it was rated last.
    pub severity: Option<Severity>,
    /// Data of persons were noted to have got out.
    pub breach: Option<Timestamp>,
    /// Those were told whom the law names.
    pub notified: Option<Timestamp>,
    /// A fix was out.
    pub fixed: Option<Timestamp>,
    /// An advisory was out.
    pub published: Option<Timestamp>,
    /// It was declined.
    pub declined: Option<Timestamp>,
}

impl Moments {
    /// Of a report that has just come.
    #[must_use]
    pub const fn begun(received: Timestamp) -> Self {
        Self {
            received,
            acknowledged: None,
            triaged: None,
            severity: None,
            breach: None,
            notified: None,
            fixed: None,
            published: None,
            declined: None,
        }
    }
}

/// A report's course: only steps that follow each other make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course(Moments);

impl Course {
    /// It has just come.
    #[must_use]
    pub const fn begun(received: Timestamp) -> Self {
        Self(Moments::begun(received))
    }

    /// As it was kept, if the steps can have followed each other.
    #[must_use]
    pub fn kept(moments: Moments) -> Option<Self> {
        let Moments { acknowledged, triaged, breach, notified, fixed, published, declined, .. } =
            moments;
        let follows = |before: Option<Timestamp>, after: Option<Timestamp>| match (before, after) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(before), Some(after)) => before <= after,
        };
        let steps = [
            (Some(moments.received), acknowledged),
            (acknowledged, triaged),
            (acknowledged, breach),
            (acknowledged, declined),
            (breach, notified),
            (triaged, fixed),
            // An advisory may come without a fix, once the ninety days are over.
            (fixed.or(triaged), published),
        ];
        let ends_once = declined.is_none() || fixed.or(published).is_none();
        let is_rated = triaged.is_some() == moments.severity.is_some();
        let fine = ends_once && is_rated && steps.into_iter().all(|(one, two)| follows(one, two));
        fine.then_some(Self(moments))
    }

    /// When which step was taken.
    #[must_use]
    pub const fn moments(&self) -> &Moments {
        &self.0
    }

    /// How it stands.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match &self.0 {
            Moments { declined: Some(_), .. } => Standing::Declined,
            Moments { published: Some(_), .. } => Standing::Published,
            Moments { fixed: Some(_), .. } => Standing::Fixed,
            Moments { triaged: Some(_), .. } => Standing::Triaged,
            Moments { acknowledged: Some(_), .. } => Standing::Acknowledged,
            Moments { .. } => Standing::Received,
        }
    }

    /// The course after a step.
    pub fn moved(self, step: Move, now: Timestamp) -> Result<Self, Error> {
        let standing = self.standing();
        let mut next = self.0;
        let refuse = |fix| Err(Error::Move { standing, wish: step.wish(), fix });
        match (step, standing) {
            (Move::Acknowledge, Standing::Received) => next.acknowledged = Some(now),
            (Move::Acknowledge, _) => return refuse("it was answered before"),
            (_, Standing::Published | Standing::Declined) if step != Move::Notify => {
                return refuse("it is over");
            }
            (_, Standing::Received) => return refuse("acknowledge it first"),
            (Move::Triage(severity), Standing::Acknowledged | Standing::Triaged) => {
                next.triaged = next.triaged.or(Some(now));
                next.severity = Some(severity);
            }
            (Move::Triage(_), _) => return refuse("its fix is out: report what is left anew"),
            (Move::Breach, _) if next.breach.is_none() => next.breach = Some(now),
            (Move::Breach, _) => return refuse("that is noted already"),
            (Move::Notify, _) if next.breach.is_some() && next.notified.is_none() => {
                next.notified = Some(now);
            }
            (Move::Notify, _) => return refuse("note the breach first, and this once"),
            (Move::Fix, Standing::Triaged) => next.fixed = Some(now),
            (Move::Fix, _) => return refuse("triage it first, and fix it once"),
            (Move::Publish, Standing::Fixed) => next.published = Some(now),
            (Move::Publish, Standing::Triaged) if now >= ClockKind::Publication.due(&next) => {
                next.published = Some(now);
            }
            (Move::Publish, _) => {
                return refuse("its fix comes first, or ninety days pass since it came");
            }
            (Move::Decline, Standing::Acknowledged | Standing::Triaged) => {
                next.declined = Some(now);
            }
            (Move::Decline, _) => return refuse("its fix is out"),
        }
        if self.last() > now {
            return Err(Error::Backwards { step: step.wish() });
        }
        Ok(Self(next))
    }

    /// The clocks that run for it or ran, the one that is due first at the front.
    #[must_use]
    pub fn clocks(&self) -> Vec<Clock> {
        let mut clocks: Vec<Clock> =
            ClockKind::ALL.into_iter().filter_map(|kind| kind.of(&self.0)).collect();
        clocks.sort_by_key(|clock| clock.due);
        clocks
    }

    /// When the next clock that still runs is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.clocks().into_iter().find(|clock| clock.ended.is_none()).map(|clock| clock.due)
    }

    /// When the last step was taken.
    fn last(&self) -> Timestamp {
        let moments = &self.0;
        let steps = [
            moments.acknowledged,
            moments.triaged,
            moments.breach,
            moments.notified,
            moments.fixed,
            moments.published,
            moments.declined,
        ];
        steps.into_iter().flatten().fold(moments.received, Timestamp::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    fn at(hours: i64) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        start + SignedDuration::from_hours(hours)
    }

    fn walked(steps: &[(Move, i64)]) -> Result<Course, Error> {
        let begun = Course::begun(at(0));
        steps.iter().try_fold(begun, |course, (step, hours)| course.moved(*step, at(*hours)))
    }

    use Move::{Acknowledge, Breach, Decline, Fix, Notify, Publish, Triage};
    const RATED: Move = Triage(Severity::High);

    #[test]
    fn a_report_takes_its_steps_in_order_and_no_other() {
        let check = |steps: &[(Move, i64)], want: Result<Standing, &str>| match want {
            Ok(standing) => {
                assert_eq!(walked(steps).expect("goes").standing(), standing, "{steps:?}");
            }
            Err(why) => {
                let error = walked(steps).expect_err(why).to_string();
                assert!(error.contains(why), "{steps:?}: {error}");
            }
        };
        check(&[], Ok(Standing::Received));
        check(&[(Acknowledge, 1)], Ok(Standing::Acknowledged));
        check(&[(Acknowledge, 1), (RATED, 2)], Ok(Standing::Triaged));
        check(&[(Acknowledge, 1), (RATED, 2), (Fix, 3)], Ok(Standing::Fixed));
        check(&[(Acknowledge, 1), (RATED, 2), (Fix, 3), (Publish, 4)], Ok(Standing::Published));
        check(&[(Acknowledge, 1), (Decline, 2)], Ok(Standing::Declined));
        check(&[(Acknowledge, 1), (RATED, 2), (Decline, 3)], Ok(Standing::Declined));
        check(&[(Acknowledge, 1), (Breach, 2), (Notify, 3)], Ok(Standing::Acknowledged));
        check(&[(Acknowledge, 1), (Breach, 2), (Decline, 3), (Notify, 4)], Ok(Standing::Declined));
        check(&[(RATED, 1)], Err("acknowledge it first"));
        check(&[(Decline, 1)], Err("acknowledge it first"));
        check(&[(Acknowledge, 1), (Acknowledge, 2)], Err("answered before"));
        check(&[(Acknowledge, 1), (Fix, 2)], Err("triage it first"));
        check(&[(Acknowledge, 1), (Notify, 2)], Err("note the breach first"));
        check(&[(Acknowledge, 1), (Breach, 2), (Breach, 3)], Err("noted already"));
        check(&[(Acknowledge, 1), (RATED, 2), (Fix, 3), (Decline, 4)], Err("its fix is out"));
        check(&[(Acknowledge, 1), (RATED, 2), (Fix, 3), (RATED, 4)], Err("its fix is out"));
        check(&[(Acknowledge, 1), (Decline, 2), (RATED, 3)], Err("it is over"));
        check(&[(Acknowledge, 2), (RATED, 1)], Err("went back"));
    }

    #[test]
    fn an_advisory_without_a_fix_waits_for_ninety_days() {
        let triaged = [(Acknowledge, 1), (RATED, 2)];
        let with = |step| [triaged.as_slice(), &[step]].concat();
        let error = walked(&with((Publish, 90 * 24 - 1))).expect_err("early").to_string();
        assert!(error.contains("ninety days"), "{error}");
        let course = walked(&with((Publish, 90 * 24))).expect("late enough");
        assert_eq!(course.standing(), Standing::Published);
        assert_eq!(Course::kept(*course.moments()), Some(course));
    }

    #[test]
    fn what_was_rated_anew_keeps_the_moment_of_its_first_rating() {
        let steps = [(Acknowledge, 1), (RATED, 2), (Triage(Severity::Critical), 5)];
        let course = walked(&steps).expect("goes");
        let Moments { triaged, severity, .. } = *course.moments();
        assert_eq!((triaged, severity), (Some(at(2)), Some(Severity::Critical)));
    }

    #[test]
    fn moments_that_cannot_have_followed_each_other_are_refused() {
        let check = |change: fn(&mut Moments)| {
            let mut moments = *walked(&[(Acknowledge, 1), (RATED, 2)]).expect("goes").moments();
            assert!(Course::kept(moments).is_some());
            change(&mut moments);
            assert_eq!(Course::kept(moments), None, "{moments:?}");
        };
        check(|moments| moments.acknowledged = None);
        check(|moments| moments.acknowledged = Some(at(-1)));
        check(|moments| moments.triaged = Some(at(0)));
        check(|moments| moments.severity = None);
        check(|moments| moments.triaged = None);
        check(|moments| moments.notified = Some(at(3)));
        check(|moments| moments.fixed = Some(at(1)));
        check(|moments| {
            moments.fixed = Some(at(3));
            moments.declined = Some(at(4));
        });
    }

    proptest! {
        #[test]
        fn whatever_steps_are_tried_the_course_can_be_kept(
            tried in prop::collection::vec((0_usize..8, 0_i64..2000), 0..20),
        ) {
            let moves = [
                Acknowledge, RATED, Triage(Severity::Critical), Breach, Notify, Fix, Publish, Decline,
            ];
            let (mut course, mut hours) = (Course::begun(at(0)), 0);
            for (which, later) in tried {
                hours += later;
                let before = course;
                course = course.moved(moves[which], at(hours)).unwrap_or(course);
                prop_assert!(course.standing() >= before.standing());
                prop_assert_eq!(Course::kept(*course.moments()), Some(course));
                let is_over = course.standing().is_over() && course.moments().breach.is_none();
                prop_assert!(!is_over || course.deadline().is_none());
            }
        }
    }
}

//! Which snapshots are kept: seven daily, eight weekly, twelve monthly ones, decided on what the ledger says
//! of each, and on nothing that stands in the repository.

use crate::{Error, ledger::Taken};
use jiff::{Timestamp, tz::TimeZone};
use std::collections::{BTreeMap, BTreeSet};

/// Days, weeks and months with a snapshot that keep their newest one.
pub const DAYS: usize = 7;
/// See [`DAYS`]; weeks are those of ISO 8601.
pub const WEEKS: usize = 8;
/// See [`DAYS`].
pub const MONTHS: usize = 12;
/// A snapshot whose time fits to none of its neighbours' is kept until so many came after it.
const DOUBTFUL_KEPT: usize = 30;
/// How long a set of wrapped keys is kept after the one that follows it.
pub const KEY_SET_DAYS: i64 = 35;
/// How many snapshots may go for each one that was taken: the last day, week and month of the rule, and one
/// that was doubtful.
const GONE_FOR_EACH: usize = 4;

/// Why a snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is the last one that was taken.
    Newest,
    /// The newest of its day.
    Daily,
    /// The newest of its week.
    Weekly,
    /// The newest of its month.
    Monthly,
    /// Its time is later than now, or does not fit to those before and after it.
    Doubtful,
}

/// What stays and what goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Numbers that stay, and why.
    pub keep: BTreeMap<u64, BTreeSet<Reason>>,
    /// Numbers that go.
    pub forget: BTreeSet<u64>,
}

/// What a day, a week or a month is called.
type Name = fn(Timestamp) -> (i16, i8);

/// Judges snapshots that are there, in the order of their numbers.
///
/// The newest is kept, and counts for no day, week or month before the next one confirms its clock: one clock
/// that is wrong once pushes nothing out.
#[must_use]
pub fn plan(taken: &[Taken], now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let Some((newest, others)) = taken.split_last() else { return plan };
    let mut keep = |number, reason| {
        plan.keep.entry(number).or_default().insert(reason);
    };
    keep(newest.number, Reason::Newest);
    let later = taken.iter().filter(|one| one.time > now).count();
    if later * 2 > taken.len() {
        // It is this clock that is wrong.
        for one in taken {
            keep(one.number, Reason::Doubtful);
        }
        return plan;
    }
    let mut in_order = longest_in_order(taken, now);
    in_order.retain(|one| one.number != newest.number);
    let rules: [(Reason, usize, Name); 3] = [
        (Reason::Daily, DAYS, day),
        (Reason::Weekly, WEEKS, week),
        (Reason::Monthly, MONTHS, month),
    ];
    for (reason, count, name) in rules {
        let mut seen = BTreeSet::new();
        for one in in_order.iter().rev() {
            let is_first = seen.insert(name(one.time));
            if seen.len() > count {
                break;
            }
            if is_first {
                keep(one.number, reason);
            }
        }
    }
    let ordered: BTreeSet<u64> = in_order.iter().map(|one| one.number).collect();
    for one in others.iter().rev().take(DOUBTFUL_KEPT) {
        if !ordered.contains(&one.number) {
            keep(one.number, Reason::Doubtful);
        }
    }
    let gone = taken.iter().map(|one| one.number).filter(|number| !plan.keep.contains_key(number));
    plan.forget = gone.collect();
    plan
}

impl Plan {
    /// Refuses to let more go than snapshots that were taken since can have pushed out.
    pub fn allowed(self, taken_since: usize) -> Result<Self, Error> {
        let allowed = taken_since.saturating_mul(GONE_FOR_EACH);
        if self.forget.len() > allowed {
            return Err(Error::TooMany { gone: self.forget.len(), allowed, taken: taken_since });
        }
        Ok(self)
    }
}

/// The most snapshots whose times do not decrease, none of them later than now.
fn longest_in_order(taken: &[Taken], now: Timestamp) -> Vec<&Taken> {
    // Piles of patience: the least last time of a row of each length, and what came before each.
    let mut piles: Vec<usize> = Vec::new();
    let mut before: BTreeMap<usize, Option<usize>> = BTreeMap::new();
    let time = |at: &usize| taken.get(*at).map_or(Timestamp::MAX, |one| one.time);
    for (at, one) in taken.iter().enumerate().filter(|(_, one)| one.time <= now) {
        let pile = piles.partition_point(|top| time(top) <= one.time);
        before.insert(at, pile.checked_sub(1).and_then(|left| piles.get(left).copied()));
        match piles.get_mut(pile) {
            Some(top) => *top = at,
            None => piles.push(at),
        }
    }
    let mut row = Vec::new();
    let mut next = piles.last().copied();
    while let Some(at) = next {
        row.extend(taken.get(at));
        next = before.get(&at).copied().flatten();
    }
    row.reverse();
    row
}

/// Sets of wrapped keys that go: what an erased subject's key was in is gone after [`KEY_SET_DAYS`], whatever
/// else happens; the newest stays.
#[must_use]
pub fn old_key_sets(sets: &[Taken], now: Timestamp) -> BTreeSet<u64> {
    let age = jiff::SignedDuration::from_hours(KEY_SET_DAYS * 24);
    let expired = |one: &Taken, next: &Taken| {
        // Of a set from the future, the next one says when it was at the latest.
        let since = if next.time <= now { one.time.min(next.time) } else { one.time };
        since.checked_add(age).is_ok_and(|end| end <= now)
    };
    let pairs = sets.iter().zip(sets.iter().skip(1));
    pairs.filter(|(one, next)| expired(one, next)).map(|(one, _)| one.number).collect()
}

fn day(time: Timestamp) -> (i16, i8) {
    let date = time.to_zoned(TimeZone::UTC).date();
    // A day of the year has more values than an i8: the month and the day are one number of the year.
    (date.year().saturating_mul(12).saturating_add(i16::from(date.month())), date.day())
}

fn week(time: Timestamp) -> (i16, i8) {
    let week = time.to_zoned(TimeZone::UTC).date().iso_week_date();
    (week.year(), week.week())
}

fn month(time: Timestamp) -> (i16, i8) {
    let date = time.to_zoned(TimeZone::UTC).date();
    (date.year(), date.month())
}

//! Half-done sign-ins: somebody gives the right password and fails at the second factor. After a few
//! times the owner hears of it (ASVS 6.3.5), and not more often than once a day.

use crate::AccountId;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Failures that are told of; fewer are slips of the finger.
const FAILURES: u32 = 3;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Failures at the second factor after a right password, by account; bounded in memory.
#[derive(Debug)]
pub struct HalfSignIns {
    entries_max: usize,
    entries: BTreeMap<AccountId, Half>,
}

#[derive(Debug, Clone, Copy)]
struct Half {
    since: Timestamp,
    failures: u32,
}

impl HalfSignIns {
    /// At most so many accounts at once.
    #[must_use]
    pub const fn new(entries_max: usize) -> Self {
        Self { entries_max, entries: BTreeMap::new() }
    }

    /// Takes in a failure; whether its owner is to hear of it now.
    pub fn failed(&mut self, account: AccountId, now: Timestamp) -> bool {
        self.entries.retain(|_, half| now.duration_since(half.since) < DAY);
        if !self.entries.contains_key(&account) && self.entries.len() >= self.entries_max.max(1) {
            let oldest = self.entries.iter().min_by_key(|(_, half)| half.since).map(|(id, _)| *id);
            oldest.and_then(|id| self.entries.remove(&id));
        }
        let half = self.entries.entry(account).or_insert(Half { since: now, failures: 0 });
        half.failures = half.failures.saturating_add(1);
        half.failures == FAILURES
    }

    /// What was to be told could not be kept: the next failure is told of.
    pub fn untold(&mut self, account: AccountId) {
        if let Some(half) = self.entries.get_mut(&account) {
            half.failures = half.failures.min(FAILURES - 1);
        }
    }

    /// The owner came in: what failed before was a slip, unless it was told of already.
    pub fn succeeded(&mut self, account: AccountId) {
        if self.entries.get(&account).is_some_and(|half| half.failures < FAILURES) {
            self.entries.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + hour * 3600).expect("in range")
    }

    fn account(seed: u64) -> AccountId {
        AccountId::new(at(0), &mut SeededEntropy::new(seed))
    }

    #[test]
    fn the_third_failure_of_a_day_is_told_of_and_no_other() {
        let (mut halves, ada, bob) = (HalfSignIns::new(10), account(1), account(2));
        let told: Vec<bool> = (0..6).map(|hour| halves.failed(ada, at(hour))).collect();
        assert_eq!(told, [false, false, true, false, false, false]);
        assert!(!halves.failed(bob, at(1)), "another's count");
        halves.succeeded(ada);
        assert!(!halves.failed(ada, at(7)), "one letter a day, whoever came in between");
        let told: Vec<bool> = (30..33).map(|hour| halves.failed(ada, at(hour))).collect();
        assert_eq!(told, [false, false, true], "the next day counts anew");
    }

    #[test]
    fn what_could_not_be_told_is_told_at_the_next_failure() {
        let (mut halves, ada) = (HalfSignIns::new(10), account(1));
        assert!((0..3).any(|hour| halves.failed(ada, at(hour))));
        halves.untold(ada);
        assert!(halves.failed(ada, at(4)));
        assert!(!halves.failed(ada, at(5)));
    }

    #[test]
    fn a_slip_of_the_finger_is_forgotten_when_its_owner_comes_in() {
        let (mut halves, ada) = (HalfSignIns::new(10), account(1));
        for hour in 0..10 {
            assert!(!halves.failed(ada, at(hour)) && !halves.failed(ada, at(hour)));
            halves.succeeded(ada);
        }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_gives_way() {
        let mut halves = HalfSignIns::new(3);
        for seed in 0..9 {
            halves.failed(account(seed), at(i64::try_from(seed).expect("small")));
        }
        let kept: Vec<AccountId> = halves.entries.keys().copied().collect();
        assert_eq!(kept.len(), 3);
        assert!((6..9).all(|seed| kept.contains(&account(seed))));
    }
}

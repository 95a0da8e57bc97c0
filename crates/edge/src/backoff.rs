//! How long to wait before the next attempt: longer each time, never in step with others.

use std::time::Duration;

/// The bounds of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Before the second attempt.
    pub first: Duration,
    /// At most, however often it failed.
    pub longest: Duration,
    /// A connection that lived this long was a good one: the next wait is the first again.
    pub stable: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            longest: Duration::from_secs(30),
            stable: Duration::from_mins(1),
        }
    }
}

/// The waits of one connection. The same seed and the same failures give the same waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    pace: Pace,
    failures: u32,
    dice: Dice,
}

impl Backoff {
    /// Starts with no failure; `seed` differs from process to process and place to place.
    #[must_use]
    pub fn new(pace: Pace, seed: u64) -> Self {
        Self { pace, failures: 0, dice: Dice::new(seed) }
    }

    /// The wait after an attempt that held for `lived`: doubled each time, and of that a random
    /// part between a half and the whole.
    pub fn failed(&mut self, lived: Duration) -> Duration {
        if lived >= self.pace.stable {
            self.failures = 0;
        }
        let longest = self.pace.longest.max(self.pace.first);
        let factor = 1u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let whole = self.pace.first.saturating_mul(factor).min(longest);
        self.failures = self.failures.saturating_add(1).min(31);
        let half_us = u64::try_from(whole.as_micros() / 2).unwrap_or(u64::MAX / 2);
        whole.saturating_sub(Duration::from_micros(self.dice.below(half_us + 1)))
    }

    /// An attempt did all that it should: the next wait is the first again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How many attempts in a row did not hold.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// Seeded numbers (splitmix64): for faults and waits, never for a secret.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The product's high half; its bias is one in 2^64 / end.
        let wide = u128::from(self.roll()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_grows_to_its_bound_and_stays_there(
            seed: u64,
            first_ms in 1u64..5_000,
            longest_ms in 1u64..60_000,
            failures in 1usize..80,
        ) {
            let pace = Pace {
                first: Duration::from_millis(first_ms),
                longest: Duration::from_millis(longest_ms),
                stable: Duration::from_mins(1),
            };
            let bound = pace.longest.max(pace.first);
            let waits = |seed| {
                let mut backoff = Backoff::new(pace, seed);
                (0..failures).map(|_| backoff.failed(Duration::ZERO)).collect::<Vec<_>>()
            };
            let all = waits(seed);
            prop_assert_eq!(&all, &waits(seed));
            for (n, wait) in all.iter().enumerate() {
                let whole = pace.first.saturating_mul(1 << n.min(20)).min(bound);
                prop_assert!(*wait <= whole && *wait >= whole / 2, "{n}: {wait:?} of {whole:?}");
            }
        }
    }

    #[test]
    fn a_good_connection_is_no_failure() {
        let mut backoff = Backoff::new(Pace::default(), 7);
        let short = Duration::from_secs(1);
        for _ in 0..10 {
            backoff.failed(short);
        }
        assert!(backoff.failed(short) >= Duration::from_secs(15));
        assert!(backoff.failed(Duration::from_secs(61)) <= Duration::from_millis(250));
        assert_eq!(backoff.failures(), 1);
        backoff.failed(short);
        backoff.succeeded();
        assert_eq!(backoff.failures(), 0);
        assert!(backoff.failed(short) <= Duration::from_millis(250));
    }

    #[test]
    fn two_processes_do_not_wait_in_step() {
        let waits = |seed| {
            let mut backoff = Backoff::new(Pace::default(), seed);
            (0..8).map(|_| backoff.failed(Duration::ZERO)).collect::<Vec<_>>()
        };
        assert_ne!(waits(1), waits(2));
    }
}

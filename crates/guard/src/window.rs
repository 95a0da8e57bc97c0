//! One asker's last while, in slices: never more than the quota in any window, however it lies.

use jiff::Timestamp;

/// Slices that a window is cut into.
pub(crate) const SLICES: usize = 12;

/// What was used in the running slice and in as many before it as a window has: the oldest of them may
/// still lie in a window that ends now, so it counts as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Window {
    slice: i64,
    used: [u32; SLICES + 1],
}

/// What is left after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether the cost fitted, and was taken.
    pub(crate) fitted: bool,
    /// Units that are used, with this cost if it was taken.
    pub(crate) used: u32,
    /// Milliseconds until the cost would fit, or, where it did, until the first use is forgotten.
    pub(crate) wait_ms: i64,
}

impl Window {
    /// Takes a cost out of a quota for each `window_ms`, if it fits.
    pub(crate) fn take(&mut self, cost: u32, quota: u32, window_ms: i64, now: Timestamp) -> Look {
        let slice_ms = (window_ms / i64::try_from(SLICES).unwrap_or(i64::MAX)).max(1);
        let now_ms = now.as_millisecond();
        self.advance(now_ms.div_euclid(slice_ms));
        let used = self.used.iter().fold(0_u32, |sum, part| sum.saturating_add(*part));
        let fitted = used.saturating_add(cost) <= quota;
        if fitted && let Some(running) = self.used.first_mut() {
            *running = running.saturating_add(cost);
        }
        let used = if fitted { used.saturating_add(cost) } else { used };
        let over = if fitted { 1 } else { used.saturating_add(cost).saturating_sub(quota) };
        let slices = self.slices_until(over.min(used.max(1)));
        // The running slice ends at the next multiple, and so many more have to pass.
        let wait_ms = (self.slice + slices + 1) * slice_ms - now_ms;
        Look { fitted, used, wait_ms: wait_ms.max(0) }
    }

    /// Whether nothing of it counts any more.
    pub(crate) fn is_over(&self, window_ms: i64, now: Timestamp) -> bool {
        let slice_ms = (window_ms / i64::try_from(SLICES).unwrap_or(i64::MAX)).max(1);
        let passed = now.as_millisecond().div_euclid(slice_ms) - self.slice;
        passed > i64::try_from(SLICES).unwrap_or(i64::MAX)
    }

    /// Moves on to a slice; a clock that was set back changes nothing.
    fn advance(&mut self, slice: i64) {
        let Ok(passed) = usize::try_from(slice.saturating_sub(self.slice)) else { return };
        let kept = self.used.len().saturating_sub(passed);
        self.used.rotate_right(passed.min(SLICES + 1));
        let fresh = self.used.len() - kept;
        self.used.iter_mut().take(fresh).for_each(|part| *part = 0);
        self.slice = slice;
    }

    /// How many whole slices after the running one must pass until `units` are forgotten.
    fn slices_until(&self, units: u32) -> i64 {
        let mut freed = 0_u32;
        for (age, part) in self.used.iter().enumerate().rev() {
            freed = freed.saturating_add(*part);
            if freed >= units {
                return i64::try_from(SLICES - age).unwrap_or(0);
            }
        }
        i64::try_from(SLICES).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("in range")
    }

    #[test]
    fn the_thirty_first_of_a_minute_does_not_fit() {
        let mut window = Window::default();
        for n in 0..30 {
            let look = window.take(1, 30, MINUTE, at(n * 1900));
            assert!(look.fitted && look.used == u32::try_from(n + 1).expect("small"), "{n}");
        }
        let refused = window.take(1, 30, MINUTE, at(59_900));
        assert!(!refused.fitted);
        // As long as it says, it does not fit; then it does.
        let wait = refused.wait_ms;
        assert!((1..=5_200).contains(&wait), "{wait}");
        assert!(!window.take(1, 30, MINUTE, at(59_900 + wait - 1)).fitted);
        assert!(window.take(1, 30, MINUTE, at(59_900 + wait)).fitted);
    }

    #[test]
    fn a_clock_set_back_forgets_nothing_and_one_set_far_ahead_all() {
        let mut window = Window::default();
        assert!(window.take(30, 30, MINUTE, at(10 * MINUTE)).fitted);
        assert!(!window.take(1, 30, MINUTE, at(2 * MINUTE)).fitted);
        assert!(!window.is_over(MINUTE, at(11 * MINUTE)));
        assert!(window.is_over(MINUTE, at(12 * MINUTE)));
        assert!(window.take(30, 30, MINUTE, at(i64::from(u32::MAX) * 1000)).fitted);
    }

    proptest! {
        /// However requests come: in no window of a minute is more let through than the quota, whoever
        /// waits as long as told gets through, and who stays below a twelfth less never waits.
        #[test]
        fn no_window_holds_more_than_its_quota(
            steps in prop::collection::vec((0_i64..20_000, 1_u32..5), 1..300),
            quota in 5_u32..60,
        ) {
            let (mut window, mut now, mut taken) = (Window::default(), 0, Vec::new());
            for (pause, cost) in steps {
                now += pause;
                let look = window.take(cost, quota, MINUTE, at(now));
                if look.fitted {
                    taken.push((now, cost));
                } else {
                    let mut copy = window;
                    prop_assert!(copy.take(cost, quota, MINUTE, at(now + look.wait_ms)).fitted);
                }
                let within = taken.iter().filter(|(at, _)| now - at < MINUTE);
                prop_assert!(within.map(|(_, cost)| cost).sum::<u32>() <= quota);
            }
        }

        #[test]
        fn who_keeps_below_the_rate_is_never_refused(quota in 13_u32..600) {
            let mut window = Window::default();
            // One slice more than the window counts.
            let pause = MINUTE * 13 / 12 / i64::from(quota) + 1;
            for n in 0..2000 {
                prop_assert!(window.take(1, quota, MINUTE, at(n * pause)).fitted);
            }
        }
    }
}

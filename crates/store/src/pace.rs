//! How long acts hold the pen, for whoever watches the server.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of what is counted together, in seconds; what takes longer is counted by itself.
pub const ACT_BOUNDS_S: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Acts that were kept since the start, by how long they took.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    counts: [AtomicU64; ACT_BOUNDS_S.len() + 1],
    sum_us: AtomicU64,
}

/// The same as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActTimes {
    /// Acts by [`ACT_BOUNDS_S`], the last ones slower than all bounds.
    pub counts: [u64; ACT_BOUNDS_S.len() + 1],
    /// All of them together, in seconds.
    pub sum_s: f64,
}

impl Pace {
    pub(crate) fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = ACT_BOUNDS_S.iter().position(|bound| seconds <= *bound);
        if let Some(count) = self.counts.get(at.unwrap_or(ACT_BOUNDS_S.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn times(&self) -> ActTimes {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let sum_s = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        ActTimes { counts, sum_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_counted_once_by_how_long_it_took() {
        let pace = Pace::default();
        for ms in [1, 3, 4, 600, 40_000] {
            pace.note(Duration::from_millis(ms));
        }
        let times = pace.times();
        assert_eq!(times.counts, [1, 2, 0, 0, 0, 1, 0, 0, 1]);
        assert!((times.sum_s - 40.608).abs() < 1e-9);
    }
}

//! How fast a channel may be fed: a bucket that fills with time.

use jiff::{SignedDuration, Timestamp};

/// `burst` messages at once, then one for each `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Messages that may go at once.
    pub burst: u32,
    /// The time in which one more may go.
    pub every: SignedDuration,
}

impl Pace {
    /// Telegram asks for no more than one message a second in one chat.
    pub const TELEGRAM_CHAT: Self = Self::new(1, 1);
    /// Telegram lets a bot send 20 messages a minute to a group: 5 and 60 / 4.
    pub const TELEGRAM_GROUP: Self = Self::new(5, 4);
    /// Discord names no number and answers 429; this stays below 30 a minute, which it has been seen to take.
    pub const DISCORD: Self = Self::new(5, 3);
    /// Slack takes one message a second from a webhook.
    pub const SLACK: Self = Self::new(1, 1);
    /// Homeservers choose; Synapse begins with ten at once and one each five seconds.
    pub const MATRIX: Self = Self::new(10, 5);
    /// A receiver of one's own.
    pub const WEBHOOK: Self = Self::new(10, 1);
    /// A mailbox is read by a person.
    pub const MAIL: Self = Self::new(5, 60);
    /// What critical notices may take beyond the channel's own pace.
    pub const URGENT: Self = Self::new(5, 30);

    /// From a burst and seconds.
    #[must_use]
    pub const fn new(burst: u32, every_s: i64) -> Self {
        Self { burst, every: SignedDuration::from_secs(every_s) }
    }
}

/// A bucket of tokens, counted in time: it holds at most `burst * every`.
#[derive(Debug, Clone)]
pub struct Bucket {
    pace: Pace,
    /// When the bucket would be full if nothing were taken (never long before `now`).
    full_at: Option<Timestamp>,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub const fn new(pace: Pace) -> Self {
        Self { pace, full_at: None }
    }

    /// When a token is there, `None` if now.
    #[must_use]
    pub fn ready_at(&self, now: Timestamp) -> Option<Timestamp> {
        let full_at = self.full_at?;
        let spare = self.pace.every.checked_mul(i32::try_from(self.pace.burst).unwrap_or(i32::MAX));
        let spare = spare.unwrap_or(SignedDuration::MAX).checked_sub(self.pace.every)?;
        // A burst of none never has a token; it is read as one.
        let at = full_at.checked_sub(spare.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MIN);
        (at > now).then_some(at)
    }

    /// Takes a token, if there is one.
    #[must_use]
    pub fn take(&mut self, now: Timestamp) -> Option<()> {
        if self.ready_at(now).is_some() {
            return None;
        }
        let from = self.full_at.map_or(now, |full| full.max(now));
        self.full_at = Some(from.checked_add(self.pace.every).unwrap_or(Timestamp::MAX));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("in range")
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(Pace::new(3, 10));
        let mut taken = Vec::new();
        for second in 0..60 {
            while bucket.take(at(second * 1000)).is_some() {
                taken.push(second);
            }
        }
        assert_eq!(taken, [0, 0, 0, 10, 20, 30, 40, 50]);
        assert_eq!(bucket.ready_at(at(55_000)), Some(at(60_000)));
        assert_eq!(bucket.ready_at(at(60_000)), None);
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_the_pace(
            burst in 1_u32..6,
            every_s in 1_i64..10,
            steps in prop::collection::vec(0_i64..4000, 1..200),
        ) {
            let mut bucket = Bucket::new(Pace::new(burst, every_s));
            let mut now = 0;
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                if bucket.take(at(now)).is_some() {
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for window in [1000, 7000, 60_000] {
                    let in_window = taken.iter().skip(first).filter(|t| **t < from + window).count();
                    let most = i64::from(burst) + window / (every_s * 1000);
                    prop_assert!(i64::try_from(in_window).expect("few") <= most);
                }
            }
        }
    }
}

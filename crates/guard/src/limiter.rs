//! Quotas of many askers under one policy, in memory that is bounded and never lets anybody through for
//! want of it.

use crate::{
    Asker,
    window::{Look, Window},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// So many units in any window of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Its name, as a header shows it: a word of ASCII letters.
    pub name: &'static str,
    /// Units.
    pub quota: u32,
    /// The window.
    pub window: SignedDuration,
}

impl Policy {
    /// So many a minute.
    #[must_use]
    pub const fn per_minute(name: &'static str, quota: u32) -> Self {
        Self { name, quota, window: SignedDuration::from_mins(1) }
    }
}

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Admitted,
    /// Not yet.
    Refused,
}

/// A verdict, and what its asker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Whether the request may go on.
    pub verdict: Verdict,
    /// Under which policy.
    pub policy: Policy,
    /// Units that are left.
    pub left: u32,
    /// Refused: when the same request fits. Admitted: when units begin to come back.
    pub wait: SignedDuration,
}

/// A wider part of an address gets so many times the quota of a single one.
const SITE_TIMES: u32 = 8;
/// Buckets that newcomers share where there is no room for one of their own.
const SHARED: usize = 1024;

/// Counts what askers use up.
///
/// Where as many are known as may be and none of them has been quiet for a whole window, newcomers share
/// buckets: each of them may find it empty before its time, and none gets in without one.
#[derive(Debug)]
pub struct Limiter {
    policy: Policy,
    askers_max: usize,
    windows: BTreeMap<Asker, (Window, Timestamp)>,
    /// Who asked when, the longest quiet first.
    order: BTreeSet<(Timestamp, Asker)>,
    shared: Vec<Window>,
    crowded: u64,
}

impl Limiter {
    /// Nobody has asked yet; each of at most `askers_max` takes about 200 bytes.
    #[must_use]
    pub fn new(policy: Policy, askers_max: usize) -> Self {
        Self {
            policy,
            askers_max: askers_max.max(1),
            windows: BTreeMap::new(),
            order: BTreeSet::new(),
            shared: vec![Window::default(); SHARED],
            crowded: 0,
        }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// How many requests had to share a bucket.
    #[must_use]
    pub const fn crowded(&self) -> u64 {
        self.crowded
    }

    /// How many askers have a bucket of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether nobody has asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Takes a cost, if there is so much left; a cost above the whole quota is the whole quota, so that
    /// no route is out of reach for ever.
    pub fn spend(&mut self, asker: Asker, cost: u32, now: Timestamp) -> Spent {
        let own = self.take(asker, cost, self.policy.quota, now);
        let site = asker.site().filter(|_| own.fitted);
        let quota = self.policy.quota.saturating_mul(SITE_TIMES);
        match site.map(|site| self.take(site, cost, quota, now)) {
            Some(wide) if !wide.fitted => self.told(wide, quota),
            _ => self.told(own, self.policy.quota),
        }
    }

    fn told(&self, look: Look, quota: u32) -> Spent {
        Spent {
            verdict: if look.fitted { Verdict::Admitted } else { Verdict::Refused },
            policy: self.policy,
            left: if look.fitted { quota.saturating_sub(look.used) } else { 0 },
            wait: SignedDuration::from_millis(look.wait_ms),
        }
    }

    fn take(&mut self, asker: Asker, cost: u32, quota: u32, now: Timestamp) -> Look {
        let window_ms = i64::try_from(self.policy.window.as_millis()).unwrap_or(i64::MAX);
        let cost = cost.min(quota);
        if let Some((window, last)) = self.windows.get_mut(&asker) {
            self.order.remove(&(*last, asker));
            self.order.insert((now.max(*last), asker));
            *last = now.max(*last);
            return window.take(cost, quota, window_ms, now);
        }
        if !self.has_room(window_ms, now) {
            self.crowded = self.crowded.saturating_add(1);
            let at = usize::try_from(asker.spread() >> 40).unwrap_or_default() % SHARED;
            let shared = self.shared.get_mut(at);
            return shared
                .map_or(Look { fitted: false, used: quota, wait_ms: window_ms }, |window| {
                    window.take(cost, quota, window_ms, now)
                });
        }
        let mut window = Window::default();
        let look = window.take(cost, quota, window_ms, now);
        self.windows.insert(asker, (window, now));
        self.order.insert((now, asker));
        look
    }

    /// Makes room by forgetting whoever was quiet for a whole window: nothing is lost with them.
    fn has_room(&mut self, window_ms: i64, now: Timestamp) -> bool {
        while self.windows.len() >= self.askers_max {
            let Some((last, quiet)) = self.order.first().copied() else { return false };
            if !self.windows.get(&quiet).is_some_and(|(window, _)| window.is_over(window_ms, now)) {
                return false;
            }
            self.order.remove(&(last, quiet));
            self.windows.remove(&quiet);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("in range")
    }

    fn asker(text: &str) -> Asker {
        Asker::at(text.parse().expect("an address"))
    }

    fn admitted(limiter: &mut Limiter, who: Asker, count: u32, ms: i64) -> u32 {
        let verdicts = (0..count).map(|_| limiter.spend(who, 1, at(ms)).verdict);
        u32::try_from(verdicts.filter(|v| *v == Verdict::Admitted).count()).expect("small")
    }

    #[test]
    fn each_asker_has_a_quota_of_their_own_and_learns_what_is_left() {
        let mut limiter = Limiter::new(Policy::per_minute("api", 60), 100);
        let (one, other) = (asker("192.0.2.7"), Asker::Account(7));
        assert_eq!(admitted(&mut limiter, one, 70, 1_000), 60);
        assert_eq!(admitted(&mut limiter, other, 1, 1_000), 1);
        let refused = limiter.spend(one, 1, at(1_000));
        assert_eq!((refused.verdict, refused.left), (Verdict::Refused, 0));
        assert_eq!(refused.wait.as_secs(), 64, "the running slice counts as a whole");
        assert_eq!(limiter.spend(one, 1, at(65_000)).verdict, Verdict::Admitted);
        assert_eq!(limiter.spend(other, 10, at(65_000)).left, 50);
        // A weight above the quota is taken as the quota, once.
        let heavy = asker("192.0.2.9");
        assert_eq!(limiter.spend(heavy, 1000, at(65_000)).verdict, Verdict::Admitted);
        assert_eq!(limiter.spend(heavy, 1, at(65_000)).verdict, Verdict::Refused);
    }

    #[test]
    fn one_line_with_many_networks_gets_eight_times_as_much_and_no_more() {
        let mut limiter = Limiter::new(Policy::per_minute("api", 60), 1000);
        let through: u32 = (0..100)
            .map(|n| {
                let who = asker(&format!("2001:db8:7:{n:x}::1"));
                admitted(&mut limiter, who, 60, 1_000)
            })
            .sum();
        assert_eq!(through, 480);
        assert_eq!(admitted(&mut limiter, asker("2001:db8:8::1"), 60, 1_000), 60, "another line");
    }

    #[test]
    fn memory_is_bounded_and_nobody_slips_through_when_it_is_full() {
        let mut limiter = Limiter::new(Policy::per_minute("general", 30), 500);
        for n in 0..500_u32 {
            limiter.spend(Asker::Address(std::net::Ipv4Addr::from_bits(n).into()), 1, at(1_000));
        }
        // A flood from new addresses, all at once: more than the shared buckets give, nobody gets.
        let flood = (1_000_000..1_200_000_u32).filter(|n| {
            let who = Asker::Address(std::net::Ipv4Addr::from_bits(*n).into());
            limiter.spend(who, 1, at(2_000)).verdict == Verdict::Admitted
        });
        let through = flood.count();
        assert_eq!(limiter.len(), 500);
        assert!(through <= SHARED * 30, "{through}");
        assert!(through >= SHARED * 30 * 9 / 10, "they are spread over the buckets: {through}");
        assert_eq!(limiter.crowded(), 200_000);
        // Who was known before is not hurt by them.
        let known = Asker::Address(std::net::Ipv4Addr::from_bits(3).into());
        assert_eq!(admitted(&mut limiter, known, 40, 2_000), 29);
        // A minute later there is room again.
        let newcomer = asker("203.0.113.5");
        assert_eq!(admitted(&mut limiter, newcomer, 40, 80_000), 30);
        assert!(limiter.len() <= 500);
    }

    #[test]
    fn a_clock_set_back_opens_nothing() {
        let mut limiter = Limiter::new(Policy::per_minute("general", 30), 10);
        let who = asker("192.0.2.7");
        assert_eq!(admitted(&mut limiter, who, 30, 600_000), 30);
        assert_eq!(admitted(&mut limiter, who, 30, 0), 0);
        assert_eq!(admitted(&mut limiter, who, 30, 670_000), 30);
    }
}

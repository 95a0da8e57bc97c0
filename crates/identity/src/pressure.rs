//! How much of an attack a source looks like: distinct accounts (spraying) and distinct passwords
//! (stuffing), counted in memory that no attacker can grow.

use crate::{Candidate, EmailIndex, Source};
use jiff::{SignedDuration, Timestamp};
use seal::MacKey;
use std::collections::{BTreeMap, BTreeSet};

/// Counts distinct things in 512 bits (linear counting: Whang et al., 1990): exact to a few
/// percent up to some hundreds, and "many" beyond. Its places are keyed, so nobody can choose
/// what to send such that it stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sketch([u64; 8]);

impl Sketch {
    fn add(&mut self, tag: &[u8; 32]) {
        let [high, low, ..] = *tag;
        let bit = (usize::from(high) << 8 | usize::from(low)) % 512;
        if let Some(word) = self.0.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    fn with(&self, other: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(other.0).for_each(|(to, from)| *to |= from);
        both
    }

    /// The estimate: 512 · ln(512 / empty places), kept in whole numbers.
    fn count(&self) -> u32 {
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let empty = 512_u32.saturating_sub(set).max(1);
        let estimate = 512.0 * libm::log(512.0 / f64::from(empty));
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 512 · ln 512 < 3200"
        )]
        let whole = libm::round(estimate) as u32;
        whole
    }
}

/// What is asked of a source before its next attempt is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// Nothing.
    Nothing,
    /// A puzzle of so many bits.
    Work(u8),
}

/// A distinct thing too many, and what it costs.
const STEPS: [(u32, u8); 4] = [(10, 16), (20, 18), (50, 20), (100, 22)];
/// A household's worth of mistyped passwords is fewer.
const PASSWORDS_PER_STEP: u32 = 2;

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    half: i64,
    accounts: [Sketch; 2],
    passwords: [Sketch; 2],
}

impl Window {
    /// Moves on: what is older than two halves is forgotten.
    fn advance(&mut self, half: i64) {
        match half.saturating_sub(self.half) {
            // A clock set back changes nothing.
            ..=0 => return,
            1 => {
                self.accounts = [Sketch::default(), self.accounts[0]];
                self.passwords = [Sketch::default(), self.passwords[0]];
            }
            _ => {
                self.accounts = [Sketch::default(); 2];
                self.passwords = [Sketch::default(); 2];
            }
        }
        self.half = half;
    }
}

/// Sources and what they tried in the last half to whole window.
#[derive(Debug)]
pub struct Pressure {
    key: MacKey,
    half_s: i64,
    entries_max: usize,
    windows: BTreeMap<Source, Window>,
    order: BTreeSet<(i64, Source)>,
}

impl Pressure {
    /// With a key of this process; `entries_max` sources take 256 bytes each, and the one that
    /// was quiet longest is forgotten first.
    #[must_use]
    pub fn new(key: MacKey, window: SignedDuration, entries_max: usize) -> Self {
        let half_s = (window.as_secs() / 2).max(1);
        let (windows, order) = (BTreeMap::new(), BTreeSet::new());
        Self { key, half_s, entries_max: entries_max.max(1), windows, order }
    }

    /// Notes a refused attempt. Right ones are not noted, and take nothing back: a thief with one
    /// account of their own cannot clear their source by signing in.
    pub fn refused(
        &mut self,
        source: Source,
        account: &EmailIndex,
        password: &Candidate,
        now: Timestamp,
    ) {
        let account = self.key.tag(&[b"account", account.as_bytes()]);
        let password = self.key.tag(&[b"password", password.text().as_bytes()]);
        let half = now.as_second().div_euclid(self.half_s);
        let window = self.windows.entry(source).or_insert_with(|| {
            self.order.insert((half, source));
            Window { half, ..Window::default() }
        });
        self.order.remove(&(window.half, source));
        window.advance(half);
        self.order.insert((window.half, source));
        window.accounts[0].add(&account);
        window.passwords[0].add(&password);
        while self.windows.len() > self.entries_max {
            let Some((_, quiet)) = self.order.pop_first() else { break };
            self.windows.remove(&quiet);
        }
    }

    /// What a source must do before its next attempt.
    #[must_use]
    pub fn demand(&self, source: Source, now: Timestamp) -> Demand {
        let half = now.as_second().div_euclid(self.half_s);
        let Some(mut window) = self.windows.get(&source).copied() else { return Demand::Nothing };
        window.advance(half);
        let [accounts, passwords] =
            [window.accounts, window.passwords].map(|[this, before]| this.with(&before).count());
        let worst = accounts.max(passwords / PASSWORDS_PER_STEP);
        let step = STEPS.iter().rev().find(|(count, _)| worst >= *count);
        step.map_or(Demand::Nothing, |(_, bits)| Demand::Work(*bits))
    }

    /// How many sources are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EmailAddress;
    use core::net::{IpAddr, Ipv4Addr};
    use seal::Secret;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).expect("in range")
    }

    fn mac(byte: u8) -> MacKey {
        MacKey::new(Secret::new([byte; 32]))
    }

    fn source(n: u32) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    fn index(n: u32) -> EmailIndex {
        let email: EmailAddress = format!("u{n}@example.org").parse().expect("an address");
        email.index(&mac(1))
    }

    fn sent(text: &str) -> Candidate {
        Candidate::new(&Secret::new(text.to_owned()))
    }

    fn pressure(entries_max: usize) -> Pressure {
        Pressure::new(mac(9), SignedDuration::from_hours(1), entries_max)
    }

    #[test]
    fn counts_are_right_to_a_few_percent_and_never_wrap() {
        let check = |distinct: u32, low: u32, high: u32| {
            let mut sketch = Sketch::default();
            for n in 0..distinct {
                sketch.add(&mac(3).tag(&[&n.to_be_bytes()]));
                sketch.add(&mac(3).tag(&[&n.to_be_bytes()]));
            }
            let count = sketch.count();
            assert!((low..=high).contains(&count), "{distinct} counted as {count}");
        };
        check(0, 0, 0);
        check(1, 1, 1);
        check(10, 9, 11);
        check(100, 85, 115);
        check(400, 340, 460);
        check(100_000, 2000, 3300);
    }

    #[test]
    fn spraying_and_stuffing_cost_work_and_mistyping_does_not() {
        let demand = |accounts: u32, passwords: u32| {
            let mut pressure = pressure(100);
            for n in 0..accounts.max(passwords) {
                let password = format!("guess {}", n % passwords.max(1));
                pressure.refused(source(1), &index(n % accounts.max(1)), &sent(&password), at(0));
            }
            assert_eq!(pressure.demand(source(2), at(0)), Demand::Nothing);
            pressure.demand(source(1), at(0))
        };
        assert_eq!(demand(1, 5), Demand::Nothing, "one person, five typos");
        assert_eq!(demand(3, 9), Demand::Nothing, "a household");
        assert_eq!(demand(14, 1), Demand::Work(16), "spraying one password");
        assert_eq!(demand(70, 1), Demand::Work(20));
        assert_eq!(demand(1, 60), Demand::Work(18), "guessing at one account");
        assert!(demand(1000, 1000) == Demand::Work(22), "stuffing");
    }

    #[test]
    fn time_forgives_within_the_window_and_no_success_does() {
        let mut pressure = pressure(100);
        for n in 0..30 {
            pressure.refused(source(1), &index(n), &sent("x"), at(0));
        }
        let check = |second, want: bool| {
            let asked = pressure.demand(source(1), at(second)) > Demand::Nothing;
            assert_eq!(asked, want, "after {second} s");
        };
        check(0, true);
        check(1700, true);
        check(3700, false);
        check(-100_000, true);
    }

    #[test]
    fn a_flood_of_sources_stays_bounded_and_does_not_free_the_loudest() {
        let mut pressure = pressure(50);
        for n in 0..30 {
            pressure.refused(source(1), &index(n), &sent("x"), at(3600));
        }
        for n in 100..5000 {
            pressure.refused(source(n), &index(n), &sent("x"), at(0));
        }
        assert!(pressure.len() <= 50 && pressure.order.len() == pressure.len());
        assert!(pressure.demand(source(1), at(3600)) > Demand::Nothing);
    }
}

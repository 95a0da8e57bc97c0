//! Brute force without lock-out: token buckets, bounded in memory, none of which an attacker can
//! empty for the owner's own device.

use crate::{AccountId, Budget, DeviceId, DeviceStanding, EmailIndex, Error};
use jiff::{SignedDuration, Timestamp};
// Addresses as values: `core::net` has no socket in it.
use core::net::{IpAddr, Ipv6Addr};
use std::collections::{BTreeMap, BTreeSet};

/// A bucket: `burst` attempts at once, then one every `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Attempts that a full bucket holds.
    pub burst: u32,
    /// Time in which one attempt grows back.
    pub every: SignedDuration,
}

/// All limits, as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Any attempt, per IPv4 address or IPv6 /64. A success gives nothing back.
    pub source: Limit,
    /// Any attempt, per IPv6 /48.
    pub site: Limit,
    /// Passwords for one account from all devices that it does not know, together.
    pub password_unknown: Limit,
    /// Passwords for one account from one device that it knows.
    pub password_known: Limit,
    /// Second factors for one account from unknown devices, over all challenges together.
    pub factor_unknown: Limit,
    /// Second factors for one account from one known device.
    pub factor_known: Limit,
    /// Letters that strangers may have sent to one address, from wherever they ask.
    pub mail: Limit,
    /// Buckets kept per kind; the fullest one is forgotten first.
    pub entries_max: usize,
}

impl Default for Limits {
    /// Two codes of a million are good at any time: 5 and then 288 tries a day from unknown
    /// devices guess one with probability 0.06 % a day, and only after the right password.
    fn default() -> Self {
        let limit = |burst, every_s| Limit { burst, every: SignedDuration::from_secs(every_s) };
        Self {
            source: limit(30, 4),
            site: limit(120, 1),
            password_unknown: limit(10, 60),
            password_known: limit(10, 30),
            factor_unknown: limit(5, 300),
            factor_known: limit(5, 60),
            mail: limit(3, 1200),
            entries_max: 20_000,
        }
    }
}

/// Where a request comes from, as far as it is counted: an IPv4 address or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The counted part of an address; an IPv4 address in IPv6 clothes is an IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(IpAddr::V4(v4)),
            IpAddr::V6(v6) => Self(prefix(v6, 64)),
        }
    }

    /// The /48 of an IPv6 source.
    fn site(self) -> Option<IpAddr> {
        match self.0 {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => Some(prefix(v6, 48)),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}"),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits))))
}

/// One attempt at a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Where it comes from.
    pub source: Source,
    /// The account aimed at, existing or not.
    pub account: EmailIndex,
    /// Whether that account knows the device.
    pub device: DeviceStanding,
}

/// All buckets of this server.
#[derive(Debug)]
pub struct Throttle {
    source: Buckets<Source>,
    site: Buckets<IpAddr>,
    password_unknown: Buckets<EmailIndex>,
    password_known: Buckets<(EmailIndex, DeviceId)>,
    factor_unknown: Buckets<AccountId>,
    factor_known: Buckets<(AccountId, DeviceId)>,
    mail: Buckets<EmailIndex>,
    /// What was taken since it was asked last, where several servers count together.
    taken: Option<Vec<Budget>>,
}

impl Throttle {
    /// All full.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let entries = limits.entries_max;
        Self {
            source: Buckets::new(limits.source, entries),
            site: Buckets::new(limits.site, entries),
            password_unknown: Buckets::new(limits.password_unknown, entries),
            password_known: Buckets::new(limits.password_known, entries),
            factor_unknown: Buckets::new(limits.factor_unknown, entries),
            factor_known: Buckets::new(limits.factor_known, entries),
            mail: Buckets::new(limits.mail, entries),
            taken: None,
        }
    }

    /// One of several servers on one database: what these buckets admit is noted, to be taken from
    /// the budgets of all ([`Throttle::taken`]).
    #[must_use]
    pub fn shared(limits: Limits) -> Self {
        Self { taken: Some(Vec::new()), ..Self::new(limits) }
    }

    /// What was taken since this was asked last; nothing where there are no other servers.
    pub fn taken(&mut self) -> Vec<Budget> {
        self.taken.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note<K>(
        taken: &mut Option<Vec<Budget>>,
        buckets: &Buckets<K>,
        name: &'static str,
        holder: impl FnOnce() -> String,
    ) {
        if let Some(taken) = taken {
            let (every_ms, capacity_ms) = (buckets.every_ms, buckets.capacity_ms);
            taken.push(Budget { name, holder: holder(), every_ms, capacity_ms });
        }
    }

    /// Takes one from the source: for attempts that aim at no account (a set-up token).
    pub fn admit_source(&mut self, source: Source, now: Timestamp) -> Result<(), Error> {
        let now = now.as_millisecond();
        let wait = self.source.wait(&source, now);
        let site = source.site();
        let site_wait = site.map_or(0, |site| self.site.wait(&site, now));
        refuse(wait.max(site_wait))?;
        self.source.take(source, now);
        Self::note(&mut self.taken, &self.source, "source", || source.to_string());
        if let Some(site) = site {
            self.site.take(site, now);
            Self::note(&mut self.taken, &self.site, "site", || site.to_string());
        }
        Ok(())
    }

    /// Takes one for a password, before it is hashed. A source that has none left takes nothing
    /// from the account: one attacker cannot alone slow all others. A known device has a budget of
    /// its own and needs none of its source's: whoever shares the owner's address (a household, a
    /// proxy, this machine) cannot keep the owner out.
    pub fn admit_password(&mut self, attempt: &Attempt, now: Timestamp) -> Result<(), Error> {
        if attempt.device == DeviceStanding::Unknown {
            self.admit_source(attempt.source, now)?;
        }
        self.admit_password_of(attempt.account, attempt.device, now)
    }

    /// Takes one for a password that is given beside a link: following the link took one from the
    /// source already, and one request takes no two.
    pub fn admit_password_of(
        &mut self,
        account: EmailIndex,
        device: DeviceStanding,
        now: Timestamp,
    ) -> Result<(), Error> {
        let millis = now.as_millisecond();
        match device {
            DeviceStanding::Unknown => {
                self.password_unknown.admit(account, millis)?;
                let holder = || name(&account);
                Self::note(&mut self.taken, &self.password_unknown, "password", holder);
            }
            DeviceStanding::Known(device) => {
                self.password_known.admit((account, device), millis)?;
                let holder = || format!("{} {device}", name(&account));
                Self::note(&mut self.taken, &self.password_known, "password of a device", holder);
            }
        }
        Ok(())
    }

    /// Takes one for a second factor: apart from the password's budget, shared by all challenges. What
    /// the request took from its source ([`Throttle::admit_source`]) is another matter.
    pub fn admit_factor(
        &mut self,
        account: AccountId,
        device: DeviceStanding,
        now: Timestamp,
    ) -> Result<(), Error> {
        let millis = now.as_millisecond();
        match device {
            DeviceStanding::Unknown => {
                self.factor_unknown.admit(account, millis)?;
                Self::note(&mut self.taken, &self.factor_unknown, "factor", || account.to_string());
            }
            DeviceStanding::Known(device) => {
                self.factor_known.admit((account, device), millis)?;
                let holder = || format!("{account} {device}");
                Self::note(&mut self.taken, &self.factor_known, "factor of a device", holder);
            }
        }
        Ok(())
    }
}

impl Throttle {
    /// Takes one for a letter to an address, when its errand is run: what is too much is dropped
    /// without a word, as the visitor had their answer already. Nobody's mailbox is flooded, and
    /// whether an address has an account does not show in how often one may ask.
    pub fn admit_mail(&mut self, address: EmailIndex, now: Timestamp) -> Result<(), Error> {
        self.mail.admit(address, now.as_millisecond())?;
        Self::note(&mut self.taken, &self.mail, "mail", || name(&address));
        Ok(())
    }
}

/// An address's index as text.
fn name(account: &EmailIndex) -> String {
    account.as_bytes().iter().fold(String::with_capacity(32), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

fn refuse(wait_ms: i64) -> Result<(), Error> {
    if wait_ms <= 0 {
        return Ok(());
    }
    // Whole seconds, rounded up: the answer is a `Retry-After`.
    let seconds = wait_ms.saturating_add(999) / 1000;
    Err(Error::Throttled { retry_after: SignedDuration::from_secs(seconds) })
}

/// Buckets as one number each: the time at which they are full again (GCRA).
#[derive(Debug)]
struct Buckets<K> {
    every_ms: i64,
    capacity_ms: i64,
    entries_max: usize,
    full_at: BTreeMap<K, i64>,
    order: BTreeSet<(i64, K)>,
}

impl<K: Ord + Copy> Buckets<K> {
    fn new(limit: Limit, entries_max: usize) -> Self {
        let every_ms = i64::try_from(limit.every.as_millis()).unwrap_or(i64::MAX).max(1);
        let capacity_ms = every_ms.saturating_mul(i64::from(limit.burst.max(1)));
        let (full_at, order) = (BTreeMap::new(), BTreeSet::new());
        Self { every_ms, capacity_ms, entries_max: entries_max.max(1), full_at, order }
    }

    fn admit(&mut self, key: K, now_ms: i64) -> Result<(), Error> {
        refuse(self.wait(&key, now_ms))?;
        self.take(key, now_ms);
        Ok(())
    }

    /// How long until there is one to take; zero or less: now.
    fn wait(&mut self, key: &K, now_ms: i64) -> i64 {
        let full = self.full(key, now_ms);
        if self.full_at.get(key).is_some_and(|stored| *stored > full) {
            self.put(*key, full);
        }
        full + self.every_ms - self.capacity_ms - now_ms
    }

    /// A clock set back makes no bucket emptier than empty.
    fn full(&self, key: &K, now_ms: i64) -> i64 {
        let full = self.full_at.get(key).copied().unwrap_or(now_ms);
        full.clamp(now_ms, now_ms.saturating_add(self.capacity_ms))
    }

    fn take(&mut self, key: K, now_ms: i64) {
        let full = self.full(&key, now_ms).saturating_add(self.every_ms);
        self.put(key, full);
        while self.order.first().is_some_and(|(full, _)| *full <= now_ms) {
            self.forget_fullest();
        }
        // A bucket under attack is the emptiest: a flood of fresh keys pushes out itself.
        while self.full_at.len() > self.entries_max {
            self.forget_fullest();
        }
    }

    fn put(&mut self, key: K, full: i64) {
        if let Some(before) = self.full_at.insert(key, full) {
            self.order.remove(&(before, key));
        }
        self.order.insert((full, key));
    }

    fn forget_fullest(&mut self) {
        if let Some((_, key)) = self.order.pop_first() {
            self.full_at.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::{MacKey, Secret, SeededEntropy};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).expect("in range")
    }

    fn source(text: &str) -> Source {
        Source::of(text.parse().expect("an address"))
    }

    fn index(name: &str) -> EmailIndex {
        let email: crate::EmailAddress = format!("{name}@example.org").parse().expect("an address");
        email.index(&MacKey::new(Secret::new([1; 32])))
    }

    fn device(seed: u64) -> DeviceStanding {
        DeviceStanding::Known(DeviceId::new(at(0), &mut SeededEntropy::new(seed)))
    }

    fn attempt(n: u32, name: &str, device: DeviceStanding) -> Attempt {
        let source = Source::of(IpAddr::V4(core::net::Ipv4Addr::from_bits(n)));
        Attempt { source, account: index(name), device }
    }

    /// Attempts until the first refusal.
    fn admitted(throttle: &mut Throttle, of: impl Fn(u32) -> Attempt, now: Timestamp) -> u32 {
        (0..1000).find(|n| throttle.admit_password(&of(*n), now).is_err()).unwrap_or(1000)
    }

    #[test]
    fn an_attacker_slows_unknown_devices_and_never_the_owner() {
        let mut throttle = Throttle::new(Limits::default());
        let attack = |n| attempt(n, "ada", DeviceStanding::Unknown);
        assert_eq!(admitted(&mut throttle, attack, at(0)), 10);
        assert_eq!(admitted(&mut throttle, |n| attempt(n, "ada", device(1)), at(0)), 10);
        assert_eq!(admitted(&mut throttle, |n| attempt(n, "ada", device(2)), at(0)), 10);
        assert_eq!(
            admitted(&mut throttle, |n| attempt(n, "bob", DeviceStanding::Unknown), at(0)),
            10
        );
        assert_eq!(admitted(&mut throttle, attack, at(59)), 0);
        assert_eq!(admitted(&mut throttle, attack, at(60)), 1);
        assert_eq!(admitted(&mut throttle, attack, at(3600)), 10);
    }

    #[test]
    fn who_shares_the_owners_address_cannot_keep_the_owner_out() {
        let mut throttle = Throttle::new(Limits::default());
        let neighbour = |n| attempt(7, &format!("guess{n}"), DeviceStanding::Unknown);
        let dry = admitted(&mut throttle, neighbour, at(0));
        assert!(dry < 1000 && throttle.admit_source(neighbour(0).source, at(0)).is_err());
        assert!(throttle.admit_password(&attempt(7, "ada", device(1)), at(0)).is_ok());
        assert!(
            throttle.admit_password(&attempt(7, "ada", DeviceStanding::Unknown), at(0)).is_err()
        );
    }

    #[test]
    fn the_answer_says_when_and_never_who() {
        let mut throttle = Throttle::new(Limits::default());
        let mut answer = |name: &str| {
            let of = |n| attempt(n, name, DeviceStanding::Unknown);
            admitted(&mut throttle, of, at(0));
            throttle.admit_password(&of(77), at(0))
        };
        let (known, unknown) = (answer("ada"), answer("nobody"));
        assert_eq!(known, unknown);
        assert_eq!(known, Err(Error::Throttled { retry_after: SignedDuration::from_secs(60) }));
    }

    #[test]
    fn one_source_runs_dry_before_it_can_slow_everyone() {
        let mut throttle = Throttle::new(Limits::default());
        let names: Vec<String> = (0..60).map(|n| format!("user{n}")).collect();
        let spray = |n: u32| attempt(7, &names[n as usize % 60], DeviceStanding::Unknown);
        assert_eq!(admitted(&mut throttle, spray, at(0)), 30);
        // The accounts that the dry source aimed at afterwards lost nothing.
        let last = |n| attempt(n + 100, "user59", DeviceStanding::Unknown);
        assert_eq!(admitted(&mut throttle, last, at(0)), 10);
    }

    #[test]
    fn addresses_are_counted_by_what_one_customer_gets() {
        let check = |a: &str, b: &str, same: bool| {
            assert_eq!(source(a) == source(b), same, "{a} {b}");
        };
        check("192.0.2.1", "192.0.2.2", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("2001:db8:1:1::1", "2001:db8:1:1:ffff::2", true);
        check("2001:db8:1:1::1", "2001:db8:1:2::1", false);
        let mut throttle = Throttle::new(Limits::default());
        let within = |n: u128| {
            let base = "2001:db8:1::".parse::<Ipv6Addr>().expect("an address").to_bits();
            Source::of(IpAddr::V6(Ipv6Addr::from_bits(base + (n << 64))))
        };
        let count = (0..1000).find(|n| throttle.admit_source(within(*n), at(0)).is_err());
        assert_eq!(count, Some(120));
        assert_eq!(source("2001:db8::5").to_string(), "2001:db8::/64");
    }

    #[test]
    fn second_factors_have_a_budget_of_their_own_over_all_challenges() {
        let mut throttle = Throttle::new(Limits::default());
        let account = AccountId::new(at(0), &mut SeededEntropy::new(1));
        let mut tries =
            |device, now| (0..100).find(|_| throttle.admit_factor(account, device, now).is_err());
        assert_eq!(tries(DeviceStanding::Unknown, at(0)), Some(5));
        assert_eq!(tries(device(1), at(0)), Some(5));
        assert_eq!(tries(DeviceStanding::Unknown, at(299)), Some(0));
        assert_eq!(tries(DeviceStanding::Unknown, at(300)), Some(1));
    }

    #[test]
    fn a_flood_of_keys_stays_bounded_and_does_not_free_the_attacked() {
        let limits = Limits { entries_max: 100, ..Limits::default() };
        let mut throttle = Throttle::new(limits);
        let attack = |n| attempt(n, "ada", DeviceStanding::Unknown);
        assert_eq!(admitted(&mut throttle, attack, at(0)), 10);
        for n in 0..5000 {
            let name = format!("flood{n}");
            throttle
                .admit_password(&attempt(n, &name, DeviceStanding::Unknown), at(1))
                .expect("fresh");
        }
        assert!(throttle.password_unknown.full_at.len() <= 100);
        assert_eq!(throttle.source.full_at.len(), throttle.source.order.len());
        assert_eq!(admitted(&mut throttle, attack, at(2)), 0);
    }

    #[test]
    fn a_clock_set_back_costs_one_refill_and_no_more() {
        let mut throttle = Throttle::new(Limits::default());
        let from = |first: u32| move |n| attempt(first + n, "ada", DeviceStanding::Unknown);
        assert_eq!(admitted(&mut throttle, from(0), at(900_000)), 10);
        assert_eq!(admitted(&mut throttle, from(100), at(0)), 0);
        assert_eq!(admitted(&mut throttle, from(200), at(60)), 1);
        assert_eq!(admitted(&mut throttle, from(300), at(660)), 10);
    }
}

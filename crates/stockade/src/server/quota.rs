//! How often somebody may ask: pages and the API by address, the API by account where one is signed in.

use super::{Problem, state::App};
use axum::response::Response;
use edge::Peer;
use guard::{Asker, Limiter, Policy, Spent, Verdict};
use http::{HeaderName, HeaderValue, StatusCode};
use identity::AccountId;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Units a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Pages, and addresses where nothing is, of one network address.
    pub general: u32,
    /// Calls of the API and of what is published, of one network address that shows no session.
    pub api: u32,
    /// Calls of one account, from wherever they come.
    pub account: u32,
    /// Files that pages are made of, of one network address.
    pub files: u32,
}

impl Rates {
    /// What one asker has of a zone in any minute.
    #[must_use]
    pub const fn per_minute(self, zone: Zone) -> u32 {
        match zone {
            Zone::General => self.general,
            Zone::Api => self.api,
            Zone::Account => self.account,
            Zone::Files => self.files,
            Zone::Notices => NOTICES_PER_MINUTE,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self { general: 30, api: 60, account: 3000, files: 600 }
    }
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// Pages, and addresses where nothing is.
    General,
    /// Routes of the table, without a session.
    Api,
    /// Routes of the table, by a session or an API token.
    Account,
    /// Files that pages are made of.
    Files,
    /// What processors of payments tell.
    Notices,
}

impl Zone {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::General, Self::Api, Self::Account, Self::Files, Self::Notices];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Api => "api",
            Self::Account => "account",
            Self::Files => "files",
            Self::Notices => "notices",
        }
    }
}

/// Notices of one address in a minute: a payment makes five or six, and a processor has a few addresses.
const NOTICES_PER_MINUTE: u32 = 600;
/// How many are counted by themselves in each zone; 200 bytes each.
const ASKERS_MAX: usize = 50_000;
/// Whoever was refused lately, for who runs the server to see.
const BLOCKED_MAX: usize = 200;
/// So long somebody counts as refused lately.
const LATELY: SignedDuration = SignedDuration::from_mins(10);

/// Somebody who was refused lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// What was counted.
    pub zone: Zone,
    /// Who.
    pub asker: Asker,
    /// How often.
    pub refused: u64,
    /// When last.
    pub last: Timestamp,
}

/// Who used up how much.
#[derive(Debug)]
pub struct Quotas {
    rates: Rates,
    limiters: [Mutex<Limiter>; 5],
    /// Admitted and refused, by zone.
    counts: [[AtomicU64; 2]; 5],
    blocked: Mutex<BTreeMap<(Zone, Asker), (u64, Timestamp)>>,
    /// The time at the start, and a clock that nobody sets: one set back would refill nothing for as long.
    began: (Timestamp, Instant),
}

impl Quotas {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        let policy = |zone: Zone| Policy::per_minute(zone.as_str(), rates.per_minute(zone));
        let policies = Zone::ALL.map(policy);
        Self {
            rates,
            limiters: policies.map(|policy| Mutex::new(Limiter::new(policy, ASKERS_MAX))),
            counts: [const { [const { AtomicU64::new(0) }; 2] }; 5],
            blocked: Mutex::default(),
            began: (crate::desk::now(), Instant::now()),
        }
    }

    /// The time as it passes here.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let (start, since) = self.began;
        start.checked_add(since.elapsed()).unwrap_or(start)
    }

    /// What one asker has in any minute.
    #[must_use]
    pub const fn rates(&self) -> Rates {
        self.rates
    }

    /// Takes a weight, or says when it fits. A person is counted as such; of others their address is.
    pub fn spend(
        &self,
        zone: Zone,
        asker: Asker,
        weight: u32,
        now: Timestamp,
    ) -> Result<Spent, Problem> {
        let [general, api, account, files, notices] = &self.limiters;
        let limiter = match zone {
            Zone::General => general,
            Zone::Api => api,
            Zone::Account => account,
            Zone::Files => files,
            Zone::Notices => notices,
        };
        let spent = {
            let mut limiter = limiter.lock().unwrap_or_else(PoisonError::into_inner);
            limiter.spend(asker, weight, now)
        };
        self.note(zone, asker, spent.verdict, now);
        match spent.verdict {
            Verdict::Admitted => Ok(spent),
            Verdict::Refused => Err(refused(&spent)),
        }
    }

    fn note(&self, zone: Zone, asker: Asker, verdict: Verdict, now: Timestamp) {
        let refused = usize::from(verdict == Verdict::Refused);
        let [general, api, account, files, notices] = &self.counts;
        let counts = match zone {
            Zone::General => general,
            Zone::Api => api,
            Zone::Account => account,
            Zone::Files => files,
            Zone::Notices => notices,
        };
        if let Some(count) = counts.get(refused) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if verdict == Verdict::Admitted {
            return;
        }
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        if blocked.len() >= BLOCKED_MAX && !blocked.contains_key(&(zone, asker)) {
            let oldest = blocked.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| *key);
            oldest.map(|key| blocked.remove(&key));
        }
        let one = blocked.entry((zone, asker)).or_insert((0, now));
        *one = (one.0 + 1, now);
    }

    /// What was said since the start: admitted and refused, by zone.
    #[must_use]
    pub fn decisions(&self) -> [(Zone, u64, u64); 5] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut counts = self.counts.each_ref().map(|[yes, no]| (read(yes), read(no))).into_iter();
        Zone::ALL.map(|zone| {
            let (admitted, refused) = counts.next().unwrap_or_default();
            (zone, admitted, refused)
        })
    }

    /// Whoever was refused in the last minutes, the latest first. Nothing needs to be lifted: whoever waits for
    /// a minute is let in again.
    #[must_use]
    pub fn blocked(&self, now: Timestamp) -> Vec<Blocked> {
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        blocked.retain(|_, (_, last)| now.duration_since(*last) < LATELY);
        let one = |(&(zone, asker), &(refused, last)): (&(Zone, Asker), &(u64, Timestamp))| {
            Blocked { zone, asker, refused, last }
        };
        let mut all: Vec<Blocked> = blocked.iter().map(one).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.last));
        all
    }

    /// Takes one call from what an address has of a zone, whoever is signed in there.
    pub fn count(&self, zone: Zone, peer: Option<&Peer>) -> Result<Spent, Problem> {
        self.spend(zone, asker(peer), 1, self.now())
    }

    /// Takes what a route of the table weighs from the account that calls it; of an address each call is
    /// one, as what is dear there (a hash) has budgets of its own.
    pub fn call(
        &self,
        account: Option<AccountId>,
        peer: Option<&Peer>,
        weight: u32,
    ) -> Result<Spent, Problem> {
        let now = self.now();
        match account {
            Some(account) => {
                let asker = Asker::Account(u128::from_be_bytes(*account.as_bytes()));
                self.spend(Zone::Account, asker, weight, now)
            }
            None => self.spend(Zone::Api, asker(peer), 1, now),
        }
    }
}

/// Whoever is at the other end of a connection.
pub fn asker(peer: Option<&Peer>) -> Asker {
    super::headers::address_of(peer).map_or(Asker::Local, Asker::at)
}

fn refused(spent: &Spent) -> Problem {
    let Policy { name, quota, window } = spent.policy;
    let detail =
        format!("more than {quota} units in {} seconds were asked for ({name})", window.as_secs());
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
        .fix("wait as long as Retry-After says; the table of routes says what each call weighs")
        .retry_after(seconds(spent))
}

fn seconds(spent: &Spent) -> u64 {
    let up = spent.wait.as_millis().max(0).unsigned_abs().div_ceil(1000);
    u64::try_from(up).unwrap_or(u64::MAX)
}

/// Says what is left (draft-ietf-httpapi-ratelimit-headers-10).
pub fn tell(mut response: Response, spent: &Spent) -> Response {
    let Policy { name, quota, window } = spent.policy;
    let policy = format!("\"{name}\";q={quota};w={}", window.as_secs());
    let left = format!("\"{name}\";r={};t={}", spent.left, seconds(spent));
    for (header, text) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().insert(HeaderName::from_static(header), value);
        }
    }
    response
}

impl App {
    /// Takes one page or file of the interface from whoever asks for it.
    pub(super) fn page(&self, zone: Zone, peer: Option<&Peer>) -> Result<(), Problem> {
        self.quotas().count(zone, peer).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    fn peer(text: &str) -> Peer {
        Peer::Network(std::net::SocketAddr::new(text.parse().expect("an address"), 4711))
    }

    #[test]
    fn the_founded_numbers_hold_and_are_told() {
        let (quotas, now) = (Quotas::new(Rates::default()), crate::desk::now());
        let here = asker(Some(&peer("192.0.2.7")));
        for (zone, quota, name) in [(Zone::General, 30, "general"), (Zone::Api, 60, "api")] {
            for n in 1..=quota {
                let spent = quotas.spend(zone, here, 1, now).expect("admitted");
                assert_eq!(spent.left, quota - n, "{name}");
            }
            let problem = quotas.spend(zone, here, 1, now).expect_err("refused");
            assert_eq!((problem.status.as_u16(), problem.code), (429, "too-many-requests"));
            assert!((60..=65).contains(&problem.retry_after_s.expect("a time")), "{name}");
        }
        let spent = quotas.spend(Zone::Account, Asker::Account(7), 10, now).expect("admitted");
        let told = tell("x".into_response(), &spent);
        assert_eq!(told.headers()["ratelimit-policy"], "\"account\";q=3000;w=60");
        let left = told.headers()["ratelimit"].to_str().expect("text");
        assert!(left.starts_with("\"account\";r=2990;t=6"), "{left}");
    }

    #[test]
    fn who_is_signed_in_is_counted_by_account_wherever_they_are() {
        let quotas = Quotas::new(Rates { account: 20, api: 5, ..Rates::default() });
        let account = AccountId::new(crate::desk::now(), &mut kms::SystemEntropy::new());
        let (here, there) = (peer("192.0.2.7"), peer("198.51.100.9"));
        for n in 0..20 {
            let from = if n % 2 == 0 { &here } else { &there };
            quotas.call(Some(account), Some(from), 1).expect("admitted");
        }
        quotas.call(Some(account), Some(&here), 1).expect_err("refused from anywhere");
        for _ in 0..5 {
            quotas.call(None, Some(&here), 10).expect("others of the same address");
        }
        quotas.call(None, Some(&here), 1).expect_err("refused");
        quotas.call(None, Some(&there), 1).expect("another address");
    }

    #[test]
    fn who_has_asked_for_too_much_is_heard_as_a_processor_still() {
        let quotas = Quotas::new(Rates { api: 1, ..Rates::default() });
        let here = peer("192.0.2.7");
        quotas.call(None, Some(&here), 1).expect("admitted");
        quotas.call(None, Some(&here), 1).expect_err("refused");
        for _ in 0..NOTICES_PER_MINUTE {
            quotas.count(Zone::Notices, Some(&here)).expect("admitted");
        }
        quotas.count(Zone::Notices, Some(&here)).expect_err("that has an end as well");
        quotas.count(Zone::Notices, Some(&peer("192.0.2.8"))).expect("another address");
    }

    #[test]
    fn what_was_said_is_counted_and_who_was_refused_is_known_for_a_while() {
        let (quotas, now) = (Quotas::new(Rates { api: 2, ..Rates::default() }), crate::desk::now());
        let here = asker(Some(&peer("192.0.2.7")));
        for n in 0..5 {
            assert_eq!(quotas.spend(Zone::Api, here, 1, now).is_ok(), n < 2);
        }
        assert_eq!(quotas.decisions()[1], (Zone::Api, 2, 3));
        assert_eq!(quotas.decisions()[0], (Zone::General, 0, 0));
        let blocked = Blocked { zone: Zone::Api, asker: here, refused: 3, last: now };
        assert_eq!(quotas.blocked(now), [blocked]);
        for n in 0..1000_u32 {
            let other = asker(Some(&peer(&std::net::Ipv4Addr::from(n).to_string())));
            for _ in 0..3 {
                drop(quotas.spend(Zone::Api, other, 1, now));
            }
        }
        assert_eq!(quotas.blocked(now).len(), BLOCKED_MAX, "the memory is bounded");
        assert!(quotas.blocked(now + LATELY).is_empty());
    }
}

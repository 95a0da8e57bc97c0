//! Whether a session goes on where it began: the browser that asks, and the networks that it asks from.
//!
//! Nobody here knows where on the earth an address is. What is seen is that one session asks from two
//! networks by turns, which nobody does who moves, and that another browser shows its token.

use crate::{SessionId, spread::Table};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use jiff::{SignedDuration, Timestamp};

/// What a request shows of who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The address at the other end, if there is one.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: &'a str,
}

/// How a request fits to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// One person can have sent them all.
    Plausible,
    /// Two places take turns in one session.
    TwoPlaces,
    /// Another browser than the one that the session was seen in.
    OtherBrowser,
}

/// From the first look at a session on, so long what is seen counts as its own: a house with two ways
/// out is known by then.
const LEARNING: SignedDuration = SignedDuration::from_mins(10);
/// The ways out of one house.
const HOMES_MAX: usize = 4;
/// So often may a session come back to where it just was, within [`TURNS_WITHIN`]: a telephone at the
/// edge of its network does it now and then.
const TURNS_MAX: u8 = 5;
const TURNS_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// As long as what is kept of a session's client.
const AGENT_CHARS_MAX: usize = 200;

/// The part of an address that stays while its owner stays: the /24 of IPv4, the /48 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80))),
    }
}

/// Marks of browsers in what they call themselves, the borrowed names behind those who borrow them.
const BROWSERS: [(&str, &str); 11] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chromium/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Which browser it is, without its version, which changes while a session lives.
fn browser(agent: &str) -> &str {
    let end = agent.char_indices().nth(AGENT_CHARS_MAX).map_or(agent.len(), |(end, _)| end);
    let agent = agent.get(..end).unwrap_or_default();
    let known = BROWSERS.iter().find(|(mark, _)| agent.contains(mark));
    known.map_or_else(|| agent.split('/').next().unwrap_or_default(), |(_, name)| name)
}

/// Whether two texts name the same browser.
#[must_use]
pub fn is_same_browser(one: &str, other: &str) -> bool {
    one == other || browser(one) == browser(other)
}

/// The networks of one family of addresses: IPv4 and IPv6 go by turns from one place.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    homes: [Option<IpAddr>; HOMES_MAX],
    here: Option<IpAddr>,
    before: Option<IpAddr>,
    turns: u8,
    since: Timestamp,
}

impl Lane {
    /// Takes a network in; whether the turns are too many.
    fn step(&mut self, seen: IpAddr, is_learning: bool, now: Timestamp) -> bool {
        let is_new = is_learning && !self.homes.contains(&Some(seen));
        if let Some(room) = self.homes.iter_mut().find(|home| is_new && home.is_none()) {
            *room = Some(seen);
        }
        if self.here == Some(seen) {
            return false;
        }
        let came_back = self.before == Some(seen);
        let pair = [self.here, Some(seen)];
        self.before = self.here;
        self.here = Some(seen);
        if !came_back || pair.iter().all(|one| self.homes.contains(one)) {
            return false;
        }
        if now.duration_since(self.since) >= TURNS_WITHIN || self.turns == 0 {
            (self.turns, self.since) = (0, now);
        }
        self.turns = self.turns.saturating_add(1);
        self.turns > TURNS_MAX
    }
}

/// What was seen of one session.
#[derive(Debug)]
struct Trail {
    begun: Timestamp,
    agent: String,
    lanes: [Lane; 2],
}

/// Sessions and where they were seen, bounded, in memory: a restart learns anew.
#[derive(Debug)]
pub struct Whereabouts(Table<SessionId, Trail>);

impl Whereabouts {
    /// Of at most so many sessions, half a kilobyte each; the oldest are forgotten first.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self(Table::new(entries_max))
    }

    /// Takes in one more request of a session.
    pub fn look(&mut self, session: SessionId, sight: Sight<'_>, now: Timestamp) -> Fit {
        let Some(trail) = self.0.get_mut(&session) else {
            let agent = sight.agent.chars().take(AGENT_CHARS_MAX).collect();
            let mut trail = Trail { begun: now, agent, lanes: [Lane::default(); 2] };
            trail.place(sight.address, now);
            self.0.insert(session, trail);
            return Fit::Plausible;
        };
        if trail.agent != sight.agent && !is_same_browser(&trail.agent, sight.agent) {
            return Fit::OtherBrowser;
        }
        if trail.place(sight.address, now) { Fit::TwoPlaces } else { Fit::Plausible }
    }

    /// Forgets a session that is over.
    pub fn forget(&mut self, session: SessionId) {
        self.0.remove(&session);
    }
}

impl Trail {
    fn place(&mut self, address: Option<IpAddr>, now: Timestamp) -> bool {
        let Some(seen) = address.map(network) else { return false };
        let age = now.duration_since(self.begun);
        let is_learning = age < LEARNING;
        let [four, six] = &mut self.lanes;
        let lane = if seen.is_ipv4() { four } else { six };
        lane.step(seen, is_learning, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const NEWER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
    const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
        Chrome/140.0.0.0 Safari/537.36";
    const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
        Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
    const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) \
        AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

    #[test]
    fn a_browser_is_known_under_another_version_and_no_other_for_it() {
        let all = [FIREFOX, CHROME, EDGE, SAFARI, "curl/8.5.0", "python-requests/2.32", ""];
        for (i, one) in all.iter().enumerate() {
            for (k, other) in all.iter().enumerate() {
                assert_eq!(is_same_browser(one, other), i == k, "{one} and {other}");
            }
        }
        assert!(is_same_browser(FIREFOX, NEWER));
        assert!(is_same_browser("curl/8.5.0", "curl/8.6.0"));
        assert!(is_same_browser("", ""));
    }

    /// Walks a session through (minute, address) and gives the first minute that does not fit.
    fn first_turn(steps: impl IntoIterator<Item = (i64, &'static str)>) -> Option<i64> {
        let session = SessionId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(1));
        let mut whereabouts = Whereabouts::new(10);
        for (minute, address) in steps {
            let address = Some(address.parse().expect("an address"));
            let now = Timestamp::from_second(minute * 60).expect("in range");
            let sight = Sight { address, agent: FIREFOX };
            if whereabouts.look(session, sight, now) == Fit::TwoPlaces {
                return Some(minute);
            }
        }
        None
    }

    /// By turns here and there, from a minute on.
    fn turns(from: i64, count: i64) -> impl Iterator<Item = (i64, &'static str)> {
        let place = |minute: i64| if minute % 2 == 0 { "192.0.2.7" } else { "198.51.100.9" };
        (from..from + count).map(move |minute| (minute, place(minute)))
    }

    #[test]
    fn two_places_by_turns_are_noticed_and_a_move_is_not() {
        let home = (0..30).map(|minute| (minute, "192.0.2.7"));
        assert_eq!(first_turn(home.clone().chain(turns(31, 100))), Some(37));
        // Once there and back, as on the way to work.
        assert_eq!(first_turn(home.clone().chain(turns(31, 3))), None);
        // Nine networks on a long journey.
        let far: [&str; 9] = [
            "203.0.113.1",
            "203.0.112.1",
            "203.0.111.1",
            "203.0.110.1",
            "203.0.109.1",
            "203.0.108.1",
            "203.0.107.1",
            "203.0.106.1",
            "203.0.105.1",
        ];
        let journey = (31..).zip(far);
        assert_eq!(first_turn(home.clone().chain(journey)), None);
        // A telephone that comes back every five minutes.
        let rare = turns(31, 100).map(|(minute, place)| (31 + (minute - 31) * 5, place));
        assert_eq!(first_turn(home.clone().chain(rare)), None);
        // Another address of one network, and the two families of one place.
        let same = (31..90).map(|m| (m, if m % 2 == 0 { "192.0.2.7" } else { "192.0.2.99" }));
        assert_eq!(first_turn(home.clone().chain(same)), None);
        let both = (31..90).map(|m| (m, if m % 2 == 0 { "203.0.113.5" } else { "2001:db8::1" }));
        assert_eq!(first_turn(home.chain(both)), None);
    }

    #[test]
    fn a_house_with_two_ways_out_is_learned_at_the_beginning() {
        assert_eq!(first_turn(turns(0, 200)), None);
        // A thief beside it is a third.
        let thief = (60..90).map(|m| (m, if m % 2 == 0 { "192.0.2.7" } else { "203.0.113.5" }));
        assert_eq!(first_turn(turns(0, 60).chain(thief)), Some(67));
    }

    #[test]
    fn another_browser_does_not_fit_and_takes_nothing_over() {
        let session = SessionId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(1));
        let mut whereabouts = Whereabouts::new(10);
        let mut look = |agent| {
            whereabouts.look(session, Sight { address: None, agent }, Timestamp::UNIX_EPOCH)
        };
        assert_eq!(look(FIREFOX), Fit::Plausible);
        assert_eq!(look(NEWER), Fit::Plausible);
        assert_eq!(look(CHROME), Fit::OtherBrowser);
        assert_eq!(look(FIREFOX), Fit::Plausible);
        whereabouts.forget(session);
        let sight = Sight { address: None, agent: CHROME };
        assert_eq!(whereabouts.look(session, sight, Timestamp::UNIX_EPOCH), Fit::Plausible);
    }
}

//! Refresh families: the honest second tab, the thief, the clock, and a seeded world of all three.

mod world;

use identity::{
    AccountState, DeviceId, EndReason, Error, Event, Family, RefreshToken, Rotation, Session,
    SessionPolicy, Standing,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use world::{at, device, mac, opened};

/// One session with its family, as the database would hold it.
struct World {
    session: Session,
    state: AccountState,
    family: Family,
    policy: SessionPolicy,
    tokens: Vec<RefreshToken>,
}

impl World {
    fn new() -> Self {
        let (opened, state) = opened(at(0), 1);
        let policy = SessionPolicy::default();
        let (session, family) = (opened.session, opened.family);
        Self { session, state, family, policy, tokens: vec![opened.refresh] }
    }

    fn judge(
        &self,
        token: &RefreshToken,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<Rotation, Error> {
        let rules = (&self.policy, &mac(2));
        self.family.rotate((&self.session, &self.state), (token, device), rules, now)
    }

    /// Presents token `n` and stores what came of it.
    fn present(&mut self, n: usize, device: DeviceId, now: Timestamp) -> Result<Vec<Event>, Error> {
        let rotation = self.judge(self.tokens.get(n).expect("handed out"), device, now)?;
        assert_eq!(rotation.before, self.family);
        self.family = rotation.family;
        if let Some(reason) = rotation.ended() {
            self.session.ended = Some(reason);
        }
        if let Some(token) = rotation.token {
            let text = token.text().expose().clone();
            let known = self.tokens.iter().any(|t| t.text().expose() == &text);
            if !known {
                self.tokens.push(token);
            }
        }
        Ok(rotation.events)
    }

    fn kinds(&mut self, n: usize, device: DeviceId, second: i64) -> Vec<&'static str> {
        match self.present(n, device, at(second)) {
            Ok(events) => events.iter().map(Event::kind).collect(),
            Err(Error::Ended { reason }) => vec![reason.as_str()],
            Err(other) => panic!("{other}"),
        }
    }
}

const REVOKED: [&str; 2] = ["refresh.reused", "session.ended"];

#[test]
fn a_second_tab_gets_the_same_answer_once() {
    let mut world = World::new();
    let own = world.session.device;
    assert_eq!(world.kinds(0, own, 600), ["session.refreshed"]);
    assert_eq!(world.kinds(0, own, 601), ["refresh.repeated"]);
    assert_eq!(world.tokens.len(), 2, "the very same successor");
    assert_eq!(world.kinds(1, own, 1200), ["session.refreshed"]);
    assert_eq!(world.kinds(1, own, 1201), ["refresh.repeated"]);
    assert_eq!(world.kinds(1, own, 1202), REVOKED);
    assert_eq!(world.kinds(2, own, 1203), ["reuse"]);
}

#[test]
fn a_thief_with_the_device_cookie_and_the_owner_cannot_take_turns() {
    let mut world = World::new();
    let own = world.session.device;
    assert_eq!(world.kinds(0, own, 0), ["session.refreshed"], "the thief is first");
    assert_eq!(world.kinds(0, own, 600), REVOKED, "the owner comes at their own pace");
    let mut world = World::new();
    assert_eq!(world.kinds(0, own, 60), ["session.refreshed"]);
    assert_eq!(world.kinds(0, own, 90), ["refresh.repeated"], "within half a minute");
    let mut world = World::new();
    assert_eq!(world.kinds(0, own, 60), ["session.refreshed"]);
    assert_eq!(world.kinds(0, own, 91), REVOKED, "later");
    let mut world = World::new();
    assert_eq!(world.kinds(0, own, 60), ["session.refreshed"]);
    assert_eq!(world.kinds(0, own, 59), REVOKED, "by a clock that went back");
}

#[test]
fn any_other_reuse_revokes_the_family() {
    let check = |name: &str, attack: &dyn Fn(&mut World) -> Vec<&'static str>| {
        let mut world = World::new();
        assert_eq!(attack(&mut world), REVOKED, "{name}");
        let (last, own) = (world.tokens.len() - 1, world.session.device);
        assert_eq!(world.kinds(last, own, 99), ["reuse"], "{name}");
    };
    let thief = device(at(0), 666);
    check("the one before, from elsewhere", &|w| {
        w.kinds(0, w.session.device, 1);
        w.kinds(0, thief, 2)
    });
    check("the good one, from elsewhere", &|w| w.kinds(0, thief, 1));
    check("after the successor was used", &|w| {
        w.kinds(0, w.session.device, 1);
        w.kinds(1, w.session.device, 2);
        w.kinds(0, w.session.device, 3)
    });
    check("a third time", &|w| {
        w.kinds(0, w.session.device, 1);
        w.kinds(0, w.session.device, 2);
        w.kinds(0, w.session.device, 3)
    });
}

#[test]
fn a_token_that_we_did_not_make_ends_nothing() {
    let world = World::new();
    let text = world.tokens[0].text().expose().clone();
    assert!(RefreshToken::parse(&text, &mac(2)).is_ok());
    assert_eq!(RefreshToken::parse(&text, &mac(3)).err(), Some(Error::Forged));
    for n in 0..text.len() {
        let mut bent = text.clone().into_bytes();
        bent[n] = if bent[n] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).expect("ASCII");
        if bent != text {
            assert_eq!(RefreshToken::parse(&bent, &mac(2)).err(), Some(Error::Forged), "{n}");
        }
    }
    for bad in ["", "A", &text[..60], &format!("{text}AAAA"), &"A".repeat(1_000_000)] {
        assert_eq!(RefreshToken::parse(bad, &mac(2)).err(), Some(Error::Forged));
    }
    let (other, _) = opened(at(0), 2);
    let judged = world.judge(&other.refresh, world.session.device, at(1));
    assert_eq!(judged.err(), Some(Error::Forged), "another session's token");
}

#[test]
fn a_session_ends_idle_and_absolutely() {
    let check = |uses: &[i64], last: i64, want: &[&str]| {
        let mut world = World::new();
        let own = world.session.device;
        for (n, second) in uses.iter().enumerate() {
            assert_eq!(world.kinds(n, own, *second), ["session.refreshed"]);
        }
        assert_eq!(world.kinds(uses.len(), own, last), want, "at {last}");
    };
    let hour = 3600;
    check(&[], 12 * hour - 1, &["session.refreshed"]);
    check(&[], 12 * hour, &["idle"]);
    check(&[11 * hour], 22 * hour, &["session.refreshed"]);
    check(&[11 * hour], 23 * hour, &["idle"]);
    let daily: Vec<i64> = (1..16).map(|n| n * 11 * hour).collect();
    check(&daily, 7 * 24 * hour - 1, &["session.refreshed"]);
    check(&daily, 7 * 24 * hour, &["absolute"]);
}

#[test]
fn a_disabled_account_refreshes_nothing() {
    let mut world = World::new();
    world.state.standing = Standing::Disabled;
    assert_eq!(world.kinds(0, world.session.device, 1), ["disabled"]);
    world.session.ended = Some(EndReason::SignOut);
    assert_eq!(world.kinds(0, world.session.device, 1), ["sign_out"]);
}

#[test]
fn lifetimes_are_bounded() {
    let hours = SignedDuration::from_hours;
    assert!(SessionPolicy::new(hours(1), hours(24 * 30)).is_ok());
    for (idle, absolute) in [(0, 1), (1, 0), (2, 1), (-1, 1), (1, 24 * 31)] {
        let made = SessionPolicy::new(hours(idle), hours(absolute));
        assert!(matches!(made, Err(Error::Lifetime { .. })), "{idle} {absolute}");
    }
}

/// What happens next in the simulated world.
#[derive(Debug, Clone)]
enum Act {
    /// The owner refreshes with the newest token they have.
    Refresh,
    /// The owner's second tab repeats the token before it.
    SecondTab,
    /// The answer is lost: the owner keeps the token before.
    LostAnswer,
    /// A thief copies everything that the owner holds now, the device cookie included or not.
    Steal,
    /// The thief presents what was stolen.
    Replay { with_cookie: bool },
    /// The clock moves, now and then backwards.
    Skew { seconds: i64 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Refresh),
        2 => Just(Act::SecondTab),
        1 => Just(Act::LostAnswer),
        1 => Just(Act::Steal),
        2 => any::<bool>().prop_map(|with_cookie| Act::Replay { with_cookie }),
        2 => (-120..4000_i64).prop_map(|seconds| Act::Skew { seconds }),
    ];
    proptest::collection::vec(act, 1..60)
}

proptest! {
    /// The law of the family: owner and thief never both go on. Whenever both have presented a
    /// token since the theft, the session is revoked, or only one of them holds a good token.
    #[test]
    fn owner_and_thief_never_both_go_on(acts in acts()) {
        let mut world = World::new();
        let (own, elsewhere) = (world.session.device, device(at(0), 666));
        let (mut second, mut held, mut stolen) = (0_i64, 0_usize, None);
        for act in acts {
            let live = world.session.ended.is_none();
            let before = world.family;
            match act {
                Act::Skew { seconds } => second = (second + seconds).max(0),
                Act::Steal => stolen = Some(held),
                Act::Refresh => {
                    if world.present(held, own, at(second)).is_ok() && world.session.ended.is_none() {
                        held = world.tokens.len() - 1;
                    }
                }
                Act::SecondTab | Act::LostAnswer => {
                    let n = if matches!(act, Act::SecondTab) { held.saturating_sub(1) } else { held };
                    let _ = world.present(n, own, at(second));
                }
                Act::Replay { with_cookie } => {
                    let Some(n) = stolen else { continue };
                    let from = if with_cookie { own } else { elsewhere };
                    let done = world.present(n, from, at(second));
                    if !with_cookie && live {
                        // Without the cookie nothing is ever handed out.
                        let over = done.is_err() || world.session.ended == Some(EndReason::Reuse);
                        prop_assert!(over);
                    }
                }
            }
            // Once over, always over, and the family stands still.
            if !live {
                prop_assert!(world.session.ended.is_some());
                prop_assert_eq!(world.family, before);
            }
            // One token is good at any time, and generations only grow by one.
            prop_assert!(world.family.generation == before.generation
                || world.family.generation == before.generation + 1);
            prop_assert_eq!(u32::try_from(world.tokens.len()).ok(), Some(world.family.generation + 1));
        }
        // A token two or more generations old revokes a live family, whoever holds it.
        if world.session.ended.is_none() && world.family.generation >= 2 {
            let late = at(world.family.used.as_second() - at(0).as_second());
            world.present(0, own, late).expect("live and judged");
            prop_assert_eq!(world.session.ended, Some(EndReason::Reuse));
        }
    }
}

//! No walk over outages, clocks, revocations, expiry and restarts opens what may not be opened, and no
//! wrong clock closes what may.
//!
//! That exits are never refused needs no test: nothing in this crate can be asked for one.

use jiff::{SignedDuration, Timestamp};
use license::{
    CheckIn, Clock, Drift, Error, Lease, LeaseTerms, License, LicenseFile, Refusal, Revocation,
    RevocationTerms, State, Term, Terms, TrustedTime, Witness,
};
use proptest::prelude::*;
use seal::{MacKey, Secret, SigningKey, VerifyingKey};

fn on(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().expect("a date")
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn key() -> SigningKey {
    SigningKey::from_seed(&Secret::new([1; 32]))
}

fn issuers() -> [VerifyingKey; 1] {
    [*key().verifying_key()]
}

const BUILT: &str = "2026-11-01";
const START: &str = "2026-12-01";
const PAID: &str = "2027-02-01";
const HARD: &str = "2027-02-03";

fn file(check_in: CheckIn) -> LicenseFile {
    let terms = Terms {
        license: "lic-1".into(),
        edition: "pro".into(),
        entitlements: ["live".to_owned()].into(),
        instances: 1,
        issued: on("2026-11-29"),
        not_before: on(START),
        paid_until: on(PAID),
        hard_until: on(HARD),
        grace_hours: 72,
        term: Term::Paid,
        check_in,
        instance: None,
        policy: 1,
    };
    let text = terms.sign(&key()).expect("these terms hold");
    LicenseFile::verify(&text, &issuers()).expect("signed a line above")
}

fn lease(time: Timestamp, epoch: u64) -> Lease {
    let terms = LeaseTerms {
        license: "lic-1".into(),
        instance: [3; 32],
        challenge: [4; 32],
        time,
        expires: time + hours(24),
        epoch,
    };
    let text = terms.sign(&key()).expect("it holds");
    Lease::verify(&text, &issuers()).expect("signed a line above")
}

fn revocation(time: Timestamp, epoch: u64) -> Revocation {
    let terms = RevocationTerms { license: "lic-1".into(), time, epoch };
    let text = terms.sign(&key()).expect("it holds");
    Revocation::verify(&text, &issuers()).expect("signed a line above")
}

fn new(check_in: CheckIn) -> License {
    License::new(file(check_in), Clock::new(on(BUILT)))
}

/// The state at a time that both clocks tell.
fn state_at(license: &mut License, time: Timestamp) -> State {
    let now = license.look(time, Some(time));
    license.state(now)
}

/// The states of a licence over time, by the file alone and by leases.
#[test]
fn a_licence_goes_from_active_to_locked_step_by_step() {
    let check = |license: &License, time: Timestamp, name: &str| {
        let state = state_at(&mut license.clone(), time);
        assert_eq!(state.name(), name, "{time}: {state}");
    };
    let offline = new(CheckIn::Never);
    check(&offline, on("2026-11-30"), "not-yet");
    check(&offline, on(START), "active");
    check(&offline, on(PAID) - hours(1), "active");
    check(&offline, on(PAID), "grace");
    check(&offline, on(HARD) - hours(1), "grace");
    check(&offline, on(HARD), "wind-down");
    check(&offline, on(HARD) + hours(7 * 24), "locked");
    let mut leased = new(CheckIn::Lease);
    check(&leased, on(START), "grace");
    check(&leased, on("2026-12-03"), "wind-down");
    let time = on("2026-12-10");
    leased.renew(lease(time, 0)).expect("it is ours");
    check(&leased, time, "active");
    check(&leased, time + hours(6), "active");
    check(&leased, time + hours(7), "stale");
    check(&leased, time + hours(24), "grace");
    check(&leased, time + hours(24 + 71), "grace");
    check(&leased, time + hours(24 + 72), "wind-down");
    check(&leased, time + hours(24 + 72 + 7 * 24), "locked");
    let now = leased.look(time, Some(time));
    leased.revoke(&revocation(time, 1), now).expect("it is ours");
    check(&leased, time, "wind-down");
    check(&leased, time + hours(7 * 24), "locked");
    check(&License::none(Clock::new(on(BUILT))), time, "unlicensed");
}

/// Winding down begins when the revocation is heard of, however old it is.
#[test]
fn a_revocation_never_locks_at_once() {
    let mut license = new(CheckIn::Never);
    let heard = on("2027-01-20");
    let now = license.look(heard, Some(heard));
    license.revoke(&revocation(on(START), 1), now).expect("it is ours");
    assert_eq!(state_at(&mut license, heard).name(), "wind-down");
}

#[test]
fn an_answer_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut license = new(CheckIn::Lease);
    let time = on("2026-12-10");
    license.renew(lease(time, 5)).expect("it is ours");
    let before = license.clone();
    let old = license.renew(lease(time, 4)).expect_err("an older epoch");
    assert_eq!(old, Error::OldEpoch { found: 4, seen: 5 });
    let old = license.renew(lease(time - hours(1), 5)).expect_err("an older lease");
    assert!(matches!(old, Error::OldLease { .. }), "{old}");
    let other = License::none(Clock::new(on(BUILT))).renew(lease(time, 5)).expect_err("of another");
    assert!(matches!(other, Error::OtherLicense { .. }), "{other}");
    assert_eq!(license, before);
    license.renew(lease(time, 5)).expect("the same once more is nothing new");
    assert_eq!(license, before);
}

#[test]
fn one_clock_in_the_future_leaves_nothing_behind() {
    let (time, far) = (on("2026-12-10"), on("2040-01-01"));
    let check = |machine: Timestamp, venue: Option<Timestamp>, expected: (Timestamp, Drift)| {
        let mut clock = Clock::new(on(BUILT));
        for _ in 0..4 {
            clock.look(time, Some(time));
        }
        let floor = clock.floor();
        let now = clock.look(machine, venue);
        assert_eq!((now.at(), now.drift()), expected, "{machine} {venue:?}");
        assert_eq!(clock.floor(), floor, "{machine} {venue:?}");
        let after = clock.look(time, Some(time));
        assert_eq!((after.at(), after.drift()), (time, Drift::None));
    };
    check(far, Some(time), (time, Drift::Ahead));
    check(time, Some(far), (far, Drift::Behind));
    check(far, None, (far, Drift::None));
    check(on(BUILT), Some(time), (time, Drift::Behind));
    check(on(BUILT), None, (time, Drift::Behind));
    check(
        time + SignedDuration::from_mins(5),
        Some(time),
        (time + SignedDuration::from_mins(5), Drift::None),
    );
}

#[test]
fn what_is_kept_is_taken_back_from_this_instance_alone() {
    let mac = MacKey::new(Secret::new([5; 32]));
    let mut license = new(CheckIn::Lease);
    let time = on("2026-12-10");
    license.renew(lease(time, 5)).expect("it is ours");
    let now = license.look(time, Some(time));
    license.revoke(&revocation(time, 6), now).expect("it is ours");
    let kept = license.kept(&mac);
    let resume = |text: &str, mac: &MacKey, issuers: &[VerifyingKey]| {
        License::resume(Some(file(CheckIn::Lease)), Clock::new(on(BUILT)), text, mac, issuers)
    };
    let again = resume(&kept, &mac, &issuers()).expect("this instance wrote it");
    assert_eq!(again.kept(&mac), kept);
    for at in 0..kept.len() {
        let mut bent = kept.clone().into_bytes();
        if let Some(byte) = bent.get_mut(at) {
            *byte ^= 1;
        }
        let Ok(bent) = String::from_utf8(bent) else { continue };
        assert_eq!(resume(&bent, &mac, &issuers()).err(), Some(Error::ForeignState), "byte {at}");
        let cut = kept.get(..at).expect("ASCII");
        assert_eq!(resume(cut, &mac, &issuers()).err(), Some(Error::ForeignState), "cut to {at}");
    }
    let other = MacKey::new(Secret::new([6; 32]));
    assert_eq!(resume(&kept, &other, &issuers()).err(), Some(Error::ForeignState));
    assert_eq!(state_at(&mut again.clone(), time).name(), "wind-down");
    // An issuer that is trusted no more takes its lease along: as if it had never been activated.
    let mut distrusted = resume(&kept, &mac, &[]).expect("this instance wrote it");
    assert_eq!(state_at(&mut distrusted, time).name(), "locked");
    // Without a file, or with another licence's, only the time counts.
    let none = License::resume(None, Clock::new(on(BUILT)), &kept, &mac, &issuers());
    let mut none = none.expect("this instance wrote it");
    assert_eq!(none.look(on(BUILT), None).at(), time);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Pass(i64),
    SetMachine(i64),
    Look,
    LookAlone,
    LookAtLiar(i64),
    Renew,
    Replay,
    Revoke,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..60_i64).prop_map(Step::Pass),
        2 => (-30_000..30_000_i64).prop_map(Step::SetMachine),
        1 => Just(Step::SetMachine(0)),
        6 => Just(Step::Look),
        2 => Just(Step::LookAlone),
        1 => (-30_000..30_000_i64).prop_map(Step::LookAtLiar),
        3 => Just(Step::Renew),
        1 => Just(Step::Replay),
        1 => Just(Step::Revoke),
        2 => Just(Step::Restart),
    ]
}

/// The world as it is, beside what the licence makes of it.
struct World {
    license: License,
    check_in: CheckIn,
    time: Timestamp,
    machine_ahead: SignedDuration,
    lease: Option<Timestamp>,
    first_lease: Option<Lease>,
    revoked: bool,
    /// Whether the venue's last time was honest.
    honest: bool,
    /// Whether two clocks ever told the same false time.
    lied_to: bool,
}

impl World {
    fn new(check_in: CheckIn) -> Self {
        Self {
            license: new(check_in),
            check_in,
            time: on(START),
            machine_ahead: SignedDuration::ZERO,
            lease: None,
            first_lease: None,
            revoked: false,
            honest: true,
            lied_to: false,
        }
    }

    fn take(&mut self, step: Step) -> Option<TrustedTime> {
        match step {
            Step::Pass(count) => self.time += hours(count),
            Step::SetMachine(count) => self.machine_ahead = hours(count),
            Step::Look => return Some(self.look(Some(SignedDuration::ZERO))),
            Step::LookAlone => return Some(self.look(None)),
            Step::LookAtLiar(count) => return Some(self.look(Some(hours(count)))),
            Step::Renew if self.revoked => {}
            Step::Renew => {
                let lease = lease(self.time, 0);
                self.license.renew(lease.clone()).expect("it is ours and new");
                self.lease = Some(self.time);
                self.first_lease.get_or_insert(lease);
            }
            Step::Replay => {
                if let Some(lease) = self.first_lease.clone() {
                    // Refused, or the one at hand once more.
                    let _ = self.license.renew(lease);
                }
            }
            Step::Revoke => {
                let now = self.look(None);
                let revocation = revocation(self.time, 1);
                self.license.revoke(&revocation, now).expect("it is ours");
                self.revoked = true;
                return Some(now);
            }
            Step::Restart => self.restart(),
        }
        None
    }

    fn restart(&mut self) {
        let mac = MacKey::new(Secret::new([5; 32]));
        let (file, clock) = (Some(file(self.check_in)), Clock::new(on(BUILT)));
        let kept = self.license.kept(&mac);
        self.license = License::resume(file, clock, &kept, &mac, &issuers()).expect("ours");
    }

    fn look(&mut self, venue_ahead: Option<SignedDuration>) -> TrustedTime {
        self.honest = venue_ahead.is_none_or(|ahead| ahead == SignedDuration::ZERO);
        let venue = venue_ahead.map(|ahead| self.time + ahead);
        self.lied_to |= !self.honest && self.machine_ahead != SignedDuration::ZERO;
        self.license.look(self.time + self.machine_ahead, venue)
    }

    /// When opening ends, by what really is.
    fn ends(&self) -> Timestamp {
        let grace = hours(72);
        let by_term = (on(PAID) + grace).min(on(HARD));
        let lapses = self.lease.map_or(on("2026-11-29"), |time| time + hours(24));
        match self.check_in {
            CheckIn::Never => by_term,
            CheckIn::Lease => by_term.min(lapses + grace),
        }
    }

    fn holds(&self, now: TrustedTime) {
        let (state, may) = (self.license.state(now), self.license.may_open(now));
        assert!(!state.to_string().is_empty());
        match &may {
            Ok(proof) => assert_eq!(Some(proof.until()), state.opens_until()),
            Err(Refusal::State(refused)) => {
                assert_eq!((*refused, None), (state, state.opens_until()));
            }
            Err(Refusal::Unwitnessed) => assert_eq!(now.witness(), Witness::Nobody),
        }
        assert!(!(self.revoked && may.is_ok()), "revoked is revoked");
        assert!(may.is_err() || now.witness() == Witness::Venue, "no clock opens alone");
        let honest = now.witness() == Witness::Venue && self.honest;
        let open = !self.revoked && self.time < self.ends();
        if honest && !open {
            assert!(may.is_err(), "over on {}, now {}", self.ends(), self.time);
        }
        if honest && open && !self.lied_to {
            assert!(may.is_ok(), "holds until {}, now {}: {state}", self.ends(), self.time);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_walk_opens_what_is_over_or_closes_what_holds(
        leased in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new(if leased { CheckIn::Lease } else { CheckIn::Never });
        for step in steps {
            if let Some(now) = world.take(step) {
                world.holds(now);
            }
        }
    }
}

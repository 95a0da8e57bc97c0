//! The licence of one instance: file, lease, revocation, clock; folded into a state.

use crate::{
    CheckIn, Clock, Error, Lease, LicenseFile, MayOpen, Refusal, Revocation, State, Terms,
    TrustedTime, Why, Witness,
};
use jiff::{SignedDuration, Timestamp};

/// A lease is renewed every six hours, give or take half an hour; later than that is late.
const RENEWAL: SignedDuration = SignedDuration::from_mins(6 * 60 + 30);

/// A licence as one instance holds it, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    pub(crate) file: Option<LicenseFile>,
    pub(crate) lease: Option<Lease>,
    pub(crate) revoked: Option<Timestamp>,
    pub(crate) epoch: u64,
    pub(crate) clock: Clock,
}

impl License {
    /// Without a file.
    #[must_use]
    pub const fn none(clock: Clock) -> Self {
        Self { file: None, lease: None, revoked: None, epoch: 0, clock }
    }

    /// With a file whose signature holds.
    #[must_use]
    pub fn new(file: LicenseFile, mut clock: Clock) -> Self {
        clock.not_before(file.terms().issued);
        Self { file: Some(file), ..Self::none(clock) }
    }

    /// What was granted.
    #[must_use]
    pub fn terms(&self) -> Option<&Terms> {
        self.file.as_ref().map(LicenseFile::terms)
    }

    /// Whether something of this name was granted.
    #[must_use]
    pub fn grants(&self, entitlement: &str) -> bool {
        self.terms().is_some_and(|terms| terms.entitlements.contains(entitlement))
    }

    /// Takes a look at the clocks; see [`Clock::look`].
    pub fn look(&mut self, machine: Timestamp, venue: Option<Timestamp>) -> TrustedTime {
        self.clock.look(machine, venue)
    }

    /// The latest time that is known to be past; it is among what is kept.
    #[must_use]
    pub const fn floor(&self) -> Timestamp {
        self.clock.floor()
    }

    /// Takes the service's answer. An answer that is refused changes nothing.
    pub fn renew(&mut self, lease: Lease) -> Result<(), Error> {
        let terms = lease.terms();
        self.concerns(&terms.license)?;
        if let Some(bound) = self.terms().and_then(|terms| terms.instance)
            && bound != terms.instance
        {
            return Err(Error::OtherInstance);
        }
        if terms.epoch < self.epoch {
            return Err(Error::OldEpoch { found: terms.epoch, seen: self.epoch });
        }
        if let Some(held) = self.lease.as_ref().map(|lease| lease.terms().time)
            && terms.time < held
        {
            return Err(Error::OldLease { found: terms.time, held });
        }
        self.epoch = terms.epoch;
        self.clock.not_before(terms.time);
        self.lease = Some(lease);
        Ok(())
    }

    /// Takes a revocation: winding down begins now, for it is only heard of now.
    pub fn revoke(&mut self, revocation: &Revocation, now: TrustedTime) -> Result<(), Error> {
        let terms = revocation.terms();
        self.concerns(&terms.license)?;
        self.epoch = self.epoch.max(terms.epoch);
        self.clock.not_before(terms.time);
        self.revoked.get_or_insert(now.at().max(terms.time));
        Ok(())
    }

    /// The state at this time: the worst of what term, lease and revocation say.
    #[must_use]
    pub fn state(&self, now: TrustedTime) -> State {
        let Some(terms) = self.terms() else { return State::Unlicensed };
        // What was signed or agreed on since the look counts too.
        let now = now.at().max(self.clock.floor());
        let mut state = by_term(terms, now);
        if terms.check_in == CheckIn::Lease {
            state = state.worse(by_lease(terms, self.lease.as_ref(), now));
        }
        if let Some(since) = self.revoked {
            state = state.worse(State::ended(Why::Revoked { since }, since, now));
        }
        state
    }

    /// The proof that risk may be opened. It takes a second clock: setting the machine's back opens
    /// nothing.
    pub fn may_open(&self, now: TrustedTime) -> Result<MayOpen, Refusal> {
        let state = self.state(now);
        let until = state.opens_until().ok_or(Refusal::State(state))?;
        match now.witness() {
            Witness::Venue => Ok(MayOpen::new(until)),
            Witness::Nobody => Err(Refusal::Unwitnessed),
        }
    }

    fn concerns(&self, license: &str) -> Result<(), Error> {
        let expected = self.terms().map_or("-", |terms| terms.license.as_str());
        if license == expected {
            return Ok(());
        }
        Err(Error::OtherLicense { found: license.into(), expected: expected.into() })
    }
}

fn by_term(terms: &Terms, now: Timestamp) -> State {
    let why = Why::Unpaid { since: terms.paid_until };
    let until = after_grace(terms, terms.paid_until);
    if now < terms.not_before {
        State::NotYet { from: terms.not_before }
    } else if now < terms.paid_until {
        State::Active { until: terms.paid_until }
    } else if now < until {
        State::Grace { why, until }
    } else {
        State::ended(why, until, now)
    }
}

fn by_lease(terms: &Terms, lease: Option<&Lease>, now: Timestamp) -> State {
    let (renewed, lapses) = match lease.map(Lease::terms) {
        Some(lease) => (lease.time, lease.expires),
        // Not activated yet: the grace of the file alone.
        None => (terms.issued, terms.issued),
    };
    let why = Why::NoLease { since: lapses };
    let until = after_grace(terms, lapses);
    if now < lapses {
        let late = now.duration_since(renewed) > RENEWAL;
        if late { State::Stale { until: lapses } } else { State::Active { until: lapses } }
    } else if now < until {
        State::Grace { why, until }
    } else {
        State::ended(why, until, now)
    }
}

/// The end of grace, which no grace puts behind the hard end.
fn after_grace(terms: &Terms, from: Timestamp) -> Timestamp {
    let grace = SignedDuration::from_hours(i64::from(terms.grace_hours));
    from.checked_add(grace).unwrap_or(Timestamp::MAX).min(terms.hard_until)
}

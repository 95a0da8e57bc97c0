//! Sessions: one signed-in browser, opened by two factors, ended for good.

use crate::{
    AccountId, AccountState, DeviceId, EndReason, Error, Event, FactorKind, FactorProof, Family,
    Level, Means, RefreshToken, SessionId,
};
use core::net::IpAddr;
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, MacKey};

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    idle: SignedDuration,
    absolute: SignedDuration,
}

/// A session may live this long at most.
const ABSOLUTE_MAX: SignedDuration = SignedDuration::from_hours(24 * 30);
const WRITE_FRESH: SignedDuration = SignedDuration::from_mins(15);
const DANGEROUS_FRESH: SignedDuration = SignedDuration::from_mins(5);

impl SessionPolicy {
    /// Ends a session unused for `idle`, and any after `absolute` (at most 30 days).
    pub fn new(idle: SignedDuration, absolute: SignedDuration) -> Result<Self, Error> {
        let max_s = ABSOLUTE_MAX.as_secs();
        if !absolute.is_positive() || absolute > ABSOLUTE_MAX {
            return Err(Error::Lifetime { what: "a session's absolute lifetime", max_s });
        }
        if !idle.is_positive() || idle > absolute {
            let max_s = absolute.as_secs();
            return Err(Error::Lifetime { what: "a session's idle lifetime", max_s });
        }
        Ok(Self { idle, absolute })
    }

    pub(crate) const fn idle(&self) -> SignedDuration {
        self.idle
    }
}

impl Default for SessionPolicy {
    /// 12 hours unused, 7 days at most.
    fn default() -> Self {
        Self { idle: SignedDuration::from_hours(12), absolute: SignedDuration::from_hours(24 * 7) }
    }
}

/// A session as stored, without what its owner sees of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// The second factor given last.
    pub factor: FactorKind,
    /// When both factors were given last.
    pub authenticated: Timestamp,
    /// When it began.
    pub opened: Timestamp,
    /// When it ends whatever happens.
    pub expires: Timestamp,
    /// Why it is over, if it is.
    pub ended: Option<EndReason>,
}

impl Session {
    /// How fresh and strong its proof is.
    #[must_use]
    pub fn level(&self, now: Timestamp) -> Level {
        let age = now.duration_since(self.authenticated);
        if age < DANGEROUS_FRESH && self.factor != FactorKind::Password {
            Level::Dangerous
        } else if age < WRITE_FRESH {
            Level::Write
        } else {
            Level::Read
        }
    }

    /// The same session after a second proof of both factors, by the same person.
    pub fn step_up(&self, proof: &FactorProof) -> Result<(Self, Vec<Event>), Error> {
        if proof.account() != self.account {
            return Err(Error::Code);
        }
        let (account, factor) = (self.account, proof.means().kind());
        let session = Self { factor, authenticated: proof.at(), ..*self };
        let mut events = vec![Event::SessionSteppedUp { account, session: self.id, factor }];
        if let Means::Recovery(index) = proof.means() {
            events.insert(0, Event::RecoveryUsed { account, index });
        }
        Ok((session, events))
    }

    /// The event of its end.
    #[must_use]
    pub const fn end(&self, reason: EndReason) -> Event {
        Event::SessionEnded { account: self.account, session: self.id, reason }
    }
}

/// What a person sees of where a session runs: sealed in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The address it was opened from, if known.
    pub address: Option<IpAddr>,
    /// What the browser calls itself, cut to 200 characters.
    pub agent: String,
}

impl Client {
    /// Cuts the browser's own words and drops control characters.
    #[must_use]
    pub fn new(address: Option<IpAddr>, agent: &str) -> Self {
        Self { address, agent: agent.chars().filter(|c| !c.is_control()).take(200).collect() }
    }
}

/// A session just opened: to be stored as a whole, together with the use of its factor.
#[derive(Debug)]
pub struct OpenedSession {
    /// The session.
    pub session: Session,
    /// Its refresh family.
    pub family: Family,
    /// The account's rights at that moment.
    pub state: AccountState,
    /// What the database must use up in the same transaction.
    pub means: Means,
    /// The first refresh token.
    pub refresh: RefreshToken,
    /// What happened.
    pub events: Vec<Event>,
}

impl OpenedSession {
    /// Opens a session; a proof opens one, by being consumed. `key` is the holder's for refresh
    /// tokens.
    #[must_use]
    pub fn open(
        proof: FactorProof,
        device: DeviceId,
        rules: (&SessionPolicy, &MacKey),
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Self {
        let (policy, key) = rules;
        let (state, means, authenticated) = proof.spend();
        let account = state.account;
        let (id, factor) = (SessionId::new(now, entropy), means.kind());
        let expires = now.saturating_add(policy.absolute).unwrap_or(Timestamp::MAX);
        let session = Session {
            id,
            account,
            device,
            factor,
            authenticated,
            opened: now,
            expires,
            ended: None,
        };
        let (family, refresh) = Family::begin(id, now, key);
        let mut events = vec![Event::SessionOpened { account, session: id, device, factor }];
        if let Means::Recovery(index) = means {
            events.insert(0, Event::RecoveryUsed { account, index });
        }
        Self { session, family, state, means, refresh, events }
    }
}

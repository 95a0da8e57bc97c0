//! Who is signed in right now, in memory: signing out acts on the very next request.

use crate::{
    AccountId, AccountState, EndReason, Error, Level, Permission, Role, Session, SessionId,
    Standing, Tenant, TokenFault, VerifiedToken,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// A request's proven origin: a verified token of a live session of an active account.
#[derive(Debug, Clone, Copy)]
pub struct Authenticated {
    session: Session,
    role: Role,
}

/// What the registry knows of a token's session.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// It lives.
    Found(Authenticated),
    /// It is over, or overtaken.
    Refused(Error),
    /// Not in memory: read this session from the database, [`Registry::insert`] it, ask again.
    Missing(SessionId),
}

impl Authenticated {
    /// The capability to reach what the person owns.
    #[must_use]
    pub const fn tenant(&self) -> Tenant {
        Tenant::of(self.session.account)
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// What the person is here for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How fresh and strong the proof is.
    #[must_use]
    pub fn level(&self, now: Timestamp) -> Level {
        self.session.level(now)
    }

    /// The tenant, if the role allows it and the proof is fresh enough for it.
    pub fn authorize(&self, permission: Permission, now: Timestamp) -> Result<Tenant, Error> {
        if !self.role.allows(permission) {
            return Err(Error::Permission);
        }
        if self.level(now) < permission.level() {
            return Err(Error::Stale);
        }
        Ok(self.tenant())
    }
}

/// Live sessions and their accounts, bounded: a cache in front of the database.
///
/// Ends are remembered until every access token of the session has expired, so that a read of the
/// database that raced with the end cannot bring the session back.
#[derive(Debug)]
pub struct Registry {
    entries_max: usize,
    sessions: BTreeMap<SessionId, Session>,
    ended: BTreeMap<SessionId, (Timestamp, EndReason)>,
    accounts: BTreeMap<AccountId, AccountState>,
}

/// Longer than any access token lives.
const ENDS_KEPT: SignedDuration = SignedDuration::from_mins(11);

impl Registry {
    /// At most so many sessions, ends and accounts each.
    #[must_use]
    pub const fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            sessions: BTreeMap::new(),
            ended: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// Whose request this is.
    #[must_use]
    pub fn lookup(&self, token: &VerifiedToken, now: Timestamp) -> Lookup {
        let claims = token.claims();
        if let Some((_, reason)) = self.ended.get(&claims.session) {
            return Lookup::Refused(Error::Ended { reason: *reason });
        }
        let Some(session) = self.sessions.get(&claims.session) else {
            return Lookup::Missing(claims.session);
        };
        let Some(state) = self.accounts.get(&session.account) else {
            return Lookup::Missing(claims.session);
        };
        let ended = |reason| Lookup::Refused(Error::Ended { reason });
        if session.account != claims.account {
            return Lookup::Refused(Error::Token(TokenFault::Malformed));
        }
        if let Some(reason) = session.ended {
            return ended(reason);
        }
        if state.standing != Standing::Active {
            return ended(EndReason::Disabled);
        }
        if now >= session.expires {
            return ended(EndReason::Absolute);
        }
        if claims.epoch != state.epoch {
            return Lookup::Refused(Error::Token(TokenFault::Epoch));
        }
        Lookup::Found(Authenticated { session: *session, role: state.role })
    }

    /// Takes in a session as stored, opened or stepped up. An end that is remembered wins, an
    /// account's older state never replaces a newer one, and a read of the database that raced
    /// with a step-up does not undo it.
    pub fn insert(&mut self, session: Session, state: AccountState) {
        self.set_account(state);
        let known = self.sessions.get(&session.id);
        let overtaken = known.is_some_and(|known| known.authenticated > session.authenticated);
        if !overtaken && !self.ended.contains_key(&session.id) {
            self.sessions.insert(session.id, session);
        }
        make_room(&mut self.sessions, self.entries_max, session.id);
    }

    /// Ends a session: after the commit that ended it in the database.
    pub fn end(&mut self, session: SessionId, reason: EndReason, now: Timestamp) {
        self.sessions.remove(&session);
        self.ended.retain(|_, (kept_until, _)| *kept_until > now);
        let kept_until = now.saturating_add(ENDS_KEPT).unwrap_or(Timestamp::MAX);
        self.ended.insert(session, (kept_until, reason));
        make_room(&mut self.ended, self.entries_max, session);
    }

    /// Takes in an account's new role, epoch or standing: after the commit that changed it.
    pub fn set_account(&mut self, state: AccountState) {
        let known = self.accounts.get(&state.account);
        if known.is_none_or(|known| known.epoch <= state.epoch) {
            self.accounts.insert(state.account, state);
        }
        make_room(&mut self.accounts, self.entries_max, state.account);
    }

    /// How many sessions are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

/// Forgets the oldest, never the one just put in: whoever asks again must find it.
fn make_room<K: Ord + Copy, V>(map: &mut BTreeMap<K, V>, entries_max: usize, new: K) {
    while map.len() > entries_max.max(1) {
        let Some(oldest) = map.keys().find(|key| **key != new).copied() else { return };
        map.remove(&oldest);
    }
}

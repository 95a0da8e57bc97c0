//! Who is signed in right now, in memory: signing out acts on the very next request.

use crate::{
    AccountId, AccountState, EndReason, Error, FactorKind, Level, Permission, Role, Session,
    SessionId, Standing, Tenant, TokenFault, VerifiedToken, spread::Table,
};
use jiff::{SignedDuration, Timestamp};

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
        let alone = self.session.factor == FactorKind::Password;
        if alone && self.role.is_staff() && !permission.needs_no_factor() {
            return Err(Error::FactorNeeded);
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
    lease: Option<Lease>,
    sessions: Table<SessionId, Session>,
    ended: Table<SessionId, (Timestamp, EndReason)>,
    accounts: Table<AccountId, AccountState>,
}

/// With several servers: how long what is in memory may be believed without news of the others.
#[derive(Debug, Clone, Copy)]
struct Lease {
    length: SignedDuration,
    heard: Option<Timestamp>,
}

/// The bound of M21 and M24 with several servers.
const LEASE_MAX: SignedDuration = SignedDuration::from_secs(1);

/// Longer than any access token lives.
const ENDS_KEPT: SignedDuration = SignedDuration::from_mins(11);

impl Registry {
    /// At most so many sessions, ends and accounts each.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self {
            lease: None,
            sessions: Table::new(entries_max),
            ended: Table::new(entries_max),
            accounts: Table::new(entries_max),
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
        // A token on a newer proof than memory knows: another server took that proof.
        let newer = claims.proven.as_microsecond() > session.authenticated.as_microsecond();
        if newer || !self.is_current(now) {
            return Lookup::Missing(claims.session);
        }
        judge(token, session, state, now)
    }

    /// Whose request this is, by a session and an account that were read from the database after
    /// the request came in: where [`Registry::lookup`] found nothing that may be believed.
    pub fn confirm(
        &mut self,
        token: &VerifiedToken,
        read: (Session, AccountState),
        now: Timestamp,
    ) -> Lookup {
        let (session, state) = read;
        self.insert(session, state);
        if let Some((_, reason)) = self.ended.get(&session.id) {
            return Lookup::Refused(Error::Ended { reason: *reason });
        }
        // What another request took in meanwhile may be newer than what this one read.
        let session = self.sessions.get(&session.id).unwrap_or(&session);
        let state = self.accounts.get(&state.account).unwrap_or(&state);
        judge(token, session, state, now)
    }

    /// For one of several servers on one database: what is in memory is believed for `lease` (at
    /// most a second) after [`Registry::heard`] was called last; then everything is missing and
    /// must be read anew.
    pub fn shared(entries_max: usize, lease: SignedDuration) -> Result<Self, Error> {
        if !lease.is_positive() || lease > LEASE_MAX {
            let max_s = LEASE_MAX.as_secs();
            return Err(Error::Lifetime { what: "the lease of a shared registry", max_s });
        }
        let lease = Some(Lease { length: lease, heard: None });
        Ok(Self { lease, ..Self::new(entries_max) })
    }

    /// All changes that were committed before `sent` have been taken in: the answer to a question
    /// that was put to the database at that time of this server's own clock.
    pub fn heard(&mut self, sent: Timestamp) {
        if let Some(lease) = &mut self.lease {
            // An older answer that comes late takes nothing back.
            lease.heard = lease.heard.max(Some(sent));
        }
    }

    /// Whether what is in memory may be believed. A clock set back ends the lease, too.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.lease.is_none_or(|lease| {
            let age = lease.heard.map(|heard| now.duration_since(heard));
            age.is_some_and(|age| (SignedDuration::ZERO..lease.length).contains(&age))
        })
    }

    /// Takes in a session as stored, opened or stepped up. An end that is remembered wins, an
    /// account's older state never replaces a newer one, and a read of the database that raced
    /// with a step-up does not undo it.
    pub fn insert(&mut self, session: Session, state: AccountState) {
        self.set_account(state);
        let known = self.sessions.get(&session.id);
        let overtaken = known.is_some_and(|known| known.authenticated > session.authenticated);
        if !overtaken && self.ended.get(&session.id).is_none() {
            self.sessions.insert(session.id, session);
        }
    }

    /// Ends a session: after the commit that ended it in the database.
    pub fn end(&mut self, session: SessionId, reason: EndReason, now: Timestamp) {
        self.sessions.remove(&session);
        self.ended.retain(|(kept_until, _)| *kept_until > now);
        let kept_until = now.saturating_add(ENDS_KEPT).unwrap_or(Timestamp::MAX);
        self.ended.insert(session, (kept_until, reason));
    }

    /// Takes in an account's new role, epoch or standing: after the commit that changed it.
    pub fn set_account(&mut self, state: AccountState) {
        let known = self.accounts.get(&state.account);
        if known.is_none_or(|known| known.epoch <= state.epoch) {
            self.accounts.insert(state.account, state);
        }
    }

    /// How many sessions are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.len() == 0
    }
}

/// Whether a token's session lives and its account is as the token says.
fn judge(token: &VerifiedToken, session: &Session, state: &AccountState, now: Timestamp) -> Lookup {
    let claims = token.claims();
    let ended = |reason| Lookup::Refused(Error::Ended { reason });
    if session.account != claims.account || session.id != claims.session {
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
    // A fresh proof gives a new token and ends those before it (ASVS 7.2.4). Stored times have
    // microseconds, those in memory more.
    if claims.proven.as_microsecond() < session.authenticated.as_microsecond() {
        return Lookup::Refused(Error::Token(TokenFault::Proof));
    }
    Lookup::Found(Authenticated { session: *session, role: state.role })
}

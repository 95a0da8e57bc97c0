//! Being in: who a request is from, refreshing, listing and ending sessions.

use super::{
    Accounts, Actor, Error, Opened, Plan, Result, Visitor, entries, entry, now,
    peers::REMEMBERED_MAX,
};
use identity::{
    AccountId, AccountState, Authenticated, DeviceCookie, EndReason, Error as Refused, Family, Fit,
    HalfSignIns, Letter, Level, Limits, Mail, PasskeyChallenge, Pending, Petitions, Pressure,
    Profile, Puzzles, Recipient, RefreshToken, Refusals, Registry, Role, Rotation, Session,
    SessionId, Setup, Sight, SignIn, Stage, Throttle, TokenCache, TotpSecret, Whereabouts,
};
use jiff::{SignedDuration, Timestamp};
use seal::{MacKey, Secret};
use store::{Overtaken, Part, SessionRow};

/// What lives in memory only: a restart forgets ceremonies, never sessions.
pub(super) struct Live {
    pub registry: Registry,
    /// Counts how often the registry was dropped: what was read before is not put into a new one.
    pub generation: u64,
    pub cache: TokenCache,
    pub throttle: Throttle,
    pub refusals: Refusals,
    pub setups: Pending<Setup>,
    pub sign_ins: Pending<SignIn>,
    pub pressure: Pressure,
    pub puzzles: Puzzles,
    pub passkeys: Pending<PasskeyChallenge>,
    /// Authenticators that are to be confirmed, and whose they will be.
    pub enrolments: Pending<(AccountId, TotpSecret)>,
    pub halves: HalfSignIns,
    pub petitions: Petitions,
    pub whereabouts: Whereabouts,
}

const CEREMONY: SignedDuration = SignedDuration::from_mins(10);

impl Live {
    /// Empty; the counters of suspicion and the puzzles are keyed by this one.
    pub fn of(key: &MacKey) -> Self {
        let (pressure, puzzles) = super::work::of_key(key);
        Self {
            pressure,
            puzzles,
            registry: Registry::new(REMEMBERED_MAX),
            generation: 0,
            cache: TokenCache::new(10_000),
            throttle: Throttle::new(Limits::default()),
            refusals: Refusals::new(1000),
            setups: Pending::new(CEREMONY, 16),
            sign_ins: Pending::new(CEREMONY, 1000),
            passkeys: Pending::new(CEREMONY, 2000),
            enrolments: Pending::new(CEREMONY, 1000),
            halves: HalfSignIns::new(10_000),
            petitions: Petitions::new(1000),
            whereabouts: Whereabouts::new(10_000),
        }
    }
}

/// Who is signed in, as they see it.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The account.
    pub account: identity::AccountId,
    /// Name and address.
    pub profile: Profile,
    /// What they may do.
    pub role: Role,
    /// How fresh the proof is.
    pub level: Level,
    /// When the session ends.
    pub expires: Timestamp,
}

impl Guest {
    fn new(session: &Session, state: &AccountState, profile: Profile, now: Timestamp) -> Self {
        Self {
            account: session.account,
            profile,
            role: state.role,
            level: session.level(now),
            expires: session.expires,
        }
    }
}

/// A session in its owner's list.
#[derive(Debug, Clone)]
pub struct SessionLine {
    /// Its handle: it names, it opens nothing.
    pub id: SessionId,
    /// Where it was opened.
    pub client: identity::Client,
    /// When it was opened.
    pub created: Timestamp,
    /// When it was last used.
    pub used: Timestamp,
}

const LISTED: u32 = 200;
/// A refresh that another one overtakes is judged again so many times.
pub(super) const ROTATIONS: usize = 4;

impl Accounts {
    /// Whose request this is, by its access token.
    pub async fn authenticate(&self, token: &str, now: Timestamp) -> Result<Authenticated> {
        let verified = {
            let access = self.access();
            let mut live = self.live();
            live.cache.verify(&access.keys, token, now)?
        };
        for _ in 0..2 {
            if let Some(authenticated) = self.look_up(&verified, now).await? {
                return Ok(authenticated);
            }
        }
        Err(Error::Busy { what: "other sessions", retry_after_s: 1 })
    }

    /// Whose request this is, and whether it fits to those of the session before it.
    pub async fn recognise(
        &self,
        token: &str,
        sight: Sight<'_>,
        now: Timestamp,
    ) -> Result<Authenticated> {
        let session = self.authenticate(token, now).await?;
        let fit = self.live().whereabouts.look(session.session().id, sight, now);
        if fit != Fit::Plausible {
            return Err(self.end_all_of(session.session(), sight, fit).await);
        }
        Ok(session)
    }

    /// Who is signed in, as they see it.
    pub async fn guest(&self, session: &Authenticated, now: Timestamp) -> Result<Guest> {
        let row = self.0.desk.store().account(&session.tenant()).await?;
        let row = row.ok_or(Error::NotFound { what: "account" })?;
        let vault = self.vault_by(row.state.account, row.data_key.as_deref())?;
        let profile = vault.open_profile(row.state.account, &row.profile)?;
        Ok(Guest::new(session.session(), &row.state, profile, now))
    }

    /// Who holds an access token just issued: proven by the token, as for any request.
    pub(super) async fn guest_of(&self, access: &Secret<String>, now: Timestamp) -> Result<Guest> {
        let session = self.authenticate(access.expose(), now).await?;
        self.guest(&session, now).await
    }

    /// Exchanges a refresh token for its successor; a stolen one ends the session.
    pub async fn refresh(&self, visitor: &Visitor, token: &str) -> Result<Opened> {
        let now = now();
        let source = visitor.source();
        let refused = |error| self.refuse(source, Stage::Refresh, now, error);
        let token = RefreshToken::parse(token, &self.0.refresh_key).map_err(refused)?;
        let Some(device) = self.device(visitor) else {
            return Err(refused(Refused::Forged));
        };
        for _ in 0..ROTATIONS {
            let row = self.0.desk.store().session(token.session()).await?;
            let row = row.ok_or_else(|| refused(Refused::Forged))?;
            if let Some(opened) = self.rotate(visitor, &row, (&token, device), now).await? {
                return Ok(opened);
            }
        }
        Err(Error::Busy { what: "other tabs", retry_after_s: 1 })
    }

    /// One try; `None` if the family moved on in between.
    async fn rotate(
        &self,
        visitor: &Visitor,
        row: &SessionRow,
        (token, device): (&RefreshToken, DeviceCookie),
        now: Timestamp,
    ) -> Result<Option<Opened>> {
        let SessionRow { session, state, family, .. } = row;
        if session.ended.is_none() {
            self.same_browser(visitor, row).await?;
        }
        let rules = (&self.0.rules, &self.0.refresh_key);
        let judged = Family::rotate(family, (session, state), (token, device.device()), rules, now);
        let rotation = match judged {
            Ok(rotation) => rotation,
            Err(Refused::Ended { reason }) => {
                self.expire(session, reason, now).await?;
                return Err(Refused::Ended { reason }.into());
            }
            Err(error) => return Err(error.into()),
        };
        let Some(refresh) = &rotation.token else {
            return self.revoke(visitor, (session, &rotation), now).await;
        };
        let mut act = self.0.desk.store().begin().await?;
        if !act.rotate(&rotation, now).await? {
            return Ok(None);
        }
        let actor = Actor::Account(session.account);
        act.commit_all(entries(&rotation.events, actor), now).await?;
        self.live().registry.insert(*session, *state);
        let access = self.reissue(session, state, now);
        Ok(Some(Opened {
            guest: self.guest_of(&access, now).await?,
            access,
            refresh: refresh.text(),
            device: device.text(&self.0.device_key),
            expires: session.expires,
        }))
    }

    /// Ends a session whose token came back, and queues the letter that says so, in one act; `None` if
    /// the family moved on in between.
    async fn revoke(
        &self,
        visitor: &Visitor,
        (session, rotation): (&Session, &Rotation),
        now: Timestamp,
    ) -> Result<Option<Opened>> {
        let to = Recipient::Account(session.account);
        let plan = Plan::of(Actor::Account(session.account))
            .asked_by(visitor)
            .part(Part::Rotation(rotation))
            .mail(Mail { to, letter: Letter::SessionRevoked });
        match self.keep(plan, now).await {
            Ok(_) => Err(Refused::Ended { reason: EndReason::Reuse }.into()),
            Err(Error::Overtaken { lost: Overtaken::Session }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that a session is over by a rule, if nobody noted it before.
    async fn expire(&self, session: &Session, reason: EndReason, now: Timestamp) -> Result<()> {
        let mut act = self.0.desk.store().begin().await?;
        if act.expire_session(session.id, reason, now).await? {
            act.commit(entry(&session.end(reason), Actor::Server), now).await?;
        }
        self.forget(session.id, reason, now);
        Ok(())
    }

    /// Signs out.
    pub async fn sign_out(&self, session: &Authenticated) -> Result<()> {
        let id = session.session().id;
        match self.end(session, id, EndReason::SignOut).await {
            // Ended already, by a click before this one: what is asked for is so.
            Err(Error::NotFound { .. }) => {
                self.forget(id, EndReason::SignOut, now());
                Ok(())
            }
            other => other,
        }
    }

    /// Signs out by the refresh token, where the access token has run out. What we never issued
    /// touches nothing.
    pub async fn abandon(&self, token: &str) -> Result<()> {
        let Ok(token) = RefreshToken::parse(token, &self.0.refresh_key) else { return Ok(()) };
        let row = self.0.desk.store().session(token.session()).await?;
        match row {
            Some(row) if row.session.ended.is_none() => {
                self.expire(&row.session, EndReason::SignOut, now()).await
            }
            _ => Ok(()),
        }
    }

    /// Ends one of a person's sessions by its handle.
    pub async fn end_session(&self, by: &Authenticated, id: SessionId) -> Result<()> {
        let own = by.session().id == id;
        self.end(by, id, if own { EndReason::SignOut } else { EndReason::Remote }).await
    }

    async fn end(&self, by: &Authenticated, id: SessionId, reason: EndReason) -> Result<()> {
        let now = now();
        let mut act = self.0.desk.store().begin().await?;
        if !act.end_session(&by.tenant(), id, reason, now).await? {
            return Err(Error::NotFound { what: "session" });
        }
        let event = Session { id, ..*by.session() }.end(reason);
        act.commit(entry(&event, Actor::Account(by.tenant().account())), now).await?;
        self.forget(id, reason, now);
        Ok(())
    }

    fn forget(&self, id: SessionId, reason: EndReason, now: Timestamp) {
        let mut live = self.live();
        live.registry.end(id, reason, now);
        live.whereabouts.forget(id);
        drop(live);
        self.0.ends.send_modify(|count| *count += 1);
    }

    /// A person's live sessions, the last used first.
    pub async fn sessions(&self, by: &Authenticated) -> Result<Vec<SessionLine>> {
        let rows = self.0.desk.store().sessions(&by.tenant(), now(), LISTED).await?;
        let vault = self.vault_of(by.session().account).await?;
        let line = |row: SessionRow| {
            let owner = (row.session.account, row.session.id);
            let client = vault.open_client(owner, &row.client)?;
            let (created, used) = (row.session.opened, row.family.used);
            Ok(SessionLine { id: row.session.id, client, created, used })
        };
        rows.into_iter().map(line).collect()
    }

    /// Returns when the session is over: signed out, revoked, or at its absolute end.
    pub async fn ended(&self, session: &Authenticated) {
        let mut ends = self.0.ends.subscribe();
        let id = session.session().id;
        loop {
            let left = session.session().expires.duration_since(now());
            let left = std::time::Duration::try_from(left).unwrap_or_default();
            let row = self.0.desk.store().session(id).await;
            // Whatever is not a live session ends the stream; an honest reader comes back.
            let live =
                matches!(row, Ok(Some(SessionRow { session, .. })) if session.ended.is_none());
            if left.is_zero() || !live {
                return;
            }
            // An error means that the server stops.
            if matches!(tokio::time::timeout(left, ends.changed()).await, Ok(Err(_))) {
                return;
            }
        }
    }

    /// Writes refused attempts of the minutes that are over into the log.
    pub async fn log_refusals(&self, when: Minutes) -> Result<()> {
        let now = now();
        let events = match when {
            Minutes::Over => self.live().refusals.finished(now),
            Minutes::All => self.live().refusals.drain(),
        };
        if events.is_empty() {
            return Ok(());
        }
        let written = async {
            let act = self.0.desk.store().begin().await?;
            act.commit_all(entries(&events, Actor::Anonymous), now).await
        };
        if let Err(error) = written.await {
            self.live().refusals.put_back(&events);
            return Err(error.into());
        }
        Ok(())
    }
}

/// Which minutes' refusals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Minutes {
    /// Those that are over.
    Over,
    /// The running one too: the server stops.
    All,
}

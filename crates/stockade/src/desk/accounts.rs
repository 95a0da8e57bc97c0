//! Coming in: the password, the second factor, a session.

use super::{
    Actor, Desk, Error, Result,
    access_keys::Turning,
    entries, entry,
    errands::Errands,
    keyring,
    letters::Letters,
    now,
    outbox::Post,
    peers::{Peers, throttle},
    pool::Pool,
    ranked::{Rank, Ranked},
    security_reports::ReportBudgets,
    sessions::{Guest, Live},
};
use identity::{
    BreachedPasswords, Candidate, Cost, Credentials, DeviceCookie, DeviceStanding, EmailAddress,
    Event, FactorProof, PasswordProof, Passwords, RegistrationMode, SessionPolicy, Source, Stage,
    Vault,
};
use jiff::Timestamp;
use kms::{Purpose, SystemEntropy};
use seal::{MacKey, Secret};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use tokio::sync::{Notify, watch};

/// Accounts and sessions of one server; cheap to clone.
#[derive(Clone)]
pub struct Accounts(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub desk: Desk,
    /// The house's: of accounts it seals the address index and the data keys.
    pub vault: Arc<Vault>,
    pub letters: Letters,
    pub registration: RegistrationMode,
    pub post: Post,
    pub errands: Errands,
    /// Reports of weaknesses that came lately.
    pub reports: ReportBudgets,
    /// Letters were handed in.
    pub posted: Notify,
    pub access: RwLock<Turning>,
    pub refresh_key: MacKey,
    pub device_key: MacKey,
    pub rules: SessionPolicy,
    pub live: Mutex<Live>,
    /// Counts ends of sessions, so that open streams look again.
    pub ends: watch::Sender<u64>,
    pub peers: Peers,
    /// Hides whose a budget is that several servers share.
    pub budget_key: MacKey,
    pub passwords: Arc<Passwords>,
    pub breached: Arc<BreachedPasswords>,
    pub pool: Pool,
}

/// Who knocks, as far as the server sees.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The address at the other end.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: String,
    /// The device cookie, as it came.
    pub device: Option<String>,
    /// The refresh token, as it came: of the session that the browser is in, if it is in one.
    pub refresh: Option<Secret<String>>,
    /// A puzzle and its answer, with a dot between them.
    pub work: Option<String>,
}

/// How accounts are run here.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How letters are written.
    pub letters: Letters,
    /// Who may register.
    pub registration: RegistrationMode,
    /// What becomes of letters.
    pub post: Post,
    /// Passwords that leaked, which nobody may set here.
    pub breached: Arc<BreachedPasswords>,
}

/// A session just opened, with what the browser keeps of it.
#[derive(Debug)]
pub struct Opened {
    /// Who.
    pub guest: Guest,
    /// The access token.
    pub access: Secret<String>,
    /// The refresh token.
    pub refresh: Secret<String>,
    /// The device cookie.
    pub device: Secret<String>,
    /// The session ends then, whatever happens.
    pub expires: Timestamp,
}

impl Visitor {
    /// As limits count it; the Unix socket counts as loopback.
    pub(super) fn source(&self) -> Source {
        Source::of(self.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }
}

impl Accounts {
    /// What becomes of letters here.
    #[must_use]
    pub fn post(&self) -> super::Post {
        self.0.post
    }

    /// Sessions that this server holds in memory.
    #[must_use]
    pub fn sessions_live(&self) -> usize {
        self.live().registry.len()
    }

    /// With the keys of this desk. What lies sealed from before accounts had data keys is moved under
    /// one.
    pub async fn open(desk: Desk, terms: Terms) -> Result<Self> {
        let accounts = Self::new(desk, terms)?;
        accounts.give_owner_key().await?;
        Ok(accounts)
    }

    fn new(desk: Desk, terms: Terms) -> Result<Self> {
        let keys = desk.keys();
        let access = RwLock::new(Turning::at(keys.mac(Purpose::AccessTokens), now())?);
        let passwords =
            Passwords::new(keys.mac(Purpose::Passwords), Cost::PASSWORD, Cost::RECOVERY);
        let device_key = keys.mac(Purpose::DeviceCookies);
        let live = Live { throttle: throttle(desk.store()), ..Live::of(&device_key) };
        let live = Mutex::new(live);
        let budget_key = MacKey::new(Secret::new(device_key.tag(&[b"stockade/v1 budgets"])));
        let inner = Inner {
            vault: Arc::new(keyring::vault(keys)),
            letters: terms.letters,
            registration: terms.registration,
            post: terms.post,
            errands: Errands::default(),
            posted: Notify::new(),
            access,
            refresh_key: keys.mac(Purpose::RefreshTokens),
            device_key,
            rules: SessionPolicy::default(),
            live,
            reports: ReportBudgets::default(),
            budget_key,
            ends: watch::Sender::new(0),
            peers: Peers::of(desk.store()),
            passwords: Arc::new(passwords),
            breached: terms.breached,
            pool: Pool::of_this_machine(),
            desk,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Who may register.
    #[must_use]
    pub fn registration(&self) -> RegistrationMode {
        self.0.registration
    }

    /// The desk behind it.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Admits an attempt at an account's password: what is stored of it, and whether the account
    /// knows the device.
    pub(super) async fn aimed(
        &self,
        visitor: &Visitor,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<(Option<Credentials>, DeviceStanding)> {
        let store = self.0.desk.store();
        let source = visitor.source();
        let account = self.0.vault.index(email);
        let device = self.standing(visitor, &account).await?;
        if device == DeviceStanding::Unknown {
            self.worked(visitor, now).await?;
        }
        let attempt = identity::Attempt { source, account, device };
        self.admitted(source, now, |live| live.throttle.admit_password(&attempt, now)).await?;
        Ok((store.credentials(&account).await?, device))
    }

    /// Checks a password that was admitted; a right one is hashed anew if its hash is outdated.
    pub(super) async fn check_password(
        &self,
        (source, device): (Source, DeviceStanding),
        stored: Option<Credentials>,
        password: Secret<String>,
        now: Timestamp,
    ) -> Result<PasswordProof> {
        let passwords = Arc::clone(&self.0.passwords);
        let checked = self
            .0
            .pool
            .run_for(device.into(), move || {
                let candidate = Candidate::new(&password);
                let proof = passwords.verify(stored.as_ref(), &candidate, now)?;
                let renewed = proof
                    .is_outdated()
                    .then(|| passwords.rehash(&proof, &candidate, &mut SystemEntropy::new()));
                Ok((proof, renewed.zip(stored)))
            })
            .await?;
        let (proof, renewed) =
            checked.map_err(|error| self.refuse(source, Stage::Password, now, error))?;
        if let Some((hash, stored)) = renewed {
            let account = proof.account();
            let mut act = self.0.desk.store().begin().await?;
            if act.replace_hash(account, &stored.password, &hash).await? {
                let event = Event::PasswordRehashed { account };
                act.commit(entry(&event, Actor::Account(account)), now).await?;
            }
        }
        Ok(proof)
    }

    /// Opens a session in an act that may hold more already.
    pub(super) async fn open_in(
        &self,
        visitor: &Visitor,
        (proof, vault): (FactorProof, &Vault),
        begun: (store::Act, Vec<Event>),
    ) -> Result<Opened> {
        let now = now();
        let (opened, client, cookie) = self.begin_session(visitor, (proof, vault), now);
        let (session, state) = (opened.session, opened.state);
        let (mut act, mut events) = begun;
        if !act.open_session(&opened, &client).await? {
            let source = visitor.source();
            return Err(self.refuse(source, Stage::Factor, now, identity::Error::Code));
        }
        events.extend(opened.events.iter().cloned());
        act.commit_all(entries(&events, Actor::Account(session.account)), now).await?;
        self.live().registry.insert(session, state);
        self.handed_out(&opened, &cookie, now).await
    }

    /// The device that a visitor's cookie names, if we made the cookie.
    pub(super) fn device(&self, visitor: &Visitor) -> Option<DeviceCookie> {
        DeviceCookie::parse(visitor.device.as_deref()?, &self.0.device_key).ok()
    }

    /// Asks a limit, and takes what it admits from the budgets of all servers; a refusal is counted.
    pub(super) async fn admitted(
        &self,
        source: Source,
        now: Timestamp,
        ask: impl FnOnce(&mut Live) -> Result<(), identity::Error>,
    ) -> Result<()> {
        let (answer, taken) = {
            let mut live = self.live();
            (ask(&mut live), live.throttle.taken())
        };
        let answer = match answer {
            Ok(()) => self.take(taken, now).await?,
            refused => refused,
        };
        answer.map_err(|error| self.refuse(source, Stage::Throttled, now, error))
    }

    /// Counts a refused attempt for the log; what the caller hears stays as it is.
    pub(super) fn refuse(
        &self,
        source: Source,
        stage: Stage,
        now: Timestamp,
        error: identity::Error,
    ) -> Error {
        self.count(source, stage, now, error.into())
    }

    /// The same of a refusal that says more.
    pub(super) fn count(
        &self,
        source: Source,
        stage: Stage,
        now: Timestamp,
        error: Error,
    ) -> Error {
        self.live().refusals.record(source, stage, now);
        error
    }

    /// Where browsers find this server.
    pub(super) fn origin(&self) -> &str {
        self.0.letters.head.origin.as_str()
    }

    pub(super) fn live(&self) -> Ranked<MutexGuard<'_, Live>> {
        let lock = || self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
        Ranked::take(Rank::Live, lock)
    }
}

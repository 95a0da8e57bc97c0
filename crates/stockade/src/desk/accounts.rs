//! Coming in: the password, the second factor, a session.

use super::{
    Actor, Desk, Error, Result, entries, entry, now,
    pool::Pool,
    sessions::{Guest, Live},
};
use identity::{
    AccessKeys, Candidate, Cost, Credentials, DeviceCookie, DeviceStanding, EmailAddress, Event,
    FactorKind, FactorProof, OpenedSession, PasswordProof, Passwords, RecoveryCode, SessionPolicy,
    SignIn, Source, Stage, Vault,
};
use jiff::{SignedDuration, Timestamp};
use kms::{Purpose, SystemEntropy};
use seal::{MacKey, Secret};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// An access token is good for so long.
const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Accounts and sessions of one server; cheap to clone.
#[derive(Clone)]
pub struct Accounts(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub desk: Desk,
    pub vault: Vault,
    pub access: AccessKeys,
    pub refresh_key: MacKey,
    pub device_key: MacKey,
    pub rules: SessionPolicy,
    pub live: Mutex<Live>,
    /// Counts ends of sessions, so that open streams look again.
    pub ends: watch::Sender<u64>,
    pub passwords: Arc<Passwords>,
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
    /// With the keys of this desk.
    pub fn new(desk: Desk) -> Result<Self> {
        let keys = desk.keys();
        let signing = keys.signing(Purpose::AccessTokens);
        let access = AccessKeys::new(("stockade", "stockade"), ACCESS_LIFETIME, signing, &[])?;
        let passwords =
            Passwords::new(keys.mac(Purpose::Passwords), Cost::PASSWORD, Cost::RECOVERY);
        let inner = Inner {
            vault: Vault::new(keys.sealing(Purpose::Accounts), keys.mac(Purpose::BlindIndex)),
            access,
            refresh_key: keys.mac(Purpose::RefreshTokens),
            device_key: keys.mac(Purpose::DeviceCookies),
            rules: SessionPolicy::default(),
            live: Mutex::new(Live::default()),
            ends: watch::Sender::new(0),
            passwords: Arc::new(passwords),
            pool: Pool::of_this_machine(),
            desk,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The desk behind it.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Checks address and password; the answer to a right one is a challenge for the second
    /// factor. Every path hashes, and every refusal reads the same.
    pub async fn sign_in(
        &self,
        visitor: &Visitor,
        email: &str,
        password: Secret<String>,
    ) -> Result<String> {
        let now = now();
        let source = visitor.source();
        let (stored, device) = if let Ok(email) = email.parse::<EmailAddress>() {
            self.aimed(visitor, &email, now).await?
        } else {
            self.admitted(source, now, |live| live.throttle.admit_source(source, now))?;
            (None, DeviceStanding::Unknown)
        };
        let proof = self.check_password(source, stored, password, now).await?;
        let sign_in = SignIn::new(&proof, device);
        let ticket = self.live().sign_ins.open(sign_in, now, &mut SystemEntropy::new());
        Ok(ticket.expose().to_owned())
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
        let device = match self.device(visitor) {
            Some(cookie) => store.device_standing(&account, cookie.device()).await?,
            None => DeviceStanding::Unknown,
        };
        let attempt = identity::Attempt { source, account, device };
        self.admitted(source, now, |live| live.throttle.admit_password(&attempt, now))?;
        Ok((store.credentials(&account).await?, device))
    }

    /// Checks a password that was admitted; a right one is hashed anew if its hash is outdated.
    pub(super) async fn check_password(
        &self,
        source: Source,
        stored: Option<Credentials>,
        password: Secret<String>,
        now: Timestamp,
    ) -> Result<PasswordProof> {
        let passwords = Arc::clone(&self.0.passwords);
        let checked = self
            .0
            .pool
            .run(move || {
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

    /// Checks the second factor and opens a session; the factor is used up with it.
    pub async fn second_factor(
        &self,
        visitor: &Visitor,
        challenge: &str,
        factor: (FactorKind, &str),
    ) -> Result<Opened> {
        let now = now();
        let source = visitor.source();
        let sign_in = self.live().sign_ins.find(challenge, now).copied();
        let sign_in = sign_in.map_err(|error| self.refuse(source, Stage::Factor, now, error))?;
        let proof = self.check_factor(source, sign_in, factor, now).await?;
        let act = self.0.desk.store().begin().await?;
        let opened = self.open(visitor, proof, (act, Vec::new())).await?;
        // One challenge opens one session.
        let _ = self.live().sign_ins.close(challenge, now);
        Ok(opened)
    }

    /// Admits and checks a second factor after a right password; it is not used up yet.
    pub(super) async fn check_factor(
        &self,
        source: Source,
        sign_in: SignIn,
        factor: (FactorKind, &str),
        now: Timestamp,
    ) -> Result<FactorProof> {
        let (account, device) = (sign_in.account(), sign_in.device());
        self.admitted(source, now, |live| {
            live.throttle.admit_factor(source, account, device, now)
        })?;
        let sealed = self.0.desk.store().factors(account).await?;
        let stored = self.0.vault.open_factors(&sealed.ok_or(identity::Error::Ticket)?)?;
        let proof = match factor {
            (FactorKind::Totp, code) => sign_in.totp(code, &stored, now),
            (FactorKind::Recovery, code) => match code.parse::<RecoveryCode>() {
                Ok(code) => {
                    let passwords = Arc::clone(&self.0.passwords);
                    self.0
                        .pool
                        .run(move || sign_in.recovery(&code, &stored, &passwords, now))
                        .await?
                }
                Err(error) => Err(error),
            },
        };
        proof.map_err(|error| self.refuse(source, Stage::Factor, now, error))
    }

    /// Opens a session in an act that may hold more already.
    pub(super) async fn open(
        &self,
        visitor: &Visitor,
        proof: FactorProof,
        begun: (store::Act, Vec<Event>),
    ) -> Result<Opened> {
        let now = now();
        let mut entropy = SystemEntropy::new();
        let cookie = self.device(visitor).unwrap_or_else(|| DeviceCookie::new(now, &mut entropy));
        let rules = (&self.0.rules, &self.0.refresh_key);
        let opened = OpenedSession::open(proof, cookie.device(), rules, now, &mut entropy);
        let (session, state) = (opened.session, opened.state);
        let client = identity::Client::new(visitor.address, &visitor.agent);
        let sealed = self.0.vault.seal_client((session.account, session.id), &client, &mut entropy);
        let (mut act, mut events) = begun;
        if !act.open_session(&opened, &sealed).await? {
            let source = visitor.source();
            return Err(self.refuse(source, Stage::Factor, now, identity::Error::Code));
        }
        events.extend(opened.events.iter().cloned());
        act.commit_all(entries(&events, Actor::Account(session.account)), now).await?;
        self.live().registry.insert(session, state);
        let access = self.0.access.issue(&session, &state, now, &mut entropy).text;
        Ok(Opened {
            guest: self.guest_of(&access, now).await?,
            access,
            refresh: opened.refresh.text(),
            device: cookie.text(&self.0.device_key),
            expires: session.expires,
        })
    }

    /// The device that a visitor's cookie names, if we made the cookie.
    pub(super) fn device(&self, visitor: &Visitor) -> Option<DeviceCookie> {
        DeviceCookie::parse(visitor.device.as_deref()?, &self.0.device_key).ok()
    }

    /// Asks a limit; a refusal is counted.
    pub(super) fn admitted(
        &self,
        source: Source,
        now: Timestamp,
        ask: impl FnOnce(&mut Live) -> Result<(), identity::Error>,
    ) -> Result<()> {
        let answer = ask(&mut self.live());
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
        self.live().refusals.record(source, stage, now);
        error.into()
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

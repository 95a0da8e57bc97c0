//! Coming in: the first account, the password, the second factor.

use super::{
    Actor, Desk, Error, Result, entries, entry, now,
    pool::Pool,
    sessions::{Guest, Live},
};
use identity::{
    AccessKeys, Candidate, Cost, DeviceCookie, DeviceStanding, DisplayName, EmailAddress, Event,
    FactorKind, FactorProof, Factors, NewPassword, OpenedSession, PasswordPolicy, Passwords,
    Profile, RecoveryCode, SessionPolicy, Setup, SetupForm, SetupGrant, SetupToken, SignIn, Source,
    Stage, Strength, Vault,
};
use jiff::{SignedDuration, Timestamp};
use kms::{Purpose, SystemEntropy};
use seal::{MacKey, Secret};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// A set-up link is good for so long.
const SETUP_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// An access token is good for so long.
const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// zxcvbn takes longer than linear time: more characters than these do not make a guess easier.
const ESTIMATED_CHARS: usize = 100;

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
    passwords: Arc<Passwords>,
    pool: Pool,
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

/// A set-up whose authenticator is to be confirmed.
#[derive(Debug)]
pub struct Begun {
    /// To go on with.
    pub ticket: String,
    /// To be typed into the authenticator.
    pub secret: Secret<String>,
    /// To be scanned.
    pub uri: Secret<String>,
}

/// A finished set-up.
#[derive(Debug)]
pub struct Finished {
    /// Shown once.
    pub recovery_codes: Vec<Secret<String>>,
    /// The first session.
    pub opened: Opened,
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

impl Desk {
    /// A fresh one-time link's token; every older one is void. Refused once there is an owner.
    pub async fn issue_setup(&self, actor: Actor) -> Result<SetupToken> {
        let now = now();
        let (token, grant, event) =
            SetupGrant::issue(SETUP_LIFETIME, now, &mut SystemEntropy::new());
        let mut act = self.store().begin().await?;
        if !act.issue_setup(&grant, now).await? {
            return Err(Error::HasOwner);
        }
        act.commit(entry(&event, actor), now).await?;
        Ok(token)
    }

    /// Whether the first account is still to be made.
    pub async fn needs_setup(&self) -> Result<bool> {
        Ok(self.store().owner().await?.is_none())
    }

    /// The owner's capability, for the command line on this machine.
    pub async fn host_tenant(&self) -> Result<Option<identity::Tenant>> {
        Ok(self.store().owner().await?.map(identity::Tenant::host))
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

    /// Takes the token of a set-up link and a password; the account is made only once its
    /// authenticator is confirmed.
    pub async fn begin_setup(
        &self,
        visitor: &Visitor,
        token: &str,
        person: (&str, Option<&str>),
        password: Secret<String>,
    ) -> Result<Begun> {
        let now = now();
        let source = visitor.source();
        self.admitted(source, now, |live| live.throttle.admit_source(source, now))?;
        let refused = || self.refuse(source, Stage::Setup, now, identity::Error::Ticket);
        let Ok(token) = token.parse::<SetupToken>() else { return Err(refused()) };
        let Some(grant) = self.0.desk.store().setup_grant(&token.hash()).await? else {
            return Err(refused());
        };
        let email: EmailAddress = person.0.parse()?;
        let display_name: DisplayName = match person.1 {
            Some(name) if !name.trim().is_empty() => name.parse()?,
            _ => DisplayName::from_email(&email),
        };
        let passwords = Arc::clone(&self.0.passwords);
        let setup = self
            .0
            .pool
            .run(move || -> Result<Setup> {
                let password = accept(&password, &email, &display_name)?;
                let form = SetupForm { token, email, display_name, password };
                Ok(Setup::begin(form, &grant, &passwords, now, &mut SystemEntropy::new())?)
            })
            .await??;
        let enrolment = setup.enrolment();
        let ticket = self.live().setups.open(setup, now, &mut SystemEntropy::new());
        let ticket = ticket.expose().to_owned();
        Ok(Begun { ticket, secret: enrolment.secret, uri: enrolment.uri })
    }

    /// Confirms the authenticator: the account, its factors and its first session in one act.
    pub async fn finish_setup(
        &self,
        visitor: &Visitor,
        ticket: &str,
        code: &str,
    ) -> Result<Finished> {
        let now = now();
        let source = visitor.source();
        self.admitted(source, now, |live| live.throttle.admit_source(source, now))?;
        let setup = self.live().setups.find(ticket, now).cloned();
        let setup = setup.map_err(|error| self.refuse(source, Stage::Setup, now, error))?;
        let (passwords, code) = (Arc::clone(&self.0.passwords), code.to_owned());
        let new = self
            .0
            .pool
            .run(move || setup.finish(&code, &passwords, now, &mut SystemEntropy::new()))
            .await?
            .map_err(|error| self.refuse(source, Stage::Factor, now, error))?;
        let id = new.account.id;
        let profile = Profile {
            email: new.account.email.clone(),
            display_name: new.account.display_name.clone(),
        };
        let mut entropy = SystemEntropy::new();
        let sealed = self.0.vault.seal_profile(id, &profile, &mut entropy);
        let totp = self.0.vault.seal_totp(id, &new.totp, &mut entropy);
        let mut act = self.0.desk.store().begin().await?;
        if !act.create_owner(&new, (&sealed, &totp), now).await? {
            return Err(self.refuse(source, Stage::Setup, now, identity::Error::Ticket));
        }
        let recovery_codes = new.codes.iter().map(RecoveryCode::text).collect();
        let opened = self.open(visitor, new.proof, (act, new.events)).await?;
        // It is used up in the database already; here it only takes room.
        let _ = self.live().setups.close(ticket, now);
        Ok(Finished { recovery_codes, opened })
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
        let store = self.0.desk.store();
        let mut stored = None;
        let mut device = DeviceStanding::Unknown;
        if let Ok(email) = email.parse::<EmailAddress>() {
            let account = self.0.vault.index(&email);
            if let Some(cookie) = self.device(visitor) {
                device = store.device_standing(&account, cookie.device()).await?;
            }
            let attempt = identity::Attempt { source, account, device };
            self.admitted(source, now, |live| live.throttle.admit_password(&attempt, now))?;
            stored = store.credentials(&account).await?;
        } else {
            self.admitted(source, now, |live| live.throttle.admit_source(source, now))?;
        }
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
            let mut act = store.begin().await?;
            if act.replace_hash(account, &stored.password, &hash).await? {
                let event = Event::PasswordRehashed { account };
                act.commit(entry(&event, Actor::Account(account)), now).await?;
            }
        }
        let sign_in = SignIn::new(&proof, device);
        let ticket = self.live().sign_ins.open(sign_in, now, &mut SystemEntropy::new());
        Ok(ticket.expose().to_owned())
    }

    /// Checks the second factor and opens a session; the factor is used up with it.
    pub async fn second_factor(
        &self,
        visitor: &Visitor,
        challenge: &str,
        factor: FactorKind,
        code: &str,
    ) -> Result<Opened> {
        let now = now();
        let source = visitor.source();
        let sign_in = self.live().sign_ins.find(challenge, now).copied();
        let sign_in = sign_in.map_err(|error| self.refuse(source, Stage::Factor, now, error))?;
        let (account, device) = (sign_in.account(), sign_in.device());
        self.admitted(source, now, |live| {
            live.throttle.admit_factor(source, account, device, now)
        })?;
        let sealed = self.0.desk.store().factors(account).await?;
        let stored = self.0.vault.open_factors(&sealed.ok_or(identity::Error::Ticket)?)?;
        let proof = match factor {
            FactorKind::Totp => sign_in.totp(code, &stored, now),
            FactorKind::Recovery => match code.parse::<RecoveryCode>() {
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
        let proof = proof.map_err(|error| self.refuse(source, Stage::Factor, now, error))?;
        let act = self.0.desk.store().begin().await?;
        let opened = self.open(visitor, proof, (act, Vec::new())).await?;
        // One challenge opens one session.
        let _ = self.live().sign_ins.close(challenge, now);
        Ok(opened)
    }

    /// Opens a session in an act that may hold more already.
    async fn open(
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

/// A new password within the policy, judged with the account's own words.
fn accept(
    password: &Secret<String>,
    email: &EmailAddress,
    name: &DisplayName,
) -> Result<NewPassword> {
    let judged: String = password.expose().chars().take(ESTIMATED_CHARS).collect();
    let judged = Secret::new(judged);
    let words = [email.as_str(), email.local(), name.as_str(), "stockade"];
    let estimate = zxcvbn::zxcvbn(judged.expose(), &words);
    let strength = Strength { guesses_log10: estimate.guesses_log10() };
    let (policy, candidate) = (PasswordPolicy::default(), Candidate::new(password));
    let context = (email, &[name.as_str()] as &[&str]);
    Ok(policy.accept(candidate, strength, Factors::WithSecond, context)?)
}

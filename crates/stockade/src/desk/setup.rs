//! The first account: a one-time link, a password, an authenticator, and then all at once.

use super::{
    Accounts, Actor, Deed, Desk, Error, Opened, Result, Visitor, entry, new_password::accept, now,
};
use identity::{
    DataKey, DisplayName, EmailAddress, Factors, Profile, RecoveryCode, Setup, SetupForm,
    SetupGrant, SetupToken, Stage,
};
use jiff::SignedDuration;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::Arc;
use store::{Resealed, Sealed};

/// A set-up link is good for so long.
const SETUP_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

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
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
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
        let (passwords, breached) = (Arc::clone(&self.0.passwords), Arc::clone(&self.0.breached));
        let setup = self
            .0
            .pool
            .run(move || -> Result<Setup> {
                let profile = Profile { email, display_name };
                let password = accept(&password, &profile, Factors::WithSecond, &breached)?;
                let Profile { email, display_name } = profile;
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
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
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
        let key = DataKey::generate(&mut entropy);
        let vault = self.0.vault.of_account(&key);
        let data_key = self.0.vault.seal_data_key(id, &key, &mut entropy);
        let profile = vault.seal_profile(id, &profile, &mut entropy);
        let totp = vault.seal_totp(id, &new.totp, &mut entropy);
        let sealed = Sealed { profile: &profile, data_key: &data_key };
        let mut act = self.0.desk.store().begin().await?;
        if !act.create_owner(&new, (sealed, &totp), now).await? {
            return Err(self.refuse(source, Stage::Setup, now, identity::Error::Ticket));
        }
        let recovery_codes = new.codes.iter().map(RecoveryCode::text).collect();
        let opened = self.open_in(visitor, (new.proof, &vault), (act, new.events)).await?;
        // It is used up in the database already; here it only takes room.
        let _ = self.live().setups.close(ticket, now);
        Ok(Finished { recovery_codes, opened })
    }
}

impl Accounts {
    /// Moves the account from before data keys under one: there was only the owner then.
    pub(super) async fn give_owner_key(&self) -> Result<()> {
        let store = self.0.desk.store();
        let Some(account) = store.owner().await? else { return Ok(()) };
        let Some(known) = self.known(account).await? else { return Ok(()) };
        if known.row.data_key.is_some() {
            return Ok(());
        }
        let mut entropy = SystemEntropy::new();
        let key = DataKey::generate(&mut entropy);
        let vault = self.0.vault.of_account(&key);
        let data_key = self.0.vault.seal_data_key(account, &key, &mut entropy);
        let profile = vault.seal_profile(account, &known.profile, &mut entropy);
        let factors = store.factors(account).await?.map(|sealed| known.vault.open_factors(&sealed));
        let totp = factors.transpose()?.and_then(|factors| factors.totp);
        let totp = totp.map(|(secret, _)| vault.seal_totp(account, &secret, &mut entropy));
        let mut clients = Vec::new();
        for (session, client) in store.clients(account).await? {
            let owner = (account, session);
            let client = known.vault.open_client(owner, &client)?;
            clients.push((session, vault.seal_client(owner, &client, &mut entropy)));
        }
        let moved = Resealed {
            state: &known.row.state,
            sealed: Sealed { profile: &profile, data_key: &data_key },
            totp: totp.as_ref(),
            clients: &clients,
        };
        let mut act = store.begin().await?;
        if act.reseal(&moved).await? {
            act.commit(Deed::AccountKeyed { account }.entry(Actor::Server), now()).await?;
        }
        Ok(())
    }
}

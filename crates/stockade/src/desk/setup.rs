//! The first account: a one-time link, a password, an authenticator, and then all at once.

use super::{Accounts, Actor, Desk, Error, Opened, Result, Visitor, entry, now};
use identity::{
    Candidate, DisplayName, EmailAddress, Factors, NewPassword, PasswordPolicy, Profile,
    RecoveryCode, Setup, SetupForm, SetupGrant, SetupToken, Stage, Strength,
};
use jiff::SignedDuration;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::Arc;

/// A set-up link is good for so long.
const SETUP_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// zxcvbn takes longer than linear time: more characters than these do not make a guess easier.
const ESTIMATED_CHARS: usize = 100;

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

//! Coming in: a password and what stands beside it, or a passkey that is both.

use super::{
    Accounts, Actor, Error, Given, Opened, PasskeyAnswer, PasskeyAsk, Plan, Result, Visitor, now,
};
use identity::{
    DeviceStanding, EmailAddress, EmailIndex, Event, FactorKind, FactorProof, Letter, Life, Mail,
    Recipient, SealedFactors, SignIn, Stage,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;

/// What comes of a right password.
#[derive(Debug)]
pub enum SignInStep {
    /// A second factor is asked for.
    Asked(FactorAsk),
    /// The account has nothing beside its password: there is a session.
    Opened(Box<Opened>),
}

/// What a second factor may be. It is told to whoever gave the right password, and to nobody else.
#[derive(Debug)]
pub struct FactorAsk {
    /// To go on with.
    pub challenge: String,
    /// The kinds that the account has, the strongest first.
    pub kinds: Vec<FactorKind>,
    /// What a passkey is asked, if it has one.
    pub passkey: Option<PasskeyAsk>,
}

impl Accounts {
    /// Checks address and password. Every path hashes, and every refusal reads the same: that of an
    /// account without a password too.
    pub async fn sign_in(
        &self,
        visitor: &Visitor,
        email: &str,
        password: Secret<String>,
    ) -> Result<SignInStep> {
        let now = now();
        let source = visitor.source();
        let email = email.parse::<EmailAddress>().ok();
        let (stored, device) = if let Some(email) = &email {
            self.aimed(visitor, email, now).await?
        } else {
            self.worked(visitor, now).await?;
            self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
            (None, DeviceStanding::Unknown)
        };
        let tried = password.clone();
        let checked = self.check_password((source, device), stored, password, now).await;
        if let (Err(Error::Identity(_)), Some(email), DeviceStanding::Unknown) =
            (&checked, &email, device)
        {
            self.suspect(source, &self.0.vault.index(email), &tried, now);
        }
        let proof = checked?;
        let sign_in = SignIn::new(&proof, device);
        let account = sign_in.account();
        let sealed = self.0.desk.store().factors(account).await?;
        let sealed = sealed.ok_or(identity::Error::Ticket)?;
        let mut kinds = kinds(&sealed);
        if kinds.is_empty() {
            let proof = self.check_factor(source, sign_in, None, now).await?;
            let opened = self.admit(visitor, (proof, device)).await?;
            return Ok(SignInStep::Opened(Box::new(opened)));
        }
        let has_passkey = kinds.contains(&FactorKind::Passkey);
        let passkey = if has_passkey && self.site().is_ok() {
            Some(self.ask_own_passkey(account, now).await?)
        } else {
            kinds.retain(|kind| *kind != FactorKind::Passkey);
            None
        };
        let ticket = self.live().sign_ins.open(sign_in, now, &mut SystemEntropy::new());
        let challenge = ticket.expose().to_owned();
        Ok(SignInStep::Asked(FactorAsk { challenge, kinds, passkey }))
    }

    /// Checks the second factor and opens a session; the factor is used up with it.
    pub async fn second_factor(
        &self,
        visitor: &Visitor,
        challenge: &str,
        factor: Given,
    ) -> Result<Opened> {
        let now = now();
        let source = visitor.source();
        let sign_in = self.live().sign_ins.find(challenge, now).copied();
        let sign_in = sign_in.map_err(|error| self.refuse(source, Stage::Factor, now, error))?;
        let account = sign_in.account();
        let guessed = matches!(factor, Given::Totp(_) | Given::Recovery(_));
        let checked = async {
            if guessed && sign_in.device() == DeviceStanding::Unknown {
                self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
            }
            self.check_factor(source, sign_in, Some(factor), now).await
        };
        let proof = match checked.await {
            Ok(proof) => proof,
            Err(error) => {
                self.half_signed_in(visitor, account, now).await?;
                return Err(error);
            }
        };
        let opened = self.admit(visitor, (proof, sign_in.device())).await?;
        // One challenge opens one session.
        let _ = self.live().sign_ins.close(challenge, now);
        Ok(opened)
    }

    /// Opens a session by a passkey that verified its user, and nothing else.
    pub async fn sign_in_by_passkey(
        &self,
        visitor: &Visitor,
        answer: &PasskeyAnswer,
    ) -> Result<Opened> {
        let now = now();
        let source = visitor.source();
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        let proof = self.passkey_alone(source, answer, now).await?;
        let known = self.known(proof.account()).await?.ok_or(identity::Error::Credentials)?;
        let index = self.0.vault.index(&known.profile.email);
        let device = self.standing(visitor, &index).await?;
        self.admit(visitor, (proof, device)).await
    }

    /// Whether the account of an address knows the visitor's device.
    pub(super) async fn standing(
        &self,
        visitor: &Visitor,
        email: &EmailIndex,
    ) -> Result<DeviceStanding> {
        Ok(match self.device(visitor) {
            Some(cookie) => self.0.desk.store().device_standing(email, cookie.device()).await?,
            None => DeviceStanding::Unknown,
        })
    }

    /// Opens a session; its owner hears of one on a device that was not seen before.
    async fn admit(
        &self,
        visitor: &Visitor,
        (proof, device): (FactorProof, DeviceStanding),
    ) -> Result<Opened> {
        let account = proof.account();
        let vault = self.vault_of(account).await?;
        let plan = Plan::of(Actor::Account(account)).asked_by(visitor);
        let plan = match device {
            DeviceStanding::Known(_) => plan,
            DeviceStanding::Unknown => {
                plan.mail(Mail { to: Recipient::Account(account), letter: Letter::NewDevice })
            }
        };
        let opened = self.open_with(visitor, (proof, &vault), plan).await?;
        self.live().halves.succeeded(account);
        Ok(opened)
    }

    /// Somebody knows the password and not the second factor: after a few times its owner hears of it,
    /// in the act that notes it.
    async fn half_signed_in(
        &self,
        visitor: &Visitor,
        account: identity::AccountId,
        now: Timestamp,
    ) -> Result<()> {
        if !self.live().halves.failed(account, now) {
            return Ok(());
        }
        let mail = Mail { to: Recipient::Account(account), letter: Letter::HalfSignIns };
        let plan = Plan::of(Actor::Anonymous)
            .asked_by(visitor)
            .events([Event::Life { account, what: Life::HalfSignedIn }])
            .mail(mail);
        let kept = self.keep(plan, now).await;
        if kept.is_err() {
            self.live().halves.untold(account);
        }
        kept.map(drop)
    }
}

/// What stands beside an account's password.
fn kinds(stored: &SealedFactors) -> Vec<FactorKind> {
    let mut kinds = Vec::new();
    if !stored.passkeys.is_empty() {
        kinds.push(FactorKind::Passkey);
    }
    if stored.totp.is_some() {
        kinds.push(FactorKind::Totp);
    }
    // Recovery codes only stand in for another factor.
    if !kinds.is_empty() && !stored.recovery.is_empty() {
        kinds.push(FactorKind::Recovery);
    }
    kinds
}

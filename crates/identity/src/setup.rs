//! The first start: a one-time token, then the owner's account with a second factor, or nothing.

use crate::{
    Account, AccountId, AccountState, DisplayName, EmailAddress, Error, Event, FactorKind,
    FactorProof, NewPassword, PasswordHash, Passwords, RecoveryCode, RecoveryHash, Role,
    SetupToken, Standing, Step, TokenHash, TotpSecret,
};
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, Secret};

/// What is stored of a set-up token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetupGrant {
    /// The token's hash.
    pub hash: TokenHash,
    /// Until when it is good.
    pub expires: Timestamp,
}

impl SetupGrant {
    /// A fresh token and what to store of it; it replaces every older one.
    #[must_use]
    pub fn issue(
        lifetime: SignedDuration,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> (SetupToken, Self, Event) {
        let token = SetupToken::generate(entropy);
        let expires = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let grant = Self { hash: token.hash(), expires };
        (token, grant, Event::SetupIssued { expires })
    }

    fn admits(&self, token: &SetupToken, now: Timestamp) -> Result<(), Error> {
        if now < self.expires && self.hash.matches(&token.hash()) {
            Ok(())
        } else {
            Err(Error::Ticket)
        }
    }
}

/// What the first form holds.
#[derive(Debug)]
pub struct SetupForm {
    /// From the link.
    pub token: SetupToken,
    /// The owner's address.
    pub email: EmailAddress,
    /// The owner's name.
    pub display_name: DisplayName,
    /// A password that passed the policy, with a second factor beside it.
    pub password: NewPassword,
}

/// A set-up whose authenticator is not confirmed yet: in memory only, nothing is stored.
#[derive(Debug, Clone)]
pub struct Setup {
    grant: SetupGrant,
    account: Account,
    password: PasswordHash,
    totp: TotpSecret,
}

/// What the person's authenticator needs.
#[derive(Debug)]
pub struct Enrolment {
    /// To be typed.
    pub secret: Secret<String>,
    /// To be scanned.
    pub uri: Secret<String>,
}

/// An account to be stored as a whole, together with the use of its set-up token.
#[derive(Debug)]
pub struct NewAccount {
    /// Who.
    pub account: Account,
    /// The password's hash.
    pub password: PasswordHash,
    /// The authenticator's secret, to be sealed.
    pub totp: TotpSecret,
    /// The step of the enrolment's code: used.
    pub totp_step: Step,
    /// The recovery codes' hashes.
    pub recovery: Vec<RecoveryHash>,
    /// The recovery codes themselves, to be shown once.
    pub codes: Vec<RecoveryCode>,
    /// The token to use up.
    pub token: TokenHash,
    /// Good for the first session.
    pub proof: FactorProof,
    /// What happened.
    pub events: Vec<Event>,
}

impl Setup {
    /// Checks the token and hashes the password: run it on the bounded pool. The token is not
    /// used up yet, so that a closed tab does not lock the owner out of their own server.
    pub fn begin(
        form: SetupForm,
        grant: &SetupGrant,
        passwords: &Passwords,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        grant.admits(&form.token, now)?;
        let id = AccountId::new(now, entropy);
        let password = passwords.hash(id, &form.password, entropy);
        let SetupForm { email, display_name, .. } = form;
        let account = Account { id, email, display_name, role: Role::Owner, created: now };
        Ok(Self { grant: *grant, account, password, totp: TotpSecret::generate(entropy) })
    }

    /// For the QR code.
    #[must_use]
    pub fn enrolment(&self) -> Enrolment {
        Enrolment { secret: self.totp.base32(), uri: self.totp.uri(&self.account.email) }
    }

    /// Confirms the authenticator and makes the account. Hashes ten recovery codes: run it on
    /// the bounded pool.
    pub fn finish(
        &self,
        code: &str,
        passwords: &Passwords,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<NewAccount, Error> {
        if now >= self.grant.expires {
            return Err(Error::Ticket);
        }
        let totp_step = self.totp.accept(code, now, None)?;
        let account = Account { created: now, ..self.account.clone() };
        let (id, role) = (account.id, account.role);
        let codes = RecoveryCode::set(entropy);
        let recovery = codes.iter().map(|code| code.hash(id, passwords, entropy)).collect();
        let state = AccountState { account: id, role, epoch: 0, standing: Standing::Active };
        Ok(NewAccount {
            account,
            password: self.password.clone(),
            totp: self.totp.clone(),
            totp_step,
            recovery,
            codes,
            token: self.grant.hash,
            proof: FactorProof::enrolment(state, now),
            events: vec![
                Event::AccountCreated { account: id, role },
                Event::FactorEnrolled { account: id, factor: FactorKind::Totp },
                Event::FactorEnrolled { account: id, factor: FactorKind::Recovery },
            ],
        })
    }
}

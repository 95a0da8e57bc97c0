//! Registration: a link that was mailed, a name, and a password or a passkey make an account.

use super::{
    Accounts, Actor, Error, Opened, PasskeyBegun, PasskeyMade, Plan, Result, Visitor,
    links::Followed, now,
};
use identity::{
    AccountId, Attestation, DataKey, DeviceCookie, DisplayName, EmailAddress, Error as Refused,
    FactorProof, Factors, FirstCredential, Holder, NewMember, NewPassword, Passkey, PasskeyFault,
    PasskeyProof, Profile, Purpose, RegistrationForm, Role, UserVerification,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::Arc;
use store::{MemberSeed, Part, Sealed};

/// The links that lead to an account.
const LEADING: [Purpose; 2] = [Purpose::Register, Purpose::Invite];

/// What a newcomer sees first.
#[derive(Debug)]
pub struct Welcome {
    /// The address that the link went to.
    pub email: EmailAddress,
    /// What they will be here.
    pub role: Role,
    /// For a passkey in place of a password, where passkeys work.
    pub passkey: Option<PasskeyBegun>,
}

/// With what the new account is entered.
#[derive(Debug)]
pub enum First {
    /// A password that stands alone.
    Password(Secret<String>),
    /// A passkey that verified its user.
    Passkey(PasskeyMade),
}

/// A first credential that was looked at.
enum Checked {
    Password(NewPassword),
    Passkey(Box<Passkey>, PasskeyProof),
}

impl Accounts {
    /// Says what a link leads to; it is not used up.
    pub async fn welcome(&self, visitor: &Visitor, token: &str) -> Result<Welcome> {
        let now = now();
        let followed = self.followed(visitor, &LEADING, token, now).await?;
        let (email, role) = self.newcomer(visitor, &followed, now)?;
        let account = AccountId::new(now, &mut SystemEntropy::new());
        let display_name = DisplayName::from_email(&email);
        let person = Profile { email: email.clone(), display_name };
        let wanted = (account, UserVerification::Required);
        let passkey = self.offer_passkey(wanted, &person, now).await?;
        Ok(Welcome { email, role, passkey })
    }

    /// Whom a link is for, if it may be followed from here and now.
    fn newcomer(
        &self,
        visitor: &Visitor,
        followed: &Followed,
        now: Timestamp,
    ) -> Result<(EmailAddress, Role)> {
        let (token, grant) = followed.link();
        let device = self.device(visitor).map(|cookie| cookie.device());
        let mode = self.0.registration;
        mode.admits(grant.purpose)
            .and_then(|()| grant.admits(grant.purpose, token, device, now))
            .map_err(|error| self.link_refused(visitor, now, error))?;
        match &grant.holder {
            Holder::Address { email, role } => Ok((email.clone(), *role)),
            _ => Err(self.no_link(visitor, now)),
        }
    }

    /// Makes the account and opens its first session in one act; the link is used up with it.
    pub async fn register(
        &self,
        visitor: &Visitor,
        token: &str,
        display_name: Option<&str>,
        first: First,
    ) -> Result<Opened> {
        let now = now();
        self.worked(visitor, now).await?;
        let followed = self.followed(visitor, &LEADING, token, now).await?;
        let (email, _) = self.newcomer(visitor, &followed, now)?;
        let display_name: DisplayName = match display_name {
            Some(name) if !name.trim().is_empty() => name.parse()?,
            _ => DisplayName::from_email(&email),
        };
        let person = Profile { email, display_name: display_name.clone() };
        let checked = self.first(visitor, person, first, now).await?;
        let new = self.new_member(visitor, followed, (display_name, checked), now).await?;
        self.admit_newcomer(visitor, new, now).await
    }

    /// Looks at what the account is to be entered with.
    async fn first(
        &self,
        visitor: &Visitor,
        person: Profile,
        first: First,
        now: Timestamp,
    ) -> Result<Checked> {
        match first {
            First::Password(password) => {
                let new = self.new_password(password, person, Factors::PasswordOnly).await?;
                Ok(Checked::Password(new))
            }
            First::Passkey(made) => {
                let challenge = self.live().passkeys.close(&made.ticket, now);
                let challenge =
                    challenge.map_err(|error| self.link_refused(visitor, now, error))?;
                let answer = Attestation { client_data: &made.client_data, object: &made.object };
                let registered = challenge.register(&self.site()?, &answer, made.label, now);
                let (passkey, shown) = registered.map_err(|fault: PasskeyFault| {
                    self.link_refused(visitor, now, Refused::Passkey(fault))
                })?;
                Ok(Checked::Passkey(Box::new(passkey), shown))
            }
        }
    }

    async fn new_member(
        &self,
        visitor: &Visitor,
        followed: Followed,
        (display_name, checked): (DisplayName, Checked),
        now: Timestamp,
    ) -> Result<(NewMember, FactorProof)> {
        let mut entropy = SystemEntropy::new();
        // An invitation is followed in any browser, one that was never here too.
        let device = self.device(visitor);
        let device = device.unwrap_or_else(|| DeviceCookie::new(now, &mut entropy)).device();
        let (passwords, mode) = (Arc::clone(&self.0.passwords), self.0.registration);
        let work = move || {
            let credential = match &checked {
                Checked::Password(password) => FirstCredential::Password(password, &passwords),
                Checked::Passkey(passkey, shown) => FirstCredential::Passkey(passkey, *shown),
            };
            let form =
                RegistrationForm { token: &followed.token, display_name, credential, device };
            NewMember::register(form, &followed.grant, mode, now, &mut entropy)
        };
        let new = self.0.pool.run(work).await?;
        new.map_err(|error| self.link_refused(visitor, now, error))
    }

    /// Stores the account under a data key of its own, and lets its owner in.
    async fn admit_newcomer(
        &self,
        visitor: &Visitor,
        (new, proof): (NewMember, FactorProof),
        now: Timestamp,
    ) -> Result<Opened> {
        let mut entropy = SystemEntropy::new();
        let (id, house) = (new.account.id, &self.0.vault);
        let key = DataKey::generate(&mut entropy);
        let own = house.of_account(&key);
        let account = &new.account;
        let profile =
            Profile { email: account.email.clone(), display_name: account.display_name.clone() };
        let profile = own.seal_profile(id, &profile, &mut entropy);
        let data_key = house.seal_data_key(id, &key, &mut entropy);
        let sealed = Sealed { profile: &profile, data_key: &data_key };
        let passkey = new.passkey.clone().map(|key| own.seal_passkey(key, &mut entropy));
        let seed = MemberSeed::registered(&new, passkey.as_ref(), sealed);
        let plan = Plan::of(Actor::Account(id)).asked_by(visitor).part(Part::Member(&seed));
        let opened = self.open_with(visitor, (proof, &own), plan).await;
        opened.map_err(|error: Error| self.overtaken(visitor, now, error))
    }
}

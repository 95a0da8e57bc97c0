//! A person's own account: what it is, its name and its password.

use super::{Accounts, Actor, Error, Known, Plan, ProofForm, Result, Visitor, now, pool::Queue};
use identity::{AccountState, Authenticated, DisplayName, Passkey, Profile, Role};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::Arc;

/// An account as its owner sees it.
#[derive(Debug)]
pub struct OwnAccount {
    /// Name and address.
    pub profile: Profile,
    /// What they may do.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it has a password.
    pub has_password: bool,
    /// Since when it has an authenticator.
    pub totp: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery: u8,
    /// Its passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// When it will be erased, if that was asked for.
    pub erasure: Option<Timestamp>,
}

impl Accounts {
    /// What is known of whoever is signed in.
    pub(super) async fn own(&self, by: &Authenticated) -> Result<Known> {
        let known = self.known(by.tenant().account()).await?;
        known.ok_or(Error::NotFound { what: "account" })
    }

    /// The account of whoever is signed in.
    pub async fn own_account(&self, by: &Authenticated) -> Result<OwnAccount> {
        let known = self.own(by).await?;
        let store = self.0.desk.store();
        let stored = store.factors(known.member.state.account).await?;
        let passkeys = stored.map(|stored| stored.passkeys).unwrap_or_default();
        let passkeys = passkeys.iter().map(|key| known.vault.open_passkey(key));
        let passkeys = passkeys.collect::<Result<_, identity::Error>>()?;
        Ok(OwnAccount {
            role: known.member.state.role,
            created: known.row.created,
            has_password: known.member.holdings.password,
            totp: store.totp_since(&by.tenant()).await?,
            recovery: known.member.holdings.recovery,
            passkeys,
            erasure: known.row.erasure.map(|erasure| erasure.due),
            profile: known.profile,
        })
    }

    /// Changes how somebody wants to be called.
    pub async fn rename(&self, by: &Authenticated, name: DisplayName) -> Result<()> {
        let known = self.own(by).await?;
        let change = known.member.rename(name)?;
        let plan = Plan::of(Actor::Account(known.member.state.account)).change(&known, change);
        self.keep(plan, now()).await?;
        Ok(())
    }

    /// Changes a password, or gives one to an account that has none. All other sessions end; this one
    /// goes on under the access token that comes back.
    pub async fn change_password(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        password: Secret<String>,
        form: ProofForm,
    ) -> Result<Secret<String>> {
        let known = self.own(by).await?;
        let factors = known.member.holdings.factors();
        // What is wrong with the new one is said before the proof is asked for.
        let new = self.new_password(password, known.profile.clone(), factors).await?;
        let proof = self.prove(visitor, &known, form).await?;
        let now = now();
        let (member, session) = (known.member.clone(), by.session().id);
        let passwords = Arc::clone(&self.0.passwords);
        let change = move || {
            let entropy = &mut SystemEntropy::new();
            member.change_password(&proof, (&new, &passwords), (session, now), entropy)
        };
        let change = self.0.pool.run_for(Queue::Known, change).await??;
        self.keep_own(visitor, by, (&known, change), now).await
    }

    /// Keeps a change that its owner made; the access token with which the session goes on.
    pub(super) async fn keep_own(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        (known, change): (&Known, identity::Change),
        now: Timestamp,
    ) -> Result<Secret<String>> {
        let after: AccountState = change.after;
        let plan = Plan::of(Actor::Account(after.account)).asked_by(visitor).change(known, change);
        self.keep(plan, now).await?;
        Ok(self.reissue(by.session(), &after, now))
    }
}

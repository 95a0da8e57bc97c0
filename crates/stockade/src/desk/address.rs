//! Another address, and another browser: each by a link that was mailed.

use super::{Accounts, Actor, Error, Known, Plan, ProofForm, Result, Visitor, now};
use identity::{Authenticated, Change, EmailAddress, Purpose};
use jiff::Timestamp;
use kms::SystemEntropy;

impl Accounts {
    /// Asks for another address, with proof of all factors: a link to confirm goes to the new one,
    /// one to stop it to the old one.
    pub async fn ask_address(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        email: &str,
        proof: ProofForm,
    ) -> Result<()> {
        let email: EmailAddress = email.parse()?;
        let account = by.tenant().account();
        let known = self.known(account).await?.ok_or(Error::NotFound { what: "account" })?;
        let proof = self.prove(visitor, &known, proof).await?;
        let now = now();
        let index = self.0.vault.index(&email);
        // Nobody's mailbox is flooded, by whoever has an account neither.
        self.admitted(visitor.source(), now, |live| live.throttle.admit_mail(index, now)).await?;
        let change = known.member.ask_address(&proof, email, now, &mut SystemEntropy::new())?;
        let plan = Plan::of(Actor::Account(account)).asked_by(visitor).change(&known, change);
        self.keep(plan, now).await?;
        Ok(())
    }

    /// Changes the address by the link that went to the new one. Every session ends.
    pub async fn confirm_address(&self, visitor: &Visitor, token: &str) -> Result<()> {
        let now = now();
        let (followed, known) =
            self.followed_by(visitor, Purpose::AddressConfirm, token, now).await?;
        let change = known.member.confirm_address(followed.link(), now);
        self.by_link(visitor, &known, change, now).await
    }

    /// Stops a change of address by the link that went to the old one. Every session ends.
    pub async fn stop_address(&self, visitor: &Visitor, token: &str) -> Result<()> {
        let now = now();
        let (followed, known) = self.followed_by(visitor, Purpose::AddressStop, token, now).await?;
        let change = known.member.stop_address(followed.link(), now);
        self.by_link(visitor, &known, change, now).await
    }

    /// Makes the browser that asked for the link a known one. It signs nobody in.
    pub async fn vouch_device(&self, visitor: &Visitor, token: &str) -> Result<()> {
        let now = now();
        let (followed, known) = self.followed_by(visitor, Purpose::Device, token, now).await?;
        let device = self.browser(visitor, now)?;
        let change = known.member.vouch_device(followed.link(), device, now);
        self.by_link(visitor, &known, change, now).await
    }

    /// Keeps the change that a link admitted; the link is used up with it.
    pub(super) async fn by_link(
        &self,
        visitor: &Visitor,
        known: &Known,
        change: Result<Change, identity::Error>,
        now: Timestamp,
    ) -> Result<()> {
        let change = change.map_err(|error| self.link_refused(visitor, now, error))?;
        let actor = Actor::Account(known.member.state.account);
        let plan = Plan::of(actor).asked_by(visitor).change(known, change);
        self.keep(plan, now).await.map_err(|error| self.overtaken(visitor, now, error))?;
        Ok(())
    }
}

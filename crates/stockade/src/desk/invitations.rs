//! Invitations: who was asked in, by whom, into which role, and taking that back.

use super::{Accounts, Actor, Error, Result, keeping::Plan, now};
use identity::{
    AccountId, Authenticated, EmailAddress, Holder, Invitation, Profile, RegistrationMode, Role,
    TokenHash,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use std::collections::BTreeMap;
use store::Part;

/// Invitations that are out at a time.
const OUT_MAX: usize = 500;

/// An invitation that is out.
#[derive(Debug, Clone)]
pub struct InvitationLine {
    /// Names it; it opens nothing.
    pub hash: TokenHash,
    /// Who was asked; `None` where the address does not open, which the server's log tells.
    pub email: Option<EmailAddress>,
    /// Into which role.
    pub role: Option<Role>,
    /// By whom.
    pub by: AccountId,
    /// When.
    pub issued: Timestamp,
    /// Until when it can be followed.
    pub expires: Timestamp,
}

impl Accounts {
    /// The invitations that are out, the newest first, and what those are called who sent them.
    pub async fn invitations(&self) -> Result<(Vec<InvitationLine>, BTreeMap<AccountId, Profile>)> {
        let rows = self.0.desk.store().invitations(now()).await?;
        let line = |row: store::InvitationRow| {
            let opened = self.0.vault.open_grant(&row.link).map(|grant| grant.holder);
            let (email, role) = match opened {
                Ok(Holder::Address { email, role }) => (Some(email), Some(role)),
                Ok(_) => (None, None),
                Err(error) => {
                    tracing::error!(%error, "an invitation does not open");
                    (None, None)
                }
            };
            let (by, issued, expires) = (row.by, row.issued, row.link.expires);
            InvitationLine { hash: row.link.hash, email, role, by, issued, expires }
        };
        let lines: Vec<InvitationLine> = rows.into_iter().map(line).collect();
        let names = self.names(lines.iter().map(|line| line.by)).await?;
        Ok((lines, names))
    }

    /// Invites an address into a role that decides nothing about others; the newest invitation of
    /// an address replaces the one before.
    pub async fn invite(&self, by: &Authenticated, email: EmailAddress, role: Role) -> Result<()> {
        let (now, mut entropy) = (now(), SystemEntropy::new());
        let invitation = Invitation::issue(by, email.clone(), role, now, &mut entropy)?;
        if self.registration() == RegistrationMode::Closed {
            return Err(identity::Error::Closed.into());
        }
        if self.known_by(&email).await?.is_some() {
            return Err(Error::HasAccount);
        }
        if self.0.desk.store().invitations(now).await?.len() >= OUT_MAX {
            return Err(Error::Limit { what: "invitations that are out", limit: OUT_MAX });
        }
        let Invitation { grant, mail, event } = invitation;
        let sealed = self.0.vault.seal_grant(&grant, &mut entropy);
        let who = by.session().account;
        let plan = Plan::of(Actor::Account(who))
            .part(Part::Invitation(&sealed, who))
            .events([event])
            .mail(mail);
        self.keep(plan, now).await?;
        Ok(())
    }

    /// Takes an invitation back: its link leads nowhere from then on.
    pub async fn withdraw(&self, by: &Authenticated, hash: TokenHash) -> Result<()> {
        let now = now();
        let none = || Error::NotFound { what: "invitation" };
        let link = self.0.desk.store().link(&hash).await?.ok_or_else(none)?;
        let grant = self.0.vault.open_grant(&link);
        let event = grant.and_then(|grant| Invitation::withdraw(&grant, by, now));
        let event = event.map_err(|error| match error {
            // Somebody's link of another purpose: not there, as far as this route goes.
            identity::Error::Ticket | identity::Error::Sealed(_) => none(),
            other => other.into(),
        })?;
        let actor = Actor::Account(by.session().account);
        let plan = Plan::of(actor).part(Part::Withdrawal(hash)).events([event]);
        match self.keep(plan, now).await {
            // Followed or withdrawn in between.
            Err(Error::Identity(identity::Error::Ticket)) => Err(none()),
            other => other.map(drop),
        }
    }
}

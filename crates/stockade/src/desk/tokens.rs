//! API tokens of one's own: made, listed, revoked, and let in.

use super::{Accounts, Actor, Error, Plan, Result, Visitor, now};
use identity::{
    ApiSecret, Authenticated, Credential, Delegate, DisplayName, Letter, Mail, Order, Permission,
    Proof, Recipient, Scope, Stage, Tenant,
};
use jiff::{SignedDuration, Timestamp};
use kms::SystemEntropy;
use seal::Secret;
use std::time::Duration;
use store::Part;
use uuid::Uuid;

/// So long before its end the owner of a token hears of it, as [`Credential::is_ending`] has it.
const REMINDER: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How often a stream that a token opened looks whether the token still is, beside every change
/// that this server hears of.
const LOOK: Duration = Duration::from_secs(1);

/// A wish for a token.
#[derive(Debug, Clone)]
pub struct TokenWish {
    /// What its owner calls it.
    pub label: DisplayName,
    /// What it may do.
    pub scope: Vec<Permission>,
    /// For how many days.
    pub days: u16,
}

impl Accounts {
    /// Makes a token; its text is shown once.
    pub async fn make_token(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        wish: TokenWish,
    ) -> Result<(Secret<String>, Credential)> {
        let now = now();
        let order = Order {
            label: wish.label,
            scope: Scope::new(wish.scope)?,
            lifetime: SignedDuration::from_hours(24 * i64::from(wish.days)),
        };
        let (secret, row, event) = order.token(by, now, &mut SystemEntropy::new())?;
        let plan = Plan::of(Actor::Account(row.account)).asked_by(visitor);
        self.keep(plan.part(Part::Credential(&row)).events([event]), now).await?;
        Ok((Secret::new(secret.expose().to_owned()), row))
    }

    /// A person's tokens and bots, the oldest first; never their secrets.
    pub async fn tokens(&self, tenant: &Tenant) -> Result<Vec<Credential>> {
        Ok(self.0.desk.store().own_credentials(tenant).await?)
    }

    /// Revokes a token or a bot of a person's: its next request is refused, its streams end.
    pub async fn revoke_token(&self, tenant: &Tenant, id: Uuid) -> Result<()> {
        let gone = || Error::NotFound { what: "token" };
        let found = self.tokens(tenant).await?.into_iter().find(|one| one.id == id);
        let token = found.ok_or_else(gone)?;
        let plan = Plan::of(Actor::Account(tenant.account()));
        let plan = plan.part(Part::Revocation(&token)).events([token.revoke()]);
        match self.keep(plan, now()).await {
            Ok(_) => Ok(()),
            Err(Error::Overtaken { .. }) => Err(gone()),
            Err(error) => Err(error),
        }
    }

    /// Lets a token in. Unknown, expired, revoked, and of a disabled account are one refusal.
    pub async fn delegate(&self, visitor: &Visitor, text: &str) -> Result<Delegate> {
        let now = now();
        let refused = |error| self.refuse(visitor.source(), Stage::Token, now, error);
        let secret: ApiSecret = text.parse().map_err(refused)?;
        let store = self.0.desk.store();
        let found = store.credential(&Proof::Token(secret.hash())).await?;
        let (token, state) = found.ok_or_else(|| refused(identity::Error::Forged))?;
        let delegate = token.admit(&secret, &state, now).map_err(refused)?;
        if let Some(at) = token.used_now(now)
            && let Err(error) = store.note_use(&token, at).await
        {
            // The note is a courtesy; what the token may do it may do without.
            tracing::warn!(%error, "the last use of a token could not be noted");
        }
        Ok(delegate)
    }

    /// Returns when a token is no good any more: revoked, expired, or its account shut out.
    pub async fn token_ended(&self, tenant: &Tenant, id: Uuid) {
        let mut ends = self.0.ends.subscribe();
        loop {
            let tokens = self.tokens(tenant).await.unwrap_or_default();
            let live = tokens.iter().any(|token| token.id == id && now() < token.expires);
            let account = self.0.desk.store().account(tenant).await.ok().flatten();
            let active =
                account.is_some_and(|row| row.state.standing == identity::Standing::Active);
            if !(live && active) {
                return;
            }
            // An error means that the server stops.
            if matches!(tokio::time::timeout(LOOK, ends.changed()).await, Ok(Err(_))) {
                return;
            }
        }
    }

    /// Tells the owners of tokens that end within a week, each once; how many.
    pub async fn remind_of_tokens(&self, now: Timestamp) -> Result<usize> {
        let store = self.0.desk.store();
        let until = now.saturating_add(REMINDER).unwrap_or(Timestamp::MAX);
        let mut told = 0;
        for token in store.ending_tokens(now, until).await? {
            if !token.is_ending(now) {
                continue;
            }
            let letter = Letter::TokenExpires(token.expires);
            let mail = Mail { to: Recipient::Account(token.account), letter };
            let plan = Plan::of(Actor::Server).mail(mail);
            let letters = self.letters_of(&plan, now).await?;
            if store.note_reminder(&token, &letters, now).await? {
                self.posted(&letters);
                told += 1;
            }
        }
        Ok(told)
    }
}

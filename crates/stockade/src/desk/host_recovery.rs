//! The operator's way back in: a link printed on the host, then a new password and a new factor.

use super::{Accounts, Actor, Error, FactorMade, FreshFactor, Plan, Result, Visitor, now};
use identity::{EmailAddress, Factors, HostRecovery, Purpose, RecoveryCode};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// A recovery link's value. It travels to the command line over the machine's own socket.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryLink {
    /// It stands behind `#`: a way into the account.
    pub token: String,
    /// Until when it is good.
    pub expires: Timestamp,
}

impl fmt::Debug for RecoveryLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryLink(.., until {})", self.expires)
    }
}

impl Accounts {
    /// Makes a recovery link for an account, a disabled one too. The log holds it, and everyone who
    /// runs the server gets a letter.
    pub async fn issue_recovery(&self, email: &str) -> Result<RecoveryLink> {
        let email: EmailAddress = email.parse()?;
        let now = now();
        let known = self.known_by(&email).await?.ok_or(Error::NotFound { what: "account" })?;
        let (token, change) = HostRecovery::issue(&known.member, now, &mut SystemEntropy::new());
        let plan = Plan::of(Actor::Host).change(&known, change);
        self.keep(plan, now).await?;
        let expires = now.saturating_add(Purpose::Recover.lifetime()).unwrap_or(Timestamp::MAX);
        Ok(RecoveryLink { token: token.text().expose().clone(), expires })
    }

    /// Begins the new second factor of a recovery; its link is not used up.
    pub async fn begin_recovery(&self, visitor: &Visitor, token: &str) -> Result<FreshFactor> {
        let now = now();
        let (followed, known) = self.followed_by(visitor, Purpose::Recover, token, now).await?;
        let grant = &followed.grant;
        grant
            .admits(Purpose::Recover, &followed.token, None, now)
            .and_then(|()| grant.concerns(&known.member.state))
            .map_err(|error| self.link_refused(visitor, now, error))?;
        self.begin_factor(&known).await
    }

    /// Sets a new password and a new second factor in place of all old ones; the account is active
    /// again, and nobody is signed in. Fresh recovery codes.
    pub async fn finish_recovery(
        &self,
        visitor: &Visitor,
        token: &str,
        password: Secret<String>,
        made: FactorMade,
    ) -> Result<Vec<Secret<String>>> {
        let now = now();
        let (followed, known) = self.followed_by(visitor, Purpose::Recover, token, now).await?;
        let fresh = self.find_factor(visitor, &known, made, now)?;
        let factors = Factors::WithSecond;
        let new = self.new_password(password, known.profile.clone(), factors).await?;
        let passwords = Arc::clone(&self.0.passwords);
        let member = known.member.clone();
        let work = move || {
            let (new, by) = ((&new, fresh.factor()), (&*passwords, now));
            HostRecovery::finish(followed.link(), &member, new, by, &mut SystemEntropy::new())
        };
        let enrolled = self.0.pool.run(work).await?;
        let enrolled = enrolled.map_err(|error| self.link_refused(visitor, now, error))?;
        self.by_link(visitor, &known, Ok(enrolled.change), now).await?;
        Ok(enrolled.codes.iter().map(RecoveryCode::text).collect())
    }
}

//! Links that were mailed, as they are followed: a value that works once, looked up by its hash.

use super::{Accounts, Error, Known, Result, Visitor};
use identity::{
    DeviceId, Error as Refused, Grant, Holder, OneTimeToken, Purpose, SealedHolder, Stage,
};
use jiff::Timestamp;

/// A link that somebody follows. It is not judged yet, and nothing of it is used up.
pub(super) struct Followed {
    pub token: OneTimeToken,
    pub grant: Grant,
}

impl Followed {
    /// As identity takes it.
    pub(super) const fn link(&self) -> (&OneTimeToken, &Grant) {
        (&self.token, &self.grant)
    }
}

impl Accounts {
    /// Looks up a link of one of these purposes. Whatever is wrong with it reads the same.
    pub(super) async fn followed(
        &self,
        visitor: &Visitor,
        purposes: &[Purpose],
        text: &str,
        now: Timestamp,
    ) -> Result<Followed> {
        let source = visitor.source();
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        let Ok(token) = text.parse::<OneTimeToken>() else {
            return Err(self.no_link(visitor, now));
        };
        for purpose in purposes {
            let Some(sealed) = self.0.desk.store().link(&token.hash(*purpose)).await? else {
                continue;
            };
            let grant = match sealed.holder {
                SealedHolder::Account(account, _) | SealedHolder::NewAddress(account, ..) => {
                    self.vault_of(account).await?.open_grant(&sealed)?
                }
                SealedHolder::Address(..) => self.0.vault.open_grant(&sealed)?,
            };
            return Ok(Followed { token, grant });
        }
        Err(self.no_link(visitor, now))
    }

    /// Looks up a link of an account, and the account.
    pub(super) async fn followed_by(
        &self,
        visitor: &Visitor,
        purpose: Purpose,
        text: &str,
        now: Timestamp,
    ) -> Result<(Followed, Known)> {
        let followed = self.followed(visitor, &[purpose], text, now).await?;
        let (Holder::Account { account, .. } | Holder::NewAddress { account, .. }) =
            followed.grant.holder
        else {
            return Err(self.no_link(visitor, now));
        };
        let known = self.known(account).await?;
        Ok((followed, known.ok_or_else(|| self.no_link(visitor, now))?))
    }

    /// The browser that a visitor comes with, as links know it.
    pub(super) fn browser(&self, visitor: &Visitor, now: Timestamp) -> Result<DeviceId> {
        let cookie = self.device(visitor).ok_or_else(|| self.no_link(visitor, now))?;
        Ok(cookie.device())
    }

    /// The link is not good: counted, and said in the same words for every cause.
    pub(super) fn no_link(&self, visitor: &Visitor, now: Timestamp) -> Error {
        self.refuse(visitor.source(), Stage::Link, now, Refused::Ticket)
    }

    /// What identity refused of a link, counted.
    pub(super) fn link_refused(&self, visitor: &Visitor, now: Timestamp, error: Refused) -> Error {
        let stage = match error {
            Refused::Code | Refused::Passkey(_) => Stage::Factor,
            Refused::Ticket => Stage::Link,
            // A rule, or a password that is too weak: nobody guesses there.
            _ => return error.into(),
        };
        self.refuse(visitor.source(), stage, now, error)
    }

    /// What was overtaken when it was to be kept: the link is used up, or not good for the account
    /// as it is now; or the factor's code is used up.
    pub(super) fn overtaken(&self, visitor: &Visitor, now: Timestamp, error: Error) -> Error {
        match error {
            Error::Overtaken { .. } => self.no_link(visitor, now),
            Error::Identity(error) => self.link_refused(visitor, now, error),
            other => other,
        }
    }
}

//! An account's end: asked for, stopped, carried out with all that belongs to it.

use super::{Accounts, Actor, Error, Plan, ProofForm, Result, Visitor, now};
use identity::{Authenticated, Erasure, Error as Refused, OneTimeToken, Purpose, Stage};
use jiff::{SignedDuration, Timestamp};
use kms::SystemEntropy;
use std::{io::ErrorKind, sync::atomic::Ordering};

/// A copy of the database from before a migration stays so long, as a set of wrapped keys does.
const COPIES_KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);

impl Accounts {
    /// Asks for one's own account to be erased; from when on it will be.
    pub async fn ask_erasure(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        form: ProofForm,
    ) -> Result<Timestamp> {
        let known = self.own(by).await?;
        let council = self.0.desk.store().council().await?;
        let proof = self.prove(visitor, &known, form).await?;
        let now = now();
        let entropy = &mut SystemEntropy::new();
        let change = known.member.ask_erasure(&proof, &council, now, entropy)?;
        self.keep_own(visitor, by, (&known, change), now).await?;
        let due = self.own(by).await?.row.erasure.map(|erasure| erasure.due);
        due.ok_or(Error::NotFound { what: "erasure" })
    }

    /// Stops it from a session of the account.
    pub async fn stop_erasure(&self, visitor: &Visitor, by: &Authenticated) -> Result<()> {
        let known = self.own(by).await?;
        let erasure = known.row.erasure.ok_or(Error::NotFound { what: "erasure" })?;
        let change = erasure.stop(by, &known.member)?;
        self.keep_own(visitor, by, (&known, change), now()).await?;
        Ok(())
    }

    /// Stops it by the link of the letter; whatever is wrong with the link reads the same.
    pub async fn stop_erasure_by_link(&self, visitor: &Visitor, token: &str) -> Result<()> {
        let now = now();
        let source = visitor.source();
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        let refused = |error| self.refuse(source, Stage::Link, now, error);
        let token: OneTimeToken = token.parse().map_err(|_| refused(Refused::Ticket))?;
        let link = self.0.desk.store().link(&token.hash(Purpose::EraseStop)).await?;
        let link = link.ok_or_else(|| refused(Refused::Ticket))?;
        let account = match &link.holder {
            identity::SealedHolder::Account(account, _) => *account,
            _ => return Err(refused(Refused::Ticket)),
        };
        let known = self.known(account).await?.ok_or_else(|| refused(Refused::Ticket))?;
        let grant = known.vault.open_grant(&link)?;
        let erasure = known.row.erasure.ok_or_else(|| refused(Refused::Ticket))?;
        let change = erasure.stop_by_link((&token, &grant), &known.member, now).map_err(refused)?;
        let plan = Plan::of(Actor::Account(account)).asked_by(visitor).change(&known, change);
        self.keep(plan, now).await?;
        Ok(())
    }

    /// Carries out the erasures that are due; how many. One that the rules forbid by now (its account
    /// became the last owner) waits, and the others go on.
    pub async fn carry_erasures(&self, now: Timestamp) -> Result<usize> {
        let mut done = 0;
        for erasure in self.0.desk.store().due_erasures(now).await? {
            match self.carry_erasure(&erasure, now).await {
                Ok(()) => {
                    done += 1;
                    self.0.desk.uncleared().store(true, Ordering::Relaxed);
                }
                Err(error @ (Error::Overtaken { .. } | Error::Identity(_))) => {
                    tracing::warn!(account = %erasure.account, %error, "an erasure waits");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Clears what the database's own journal has of keys that were erased, and removes copies of the database
    /// that are too old to have any.
    pub(super) async fn clear_erased(&self, now: Timestamp) -> Result<()> {
        let desk = &self.0.desk;
        if desk.uncleared().swap(false, Ordering::Relaxed) {
            let cleared = desk.store().clear_write_ahead().await;
            if !matches!(cleared, Ok(true)) {
                // Somebody who reads is in the way: again in the next turn.
                desk.uncleared().store(true, Ordering::Relaxed);
            }
            cleared?;
        }
        let database = desk.database().clone();
        let before = now.saturating_sub(COPIES_KEPT).unwrap_or(Timestamp::MIN);
        let removing = move || store::remove_old_copies(&database, before);
        let removed = tokio::task::spawn_blocking(removing).await?;
        let removed = removed.map_err(|source| Error::File {
            doing: "remove old copies of the database in",
            path: desk.paths().database(),
            source,
        })?;
        if removed > 0 {
            tracing::info!(removed, "removed copies of the database from before a migration");
        }
        Ok(())
    }

    /// Carries one out: rows and key in one act, then what lies in files.
    async fn carry_erasure(&self, erasure: &Erasure, now: Timestamp) -> Result<()> {
        let Some(known) = self.known(erasure.account).await? else { return Ok(()) };
        let council = self.0.desk.store().council().await?;
        let change = erasure.carry(&known.member, &council, now)?;
        self.keep(Plan::of(Actor::Server).change(&known, change), now).await?;
        let results = self.0.desk.paths().tenant(erasure.account);
        let removed = tokio::task::spawn_blocking(move || {
            std::fs::remove_dir_all(&results).map_err(|source| (results, source))
        });
        match removed.await? {
            Err((path, source)) if source.kind() != ErrorKind::NotFound => {
                Err(Error::File { doing: "remove", path, source })
            }
            _ => Ok(()),
        }
    }
}

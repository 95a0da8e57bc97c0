//! Other servers on the same database: what they change is heard, and what may not have been heard
//! is read. So a session that ends on one server is over on all of them within a second.

use super::{
    Accounts, Result, now,
    ranked::{Rank, Ranked},
};
use identity::{
    Authenticated, Budget, EndReason, Error as Refused, Limits, Lookup, Registry, Tenant, Throttle,
    VerifiedToken,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use store::{Change, Heard, Take};
use tokio_util::sync::CancellationToken;

/// What is in memory is good for so long after everything was heard.
const LEASE: Duration = Duration::from_secs(1);
/// Between two tries to listen.
const AGAIN: Duration = Duration::from_millis(200);
/// What sessions and accounts are kept in memory at most.
pub(super) const REMEMBERED_MAX: usize = 10_000;

/// Until when memory may be trusted.
#[derive(Debug)]
pub(super) enum Peers {
    /// There is no other server: what this one knows is all there is.
    Alone,
    /// There may be others; everything up to this moment was heard.
    Heard(Mutex<Option<Instant>>),
}

impl Peers {
    /// For a database of this kind.
    pub(super) fn of(store: &store::Store) -> Self {
        if store.is_shared() { Self::Heard(Mutex::default()) } else { Self::Alone }
    }

    fn is_fresh(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::Heard(until) => {
                let lock = || until.lock().unwrap_or_else(PoisonError::into_inner);
                let until = *Ranked::take(Rank::Peers, lock);
                until.is_some_and(|moment| moment.elapsed() <= LEASE)
            }
        }
    }

    fn heard(&self, moment: Instant) {
        if let Self::Heard(until) = self {
            let lock = || until.lock().unwrap_or_else(PoisonError::into_inner);
            *Ranked::take(Rank::Peers, lock) = Some(moment);
        }
    }
}

/// This server's own buckets; one of several notes what they admit, for the budgets of all.
pub(super) fn throttle(store: &store::Store) -> Throttle {
    let limits = Limits::default();
    if store.is_shared() { Throttle::shared(limits) } else { Throttle::new(limits) }
}

impl Accounts {
    /// Takes what this server's own buckets admitted from the budgets of all servers, each by one
    /// statement of the database: there is no moment in which two servers grant what is one's.
    pub(super) async fn take(
        &self,
        budgets: Vec<Budget>,
        now: Timestamp,
    ) -> Result<Result<(), Refused>> {
        for budget in budgets {
            let Budget { name, holder, every_ms, capacity_ms } = budget;
            let holder = self.0.budget_key.tag(&[name.as_bytes(), holder.as_bytes()]);
            let take = Take { budget: name, holder, every_ms, capacity_ms };
            if let Some(wait_ms) = self.0.desk.store().take(&take, now).await? {
                // Whole seconds, rounded up: the answer is a `Retry-After`.
                let retry_after = SignedDuration::from_secs(wait_ms.saturating_add(999) / 1000);
                return Ok(Err(Refused::Throttled { retry_after }));
            }
        }
        Ok(Ok(()))
    }

    /// Whose session a verified token is of: from memory while that may be trusted, otherwise as
    /// the database has it now. `None` if memory was dropped in between: ask again.
    pub(super) async fn look_up(
        &self,
        token: &VerifiedToken,
        now: Timestamp,
    ) -> Result<Option<Authenticated>> {
        let (found, generation) = {
            let live = self.live();
            let missing = Lookup::Missing(token.claims().session);
            let fresh = self.0.peers.is_fresh();
            let found = if fresh { live.registry.lookup(token, now) } else { missing };
            (found, live.generation)
        };
        let id = match found {
            Lookup::Found(authenticated) => return Ok(Some(authenticated)),
            Lookup::Refused(error) => return Err(error.into()),
            Lookup::Missing(id) => id,
        };
        let row = self.0.desk.store().session(id).await?;
        let row = row.ok_or(Refused::Ended { reason: EndReason::Absolute })?;
        let mut live = self.live();
        if live.generation != generation {
            return Ok(None);
        }
        match live.registry.confirm(token, (row.session, row.state), now) {
            Lookup::Found(authenticated) => Ok(Some(authenticated)),
            Lookup::Refused(error) => Err(error.into()),
            Lookup::Missing(_) => Ok(None),
        }
    }

    /// Listens to other servers until it is told to stop; returns at once where there are none.
    pub async fn follow(self, stop: CancellationToken) {
        if matches!(self.0.peers, Peers::Alone) {
            return;
        }
        while !stop.is_cancelled() {
            let listening = async {
                if let Err(error) = self.listen().await {
                    tracing::warn!(%error, "changes by other servers are read, not heard, for now");
                }
                tokio::time::sleep(AGAIN).await;
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = listening => {}
            }
        }
    }

    /// Until the connection is lost.
    async fn listen(&self) -> Result<()> {
        let Some(mut changes) = self.0.desk.store().changes().await? else { return Ok(()) };
        // What changed before is not heard any more.
        self.forget_all();
        self.0.peers.heard(Instant::now());
        loop {
            let begun = Instant::now();
            match changes.next().await? {
                Heard::Nothing => {}
                Heard::Changed(change) => self.take_in(change).await?,
                Heard::Missed => return Ok(()),
            }
            // Whatever was kept before this turn began has arrived in it.
            self.0.peers.heard(begun);
        }
    }

    /// Drops what is in memory, so that every session is read again.
    pub(super) fn forget_all(&self) {
        let mut live = self.live();
        live.registry = Registry::new(REMEMBERED_MAX);
        live.generation += 1;
        drop(live);
        self.0.ends.send_modify(|count| *count += 1);
    }

    /// Reads what has changed.
    async fn take_in(&self, change: Change) -> Result<()> {
        let store = self.0.desk.store();
        match change {
            Change::Session(id) => {
                let Some(row) = store.session(id).await? else { return Ok(()) };
                let mut live = self.live();
                match row.session.ended {
                    Some(reason) => live.registry.end(id, reason, now()),
                    None => live.registry.insert(row.session, row.state),
                }
            }
            Change::Account(id) => {
                let Some(row) = store.account(&Tenant::host(id)).await? else { return Ok(()) };
                self.live().registry.set_account(row.state);
            }
            Change::Everything => {
                self.forget_all();
                return Ok(());
            }
        }
        self.0.ends.send_modify(|count| *count += 1);
        Ok(())
    }
}

//! The seven-year rule: bodies of the log's entries are pruned when they may go, by the operator on the host.

use super::{Actor, Deed, Error, Home, Lock, Paths, Result, log_keys, now};
use audit::Purge;
use jiff::{Timestamp, civil::Date};
use kms::SystemEntropy;
use store::Store;

/// What a purge took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// Bodies of entries before this time.
    pub before: Timestamp,
    /// How many.
    pub count: u64,
}

/// Prunes the bodies of entries before a day, while no server runs. It is an act with an entry.
///
/// The age of an entry is told by what the log itself confirms of the time where the machine's clock is ahead
/// of that: a clock that jumped makes nothing old.
pub async fn purge(home: &Home, before: Date) -> Result<Purged> {
    let paths = Paths::new(home.root());
    let _lock = Lock::take(&paths, "a purge of its log")?;
    let ledger = log_keys(home).await?;
    let (database, entropy) = (home.database().as_owner(), Box::new(SystemEntropy::new()));
    let store = Store::open(&database, ledger, entropy, now()).await?;
    let confirmed = store.confirmed_time().await?;
    let now = now();
    let purge = Purge::new(before, now.min(confirmed)).map_err(Error::Audit)?;
    let mut act = store.begin().await?;
    let count = act.prune_bodies(&purge).await?;
    let purged = Purged { before: purge.before(), count };
    if count > 0 {
        let deed = Deed::LogPruned { before: purged.before, count };
        act.commit(deed.entry(Actor::Host), now).await?;
    } else {
        // What is open holds its connection, and closing would wait for it for ever.
        drop(act);
    }
    store.close().await;
    Ok(purged)
}

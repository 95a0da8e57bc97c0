//! An act: the only way to write, and it cannot end well without an entry in the log.

use crate::{
    Error,
    error::Place,
    log::{self},
    open::Inner,
};
use audit::Entry;
use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use std::{fmt, ops::Range, sync::Arc};

/// A transaction in progress; every method that writes is one of its own.
///
/// [`Act::commit`] is the only end that keeps anything: dropped, the act leaves no trace.
#[must_use = "an act that is dropped is undone"]
pub struct Act {
    transaction: Transaction<'static, Sqlite>,
    inner: Arc<Inner>,
}

/// What the log says of an act that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The leaves that the act added.
    pub indexes: Range<u64>,
    /// The signed checkpoint that covers them.
    pub checkpoint: String,
}

impl Act {
    pub(crate) fn new(transaction: Transaction<'static, Sqlite>, inner: Arc<Inner>) -> Self {
        Self { transaction, inner }
    }

    /// The connection inside the transaction, and the place to name in errors.
    pub(crate) fn parts(&mut self) -> (&mut SqliteConnection, &Place) {
        (&mut self.transaction, &self.inner.place)
    }

    /// Keeps the act together with its entry.
    pub async fn commit(self, entry: Entry, now: Timestamp) -> Result<Committed, Error> {
        self.commit_all(vec![entry], now).await
    }

    /// Keeps the act together with its entries, of which there must be at least one.
    pub async fn commit_all(
        mut self,
        entries: Vec<Entry>,
        now: Timestamp,
    ) -> Result<Committed, Error> {
        let mut frontier = self.inner.frontier(&mut self.transaction).await?;
        let first = frontier.size();
        let batch = self.inner.with_entropy(|entropy| {
            self.inner.ledger.append(&mut frontier, &entries, now, entropy)
        })?;
        log::write(&mut self.transaction, &self.inner.place, &batch, now).await?;
        let committed = Committed { indexes: first..batch.size, checkpoint: batch.checkpoint };
        self.transaction.commit().await.map_err(|error| self.inner.place.fault(error))?;
        self.inner.remember(committed.checkpoint.clone(), frontier);
        Ok(committed)
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Act(in progress)")
    }
}

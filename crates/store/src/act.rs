//! An act: the only way to write, and it cannot end well without an entry in the log.

use crate::{
    Change, Error,
    error::Place,
    history, log,
    open::Inner,
    scope::Scope,
    sql::{Link, sql},
};
use audit::Entry;
use jiff::Timestamp;
use std::{fmt, ops::Range, sync::Arc, time::Instant};

/// A transaction in progress; every method that writes is one of its own.
///
/// [`Act::commit`] is the only end that keeps anything: dropped, the act leaves no trace.
#[must_use = "an act that is dropped is undone"]
pub struct Act {
    link: Link,
    /// Whose rows the last statement could see; nobody's at first.
    scope: Option<Scope>,
    /// What other servers must hear of once the act is kept.
    changes: Vec<Change>,
    inner: Arc<Inner>,
    begun: Instant,
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
    pub(crate) fn new(link: Link, inner: Arc<Inner>) -> Self {
        Self { link, scope: None, changes: Vec::new(), inner, begun: Instant::now() }
    }

    /// The connection inside the transaction, seeing what the scope may see, and the place to name
    /// in errors.
    pub(crate) async fn parts(
        &mut self,
        scope: impl Into<Scope>,
    ) -> Result<(&mut Link, &Place), Error> {
        let scope = scope.into();
        if self.scope != Some(scope) {
            self.link.enter(scope).await.map_err(|error| self.inner.place.fault(error))?;
            self.scope = Some(scope);
        }
        Ok((&mut self.link, &self.inner.place))
    }

    /// Lets other servers on the same database hear of a change, once the act is kept.
    pub(crate) fn tell(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// The index that the act's first entry will have: no other act can come in between.
    pub async fn first_index(&mut self) -> Result<u64, Error> {
        Ok(self.inner.frontier(&mut self.link).await?.size())
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
        let mut frontier = self.inner.frontier(&mut self.link).await?;
        let first = frontier.size();
        let batch = self.inner.with_entropy(|entropy| {
            self.inner.ledger.append(&mut frontier, &entries, now, entropy)
        })?;
        log::write(&mut self.link, &self.inner.place, &batch, now).await?;
        self.parts(Scope::House).await?;
        let entries = (first..).zip(&entries);
        history::index((&mut self.link, &self.inner.place), entries).await?;
        self.spread().await?;
        let committed = Committed { indexes: first..batch.size, checkpoint: batch.checkpoint };
        self.link.commit(&self.inner.place).await?;
        self.inner.remember(committed.checkpoint.clone(), frontier);
        self.inner.pace.note(self.begun.elapsed());
        Ok(committed)
    }

    /// Keeps what is no act of anybody's: the tries of a letter, the last use of a token, rows that
    /// are over. It makes no leaf.
    pub(crate) async fn keep_unlogged(mut self) -> Result<(), Error> {
        self.spread().await?;
        self.link.commit(&self.inner.place).await?;
        self.inner.pace.note(self.begun.elapsed());
        Ok(())
    }

    /// Hands the changes to PostgreSQL, which delivers them if and when the transaction commits.
    async fn spread(&mut self) -> Result<(), Error> {
        if let Link::Postgres(_) = self.link {
            for change in &self.changes {
                let told = sql("SELECT pg_notify($1, $2)")
                    .bind(crate::changes::CHANNEL)
                    .bind(change.to_string())
                    .execute(&mut self.link);
                told.await.map_err(|error| self.inner.place.fault(error))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Act(in progress)")
    }
}

#[cfg(test)]
mod tests {
    use crate::{Database, Error, Store, scope::Scope, sql::sql};
    use audit::{Entry, Kind, Ledger, Signer};
    use jiff::Timestamp;
    use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
    use std::path::Path;

    async fn open(path: &Path) -> Store {
        let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
        let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
        let entropy = Box::new(SeededEntropy::new(1));
        Store::open(&Database::file(path), ledger, entropy, Timestamp::UNIX_EPOCH)
            .await
            .expect("a new store")
    }

    fn entry(bytes: usize) -> Entry {
        Entry {
            kind: Kind::stated("a.b"),
            actor: "host".to_owned(),
            subject: "s".to_owned(),
            detail: "x".repeat(bytes).into(),
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_loses_only_the_act_it_stopped() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(&directory.path().join("stockade.db")).await;
        let mut act = store.begin().await.expect("an act");
        // SQLite's own way to run out of room.
        let (link, _) = act.parts(Scope::House).await.expect("a connection");
        link.script("PRAGMA max_page_count = 250").await.expect("a pragma");
        drop(act);
        let mut kept = 0;
        let error = loop {
            let act = store.begin().await.expect("an act");
            match act.commit(entry(60_000), Timestamp::UNIX_EPOCH).await {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
            assert!(kept < 100, "250 pages fill up");
        };
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        assert!(kept > 0);
        let summary = store.verify_log(&[]).await.expect("whole");
        assert_eq!(summary.checkpoint.size, kept);
        let act = store.begin().await.expect("an act");
        assert!(
            act.commit(entry(10), Timestamp::UNIX_EPOCH).await.is_ok(),
            "a small one still fits"
        );
    }

    #[tokio::test]
    async fn rows_of_a_dropped_act_are_undone() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(&directory.path().join("stockade.db")).await;
        let mut act = store.begin().await.expect("an act");
        let insert = "INSERT INTO audit_nodes (tree_level, node_index, node_hash) VALUES (1, 0, zeroblob(32))";
        let (link, _) = act.parts(Scope::House).await.expect("a connection");
        sql(insert).execute(link).await.expect("a row");
        drop(act);
        assert!(store.verify_log(&[]).await.is_ok(), "the row is gone");
    }
}

//! The bodies of the log: sampled to show that they are there, and pruned once they may go.

use crate::{
    Act, Error, Store,
    log::{head, leaves},
    scope::Scope,
    sql::sql,
};
use audit::{Purge, kept_until, sample};
use jiff::Timestamp;

/// What a sample of the log's bodies shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampled {
    /// Entries of the log.
    pub size: u64,
    /// When the first of them was made.
    pub earliest: Option<Timestamp>,
    /// Entries that were looked at.
    pub looked: u64,
    /// Bodies that were there, opened, and were what their leaf commits to.
    pub opened: u64,
    /// Bodies that are gone and were old enough.
    pub pruned: u64,
    /// Entries whose body is gone too early.
    pub missing: Vec<u64>,
}

impl Store {
    /// Opens the bodies of so many entries that nobody chose, and of the first.
    pub async fn sample_bodies(&self, count: u32, now: Timestamp) -> Result<Sampled, Error> {
        let mut reading = self.snapshot(Scope::House).await?;
        let head = head(&mut reading, self.place(), self.ledger()).await?.checkpoint;
        let mut places = sample(&head, count);
        if head.size > 0 {
            places.insert(0);
        }
        let mut found = Sampled {
            size: head.size,
            earliest: None,
            looked: 0,
            opened: 0,
            pruned: 0,
            missing: Vec::new(),
        };
        for index in places {
            let row = leaves(&mut reading, self.place(), index, 1).await?.pop();
            let row = row.filter(|row| row.index == index);
            let row = row.ok_or(audit::Error::Gap { expected: index, found: head.size })?;
            found.looked += 1;
            if index == 0 {
                found.earliest = Some(row.leaf.time());
            }
            match self.ledger().open(&row)? {
                Some(_) => found.opened += 1,
                None if kept_until(row.leaf.time()) <= now => found.pruned += 1,
                None => found.missing.push(index),
            }
        }
        Ok(found)
    }
}

impl Act {
    /// Prunes the bodies that a purge may take; how many. Leaves, nodes and checkpoints stay.
    pub async fn prune_bodies(&mut self, purge: &Purge) -> Result<u64, Error> {
        let prune = sql("UPDATE audit_leaves SET sealed_body = NULL
             WHERE time_us < $1 AND sealed_body IS NOT NULL")
        .bind(purge.before().as_microsecond());
        self.run(Scope::House, prune).await
    }
}

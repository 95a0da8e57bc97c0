//! The bodies of the log: sampled to show that they are there, and pruned once they may go.

use crate::{
    Act, Error, Store,
    log::{head, integer, leaves},
    scope::Scope,
    sql::{Link, sql},
};
use audit::{Ages, Purge, sample};
use jiff::Timestamp;

/// Times that are read at once.
const TIMES: u32 = 10_000;

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
        let mut gone = Vec::new();
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
                None => gone.push(index),
            }
        }
        if !gone.is_empty() {
            found.missing = self.gone_early(&mut reading, &gone, now).await?;
            found.pruned = (gone.len() - found.missing.len()) as u64;
        }
        Ok(found)
    }

    /// The time that the log itself confirms, whatever the machine's clock says.
    pub async fn confirmed_time(&self) -> Result<Timestamp, Error> {
        let mut reading = self.snapshot(Scope::House).await?;
        let mut ages = Ages::default();
        self.each_time(&mut reading, |_, time| ages.push(time)).await?;
        Ok(ages.confirmed())
    }

    /// Those of these entries, in their order, that are no seven years old.
    async fn gone_early(
        &self,
        reading: &mut Link,
        gone: &[u64],
        now: Timestamp,
    ) -> Result<Vec<u64>, Error> {
        let (mut ages, mut left) = (Ages::default(), gone.iter().copied().peekable());
        let (mut kept, mut ageless) = (Vec::new(), Vec::new());
        self.each_time(reading, |index, time| {
            ages.push(time);
            ageless.extend(left.next_if_eq(&index));
            if let Some(until) = ages.kept_until() {
                kept.extend(ageless.drain(..).map(|index| (index, until)));
            }
        })
        .await?;
        let now = now.min(ages.confirmed());
        let early = kept.into_iter().filter(|(_, until)| *until > now).map(|(index, _)| index);
        Ok(early.chain(ageless).collect())
    }

    /// The times of all entries in their order, with their indices.
    async fn each_time(
        &self,
        reading: &mut Link,
        mut take: impl FnMut(u64, Timestamp),
    ) -> Result<(), Error> {
        let fault = |error| self.place().fault(error);
        let mut next = 0;
        loop {
            let rows = sql("SELECT leaf_index, time_us FROM audit_leaves
                 WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT $2")
            .bind(integer(next))
            .bind(i64::from(TIMES))
            .fetch_all(reading)
            .await
            .map_err(fault)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let index: i64 = row.try_get(0).map_err(fault)?;
                let time: i64 = row.try_get(1).map_err(fault)?;
                let time = Timestamp::from_microsecond(time);
                let (Ok(index), Ok(time)) = (u64::try_from(index), time) else {
                    let problem = "its index or its time is none";
                    return Err(self.place().damaged("audit_leaves", index, problem));
                };
                take(index, time);
                next = index + 1;
            }
        }
    }
}

impl Act {
    /// Prunes the bodies that a purge may take; how many. Leaves, nodes and checkpoints stay.
    ///
    /// What goes is a beginning of the log. It ends before the first entry that stays, and with one whose
    /// clock was set: what a clock wrote that fell back is no older than its neighbours.
    pub async fn prune_bodies(&mut self, purge: &Purge) -> Result<u64, Error> {
        let prune = sql(
            "UPDATE audit_leaves SET sealed_body = NULL
             WHERE sealed_body IS NOT NULL AND leaf_index <=
                 (SELECT MAX(leaf_index) FROM audit_leaves WHERE time_us >= $2 AND leaf_index <
                     COALESCE((SELECT MIN(leaf_index) FROM audit_leaves WHERE time_us >= $1), $3))",
        )
        .bind(purge.before().as_microsecond())
        .bind(Ages::SET.as_microsecond())
        .bind(i64::MAX);
        self.run(Scope::House, prune).await
    }
}

//! The whole log over again, from its rows: leaves, bodies, nodes and every checkpoint.

use crate::{
    Error, Store,
    log::{PAGE_ROWS_MAX, check_key, integer, leaves},
    scope::Scope,
    sql::{Link, sql},
};
use audit::{Hash, NodeId, Replay, Summary};
use std::collections::BTreeMap;

impl Store {
    /// Derives everything again from the rows and stops at the first that does not fit.
    ///
    /// `seen` are checkpoints kept from earlier, outside the database: a log that was cut back
    /// or rewritten with its own key does not extend them.
    pub async fn verify_log(&self, seen: &[String]) -> Result<Summary, Error> {
        let fault = |error| self.place().fault(error);
        // One transaction: a server that goes on writing does not disturb the picture.
        let mut reading = self.snapshot(Scope::House).await?;
        check_key(&mut reading, self.place(), self.ledger()).await?;
        let head = sql("SELECT note FROM audit_checkpoints ORDER BY tree_size DESC LIMIT 1")
            .fetch_optional(&mut reading)
            .await
            .map_err(fault)?;
        let head: Option<String> = head.map(|row| row.try_get(0)).transpose().map_err(fault)?;
        let own = head.as_deref().map_or(Ok(0), |note| self.size_of(note))?;
        for note in seen {
            let seen = self.size_of(note)?;
            if seen > own {
                return Err(audit::Error::RolledBack { seen, size: own }.into());
            }
        }
        let key = self.ledger().verifier();
        let mut replay = Replay::new(head.iter().chain(seen).map(String::as_str), key)?;
        let mut inner_nodes = 0;
        loop {
            let notes = self.checkpoints(&mut reading, (replay.size(), own)).await?;
            replay.add(notes.iter().map(String::as_str), key)?;
            let rows = leaves(&mut reading, self.place(), replay.size(), PAGE_ROWS_MAX).await?;
            if rows.is_empty() {
                break;
            }
            let mut derived = BTreeMap::new();
            for row in &rows {
                let opening = self.ledger().open(row)?;
                derived.extend(replay.push(row, opening.as_ref())?);
            }
            inner_nodes += derived.len();
            self.compare_nodes(&mut reading, &derived).await?;
        }
        self.count_nodes(&mut reading, inner_nodes).await?;
        Ok(replay.finish()?)
    }

    /// The signed notes of the page of leaves that begins here, without the head's: however many were ever
    /// signed, few are held at once.
    async fn checkpoints(
        &self,
        connection: &mut Link,
        (first, head): (u64, u64),
    ) -> Result<Vec<String>, Error> {
        let fault = |error| self.place().fault(error);
        // What covers just the leaves before came with their page; the empty tree has no page before.
        let above = if first == 0 { -1 } else { integer(first) };
        let rows = sql("SELECT note FROM audit_checkpoints
             WHERE tree_size > $1 AND tree_size <= $2 AND tree_size < $3 ORDER BY tree_size")
        .bind(above)
        .bind(integer(first).saturating_add(i64::from(PAGE_ROWS_MAX)))
        .bind(integer(head))
        .fetch_all(connection)
        .await
        .map_err(fault)?;
        rows.iter().map(|row| row.try_get(0).map_err(fault)).collect()
    }

    fn size_of(&self, note: &str) -> Result<u64, Error> {
        Ok(audit::Checkpoint::verify(note, self.ledger().verifier())?.size)
    }

    /// Whether the stored inner nodes are the derived ones.
    async fn compare_nodes(
        &self,
        connection: &mut Link,
        derived: &BTreeMap<NodeId, Hash>,
    ) -> Result<(), Error> {
        let fault = |error| self.place().fault(error);
        let mut levels: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
        for id in derived.keys() {
            let range = levels.entry(id.level).or_insert((id.index, id.index));
            range.1 = id.index;
        }
        let mut stored = BTreeMap::new();
        for (level, (first, last)) in levels {
            let rows = sql("SELECT node_index, node_hash FROM audit_nodes \
                 WHERE tree_level = $1 AND node_index BETWEEN $2 AND $3")
            .bind(i64::from(level))
            .bind(integer(first))
            .bind(integer(last))
            .fetch_all(connection)
            .await
            .map_err(fault)?;
            for row in rows {
                let index: i64 = row.try_get(0).map_err(fault)?;
                let hash: Vec<u8> = row.try_get(1).map_err(fault)?;
                if let Ok(index) = u64::try_from(index) {
                    stored.insert(NodeId { level, index }, hash);
                }
            }
        }
        for (id, hash) in derived {
            if stored.get(id).map(Vec::as_slice) != Some(hash.as_slice()) {
                return Err(audit::Error::Node { level: id.level, index: id.index }.into());
            }
        }
        Ok(())
    }

    /// Whether there are no inner nodes besides the derived ones.
    async fn count_nodes(&self, connection: &mut Link, derived: usize) -> Result<(), Error> {
        let fault = |error| self.place().fault(error);
        let row =
            sql("SELECT COUNT(*) FROM audit_nodes").fetch_one(connection).await.map_err(fault)?;
        let found: i64 = row.try_get(0).map_err(fault)?;
        if usize::try_from(found) == Ok(derived) {
            Ok(())
        } else {
            let problem = format!("it has {found} rows, the leaves make {derived}");
            Err(self.place().damaged("audit_nodes", "all", problem))
        }
    }
}

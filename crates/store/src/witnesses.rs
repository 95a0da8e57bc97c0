//! The log in tiles, what witnesses said of it, and what this server keeps as a witness of others.

use crate::{
    Error, Store,
    error::Place,
    log::{integer, newest_note},
    scope::Scope,
    sql::{Link, sql},
};
use audit::{Checkpoint, Hash, Seen, TILE_WIDTH, TileId, Verifier, WitnessKey};
use jiff::Timestamp;

/// What a witness last said of this log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// Its key, as `name+id+key`.
    pub witness: String,
    /// The size of the checkpoint that it cosigned.
    pub size: u64,
    /// The checkpoint, as the log signed it.
    pub note: String,
    /// The witness's signature line.
    pub line: String,
    /// When it signed, by its own clock.
    pub time: Timestamp,
}

/// A log that this server is a witness of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The log's key, as `name+id+key`.
    pub log: String,
    /// The last checkpoint that was cosigned.
    pub seen: Seen,
    /// When.
    pub time: Timestamp,
}

/// The checkpoint over a leaf that most witnesses cosigned, the largest of those, with their lines.
pub(crate) async fn witnessed(
    link: &mut Link,
    place: &Place,
    index: u64,
) -> Result<Option<String>, Error> {
    let fault = |error| place.fault(error);
    let rows = sql("SELECT note, line FROM audit_cosignatures WHERE tree_size > $1
         ORDER BY tree_size, witness")
    .bind(integer(index))
    .fetch_all(link)
    .await
    .map_err(fault)?;
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    for row in &rows {
        let (note, word): (String, String) =
            (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
        match notes.last_mut() {
            Some((last, words)) if *last == note => words.push(word),
            _ => notes.push((note, vec![word])),
        }
    }
    // Of equals the last is taken, which is the largest.
    let most = notes.into_iter().max_by_key(|(_, lines)| lines.len());
    Ok(most.map(|(note, lines)| note + &lines.concat()))
}

impl Store {
    /// The hashes of a tile, one after another; [`None`] where the log does not reach so far yet.
    pub async fn log_tile(&self, tile: TileId) -> Result<Option<Vec<u8>>, Error> {
        let fault = |error| self.place().fault(error);
        let first = tile.index.saturating_mul(TILE_WIDTH.into());
        if first > u64::try_from(i64::MAX).unwrap_or(0) {
            return Ok(None);
        }
        let mut reading = self.snapshot(Scope::House).await?;
        let note = newest_note(&mut reading, self.place()).await?;
        if !tile.fits(Checkpoint::verify(&note, self.ledger().verifier())?.size) {
            return Ok(None);
        }
        let rows = if tile.level == 0 {
            sql("SELECT leaf_hash FROM audit_leaves WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT $2")
                .bind(integer(first))
                .bind(i64::from(tile.width))
        } else {
            sql("SELECT node_hash FROM audit_nodes WHERE tree_level = $1 AND node_index >= $2
                 ORDER BY node_index LIMIT $3")
            .bind(i64::from(tile.level) * 8)
            .bind(integer(first))
            .bind(i64::from(tile.width))
        };
        let mut bytes = Vec::with_capacity(usize::from(tile.width) * size_of::<Hash>());
        for row in rows.fetch_all(&mut reading).await.map_err(fault)? {
            let hash: Vec<u8> = row.try_get(0).map_err(fault)?;
            bytes.extend_from_slice(&hash);
        }
        // Hashes that were taken out leave a tile that nobody would believe: better none, and a word.
        audit::read_tile(tile, &bytes)?;
        Ok(Some(bytes))
    }

    /// Nodes that the proof from one size to another wants.
    pub async fn log_extension(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        let ids = audit::nodes_for_consistency(old, new)?;
        let mut reading = self.snapshot(Scope::House).await?;
        let nodes = crate::log::fetch_nodes(&mut reading, self.place(), &ids).await?;
        Ok(audit::consistency_proof(old, new, |id| nodes.get(&id).copied())?)
    }

    /// What each witness last said.
    pub async fn cosignatures(&self) -> Result<Vec<Cosigned>, Error> {
        let fault = |error| self.place().fault(error);
        let mut reading = self.reading(Scope::House).await?;
        let rows = sql("SELECT witness, tree_size, note, line, time_us FROM audit_cosignatures
             ORDER BY tree_size DESC, witness")
        .fetch_all(&mut reading)
        .await
        .map_err(fault)?;
        let cosigned = |row: &crate::sql::Row| {
            let witness: String = row.try_get(0).map_err(fault)?;
            let size: i64 = row.try_get(1).map_err(fault)?;
            let time: i64 = row.try_get(4).map_err(fault)?;
            let damaged = |what| self.place().damaged("audit_cosignatures", &witness, what);
            Ok(Cosigned {
                size: u64::try_from(size).map_err(|_| damaged("its size is below zero"))?,
                note: row.try_get(2).map_err(fault)?,
                line: row.try_get(3).map_err(fault)?,
                time: Timestamp::from_microsecond(time).map_err(|_| damaged("its time is none"))?,
                witness,
            })
        };
        rows.iter().map(cosigned).collect()
    }

    /// Keeps what a witness said, if it says it of this log and of no smaller size than before; whether it did.
    pub async fn cosigned(&self, key: &WitnessKey, note: &str, line: &str) -> Result<bool, Error> {
        let fault = |error| self.place().fault(error);
        let checkpoint = Checkpoint::verify(note, self.ledger().verifier())?;
        let Some(said) = key.verify(&format!("{note}{line}"))? else { return Ok(false) };
        let mut open = self.pools().writing(self.place()).await?;
        let kept =
            sql("INSERT INTO audit_cosignatures AS c (witness, tree_size, note, line, time_us)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (witness) DO UPDATE SET tree_size = $2, note = $3, line = $4, time_us = $5
             WHERE c.tree_size <= $2")
            .bind(key.to_string())
            .bind(integer(checkpoint.size))
            .bind(note)
            .bind(line)
            .bind(said.time.as_microsecond())
            .execute(&mut open)
            .await
            .map_err(fault)?;
        open.commit(self.place()).await?;
        Ok(kept == 1)
    }

    /// What this server last cosigned of a log.
    pub async fn watched(&self, log: &Verifier) -> Result<Option<Watched>, Error> {
        let fault = |error| self.place().fault(error);
        let mut reading = self.reading(Scope::House).await?;
        let row = sql("SELECT note, time_us FROM witnessed_logs WHERE log_key = $1")
            .bind(log.to_string())
            .fetch_optional(&mut reading)
            .await
            .map_err(fault)?;
        let Some(row) = row else { return Ok(None) };
        let (note, time): (String, i64) =
            (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
        let log = log.to_string();
        let checkpoint = Checkpoint::verify(&note, &log.parse()?)?;
        let time = Timestamp::from_microsecond(time)
            .map_err(|error| self.place().damaged("witnessed_logs", &log, error))?;
        Ok(Some(Watched { log, seen: Seen { checkpoint, note }, time }))
    }

    /// Keeps what a log's next checkpoint is, if this server still has the one that it was judged against;
    /// whether it had. Only then may the cosignature leave.
    pub async fn watch(
        &self,
        log: &Verifier,
        before: Option<&Seen>,
        next: &Seen,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let fault = |error| self.place().fault(error);
        let mut link = self.pools().writing(self.place()).await?;
        let (key, size) = (log.to_string(), integer(next.checkpoint.size));
        let statement = match before {
            None => sql("INSERT INTO witnessed_logs (log_key, tree_size, note, time_us)
                 VALUES ($1, $2, $3, $4) ON CONFLICT (log_key) DO NOTHING"),
            Some(_) => sql("UPDATE witnessed_logs SET tree_size = $2, note = $3, time_us = $4
                 WHERE log_key = $1 AND note = $5"),
        };
        let statement =
            statement.bind(key).bind(size).bind(next.note.as_str()).bind(now.as_microsecond());
        let statement = match before {
            None => statement,
            Some(before) => statement.bind(before.note.as_str()),
        };
        let kept = statement.execute(&mut link).await.map_err(fault)?;
        link.commit(self.place()).await?;
        Ok(kept == 1)
    }
}

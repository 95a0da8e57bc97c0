//! The audit log's tables: written by one function, read by page, receipt and export.

use crate::{
    Error, Store,
    error::Place,
    pools::Pools,
    scope::Scope,
    sql::{self, Link, Value, insertion, sql},
    witnesses::witnessed,
};
use audit::{
    Batch, Checkpoint, ExportLine, Frontier, Hash, Kind, Leaf, Ledger, NodeId, Receipt, Record,
    Row, inclusion_proof, nodes_for_inclusion,
};
use identity::AccountId;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The most rows that one page of the log holds.
pub(crate) const PAGE_ROWS_MAX: u32 = 500;
/// Rows that one statement adds: each statement is a trip to another thread, or to a server.
pub(crate) const ROWS_AT_ONCE: usize = 256;
/// How many rows one piece of an export holds.
const EXPORT_ROWS: u32 = 256;

/// Which entries of the log to read, newest first.
#[derive(Debug, Clone, Default)]
pub struct LogPage {
    /// Only entries with an index below this one.
    pub before: Option<u64>,
    /// Only entries of this time or later.
    pub since: Option<Timestamp>,
    /// Only entries before this time.
    pub until: Option<Timestamp>,
    /// Only entries of this kind.
    pub kind: Option<Kind>,
    /// Only what this account did, or what was done to it.
    pub account: Option<AccountId>,
    /// At most so many, and never more than 500; 0 stands for 50.
    pub limit: u32,
}

/// The newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it signs.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
    /// When it was signed.
    pub time: Timestamp,
}

impl LogPage {
    /// How many entries a full page has.
    #[must_use]
    pub const fn rows(&self) -> usize {
        let limit = if self.limit > PAGE_ROWS_MAX { PAGE_ROWS_MAX } else { self.limit };
        if limit == 0 { 50 } else { limit as usize }
    }
}

impl Store {
    /// The key that checks this log, as `name+id+key`.
    #[must_use]
    pub fn log_key(&self) -> String {
        self.ledger().verifier().to_string()
    }

    /// The newest checkpoint.
    pub async fn log_head(&self) -> Result<Head, Error> {
        let mut reading = self.reading(Scope::House).await?;
        head(&mut reading, self.place(), self.ledger()).await
    }

    /// A page of the log, newest first, every body opened and checked against its leaf.
    pub async fn log_page(&self, page: &LogPage) -> Result<Vec<Record>, Error> {
        self.log_page_by(&mut self.reading(Scope::House).await?, page).await
    }

    /// The same over a connection that reads already.
    pub(crate) async fn log_page_by(
        &self,
        reading: &mut Link,
        page: &LogPage,
    ) -> Result<Vec<Record>, Error> {
        let limit = i64::try_from(page.rows()).unwrap_or(i64::from(PAGE_ROWS_MAX));
        let before = page.before.map_or(i64::MAX, |index| i64::try_from(index).unwrap_or(i64::MAX));
        let mut conditions = vec!["leaf_index < $1".to_owned()];
        let mut values: Vec<Value> = vec![before.into()];
        let mut add = |text: &str, value: Value| {
            values.push(value);
            conditions.push(text.replace('?', &format!("${}", values.len())));
        };
        if let Some(kind) = &page.kind {
            add("kind = ?", kind.as_str().into());
        }
        if let Some(since) = page.since {
            add("time_us >= ?", since.as_microsecond().into());
        }
        if let Some(until) = page.until {
            add("time_us < ?", until.as_microsecond().into());
        }
        if let Some(account) = page.account {
            let own = "leaf_index IN (SELECT leaf_index FROM audit_accounts WHERE account_id = ?)";
            add(own, account.to_string().into());
        }
        let conditions = conditions.join(" AND ");
        values.push(limit.into());
        let text = format!(
            "SELECT leaf_index, time_us, kind, commitment, leaf_hash, sealed_body
             FROM audit_leaves WHERE {conditions} ORDER BY leaf_index DESC LIMIT ${}",
            values.len()
        );
        let query = values.into_iter().fold(sql(sqlx::AssertSqlSafe(text)), sql::Statement::bind);
        let rows = query.fetch_all(reading).await.map_err(|e| self.place().fault(e))?;
        rows.iter().map(|raw| Ok(self.ledger().record(&leaf(raw, self.place())?)?)).collect()
    }

    /// The receipt for one entry: leaf, opened body, proof, checkpoint. The checkpoint is the one that
    /// most witnesses cosigned, of those that cover the entry, with their lines; the newest one where no
    /// witness has seen the entry yet.
    pub async fn receipt(&self, index: u64) -> Result<Receipt, Error> {
        // One transaction, so that the checkpoint and the nodes are of one moment.
        let mut reading = self.snapshot(Scope::House).await?;
        let head = head(&mut reading, self.place(), self.ledger()).await?;
        let none = Error::NoSuchLeaf { index, size: head.checkpoint.size };
        if index >= head.checkpoint.size {
            return Err(none);
        }
        let witnessed = witnessed(&mut reading, self.place(), index).await?;
        let checkpoint = witnessed.unwrap_or(head.note);
        let size = Checkpoint::verify(&checkpoint, self.ledger().verifier())?.size;
        let Some(row) = leaves(&mut reading, self.place(), index, 1).await?.pop() else {
            return Err(none);
        };
        if row.index != index {
            return Err(none);
        }
        let ids = nodes_for_inclusion(index, size)?;
        let nodes = fetch_nodes(&mut reading, self.place(), &ids).await?;
        let proof = inclusion_proof(index, size, |id| nodes.get(&id).copied())?;
        let opening = self.ledger().open(&row)?;
        Ok(Receipt { index, leaf: row.leaf, opening, proof, checkpoint })
    }

    /// Begins an export of the whole log as it is now.
    pub async fn export(&self) -> Result<Export, Error> {
        let head = self.log_head().await?;
        Ok(Export { store: self.clone(), head, next: None })
    }
}

/// An export in progress: the log as it was when the export began.
#[derive(Debug)]
pub struct Export {
    store: Store,
    head: Head,
    /// The next leaf; `None` before the head lines.
    next: Option<u64>,
}

impl Export {
    /// The next piece, whole JSON lines; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        let Some(next) = self.next else {
            self.next = Some(0);
            let key = ExportLine::Key { key: self.store.log_key() };
            let checkpoint = ExportLine::Checkpoint { note: self.head.note.clone() };
            return Ok(Some(key.to_text() + &checkpoint.to_text()));
        };
        let left = self.head.checkpoint.size.saturating_sub(next);
        if left == 0 {
            return Ok(None);
        }
        let (store, limit) =
            (&self.store, u32::try_from(left).unwrap_or(u32::MAX).min(EXPORT_ROWS));
        let mut reading = store.reading(Scope::House).await?;
        let rows = leaves(&mut reading, store.place(), next, limit).await?;
        let Some(last) = rows.last() else {
            let size = self.head.checkpoint.size;
            return Err(audit::Error::SizeMismatch { signed: size, found: next }.into());
        };
        self.next = Some(last.index + 1);
        let mut text = String::new();
        for row in &rows {
            text.push_str(&ExportLine::leaf(row, store.ledger())?.to_text());
        }
        Ok(Some(text))
    }
}

/// Founds the log of a new database: its key, and a signed checkpoint of nothing.
pub(crate) async fn found(
    (pools, place): (&Pools, &Place),
    ledger: &Ledger,
    now: Timestamp,
) -> Result<(), Error> {
    let fault = |error| place.fault(error);
    let mut link = pools.writing(place).await?;
    let known = sql("SELECT created_us FROM audit_log WHERE id = 1").fetch_optional(&mut link);
    if known.await.map_err(fault)?.is_none() {
        sql("INSERT INTO audit_log (id, log_key, created_us) VALUES (1, $1, $2)")
            .bind(ledger.verifier().to_string())
            .bind(now.as_microsecond())
            .execute(&mut link)
            .await
            .map_err(fault)?;
        let note = ledger.checkpoint(&Frontier::new())?;
        write_checkpoint(&mut link, place, (0, &note), now).await?;
    }
    link.commit(place).await
}

/// Refuses a log that belongs to another key.
pub(crate) async fn check_key(
    connection: &mut Link,
    place: &Place,
    ledger: &Ledger,
) -> Result<(), Error> {
    let row = sql("SELECT log_key FROM audit_log WHERE id = 1")
        .fetch_optional(connection)
        .await
        .map_err(|error| place.fault(error))?
        .ok_or_else(|| place.damaged("audit_log", 1, "it is gone"))?;
    let stored: String = row.try_get(0).map_err(|error| place.fault(error))?;
    let given = ledger.verifier().to_string();
    if stored == given {
        Ok(())
    } else {
        Err(Error::ForeignLog { place: place.clone(), stored, given })
    }
}

/// Writes what an act adds to the log.
pub(crate) async fn write(
    connection: &mut Link,
    place: &Place,
    batch: &Batch,
    now: Timestamp,
) -> Result<(), Error> {
    let fault = |error| place.fault(error);
    let leaf = |row: &Row| -> Vec<Value> {
        vec![
            integer(row.index).into(),
            row.leaf.time().as_microsecond().into(),
            row.leaf.kind().as_str().into(),
            row.leaf.commitment().as_slice().into(),
            row.hash.as_slice().into(),
            row.sealed.as_deref().into(),
        ]
    };
    let names = ["leaf_index", "time_us", "kind", "commitment", "leaf_hash", "sealed_body"];
    let rows: Vec<_> = batch.rows.iter().map(leaf).collect();
    for some in rows.chunks(ROWS_AT_ONCE) {
        insertion("audit_leaves", &names, some).execute(connection).await.map_err(fault)?;
    }
    let node = |(id, hash): &(NodeId, Hash)| -> Vec<Value> {
        vec![i64::from(id.level).into(), integer(id.index).into(), hash.as_slice().into()]
    };
    let names = ["tree_level", "node_index", "node_hash"];
    let rows: Vec<_> = batch.nodes.iter().map(node).collect();
    for some in rows.chunks(ROWS_AT_ONCE) {
        insertion("audit_nodes", &names, some).execute(connection).await.map_err(fault)?;
    }
    write_checkpoint(connection, place, (batch.size, &batch.checkpoint), now).await
}

async fn write_checkpoint(
    connection: &mut Link,
    place: &Place,
    (size, note): (u64, &str),
    now: Timestamp,
) -> Result<(), Error> {
    sql("INSERT INTO audit_checkpoints (tree_size, time_us, note) VALUES ($1, $2, $3)")
        .bind(integer(size))
        .bind(now.as_microsecond())
        .bind(note)
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
    Ok(())
}

/// The newest checkpoint's note, not yet checked.
pub(crate) async fn newest_note(connection: &mut Link, place: &Place) -> Result<String, Error> {
    Ok(newest(connection, place).await?.0)
}

async fn newest(connection: &mut Link, place: &Place) -> Result<(String, i64), Error> {
    let fault = |error| place.fault(error);
    let row = sql("SELECT note, time_us FROM audit_checkpoints ORDER BY tree_size DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .map_err(fault)?
        .ok_or_else(|| place.damaged("audit_checkpoints", "last", "there is no checkpoint"))?;
    Ok((row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?))
}

pub(crate) async fn head(
    connection: &mut Link,
    place: &Place,
    ledger: &Ledger,
) -> Result<Head, Error> {
    let (note, time_us) = newest(connection, place).await?;
    let checkpoint = Checkpoint::verify(&note, ledger.verifier())?;
    let time = Timestamp::from_microsecond(time_us)
        .map_err(|error| place.damaged("audit_checkpoints", checkpoint.size, error))?;
    Ok(Head { checkpoint, note, time })
}

/// The frontier under a checkpoint, if the stored tree ends exactly there.
pub(crate) async fn restore(
    connection: &mut Link,
    place: &Place,
    ledger: &Ledger,
    note: &str,
) -> Result<Frontier, Error> {
    let head = |problem| Error::LogHead { place: place.clone(), problem };
    let checkpoint = Checkpoint::verify(note, ledger.verifier()).map_err(head)?;
    let size = checkpoint.size;
    let fault = |error| place.fault(error);
    let row = sql("SELECT MAX(leaf_index) FROM audit_leaves").fetch_one(connection).await;
    let last: Option<i64> = row.and_then(|row| row.try_get(0)).map_err(fault)?;
    let found = last.and_then(|index| u64::try_from(index).ok()).map_or(0, |index| index + 1);
    if found != size {
        return Err(head(audit::Error::SizeMismatch { signed: size, found }));
    }
    let nodes = fetch_nodes(connection, place, &Frontier::nodes(size)).await?;
    let frontier = Frontier::restore(size, |id| nodes.get(&id).copied()).map_err(head)?;
    if frontier.root() == checkpoint.root {
        Ok(frontier)
    } else {
        Err(head(audit::Error::RootMismatch { size }))
    }
}

/// Rows of the log from `first` on.
pub(crate) async fn leaves(
    connection: &mut Link,
    place: &Place,
    first: u64,
    limit: u32,
) -> Result<Vec<Row>, Error> {
    let rows = sql("SELECT leaf_index, time_us, kind, commitment, leaf_hash, sealed_body \
         FROM audit_leaves WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT $2")
    .bind(integer(first))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(|error| place.fault(error))?;
    rows.iter().map(|raw| leaf(raw, place)).collect()
}

/// The nodes of the tree by name; one that is missing is left out.
pub(crate) async fn fetch_nodes(
    connection: &mut Link,
    place: &Place,
    ids: &[NodeId],
) -> Result<BTreeMap<NodeId, Hash>, Error> {
    let fault = |error| place.fault(error);
    let mut nodes = BTreeMap::new();
    for id in ids {
        let query = if id.level == 0 {
            sql("SELECT leaf_hash FROM audit_leaves WHERE leaf_index = $1")
        } else {
            sql("SELECT node_hash FROM audit_nodes WHERE node_index = $1 AND tree_level = $2")
        };
        let query = query.bind(integer(id.index));
        let query = if id.level == 0 { query } else { query.bind(i64::from(id.level)) };
        let found = query.fetch_optional(connection).await.map_err(fault)?;
        let hash: Option<Vec<u8>> = found.map(|row| row.try_get(0)).transpose().map_err(fault)?;
        if let Some(hash) = hash.and_then(|hash| hash.try_into().ok()) {
            nodes.insert(*id, hash);
        }
    }
    Ok(nodes)
}

/// A row of `audit_leaves` as values.
pub(crate) fn leaf(raw: &sql::Row, place: &Place) -> Result<Row, Error> {
    let fault = |error| place.fault(error);
    let index: i64 = raw.try_get("leaf_index").map_err(fault)?;
    let time_us: i64 = raw.try_get("time_us").map_err(fault)?;
    let kind: String = raw.try_get("kind").map_err(fault)?;
    let commitment: Vec<u8> = raw.try_get("commitment").map_err(fault)?;
    let hash: Vec<u8> = raw.try_get("leaf_hash").map_err(fault)?;
    let sealed: Option<Vec<u8>> = raw.try_get("sealed_body").map_err(fault)?;
    let damaged =
        |problem: &dyn ToString| place.damaged("audit_leaves", index, problem.to_string());
    let digest = |bytes: Vec<u8>| -> Result<Hash, Error> {
        bytes.try_into().map_err(|_| damaged(&"a hash has not 32 bytes"))
    };
    let time = Timestamp::from_microsecond(time_us).map_err(|error| damaged(&error))?;
    let kind = kind.parse().map_err(|error: audit::Error| damaged(&error))?;
    let leaf = Leaf::new(time, kind, digest(commitment)?).map_err(|error| damaged(&error))?;
    let index = u64::try_from(index).map_err(|_| damaged(&"a negative index"))?;
    Ok(Row { index, leaf, hash: digest(hash)?, sealed })
}

/// A size or an index as SQL keeps it.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).expect("no log reaches 2^63 entries")
}

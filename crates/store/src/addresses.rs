//! Addresses that are shut out by whoever runs the server, and the newest lists of others that were loaded.

use crate::{
    Act, Error, Store,
    scope::Scope,
    sql::{Row, sql},
    strategies::time,
};
use jiff::Timestamp;

/// Blocks at a time, those that are over left out.
pub const BLOCKS_MAX: u32 = 10_000;
/// Names of lists that were ever loaded.
pub const LIST_NAMES_MAX: u32 = 1000;

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRow {
    /// Whom it shuts out: `192.0.2.0/24`.
    pub prefix: String,
    /// Until when.
    pub until: Timestamp,
    /// Why, in words of whoever made it.
    pub why: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The newest list of a name that was ever loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// The name.
    pub name: String,
    /// Its date.
    pub date: Timestamp,
    /// SHA-256 of its text.
    pub sha256: Vec<u8>,
}

impl Store {
    /// The blocks that are not over, in the order of their prefixes.
    pub async fn blocks(&self, now: Timestamp) -> Result<Vec<BlockRow>, Error> {
        let (place, fault) = (self.place(), |error| self.place().fault(error));
        let rows = sql("SELECT prefix, until_us, why, blocked_by, blocked_us FROM address_blocks
             WHERE until_us > $1 ORDER BY prefix")
        .bind(now.as_microsecond())
        .fetch_all(&mut self.reading(Scope::House).await?)
        .await
        .map_err(fault)?;
        let block = |row: &Row| {
            Ok(BlockRow {
                prefix: row.try_get("prefix").map_err(fault)?,
                until: time(row, "until_us", place)?,
                why: row.try_get("why").map_err(fault)?,
                by: row.try_get("blocked_by").map_err(fault)?,
                at: time(row, "blocked_us", place)?,
            })
        };
        rows.iter().map(block).collect()
    }

    /// The newest list of each name that was ever loaded.
    pub async fn address_lists(&self) -> Result<Vec<ListRow>, Error> {
        let (place, fault) = (self.place(), |error| self.place().fault(error));
        let rows = sql("SELECT list_name, date_us, sha256 FROM address_lists ORDER BY list_name")
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(fault)?;
        let list = |row: &Row| {
            Ok(ListRow {
                name: row.try_get("list_name").map_err(fault)?,
                date: time(row, "date_us", place)?,
                sha256: row.try_get("sha256").map_err(fault)?,
            })
        };
        rows.iter().map(list).collect()
    }
}

impl Act {
    /// Keeps a block, in place of one of the same prefix; `false` if there are as many as there may be. Those that
    /// are over make room.
    pub async fn block(&mut self, block: &BlockRow) -> Result<bool, Error> {
        let over =
            sql("DELETE FROM address_blocks WHERE until_us <= $1").bind(block.at.as_microsecond());
        self.run(Scope::House, over).await?;
        let row = sql("INSERT INTO address_blocks AS b (prefix, until_us, why, blocked_by, blocked_us)
             SELECT $1, $2, $3, $4, $5
             WHERE (SELECT COUNT(*) FROM address_blocks WHERE prefix <> $1) < $6
             ON CONFLICT (prefix) DO UPDATE SET until_us = $2, why = $3, blocked_by = $4, blocked_us = $5")
        .bind(&block.prefix)
        .bind(block.until.as_microsecond())
        .bind(&block.why)
        .bind(&block.by)
        .bind(block.at.as_microsecond())
        .bind(i64::from(BLOCKS_MAX));
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Lifts a block; whether there was one that was not over.
    pub async fn unblock(&mut self, prefix: &str, now: Timestamp) -> Result<bool, Error> {
        let row = sql("DELETE FROM address_blocks WHERE prefix = $1 AND until_us > $2")
            .bind(prefix)
            .bind(now.as_microsecond());
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Keeps the date of a list that is loaded, unless a newer one of its name was, or it is the same one; whether
    /// it is new.
    pub async fn keep_address_list(&mut self, list: &ListRow) -> Result<bool, Error> {
        let row = sql("INSERT INTO address_lists AS l (list_name, date_us, sha256)
             SELECT $1, $2, $3
             WHERE (SELECT COUNT(*) FROM address_lists WHERE list_name <> $1) < $4
             ON CONFLICT (list_name) DO UPDATE SET date_us = $2, sha256 = $3
             WHERE l.date_us <= $2 AND l.sha256 <> $3")
        .bind(&list.name)
        .bind(list.date.as_microsecond())
        .bind(list.sha256.as_slice())
        .bind(i64::from(LIST_NAMES_MAX));
        Ok(self.run(Scope::House, row).await? == 1)
    }
}

//! What an erasure leaves outside of the rows: in SQLite's write-ahead log, and in copies of the file.

use crate::{Database, Error, Store, sql::sql};
use jiff::Timestamp;
use std::{
    fs::{self, File},
    io,
    path::Path,
};

impl Store {
    /// Clears the write-ahead log of SQLite, which still has what was deleted; whether it could: somebody who
    /// reads may be in the way. A server of PostgreSQL does it by itself.
    pub async fn clear_write_ahead(&self) -> Result<bool, Error> {
        let fault = |error| self.place().fault(error);
        let Some(mut link) = self.pools().bare_writer().await.map_err(fault)? else {
            return Ok(true);
        };
        let row = sql("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut link).await;
        let busy: i64 = row.and_then(|row| row.try_get(0)).map_err(fault)?;
        Ok(busy == 0)
    }
}

/// Removes the copies beside a file of SQLite that were made before this time, each ahead of a migration: how
/// many. They hold the wrapped keys of accounts that were erased since.
pub fn remove_old_copies(database: &Database, before: Timestamp) -> io::Result<u64> {
    let Some(path) = database.path() else { return Ok(0) };
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".schema-");
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut removed = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(rest) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else {
            continue;
        };
        let number = rest.strip_suffix(b".draft").unwrap_or(rest);
        if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
            continue;
        }
        let about = entry.metadata()?;
        let made = Timestamp::try_from(about.modified()?);
        if about.is_file() && made.is_ok_and(|made| made < before) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    if removed > 0 {
        File::open(directory)?.sync_all()?;
    }
    Ok(removed)
}

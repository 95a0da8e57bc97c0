//! The database as a file to be backed up: of one moment, beside whoever writes, and without the wrapped keys
//! of accounts, which are handed over apart.

use crate::{
    Database, Error, TableSum,
    backup::{make_draft, settle},
    copy,
    database::Purpose,
    dialect,
    error::Place,
    log,
    pools::Pools,
    scope::Scope,
    sql::{Link, sql},
    sums::sum,
    tables::TABLES,
};
use jiff::Timestamp;
use std::{ops::ControlFlow, path::Path};

/// A copy, and what it holds.
#[derive(Debug)]
pub struct DatabaseCopy {
    /// The tables of the file, without wrapped keys.
    pub sums: Vec<TableSum>,
    /// The newest checkpoint of the log in it, signed.
    pub checkpoint: String,
    /// The wrapped keys that are not in it.
    pub keys: Vec<WrappedKey>,
}

/// The data key of an account, as it lies in the database: sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Whose.
    pub account: String,
    /// The sealed key.
    pub sealed: Vec<u8>,
}

/// Copies a database into a new file of SQLite, whatever kind it is itself.
///
/// Of a server's database it is the rows of one moment, compared table by table, rather than `pg_dump`'s
/// output: no other program is needed, no password goes into an environment, and the same digests hold for
/// both kinds. The schema must be this program's.
pub async fn copy_out(
    database: &Database,
    file: &Path,
    now: Timestamp,
) -> Result<DatabaseCopy, Error> {
    let target = Database::file(file);
    match database.path() {
        Some(_) => vacuum(database, file).await?,
        None => {
            copy::copy((database, &target), now, &mut |_, _| ControlFlow::Continue(())).await?;
        }
    }
    strip(&target).await
}

/// Copies a file of SQLite as it is, whatever its schema, for its owner alone: whole, or not at all.
async fn vacuum(database: &Database, file: &Path) -> Result<(), Error> {
    let place = database.place();
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Backup {
        place: place.clone(),
        source,
    };
    let pools = Pools::open(database, Purpose::Reading).await?;
    let mut link = pools.reading(Scope::House).await.map_err(|error| place.fault(error))?;
    let draft = file.with_extension("draft");
    make_draft(&draft).map_err(|error| failed(error.into()))?;
    let words = draft.to_str().ok_or_else(|| failed("its path is not UTF-8".into()))?;
    let copied = sql("VACUUM INTO $1").bind(words).execute(&mut link).await;
    copied.map_err(|error| failed(error.into()))?;
    drop(link);
    pools.close().await;
    settle(&draft, file).map_err(|error| failed(error.into()))
}

/// Takes the wrapped keys out of a copy, so that no byte of them stays, and sums up the rest.
async fn strip(copy: &Database) -> Result<DatabaseCopy, Error> {
    let place = copy.place();
    let fault = |error| place.fault(error);
    let pools = Pools::open(copy, Purpose::Writing).await?;
    let mut link = pools.writing(&place).await?;
    let mut keys = Vec::new();
    // A schema from before accounts had keys has no such table.
    if dialect::has_table(&mut link, &place, "data_keys").await? {
        let rows = sql("SELECT account_id, data_key FROM data_keys ORDER BY account_id");
        for row in rows.fetch_all(&mut link).await.map_err(fault)? {
            let account = row.try_get(0).map_err(fault)?;
            keys.push(WrappedKey { account, sealed: row.try_get(1).map_err(fault)? });
        }
        sql("DELETE FROM data_keys").execute(&mut link).await.map_err(fault)?;
    }
    link.commit(&place).await?;
    if let Some(mut link) = pools.bare_writer().await.map_err(fault)? {
        // Writes the file anew, without what is free in it; the last connection leaves no second file.
        link.script("VACUUM").await.map_err(fault)?;
    }
    let mut link = pools.snapshot(Scope::House).await.map_err(fault)?;
    let sums = sums(&mut link, &place).await?;
    let checkpoint = log::newest_note(&mut link, &place).await?;
    drop(link);
    pools.close().await;
    Ok(DatabaseCopy { sums, checkpoint, keys })
}

/// The tables of a copy, whatever its schema.
pub async fn sums_of(copy: &Path) -> Result<Vec<TableSum>, Error> {
    let database = Database::file(copy);
    let place = database.place();
    let pools = Pools::open(&database, Purpose::Reading).await?;
    let mut link = pools.snapshot(Scope::House).await.map_err(|error| place.fault(error))?;
    let sums = sums(&mut link, &place).await?;
    drop(link);
    pools.close().await;
    Ok(sums)
}

async fn sums(link: &mut Link, place: &Place) -> Result<Vec<TableSum>, Error> {
    let there = dialect::tables(link, place).await?;
    let mut sums = Vec::new();
    for table in TABLES.iter().filter(|table| there.iter().any(|name| name == table.name)) {
        sums.push(sum(link, place, table).await?);
    }
    Ok(sums)
}

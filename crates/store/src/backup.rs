//! A copy of the database as it was, made before its schema changes.

use crate::{
    Error, dialect,
    error::Place,
    sql::{Link, sql},
};
use sqlx::AssertSqlSafe;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where accounts' wrapped keys are.
const WRAPPED_KEYS: &str = "data_keys";

/// The file beside the database that holds it as it was under this schema.
pub(crate) fn backup_path(file: &Path, version: i64) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".schema-{version}"));
    PathBuf::from(name)
}

/// Copies a file of SQLite beside itself, for its owner alone: whole, or not at all.
pub(crate) async fn copy_file(
    link: &mut Link,
    place: &Place,
    file: &Path,
    version: i64,
) -> Result<(), Error> {
    let target = backup_path(file, version);
    let mut draft = target.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Backup {
        place: place.clone(),
        source,
    };
    make_draft(&draft).map_err(|error| failed(error.into()))?;
    let Some(words) = draft.to_str() else {
        return Err(failed("its path is not UTF-8".into()));
    };
    // An empty file is written into, with the mode that it has.
    let copied = sql("VACUUM INTO $1").bind(words).execute(link).await;
    copied.map_err(|error| failed(error.into()))?;
    settle(&draft, &target).map_err(|error| failed(error.into()))?;
    tracing::info!(backup = %target.display(), "the database was copied before its migration");
    Ok(())
}

/// An empty file for its owner alone; what a killed process left of one is removed.
pub(crate) fn make_draft(draft: &Path) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft).map(drop)
}

/// Puts a finished copy in its place, on the disk.
pub(crate) fn settle(draft: &Path, target: &Path) -> io::Result<()> {
    File::open(draft)?.sync_all()?;
    fs::rename(draft, target)?;
    match target.parent() {
        Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Copies every table of a PostgreSQL database into a schema of their own, in the transaction that
/// goes on to migrate; the copy of the migration before goes. Wrapped keys are left where they are: in a copy
/// they would outlive an erasure.
///
/// Row-level security without a policy closes the copies to everybody until their owner opens them.
pub(crate) async fn copy_tables(link: &mut Link, place: &Place, version: i64) -> Result<(), Error> {
    let fault = |error: sqlx::Error| Error::Backup { place: place.clone(), source: error.into() };
    let old = sql("SELECT nspname::text FROM pg_namespace
         WHERE nspname LIKE 'stockade\\_schema\\_%' ORDER BY nspname")
    .fetch_all(link)
    .await
    .map_err(fault)?;
    for row in old {
        let name: String = row.try_get(0).map_err(fault)?;
        let drop = format!("DROP SCHEMA \"{}\" CASCADE", name.replace('"', "\"\""));
        link.script(AssertSqlSafe(drop)).await.map_err(fault)?;
    }
    let schema = format!("stockade_schema_{version}");
    link.script(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.map_err(fault)?;
    for table in dialect::tables(link, place).await? {
        if table == WRAPPED_KEYS {
            continue;
        }
        let name = format!("\"{}\"", table.replace('"', "\"\""));
        let copy = format!(
            "CREATE TABLE {schema}.{name} AS TABLE {name};
             ALTER TABLE {schema}.{name} ENABLE ROW LEVEL SECURITY;
             ALTER TABLE {schema}.{name} FORCE ROW LEVEL SECURITY;"
        );
        link.script(AssertSqlSafe(copy)).await.map_err(fault)?;
    }
    tracing::info!(schema, "the database's tables were copied before its migration");
    Ok(())
}

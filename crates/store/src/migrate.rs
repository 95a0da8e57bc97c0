//! Migrations: embedded, numbered, applied once each, and recorded with their checksum.

use crate::{Error, error::Place};
use jiff::Timestamp;
use sqlx::{Connection, SqliteConnection};

/// One step of the schema; a published one never changes.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// Every step, in order: a new one goes to the end, in a file of its own.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "audit", sql: include_str!("../migrations/0001_audit.sql") },
    Migration {
        version: 2,
        name: "accounts",
        sql: include_str!("../migrations/0002_accounts.sql"),
    },
    Migration {
        version: 3,
        name: "research",
        sql: include_str!("../migrations/0003_research.sql"),
    },
    Migration { version: 4, name: "factors", sql: include_str!("../migrations/0004_factors.sql") },
    Migration { version: 5, name: "sweeps", sql: include_str!("../migrations/0005_sweeps.sql") },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_us BIGINT NOT NULL
)";

/// Brings the schema up to date, all in one transaction.
pub(crate) async fn apply(
    connection: &mut SqliteConnection,
    place: &Place,
    now: Timestamp,
) -> Result<(), Error> {
    let fault = |error| place.fault(error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    sqlx::query(TABLE).execute(&mut *transaction).await.map_err(fault)?;
    let recorded = recorded(&mut transaction, place).await?;
    compare(&recorded, place)?;
    for migration in MIGRATIONS.iter().skip(recorded.len()) {
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await.map_err(fault)?;
        sqlx::query("INSERT INTO schema_migrations (version, name, checksum, applied_us) VALUES ($1, $2, $3, $4)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum(migration.sql))
            .bind(now.as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)
}

/// Refuses a database whose schema is not exactly the one that this program knows.
pub(crate) async fn check(connection: &mut SqliteConnection, place: &Place) -> Result<(), Error> {
    let recorded = match recorded(connection, place).await {
        // Without the table, nothing was ever applied.
        Err(Error::Sql { .. }) => Vec::new(),
        other => other?,
    };
    compare(&recorded, place)?;
    let found = recorded.last().map_or(0, |(version, ..)| *version);
    match newest() {
        needed if found == needed => Ok(()),
        needed => Err(Error::Older { path: place.0.clone(), found, needed }),
    }
}

/// Version, name and checksum of what was applied.
async fn recorded(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<Vec<(i64, String, String)>, Error> {
    sqlx::query_as("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
        .fetch_all(connection)
        .await
        .map_err(|error| place.fault(error))
}

/// Whether what was applied is a beginning of what this program would apply.
fn compare(recorded: &[(i64, String, String)], place: &Place) -> Result<(), Error> {
    let path = || place.0.clone();
    if let Some((found, ..)) = recorded.last()
        && *found > newest()
    {
        return Err(Error::Newer { path: path(), found: *found, known: newest() });
    }
    for (index, (version, name, digest)) in recorded.iter().enumerate() {
        let known = MIGRATIONS.get(index);
        let same = |known: &Migration| {
            known.version == *version && known.name == name && checksum(known.sql) == *digest
        };
        if !known.is_some_and(same) {
            let (version, name) = (*version, name.clone());
            return Err(Error::OtherMigration { path: path(), version, name });
        }
    }
    Ok(())
}

/// The number of the newest migration.
fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// SHA-256 of a migration's text, hexadecimal.
fn checksum(sql: &str) -> String {
    hex::encode(seal::sha256(sql.as_bytes()))
}

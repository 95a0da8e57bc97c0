//! Migrations: embedded, numbered, applied once each, and recorded with their checksum.

use crate::{
    Error,
    backup::{copy_file, copy_tables},
    dialect,
    error::Place,
    pools::Pools,
    scope::Scope,
    sql::{Link, sql},
    tables::MIGRATIONS_TABLE,
};
use jiff::Timestamp;
use sqlx::AssertSqlSafe;
use std::path::Path;

/// One step of the schema; a published one never changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub version: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

/// Every step, in order: a new one goes to the end, in a file of its own, and its tables into
/// [`TABLES`](crate::tables::TABLES).
pub(crate) const MIGRATIONS: &[Migration] = &[
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
    Migration {
        version: 6,
        name: "account_lists",
        sql: include_str!("../migrations/0006_account_lists.sql"),
    },
    Migration { version: 7, name: "members", sql: include_str!("../migrations/0007_members.sql") },
    Migration {
        version: 8,
        name: "decisions",
        sql: include_str!("../migrations/0008_decisions.sql"),
    },
    Migration {
        version: 9,
        name: "postings",
        sql: include_str!("../migrations/0009_postings.sql"),
    },
    Migration { version: 10, name: "history", sql: include_str!("../migrations/0010_history.sql") },
    Migration { version: 11, name: "budgets", sql: include_str!("../migrations/0011_budgets.sql") },
    Migration {
        version: 12,
        name: "sealed_passkeys",
        sql: include_str!("../migrations/0012_sealed_passkeys.sql"),
    },
    Migration {
        version: 13,
        name: "witnesses",
        sql: include_str!("../migrations/0013_witnesses.sql"),
    },
    Migration {
        version: 14,
        name: "machines",
        sql: include_str!("../migrations/0014_machines.sql"),
    },
    Migration {
        version: 15,
        name: "security_reports",
        sql: include_str!("../migrations/0015_security_reports.sql"),
    },
    Migration {
        version: 16,
        name: "operations",
        sql: include_str!("../migrations/0016_operations.sql"),
    },
    Migration {
        version: 17,
        name: "licences",
        sql: include_str!("../migrations/0017_licences.sql"),
    },
    Migration {
        version: 18,
        name: "payments",
        sql: include_str!("../migrations/0018_payments.sql"),
    },
    Migration {
        version: 19,
        name: "addresses",
        sql: include_str!("../migrations/0019_addresses.sql"),
    },
    Migration { version: 20, name: "keepers", sql: include_str!("../migrations/0020_keepers.sql") },
    Migration {
        version: 21,
        name: "advisories",
        sql: include_str!("../migrations/0021_advisories.sql"),
    },
    Migration {
        version: 22,
        name: "restored_notices",
        sql: include_str!("../migrations/0022_restored_notices.sql"),
    },
];

const TABLE: &str = "CREATE TABLE schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_us BIGINT NOT NULL
)";

/// Version, name and checksum of what was applied.
type Recorded = Vec<(i64, String, String)>;

/// Brings the schema up to date, all in one transaction: a step that fails undoes them all. A
/// database that has a schema already is copied before it is changed.
pub(crate) async fn apply(
    (pools, place): (&Pools, &Place),
    file: Option<&Path>,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<(), Error> {
    let fault = |error| place.fault(error);
    if let (Some(file), Some(mut link)) = (file, pools.bare_writer().await.map_err(fault)?) {
        let found = version_to_leave(&mut link, place, migrations).await?;
        if let Some(found) = found {
            copy_file(&mut link, place, file, found).await?;
        }
    }
    let mut link = pools.writing(place).await?;
    if let Link::Postgres(_) = link {
        // A table of years may take longer to change than a request may.
        link.script("SET LOCAL statement_timeout = 0").await.map_err(fault)?;
        link.enter(Scope::House).await.map_err(fault)?;
        if let Some(found) = version_to_leave(&mut link, place, migrations).await? {
            copy_tables(&mut link, place, found).await?;
        }
    }
    let recorded = recorded(&mut link, place).await?;
    compare(&recorded, place, migrations)?;
    if recorded.len() == migrations.len() {
        return Ok(());
    }
    if recorded.is_empty() && !dialect::has_table(&mut link, place, MIGRATIONS_TABLE).await? {
        run(&mut link, TABLE).await.map_err(fault)?;
    }
    for migration in migrations.iter().skip(recorded.len()) {
        let failed = |source| {
            let Migration { version, name, .. } = *migration;
            Error::Migration { place: place.clone(), version, name, source }
        };
        run(&mut link, migration.sql).await.map_err(failed)?;
        sql("INSERT INTO schema_migrations (version, name, checksum, applied_us) VALUES ($1, $2, $3, $4)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum(migration.sql))
            .bind(now.as_microsecond())
            .execute(&mut link)
            .await
            .map_err(failed)?;
    }
    dialect::raise_walls(&mut link, place).await?;
    link.commit(place).await
}

/// Refuses a database whose schema is not exactly the one that this program knows.
pub(crate) async fn check(
    link: &mut Link,
    place: &Place,
    migrations: &[Migration],
) -> Result<(), Error> {
    let recorded = recorded(link, place).await?;
    compare(&recorded, place, migrations)?;
    let found = recorded.last().map_or(0, |(version, ..)| *version);
    match newest(migrations) {
        needed if found == needed => Ok(()),
        needed => Err(Error::Older { place: place.clone(), found, needed }),
    }
}

/// The schema that a database has, if there is one and it is about to change.
pub(crate) async fn version_to_leave(
    link: &mut Link,
    place: &Place,
    migrations: &[Migration],
) -> Result<Option<i64>, Error> {
    let recorded = recorded(link, place).await?;
    compare(&recorded, place, migrations)?;
    let found = recorded.last().map(|(version, ..)| *version);
    Ok(found.filter(|found| *found < newest(migrations)))
}

/// Executes a schema text in the database's own words.
async fn run(link: &mut Link, text: &'static str) -> Result<(), sqlx::Error> {
    match link {
        Link::Postgres(_) => link.script(AssertSqlSafe(dialect::postgres_schema(text))).await,
        Link::Single(_) | Link::Sqlite(_) => link.script(text).await,
    }
}

/// What was applied; nothing, where there is no table.
async fn recorded(link: &mut Link, place: &Place) -> Result<Recorded, Error> {
    if !dialect::has_table(link, place, MIGRATIONS_TABLE).await? {
        return Ok(Vec::new());
    }
    let fault = |error| place.fault(error);
    let rows = sql("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
        .fetch_all(link)
        .await
        .map_err(fault)?;
    let parts = |row: &crate::sql::Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    rows.iter().map(parts).collect::<Result<_, _>>().map_err(fault)
}

/// Whether what was applied is a beginning of what this program would apply.
fn compare(
    recorded: &[(i64, String, String)],
    place: &Place,
    migrations: &[Migration],
) -> Result<(), Error> {
    let known = newest(migrations);
    if let Some((found, ..)) = recorded.last()
        && *found > known
    {
        return Err(Error::Newer { place: place.clone(), found: *found, known });
    }
    for (index, (version, name, digest)) in recorded.iter().enumerate() {
        let same = |known: &Migration| {
            known.version == *version && known.name == name && checksum(known.sql) == *digest
        };
        if !migrations.get(index).is_some_and(same) {
            let (version, name) = (*version, name.clone());
            return Err(Error::OtherMigration { place: place.clone(), version, name });
        }
    }
    Ok(())
}

/// The number of the newest migration.
fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// SHA-256 of a migration's text, hexadecimal.
fn checksum(sql: &str) -> String {
    hex::encode(seal::sha256(sql.as_bytes()))
}

#[cfg(test)]
#[path = "../tests/places/mod.rs"]
mod places;

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, Migration, apply, places, places::both};
    use crate::{
        Error,
        backup::backup_path,
        database::Purpose,
        dialect,
        pools::Pools,
        scope::Scope,
        sql::sql,
        tables::{MIGRATIONS_TABLE, TABLES},
    };
    use jiff::Timestamp;
    use std::os::unix::fs::PermissionsExt;

    async fn migrated(place: &places::Place, migrations: &[Migration]) -> Result<Pools, Error> {
        if let Some(path) = place.database.path() {
            let _ = std::fs::OpenOptions::new().create_new(true).write(true).open(path);
        }
        let pools = Pools::open(&place.database, Purpose::Writing).await?;
        let named = place.database.place();
        let (file, now) = (place.database.path(), Timestamp::UNIX_EPOCH);
        apply((&pools, &named), file, migrations, now).await.map(|()| pools)
    }

    /// The newest schema and one more step.
    fn with(sql: &'static str) -> Vec<Migration> {
        let version = MIGRATIONS.last().expect("some").version + 1;
        let next = Migration { version, name: "next", sql };
        MIGRATIONS.iter().copied().chain([next]).collect()
    }

    async fn tables(pools: &Pools, place: &places::Place) -> Vec<String> {
        let mut link = pools.snapshot(Scope::House).await.expect("reads");
        dialect::tables(&mut link, &place.database.place()).await.expect("lists")
    }

    #[tokio::test]
    async fn every_table_is_listed_with_its_key() {
        for place in both() {
            let pools = migrated(&place, MIGRATIONS).await.expect("migrates");
            let mut known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
            known.push(MIGRATIONS_TABLE);
            known.sort_unstable();
            assert_eq!(tables(&pools, &place).await, known);
            let mut link = pools.snapshot(Scope::House).await.expect("reads");
            for table in TABLES {
                let named = place.database.place();
                let columns = dialect::columns(&mut link, &named, table.name).await;
                let columns = columns.expect("lists");
                for key in table.key {
                    assert!(columns.iter().any(|(name, _)| name == key), "{}: {key}", table.name);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_migration_that_fails_midway_is_undone_and_the_copy_is_there() {
        for place in both() {
            migrated(&place, MIGRATIONS).await.expect("migrates").close().await;
            place.meddle("INSERT INTO datasets VALUES ('kept', 'x')").await;
            let broken = with(
                "CREATE TABLE half (id BIGINT NOT NULL PRIMARY KEY); \
                 DELETE FROM datasets; INSERT INTO nowhere VALUES (1);",
            );
            let error = migrated(&place, &broken).await.expect_err("fails");
            let words = error.to_string();
            assert!(matches!(error, Error::Migration { name: "next", .. }), "{words}");
            assert!(words.contains("was undone"), "{words}");
            let pools = migrated(&place, MIGRATIONS).await.expect("the old schema opens");
            assert!(!tables(&pools, &place).await.contains(&"half".to_owned()));
            let mut link = pools.reading(Scope::House).await.expect("reads");
            let rows = sql("SELECT digest FROM datasets").fetch_all(&mut link).await;
            assert_eq!(rows.expect("reads").len(), 1, "what it deleted is back");
        }
    }

    #[tokio::test]
    async fn a_schema_that_changes_is_copied_first() {
        for place in both() {
            migrated(&place, MIGRATIONS).await.expect("migrates").close().await;
            place.meddle("INSERT INTO datasets VALUES ('kept', 'x')").await;
            let next =
                with("DELETE FROM datasets; CREATE TABLE more (id BIGINT NOT NULL PRIMARY KEY);");
            let pools = migrated(&place, &next).await.expect("migrates");
            assert!(tables(&pools, &place).await.contains(&"more".to_owned()));
            pools.close().await;
            let version = MIGRATIONS.last().expect("some").version;
            if let Some(path) = place.database.path() {
                let copy = backup_path(path, version);
                let mode = std::fs::metadata(&copy).expect("there").permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
                let text = std::fs::read(&copy).expect("reads");
                assert!(text.windows(4).any(|window| window == b"kept"));
            } else {
                let copied: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                    "SELECT COUNT(*) FROM stockade_schema_{version}.datasets"
                )))
                .fetch_one(&mut place.administrator().await)
                .await
                .expect("reads");
                assert_eq!(copied, 1);
                // Closed to the program's own role, which owns it.
                let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                    "SELECT COUNT(*) FROM stockade_schema_{version}.datasets"
                )))
                .fetch_one(&mut place.role().await)
                .await
                .expect("reads");
                assert_eq!(seen, 0);
            }
            let newer = migrated(&place, MIGRATIONS).await.expect_err("a newer schema");
            assert!(matches!(newer, Error::Newer { .. }), "{newer}");
        }
    }

    /// A notice as the schema before [`restored_notices`](../migrations/0022_restored_notices.sql) has it.
    const BEFORE_RESTORED: &str = "
        INSERT INTO payment_notices (notice_digest, processor, kind, paid_amount, pay_currency,
                                     standing, why, leaf_index, received_us)
        VALUES ('a123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
                'nowpayments', 'payment', '0.1', 'trx', 'quarantined', 'late', 7, 9);";

    #[tokio::test]
    async fn notices_from_before_their_leaf_could_go_come_in_as_they_were() {
        for place in both() {
            let before: Vec<Migration> =
                MIGRATIONS.iter().copied().filter(|migration| migration.version < 22).collect();
            migrated(&place, &before).await.expect("migrates").close().await;
            place.meddle(BEFORE_RESTORED).await;
            let pools = migrated(&place, MIGRATIONS).await.expect("migrates");
            let named = place.database.place();
            let mut link = pools.writing(&named).await.expect("writes");
            link.enter(Scope::House).await.expect("enters");
            let text = "SELECT paid_amount, why, leaf_index FROM payment_notices";
            let row = sql(text).fetch_one(&mut link).await.expect("one");
            let said: (String, String) =
                (row.try_get(0).expect("text"), row.try_get(1).expect("text"));
            assert_eq!(said, ("0.1".to_owned(), "late".to_owned()));
            assert_eq!(row.try_get::<i64, _>(2).expect("a number"), 7);
            // Two of one leaf, and one without any; a table as strict as it was.
            for (prefix, leaf, good) in [("b", "7", true), ("c", "NULL", true), ("d", "-1", false)]
            {
                let text = format!(
                    "INSERT INTO payment_notices (notice_digest, processor, kind, standing,
                     leaf_index, received_us) SELECT '{prefix}' || substr(notice_digest, 2),
                     processor, kind, standing, {leaf}, 9 FROM payment_notices WHERE why = 'late'"
                );
                let done = sql(sqlx::AssertSqlSafe(text)).execute(&mut link).await;
                assert_eq!(done.is_ok(), good, "{leaf}");
            }
        }
    }

    /// Somebody as the schema before [`members`](../migrations/0007_members.sql) has them.
    const BEFORE_MEMBERS: &str = "
        INSERT INTO accounts (account_id, email_index, email, display_name, role, standing, epoch,
                              password_hash, created_us)
        SELECT 'a', substr(x, 1, 16), x, x, 'owner', 'active', 3, 'argon', 7
            FROM (SELECT zeroblob(32) AS x) y;
        INSERT INTO totp SELECT 'a', zeroblob(32), 5, 7;
        INSERT INTO sessions SELECT 's', 'a', 'd', 'totp', 1, 2, 3, zeroblob(32), NULL, NULL;
        INSERT INTO sessions SELECT 'e', 'a', 'd', 'recovery', 1, 2, 3, zeroblob(32), 3, 'idle';
        INSERT INTO refresh_families SELECT 's', 4, zeroblob(32), 1, 9;";

    #[tokio::test]
    async fn accounts_from_before_members_come_in_as_they_did() {
        for place in both() {
            let before: Vec<Migration> =
                MIGRATIONS.iter().copied().filter(|migration| migration.version < 7).collect();
            migrated(&place, &before).await.expect("migrates").close().await;
            place.meddle(BEFORE_MEMBERS).await;
            let pools = migrated(&place, MIGRATIONS).await.expect("migrates");
            let named = place.database.place();
            let mut link = pools.snapshot(Scope::House).await.expect("reads");
            dialect::check_walls(&mut link, &named).await.expect("behind their policies");
            let row = sql("SELECT a.epoch, w.password_hash, s.factor, f.generation, f.repeated
                 FROM accounts a JOIN passwords w ON w.account_id = a.account_id
                 JOIN sessions s ON s.account_id = a.account_id
                 JOIN refresh_families f ON f.session_id = s.session_id
                 WHERE a.erased_us IS NULL AND s.ended_us IS NULL")
            .fetch_one(&mut link)
            .await
            .expect("one");
            let number = |column: &str| row.try_get::<i64, _>(column).expect("a number");
            let text = |column: &str| row.try_get::<String, _>(column).expect("a text");
            assert_eq!((number("epoch"), number("generation"), number("repeated")), (3, 4, 1));
            assert_eq!((text("password_hash"), text("factor")), ("argon".into(), "totp".into()));
            drop(link);
            // The tables that moved are as strict as they were, and know the new factors.
            let mut link = pools.writing(&named).await.expect("writes");
            link.enter(Scope::House).await.expect("enters");
            let insert = |id: &'static str, account: &'static str, factor: &'static str| {
                sql("INSERT INTO sessions (session_id, account_id, device_id, factor,
                         authenticated_us, opened_us, expires_us, client)
                     VALUES ($1, $2, 'd', $3, 1, 2, 3, $4)")
                .bind(id)
                .bind(account)
                .bind(factor)
                .bind([0_u8].as_slice())
            };
            for factor in ["passkey", "password"] {
                insert(factor, "a", factor).execute(&mut link).await.expect(factor);
            }
            link.commit(&named).await.expect("kept");
            for (id, account, factor) in [("x", "a", "letter"), ("y", "nobody", "totp")] {
                let mut link = pools.writing(&named).await.expect("writes");
                link.enter(Scope::House).await.expect("enters");
                assert!(insert(id, account, factor).execute(&mut link).await.is_err(), "{id}");
            }
            for (refused, why) in [
                ("DELETE FROM sessions WHERE session_id = 's'", "a family refers to it"),
                ("UPDATE sessions SET end_reason = 'tired' WHERE session_id = 'e'", "no reason"),
                ("UPDATE accounts SET erased_us = 1", "it is active"),
            ] {
                let mut link = pools.writing(&named).await.expect("writes");
                link.enter(Scope::House).await.expect("enters");
                assert!(sql(refused).execute(&mut link).await.is_err(), "{why}");
            }
        }
    }
}

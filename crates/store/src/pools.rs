//! The connections of an open database: many that read, one that writes.

use crate::{
    Database, Error,
    database::{Kind, Purpose, knock, postgres_pool, sqlite_pool},
    error::Place,
    scope::Scope,
    sql::{Link, sql},
};
use sqlx::{AssertSqlSafe, PgPool, Pool, Postgres, Sqlite, SqlitePool};

const FILE_READERS: u32 = 4;
const SERVER_READERS: u32 = 8;
/// The advisory lock of whoever acts: one act at a time, however many servers there are, so that
/// the log has one order and no fork. The number is nothing but ours.
const ACTING: i64 = 0x0053_746f_636b_6164;

/// Connections to either database.
#[derive(Debug)]
pub(crate) enum Pools {
    Sqlite(Pair<Sqlite>),
    Postgres(Pair<Postgres>),
}

/// Many that read, and one that writes unless the store was opened for reading.
#[derive(Debug)]
pub(crate) struct Pair<DB: sqlx::Database> {
    readers: Pool<DB>,
    writer: Option<Pool<DB>>,
}

impl Pools {
    /// Opens what is there.
    pub(crate) async fn open(database: &Database, purpose: Purpose) -> Result<Self, Error> {
        let place = database.place();
        Ok(match &database.kind {
            Kind::File(path) => {
                // The writer first: it turns the file to write-ahead logging.
                let at = (path.as_path(), &place);
                let writer: Option<SqlitePool> = match purpose {
                    Purpose::Reading => None,
                    Purpose::Writing => Some(sqlite_pool(at, Purpose::Writing, 1).await?),
                };
                let readers = sqlite_pool(at, Purpose::Reading, FILE_READERS).await?;
                Self::Sqlite(Pair { readers, writer })
            }
            Kind::Server(options) => {
                knock(options, &place).await?;
                let readers = postgres_pool(options, Purpose::Reading, SERVER_READERS);
                let writer = (purpose == Purpose::Writing)
                    .then(|| postgres_pool(options, Purpose::Writing, 1));
                Self::Postgres(Pair { readers, writer })
            }
        })
    }

    /// For one statement that reads.
    pub(crate) async fn reading(&self, scope: Scope) -> Result<Link, sqlx::Error> {
        match self {
            Self::Sqlite(pair) => pair.readers.acquire().await.map(Link::Single),
            Self::Postgres(pair) => snapshot(&pair.readers, scope).await,
        }
    }

    /// For several statements that read, all of one moment.
    pub(crate) async fn snapshot(&self, scope: Scope) -> Result<Link, sqlx::Error> {
        match self {
            Self::Sqlite(pair) => pair.readers.begin().await.map(Link::Sqlite),
            Self::Postgres(pair) => snapshot(&pair.readers, scope).await,
        }
    }

    /// The only pen: nobody else writes, here or on another server, until the link is gone.
    pub(crate) async fn writing(&self, place: &Place) -> Result<Link, Error> {
        let read_only = || Error::ReadOnly { place: place.clone() };
        let fault = |error| place.fault(error);
        match self {
            Self::Sqlite(pair) => {
                let writer = pair.writer.as_ref().ok_or_else(read_only)?;
                writer.begin_with("BEGIN IMMEDIATE").await.map(Link::Sqlite).map_err(fault)
            }
            Self::Postgres(pair) => {
                let writer = pair.writer.as_ref().ok_or_else(read_only)?;
                let mut link = writer.begin().await.map(Link::Postgres).map_err(fault)?;
                // Every statement after this one sees all that was committed before the lock.
                let lock = sql("SELECT pg_advisory_xact_lock($1)").bind(ACTING);
                lock.execute(&mut link).await.map_err(fault)?;
                Ok(link)
            }
        }
    }

    /// For one statement that writes beside all acts, and may be lost with the power; `None` where
    /// there is one server alone, which counts in memory.
    pub(crate) async fn counting(&self) -> Result<Option<Link>, sqlx::Error> {
        let Self::Postgres(pair) = self else { return Ok(None) };
        // As a scope, the house's sign ends no literal.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
             SET LOCAL synchronous_commit = off; SET LOCAL stockade.tenant = '*'";
        pair.readers.begin_with(begin).await.map(|link| Some(Link::Postgres(link)))
    }

    /// The writer's connection outside of a transaction; only SQLite has use for it.
    pub(crate) async fn bare_writer(&self) -> Result<Option<Link>, sqlx::Error> {
        match self {
            Self::Sqlite(Pair { writer: Some(writer), .. }) => {
                writer.acquire().await.map(|link| Some(Link::Single(link)))
            }
            Self::Sqlite(_) | Self::Postgres(_) => Ok(None),
        }
    }

    /// The readers of a server, if it is one.
    pub(crate) const fn server(&self) -> Option<&PgPool> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(pair) => Some(&pair.readers),
        }
    }

    /// What the connections themselves say of their settings, and what their pools hold to.
    pub(crate) async fn applied(&self) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut found = Vec::new();
        let mut links = vec![("readers", self.reading(Scope::House).await?)];
        let (names, writer): (&[&str], _) = match self {
            Self::Sqlite(_) => (&FILE_SETTINGS, self.bare_writer().await?),
            Self::Postgres(pair) => {
                let writer = match &pair.writer {
                    Some(writer) => Some(Link::Postgres(writer.begin().await?)),
                    None => None,
                };
                (&SERVER_SETTINGS, writer)
            }
        };
        links.extend(writer.map(|link| ("writer", link)));
        for (whose, mut link) in links {
            for name in names {
                let value = setting(&mut link, name).await?;
                found.push((format!("{whose}.{name}"), value));
            }
        }
        let (readers, seconds) = match self {
            Self::Sqlite(pair) => pair.bounds(),
            Self::Postgres(pair) => pair.bounds(),
        };
        found.push(("readers.connections".to_owned(), readers.to_string()));
        found.push(("readers.wait_s".to_owned(), seconds.to_string()));
        Ok(found)
    }

    /// Waits for the last statement and closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pair) => pair.close().await,
            Self::Postgres(pair) => pair.close().await,
        }
    }
}

/// What a connection to a file is asked for.
const FILE_SETTINGS: [&str; 5] =
    ["journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout"];
/// What a connection to a server is asked for.
const SERVER_SETTINGS: [&str; 6] = [
    "synchronous_commit",
    "default_transaction_isolation",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "default_transaction_read_only",
];

async fn setting(link: &mut Link, name: &'static str) -> Result<String, sqlx::Error> {
    if let Link::Postgres(_) = link {
        let row = sql("SELECT current_setting($1)::text").bind(name).fetch_one(link).await?;
        return row.try_get(0);
    }
    let row = sql(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(link).await?;
    row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string()))
}

impl<DB: sqlx::Database> Pair<DB> {
    /// How many readers there may be, and how many seconds one waits for a connection.
    fn bounds(&self) -> (u32, u64) {
        let options = self.readers.options();
        (options.get_max_connections(), options.get_acquire_timeout().as_secs())
    }

    async fn close(&self) {
        // The writer last: only it can move SQLite's write-ahead log into the database and remove it.
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

async fn snapshot(readers: &PgPool, scope: Scope) -> Result<Link, sqlx::Error> {
    // One round trip. A scope is hexadecimal digits, dashes or a star: it ends no literal.
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL stockade.tenant = '{scope}'"
    );
    readers.begin_with(AssertSqlSafe(begin)).await.map(Link::Postgres)
}

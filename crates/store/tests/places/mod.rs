//! Where a storage test runs: a fresh file of SQLite, and a fresh database of a real PostgreSQL.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start programs and make files; each test file uses a part of this"
)]

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use std::fs;
use store::Database;

pub mod server;

/// A database of a test's own.
pub struct Place {
    /// As the store opens it.
    pub database: Database,
    /// As it is written on a command line.
    pub url: String,
    /// The server's administrator, connected to this database; `None` for a file.
    administrator: Option<PgConnectOptions>,
    /// For files beside the database.
    pub directory: tempfile::TempDir,
}

/// A fresh file, and a fresh database of a server where there is one.
pub fn both() -> Vec<Place> {
    let mut places = vec![file()];
    places.extend(server());
    places
}

/// A fresh file of SQLite; it is not made yet.
pub fn file() -> Place {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("stockade.db");
    let url = format!("sqlite:{}", path.display());
    Place { database: Database::file(&path), url, administrator: None, directory }
}

/// A fresh, empty database of the shared server.
pub fn server() -> Option<Place> {
    let fresh = server::fresh()?;
    let administrator = PgConnectOptions::new_without_pgpass()
        .socket(&fresh.socket)
        .username("postgres")
        .database(&fresh.name);
    Some(Place {
        database: fresh.url.parse().expect("an address"),
        url: fresh.url,
        administrator: Some(administrator),
        directory: tempfile::tempdir().expect("a directory"),
    })
}

impl Place {
    /// Whether it is PostgreSQL.
    pub fn is_server(&self) -> bool {
        self.administrator.is_some()
    }

    /// Executes statements behind the store's back, as somebody whom no policy binds.
    pub async fn meddle(&self, sql: &str) {
        match &self.administrator {
            None => {
                let path = self.database.path().expect("a file");
                let options = SqliteConnectOptions::new().filename(path);
                let mut on = SqliteConnection::connect_with(&options).await.expect("opens");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut on).await.expect("meddles");
                on.close().await.expect("closes");
            }
            Some(administrator) => {
                let sql = sql
                    .replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
                    .replace("char(10)", "chr(10)")
                    .replace("<< tree_level", "<< tree_level::int");
                let mut on = PgConnection::connect_with(administrator).await.expect("connects");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut on).await.expect("meddles");
                on.close().await.expect("closes");
            }
        }
    }

    /// Everything that is stored, as bytes to search in: the file, or every row as text.
    pub async fn contents(&self) -> Vec<u8> {
        if let Some(path) = self.database.path() {
            return fs::read(path).expect("reads");
        }
        let mut on = self.administrator().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
        )
        .fetch_all(&mut on)
        .await
        .expect("lists");
        let mut all = Vec::new();
        for table in tables {
            let rows = format!("SELECT x::text FROM {table} x");
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut on).await.expect("reads");
            all.extend(rows.join("\n").into_bytes());
        }
        all
    }

    /// A connection to the server as its administrator.
    pub async fn administrator(&self) -> PgConnection {
        let options = self.administrator.as_ref().expect("a server");
        PgConnection::connect_with(options).await.expect("connects")
    }

    /// A connection to the server as the program's own role, but not made by the program.
    pub async fn role(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("connects")
    }
}

//! What can go wrong with the database, each with its place and its fix.

use sqlx::{error::DatabaseError, postgres::PgDatabaseError};
use std::{fmt, sync::Arc};

/// Everything that can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or made.
    #[error(
        "cannot open the database {place}: {source}; check that its directory exists and that this user may write there"
    )]
    CannotOpen {
        /// The database.
        place: Place,
        /// The system's or SQLite's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No database where one must be.
    #[error(
        "there is no database at {place}: start the server once, or name the right data directory"
    )]
    Missing {
        /// Where it should be.
        place: Place,
    },
    /// The file is not an SQLite database.
    #[error("{place} is not a database: name the right file, or restore it from your backup")]
    NotADatabase {
        /// The file.
        place: Place,
    },
    /// SQLite found the file damaged.
    #[error(
        "the database {place} is damaged ({detail}): stop the server and restore it from your backup"
    )]
    Corrupt {
        /// The database.
        place: Place,
        /// What SQLite says.
        detail: String,
    },
    /// No room left.
    #[error("no space left for the database {place}: free some, nothing was half-written")]
    DiskFull {
        /// The database.
        place: Place,
    },
    /// The file or its directory may not be written, or the store was opened for reading.
    #[error(
        "the database {place} is read-only: give this user write permission on the file and its directory"
    )]
    ReadOnly {
        /// The database.
        place: Place,
    },
    /// Another process holds the database for longer than we wait.
    #[error(
        "the database {place} is locked by another program: stop the other server or tool and try again"
    )]
    Locked {
        /// The database.
        place: Place,
    },
    /// The disk fails to read or write.
    #[error("the disk fails under the database {place} ({detail}): check the disk and its mount")]
    Disk {
        /// The database.
        place: Place,
        /// What SQLite says.
        detail: String,
    },
    /// All connections stay taken.
    #[error("the database {place} is busy: no connection became free in time; try again")]
    Busy {
        /// The database.
        place: Place,
    },
    /// A row with this key is already there.
    #[error("already there: {constraint}")]
    Conflict {
        /// The table and columns that must be unique.
        constraint: String,
    },
    /// A row refers to one that is gone, or breaks a rule of its table.
    #[error("the database refuses the row: {constraint}")]
    Refused {
        /// The rule.
        constraint: String,
    },
    /// A text that PostgreSQL cannot keep, so that SQLite does not either.
    #[error("a text has a zero character (U+0000), which the database does not keep: leave it out")]
    ZeroCharacter,
    /// The database was written by a newer version of the program.
    #[error(
        "the database {place} has schema {found}, this version knows up to {known}: update the program, or restore the backup made before the update"
    )]
    Newer {
        /// The database.
        place: Place,
        /// The newest migration recorded in it.
        found: i64,
        /// The newest migration this program has.
        known: i64,
    },
    /// A migration recorded in the database is not the one this program has under that number.
    #[error(
        "the database {place} was made with another migration {version} ({name}): use the program that made it, or restore a backup"
    )]
    OtherMigration {
        /// The database.
        place: Place,
        /// The migration's number.
        version: i64,
        /// The name recorded.
        name: String,
    },
    /// A database opened for reading has not seen all migrations.
    #[error(
        "the database {place} has schema {found}, this version needs {needed}: start the server once to bring it up to date"
    )]
    Older {
        /// The database.
        place: Place,
        /// The newest migration recorded in it.
        found: i64,
        /// The newest migration this program has.
        needed: i64,
    },
    /// The log in the database is signed by another key than the one at hand.
    #[error(
        "the audit log in {place} belongs to key {stored}, the key file holds {given}: restore the key file that belongs to this database"
    )]
    ForeignLog {
        /// The database.
        place: Place,
        /// The key recorded with the log.
        stored: String,
        /// The key at hand.
        given: String,
    },
    /// The head of the log does not match its last signed checkpoint.
    #[error(
        "the audit log in {place} does not match its last signed checkpoint ({problem}): it was altered outside the program; keep the file as evidence and restore a backup"
    )]
    LogHead {
        /// The database.
        place: Place,
        /// What does not fit.
        problem: audit::Error,
    },
    /// The log refuses or does not verify.
    #[error(transparent)]
    Log(#[from] audit::Error),
    /// There is no such leaf.
    #[error("the audit log has {size} entries, there is no entry {index}")]
    NoSuchLeaf {
        /// The index asked for.
        index: u64,
        /// The size of the log.
        size: u64,
    },
    /// A row holds what the program never writes.
    #[error("row {row} of table {table} in {place} is damaged: {problem}")]
    Row {
        /// The database.
        place: Place,
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What does not fit.
        problem: String,
    },
    /// A migration failed and was undone as a whole.
    #[error(
        "migration {version} ({name}) of the database {place} failed and was undone: {source}; nothing has changed, use the program that made this database until it is mended"
    )]
    Migration {
        /// The database.
        place: Place,
        /// The migration's number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// What the database says.
        source: sqlx::Error,
    },
    /// The copy that is made before a migration could not be made, so nothing was migrated.
    #[error(
        "the database {place} cannot be copied before its migration: {source}; nothing was migrated"
    )]
    Backup {
        /// The database.
        place: Place,
        /// What failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The setting is not the address of a database.
    #[error(
        "database.url is refused: {problem}; write sqlite:PATH or postgres://USER@HOST/DATABASE"
    )]
    Url {
        /// What is wrong with it; never the text itself, which may hold a password.
        problem: &'static str,
    },
    /// The server of the database cannot be reached, or does not let us in.
    #[error(
        "the database {place} does not answer ({detail}): check that it runs, the name and password, and the network between"
    )]
    Unreachable {
        /// The database.
        place: Place,
        /// What the network or the server says.
        detail: String,
    },
    /// The role that opens the database may pass over row-level security.
    #[error(
        "the role {role} may pass over row-level security in {place}: use a role of its own, made with CREATE ROLE stockade LOGIN NOSUPERUSER NOBYPASSRLS, that owns the database"
    )]
    Privileged {
        /// The database.
        place: Place,
        /// The role's name.
        role: String,
    },
    /// A table of a person's rows has lost its policy.
    #[error(
        "table {table} in {place} is not behind its row-level security policy: it was altered outside the program; restore the policy or a backup"
    )]
    Wall {
        /// The database.
        place: Place,
        /// The table.
        table: &'static str,
    },
    /// An act that kept the entries of several callers failed.
    #[error("an entry of the log in {place} could not be kept: {problem}")]
    Unkept {
        /// The database.
        place: Place,
        /// What stopped the act.
        problem: String,
    },
    /// The server's role can change what the audit log holds, although another one owns the tables.
    #[error(
        "the role {role} can change table {table} of the audit log in {place}: REVOKE UPDATE, DELETE, TRUNCATE on it from {role} and PUBLIC"
    )]
    Alterable {
        /// The database.
        place: Place,
        /// The role.
        role: String,
        /// The table.
        table: &'static str,
    },
    /// The database is there and has rows.
    #[error("the database {place} is not empty: table {table} has rows; name a new one")]
    NotEmpty {
        /// The database.
        place: Place,
        /// The first table with rows.
        table: &'static str,
    },
    /// A table differs between two databases that should be equal.
    #[error("table {table} differs after the copy to {place}: {problem}; nothing was kept there")]
    Unequal {
        /// The database that was written.
        place: Place,
        /// The table.
        table: &'static str,
        /// What differs.
        problem: String,
    },
    /// The caller asked to stop.
    #[error("stopped: nothing was kept in {place}")]
    Stopped {
        /// The database that was written.
        place: Place,
    },
    /// The database refuses for a reason that none of the above names: a bug of ours.
    #[error("the database {place} refuses: {source}")]
    Sql {
        /// The database.
        place: Place,
        /// The driver's error.
        source: sqlx::Error,
    },
}

impl Error {
    /// Our error for the driver's, told apart by the database's own code.
    pub(crate) fn of(place: &Place, error: sqlx::Error) -> Self {
        let place = place.clone();
        match error {
            sqlx::Error::Database(database) => {
                if database.try_downcast_ref::<PgDatabaseError>().is_some() {
                    Self::of_postgres(place, database)
                } else {
                    Self::of_sqlite(place, database)
                }
            }
            sqlx::Error::PoolTimedOut => Self::Busy { place },
            sqlx::Error::Encode(_) => Self::ZeroCharacter,
            sqlx::Error::Io(problem) => Self::Unreachable { place, detail: problem.to_string() },
            sqlx::Error::Tls(problem) => Self::Unreachable { place, detail: problem.to_string() },
            source => Self::Sql { place, source },
        }
    }

    fn of_sqlite(place: Place, database: Box<dyn DatabaseError>) -> Self {
        let detail = database.message().to_owned();
        let code = database.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or(0);
        // The low byte is the primary result code: https://sqlite.org/rescode.html
        match (code & 0xff, code) {
            (5 | 6, _) => Self::Locked { place },
            (8, _) => Self::ReadOnly { place },
            (10, _) => Self::Disk { place, detail },
            (11, _) => Self::Corrupt { place, detail },
            (13, _) => Self::DiskFull { place },
            (14, _) => Self::CannotOpen { place, source: detail.into() },
            (26, _) => Self::NotADatabase { place },
            // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE.
            (19, 1555 | 2067) => Self::Conflict { constraint: detail },
            (19, _) => Self::Refused { constraint: detail },
            _ => Self::Sql { place, source: sqlx::Error::Database(database) },
        }
    }

    /// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
    fn of_postgres(place: Place, database: Box<dyn DatabaseError>) -> Self {
        let code = database.code().unwrap_or_default().into_owned();
        // Messages name tables and constraints; what the rows hold stands in the detail, unread.
        let detail = database.message().to_owned();
        match (code.get(..2).unwrap_or_default(), code.as_str()) {
            (_, "23505") => Self::Conflict { constraint: detail },
            ("22" | "23", _) => Self::Refused { constraint: detail },
            // A lock, a deadlock or a statement took too long, or two acts got in each other's way.
            ("40" | "55", _) | (_, "57014") => Self::Locked { place },
            (_, "53100") => Self::DiskFull { place },
            (_, "53200" | "53300" | "53400") => Self::Busy { place },
            (_, "25006") => Self::ReadOnly { place },
            ("58", _) => Self::Disk { place, detail },
            (_, "XX001" | "XX002") => Self::Corrupt { place, detail },
            ("08" | "28" | "3D" | "57", _) | (_, "25P03") => Self::Unreachable { place, detail },
            _ => Self::Sql { place, source: sqlx::Error::Database(database) },
        }
    }
}

/// Where a database is, to say so to a person: a file, or a server without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Arc<str>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Place {
    /// Of these words, which hold no secret.
    pub(crate) fn new(words: String) -> Self {
        Self(words.into())
    }

    /// Our error for the driver's.
    pub(crate) fn fault(&self, error: sqlx::Error) -> Error {
        Error::of(self, error)
    }

    /// A row that holds what the program never writes.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers name keys and problems of many types, some made on the spot"
    )]
    pub(crate) fn damaged(
        &self,
        table: &'static str,
        row: impl ToString,
        problem: impl ToString,
    ) -> Error {
        let (row, problem) = (row.to_string(), problem.to_string());
        Error::Row { place: self.clone(), table, row, problem }
    }
}

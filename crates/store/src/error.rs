//! What can go wrong with the database, each with its place and its fix.

use std::path::{Path, PathBuf};

/// Everything that can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or made.
    #[error("cannot open the database {}: {source}; check that its directory exists and that this user may write there", .path.display())]
    CannotOpen {
        /// The database file.
        path: PathBuf,
        /// The system's or SQLite's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No database where one must be.
    #[error("there is no database at {}: start the server once, or name the right data directory", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file is not an SQLite database.
    #[error("{} is not a database: name the right file, or restore it from your backup", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// SQLite found the file damaged.
    #[error("the database {} is damaged ({detail}): stop the server and restore it from your backup", .path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// No room left.
    #[error("no space left for the database {}: free some, nothing was half-written", .path.display())]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// The file or its directory may not be written, or the store was opened for reading.
    #[error("the database {} is read-only: give this user write permission on the file and its directory", .path.display())]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },
    /// Another process holds the database for longer than we wait.
    #[error("the database {} is locked by another program: stop the other server or tool and try again", .path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// The disk fails to read or write.
    #[error("the disk fails under the database {} ({detail}): check the disk and its mount", .path.display())]
    Disk {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// All connections stay taken.
    #[error("the database {} is busy: no connection became free in time; try again", .path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
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
    /// The database was written by a newer version of the program.
    #[error("the database {} has schema {found}, this version knows up to {known}: update the program, or restore the backup made before the update", .path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The newest migration recorded in it.
        found: i64,
        /// The newest migration this program has.
        known: i64,
    },
    /// A migration recorded in the database is not the one this program has under that number.
    #[error("the database {} was made with another migration {version} ({name}): use the program that made it, or restore a backup", .path.display())]
    OtherMigration {
        /// The database file.
        path: PathBuf,
        /// The migration's number.
        version: i64,
        /// The name recorded.
        name: String,
    },
    /// A database opened for reading has not seen all migrations.
    #[error("the database {} has schema {found}, this version needs {needed}: start the server once to bring it up to date", .path.display())]
    Older {
        /// The database file.
        path: PathBuf,
        /// The newest migration recorded in it.
        found: i64,
        /// The newest migration this program has.
        needed: i64,
    },
    /// The log in the database is signed by another key than the one at hand.
    #[error("the audit log in {} belongs to key {stored}, the key file holds {given}: restore the key file that belongs to this database", .path.display())]
    ForeignLog {
        /// The database file.
        path: PathBuf,
        /// The key recorded with the log.
        stored: String,
        /// The key at hand.
        given: String,
    },
    /// The head of the log does not match its last signed checkpoint.
    #[error("the audit log in {} does not match its last signed checkpoint ({problem}): it was altered outside the program; keep the file as evidence and restore a backup", .path.display())]
    LogHead {
        /// The database file.
        path: PathBuf,
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
    #[error("row {row} of table {table} in {} is damaged: {problem}", .path.display())]
    Row {
        /// The database file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What does not fit.
        problem: String,
    },
    /// SQLite refuses for a reason that none of the above names: a bug of ours.
    #[error("the database {} refuses: {source}", .path.display())]
    Sql {
        /// The database file.
        path: PathBuf,
        /// The driver's error.
        source: sqlx::Error,
    },
}

impl Error {
    /// Our error for the driver's, told apart by SQLite's result code.
    pub(crate) fn of(path: &Path, error: sqlx::Error) -> Self {
        let path = path.to_path_buf();
        let database = match error {
            sqlx::Error::Database(database) => database,
            sqlx::Error::PoolTimedOut => return Self::Busy { path },
            source => return Self::Sql { path, source },
        };
        let detail = database.message().to_owned();
        let code = database.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or(0);
        // The low byte is the primary result code: https://sqlite.org/rescode.html
        match (code & 0xff, code) {
            (5 | 6, _) => Self::Locked { path },
            (8, _) => Self::ReadOnly { path },
            (10, _) => Self::Disk { path, detail },
            (11, _) => Self::Corrupt { path, detail },
            (13, _) => Self::DiskFull { path },
            (14, _) => Self::CannotOpen { path, source: detail.into() },
            (26, _) => Self::NotADatabase { path },
            // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE.
            (19, 1555 | 2067) => Self::Conflict { constraint: detail },
            (19, _) => Self::Refused { constraint: detail },
            _ => Self::Sql { path, source: sqlx::Error::Database(database) },
        }
    }
}

/// Where the database is, to say so in errors.
#[derive(Debug)]
pub(crate) struct Place(pub PathBuf);

impl Place {
    /// Our error for the driver's.
    pub(crate) fn fault(&self, error: sqlx::Error) -> Error {
        Error::of(&self.0, error)
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
        Error::Row { path: self.0.clone(), table, row, problem }
    }
}

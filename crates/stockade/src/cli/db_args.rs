//! `stockade db` as it can be typed.

use clap::Subcommand;

/// `stockade db`.
#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Verify the schema, the audit log and the file, and print count and digest of every table.
    Check,
    /// Copy everything into an empty database, and compare counts and digests; stop servers first.
    Copy {
        /// Where from: a file of SQLite, `sqlite:PATH` or `postgres://…`.
        from: String,
        /// Where to; a file is made, a PostgreSQL database must be there and empty.
        to: String,
    },
}

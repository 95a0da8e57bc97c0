//! Opening a database: files, connections, schema, and the log's head against its signature.

use crate::{Act, Error, error::Place, log, migrate};
use audit::{Frontier, Ledger};
use jiff::Timestamp;
use seal::Entropy;
use sqlx::{
    Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fmt,
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a connection waits for another process to let go of the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;

/// The database; cheap to clone.
///
/// Reads go through a pool, writes through one connection, and only by way of an [`Act`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// What all clones of a store share.
pub(crate) struct Inner {
    pub(crate) place: Place,
    pub(crate) ledger: Ledger,
    readers: SqlitePool,
    /// `None` if the store was opened for reading.
    writer: Option<SqlitePool>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    /// The newest checkpoint that this process wrote or read, and the tree's frontier under it.
    head: Mutex<Option<(String, Frontier)>>,
}

impl Store {
    /// Opens the database, making it if there is none, brings its schema up to date, and checks
    /// that the audit log ends where its last signed checkpoint says.
    pub async fn open(
        path: &Path,
        ledger: Ledger,
        entropy: Box<dyn Entropy + Send>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let place = Place(path.to_path_buf());
        make_file(path)?;
        let writing = options(path).journal_mode(SqliteJournalMode::Wal);
        let writer = connect(&place, writing, 1).await?;
        let readers = connect(&place, options(path).read_only(true), READERS).await?;
        let mut connection = writer.acquire().await.map_err(|error| place.fault(error))?;
        migrate::apply(&mut connection, &place, now).await?;
        log::found(&mut connection, &place, &ledger, now).await?;
        drop(connection);
        let (entropy, head) = (Mutex::new(entropy), Mutex::new(None));
        let writer = Some(writer);
        let store = Self(Arc::new(Inner { place, ledger, readers, writer, entropy, head }));
        store.check_head().await?;
        Ok(store)
    }

    /// Opens an existing database for reading, beside a server that may be running.
    pub async fn open_read_only(path: &Path, ledger: Ledger) -> Result<Self, Error> {
        let place = Place(path.to_path_buf());
        if !path.exists() {
            return Err(Error::Missing { path: place.0 });
        }
        let readers = connect(&place, options(path).read_only(true), READERS).await?;
        let mut connection = readers.acquire().await.map_err(|error| place.fault(error))?;
        migrate::check(&mut connection, &place).await?;
        drop(connection);
        let entropy: Mutex<Box<dyn Entropy + Send>> = Mutex::new(Box::new(Unused));
        let head = Mutex::new(None);
        let store = Self(Arc::new(Inner { place, ledger, readers, writer: None, entropy, head }));
        store.check_head().await?;
        Ok(store)
    }

    /// Begins an act: a transaction that holds the only pen until it is committed or dropped.
    pub async fn begin(&self) -> Result<Act, Error> {
        let fault = |error| self.0.place.fault(error);
        let Some(writer) = &self.0.writer else {
            return Err(Error::ReadOnly { path: self.0.place.0.clone() });
        };
        let transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
        Ok(Act::new(transaction, Arc::clone(&self.0)))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.place.0
    }

    /// Waits for the last act, and closes the files.
    pub async fn close(&self) {
        // The writer last: only it can move the write-ahead log into the database and remove it.
        self.0.readers.close().await;
        if let Some(writer) = &self.0.writer {
            writer.close().await;
        }
    }

    /// The connections for reading.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.0.readers
    }

    /// Where the database is, to say so in errors.
    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    /// The log's keys.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// Refuses a log that does not end where its last signed checkpoint says.
    async fn check_head(&self) -> Result<(), Error> {
        let fault = |error| self.0.place.fault(error);
        let mut reading = self.0.readers.begin().await.map_err(fault)?;
        log::check_key(&mut reading, &self.0.place, &self.0.ledger).await?;
        self.0.frontier(&mut reading).await?;
        Ok(())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.place.0.display())
    }
}

impl Inner {
    /// Lends out the source of randomness.
    pub(crate) fn with_entropy<T>(&self, work: impl FnOnce(&mut dyn Entropy) -> T) -> T {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut **entropy)
    }

    /// The frontier under the newest checkpoint, from memory if nobody else has written since.
    pub(crate) async fn frontier(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Frontier, Error> {
        let note = log::newest_note(connection, &self.place).await?;
        {
            let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, frontier)) = head.as_ref()
                && *known == note
            {
                return Ok(frontier.clone());
            }
        }
        let frontier = log::restore(connection, &self.place, &self.ledger, &note).await?;
        self.remember(note, frontier.clone());
        Ok(frontier)
    }

    /// Keeps the newest checkpoint and its frontier in memory.
    pub(crate) fn remember(&self, note: String, frontier: Frontier) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some((note, frontier));
    }
}

/// A store opened for reading draws no randomness.
struct Unused;

impl Entropy for Unused {
    fn fill(&mut self, _: &mut [u8]) {
        unreachable!("only an act draws randomness, and a store opened for reading begins none");
    }
}

/// Makes an empty file that only its owner may read, unless there is one.
fn make_file(path: &Path) -> Result<(), Error> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::CannotOpen { path: path.into(), source: error.into() }),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

async fn connect(
    place: &Place,
    options: SqliteConnectOptions,
    connections: u32,
) -> Result<SqlitePool, Error> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // SQLite ends a transaction by itself when the disk is full, which the driver does not
        // notice: such a connection is replaced.
        .before_acquire(|connection, _| {
            let clean = !connection.is_in_transaction();
            Box::pin(async move { Ok(clean) })
        })
        .connect_with(options)
        .await
        .map_err(|error| place.fault(error))
}

//! Opening a database: connections, schema, and the log's head against its signature.

use crate::{
    Act, Database, Error,
    database::Purpose,
    dialect,
    error::Place,
    gathering::Gathering,
    log,
    migrate::{self, MIGRATIONS},
    pace::{ActTimes, Pace},
    pools::Pools,
    scope::Scope,
    sql::Link,
};
use audit::{Frontier, Ledger};
use jiff::Timestamp;
use seal::Entropy;
use std::{
    fmt,
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// The database; cheap to clone.
///
/// Reads go through a pool, writes through one connection, and only by way of an [`Act`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// What all clones of a store share.
pub(crate) struct Inner {
    pub(crate) place: Place,
    pub(crate) ledger: Ledger,
    pub(crate) pools: Pools,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    /// The newest checkpoint that this process wrote or read, and the tree's frontier under it.
    head: Mutex<Option<(String, Frontier)>>,
    gathering: Gathering,
    pub(crate) pace: Pace,
}

impl Store {
    /// Opens the database, making it if there is none, brings its schema up to date, and checks
    /// that the audit log ends where its last signed checkpoint says.
    pub async fn open(
        database: &Database,
        ledger: Ledger,
        entropy: Box<dyn Entropy + Send>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let place = database.place();
        let pools = prepare(database, now).await?;
        log::found((&pools, &place), &ledger, now).await?;
        let store = Self::over(place, ledger, pools, entropy);
        store.check_head().await?;
        store.index_accounts().await?;
        Ok(store)
    }

    /// Opens an existing database for reading, beside a server that may be running.
    pub async fn open_read_only(database: &Database, ledger: Ledger) -> Result<Self, Error> {
        let place = database.place();
        if database.path().is_some_and(|path| !path.exists()) {
            return Err(Error::Missing { place });
        }
        let pools = Pools::open(database, Purpose::Reading).await?;
        let mut link = pools.snapshot(Scope::House).await.map_err(|error| place.fault(error))?;
        migrate::check(&mut link, &place, MIGRATIONS).await?;
        dialect::check_walls(&mut link, &place).await?;
        drop(link);
        let store = Self::over(place, ledger, pools, Box::new(Unused));
        store.check_head().await?;
        Ok(store)
    }

    /// Whether there is a database with a log already: its keys must not be made anew.
    pub async fn is_founded(database: &Database) -> Result<bool, Error> {
        if let Some(path) = database.path() {
            return Ok(path.exists());
        }
        let place = database.place();
        let pools = Pools::open(database, Purpose::Reading).await?;
        let mut link = pools.snapshot(Scope::House).await.map_err(|error| place.fault(error))?;
        let tables = dialect::tables(&mut link, &place).await?;
        drop(link);
        pools.close().await;
        Ok(tables.iter().any(|name| name == "audit_log"))
    }

    /// The schema that a database has, if this program would change it.
    pub async fn schema_to_leave(database: &Database) -> Result<Option<i64>, Error> {
        if database.path().is_some_and(|path| !path.exists()) {
            return Ok(None);
        }
        let place = database.place();
        let pools = Pools::open(database, Purpose::Reading).await?;
        let mut link = pools.snapshot(Scope::House).await.map_err(|error| place.fault(error))?;
        let found = migrate::version_to_leave(&mut link, &place, MIGRATIONS).await?;
        drop(link);
        pools.close().await;
        Ok(found)
    }

    fn over(place: Place, ledger: Ledger, pools: Pools, entropy: Box<dyn Entropy + Send>) -> Self {
        let (entropy, head) = (Mutex::new(entropy), Mutex::new(None));
        let gathering = Gathering::default();
        let inner = Inner { place, ledger, pools, entropy, head, gathering, pace: Pace::default() };
        Self(Arc::new(inner))
    }

    /// Begins an act: a transaction that holds the only pen until it is committed or dropped.
    pub async fn begin(&self) -> Result<Act, Error> {
        let link = self.0.pools.writing(&self.0.place).await?;
        Ok(Act::new(link, Arc::clone(&self.0)))
    }

    /// Where the database is, to say so to a person.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The settings of the connections that count, as the connections themselves report them.
    pub async fn connection_settings(&self) -> Result<Vec<(String, String)>, Error> {
        self.0.pools.applied().await.map_err(|error| self.0.place.fault(error))
    }

    /// How long acts took that were kept since the start.
    #[must_use]
    pub fn act_times(&self) -> ActTimes {
        self.0.pace.times()
    }

    /// Waits for the last act, and closes the connections.
    pub async fn close(&self) {
        self.0.pools.close().await;
    }

    /// The connections.
    pub(crate) fn pools(&self) -> &Pools {
        &self.0.pools
    }

    /// A connection for one statement that reads what the scope may see.
    pub(crate) async fn reading(&self, scope: impl Into<Scope>) -> Result<Link, Error> {
        self.0.pools.reading(scope.into()).await.map_err(|error| self.0.place.fault(error))
    }

    /// A transaction for several statements that read, all of one moment.
    pub(crate) async fn snapshot(&self, scope: impl Into<Scope>) -> Result<Link, Error> {
        self.0.pools.snapshot(scope.into()).await.map_err(|error| self.0.place.fault(error))
    }

    /// Entries that wait for the next act.
    pub(crate) fn gathering(&self) -> &Gathering {
        &self.0.gathering
    }

    /// The log's keys.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// Refuses a log that does not end where its last signed checkpoint says.
    async fn check_head(&self) -> Result<(), Error> {
        let mut reading = self.snapshot(Scope::House).await?;
        log::check_key(&mut reading, &self.0.place, &self.0.ledger).await?;
        self.0.frontier(&mut reading).await?;
        Ok(())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.place)
    }
}

impl Inner {
    /// Lends out the source of randomness.
    pub(crate) fn with_entropy<T>(&self, work: impl FnOnce(&mut dyn Entropy) -> T) -> T {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut **entropy)
    }

    /// The frontier under the newest checkpoint, from memory if nobody else has written since.
    pub(crate) async fn frontier(&self, link: &mut Link) -> Result<Frontier, Error> {
        let note = log::newest_note(link, &self.place).await?;
        {
            let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, frontier)) = head.as_ref()
                && *known == note
            {
                return Ok(frontier.clone());
            }
        }
        let frontier = log::restore(link, &self.place, &self.ledger, &note).await?;
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

/// Connections to a database whose schema is up to date and whose tables are guarded.
pub(crate) async fn prepare(database: &Database, now: Timestamp) -> Result<Pools, Error> {
    let place = database.place();
    if let Some(path) = database.path() {
        make_file(path, &place)?;
    }
    let owner = database.owner();
    if let (Some(owner), Some(role)) = (&owner, database.role()) {
        let place = owner.place();
        let pools = Pools::open(owner, Purpose::Writing).await?;
        migrate::apply((&pools, &place), None, MIGRATIONS, now).await?;
        let mut link = pools.writing(&place).await?;
        dialect::admit(&mut link, &place, role).await?;
        link.commit(&place).await?;
        pools.close().await;
    }
    let pools = Pools::open(database, Purpose::Writing).await?;
    if owner.is_none() {
        migrate::apply((&pools, &place), database.path(), MIGRATIONS, now).await?;
    }
    let mut link = pools.snapshot(Scope::House).await.map_err(|error| place.fault(error))?;
    dialect::check_walls(&mut link, &place).await?;
    if owner.is_some() {
        dialect::check_log(&mut link, &place).await?;
    }
    Ok(pools)
}

/// Makes an empty file that only its owner may read, unless there is one.
fn make_file(path: &Path, place: &Place) -> Result<(), Error> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::CannotOpen { place: place.clone(), source: error.into() }),
    }
}

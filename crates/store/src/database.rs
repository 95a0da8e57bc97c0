//! Which database: a file of SQLite, or a database of a PostgreSQL server; and how it is reached.

use crate::{Error, error::Place};
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool, SqlitePool,
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// How long a connection waits for another process to let go of the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the first connection to a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that rested for longer is tried before it is used.
const RESTED: Duration = Duration::from_secs(5);

/// What may stand behind the `?` of an address. `options` is not among them: it could take back
/// what we set for each connection.
const PARAMETERS: [&str; 8] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "user", "dbname"];

/// What every connection to a server holds to, whatever the server's own configuration says.
const SESSION: [(&str, &str); 7] = [
    // Nobody's rows, until a transaction says whose.
    ("stockade.tenant", ""),
    // What is reported as kept is on the disk.
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    ("statement_timeout", "30s"),
    ("lock_timeout", "10s"),
    // A server that hangs in the middle of an act does not hold up the others for good.
    ("idle_in_transaction_session_timeout", "30s"),
    ("client_min_messages", "warning"),
];

/// Which database; it prints without its password.
#[derive(Clone)]
pub struct Database {
    pub(crate) kind: Kind,
    /// The role that owns the tables, where that is another one.
    owner: Option<Box<PgConnectOptions>>,
}

#[derive(Clone)]
pub(crate) enum Kind {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of a PostgreSQL server.
    Server(Box<PgConnectOptions>),
}

/// What connections are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They only read.
    Reading,
    /// They write as well.
    Writing,
}

/// Over what a database is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A file of this machine.
    File,
    /// A socket or a loopback address of this machine.
    Machine,
    /// A network, by TLS with a certificate that is checked: without it an address is refused.
    Network,
}

impl Database {
    /// A file of SQLite.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { kind: Kind::File(path.to_owned()), owner: None }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::File(path) => Some(path),
            Kind::Server(_) => None,
        }
    }

    /// The same database, whose tables belong to the role of another address: that one changes the
    /// schema, and this one adds to the audit log and can change nothing in it.
    pub fn owned_by(self, owner: Self) -> Result<Self, Error> {
        let refused = |problem| Err(Error::Url { problem });
        let (Kind::Server(own), Kind::Server(other)) = (&self.kind, owner.kind) else {
            return refused("only a database of PostgreSQL has an owner");
        };
        if own.get_database() != other.get_database() {
            return refused("the owner's address names another database");
        }
        if own.get_username() == other.get_username() {
            return refused("the owner is the server's own role: name another one");
        }
        Ok(Self { owner: Some(other), ..self })
    }

    /// As the role reaches it that owns the tables: for what the server's own may not do.
    #[must_use]
    pub fn as_owner(&self) -> Self {
        self.owner().unwrap_or_else(|| self.clone())
    }

    /// How the role reaches it that owns the tables, where that is another one.
    pub(crate) fn owner(&self) -> Option<Self> {
        let options = self.owner.clone()?;
        Some(Self { kind: Kind::Server(options), owner: None })
    }

    /// The server's own role, if it is a server.
    pub(crate) fn role(&self) -> Option<&str> {
        match &self.kind {
            Kind::File(_) => None,
            Kind::Server(options) => Some(options.get_username()),
        }
    }

    /// Over what it is reached.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match &self.kind {
            Kind::File(_) => Reach::File,
            Kind::Server(options) if is_local(options) => Reach::Machine,
            Kind::Server(_) => Reach::Network,
        }
    }

    /// Where it is, for a person.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::new(match &self.kind {
            Kind::File(path) => path.display().to_string(),
            Kind::Server(options) => {
                let host = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => options.get_host().to_owned(),
                };
                let user = options.get_username();
                let name = options.get_database().unwrap_or(user);
                format!("postgres://{user}@{host}:{}/{name}", options.get_port())
            }
        })
    }
}

/// `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`, where a password may
/// also stand in `~/.pgpass` or `PGPASSWORD`, and a host may be the directory of a Unix socket.
impl FromStr for Database {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |problem| Err(Error::Url { problem });
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => refused("there is no path behind sqlite:"),
                path => Ok(Self::file(Path::new(path))),
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return refused("it is neither sqlite: nor postgres:");
        }
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let names = query.split('&').filter(|pair| !pair.is_empty());
        let mut names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
        if !names.all(|name| PARAMETERS.contains(&name)) {
            return refused(
                "only sslmode, sslrootcert, sslcert, sslkey, host, port, user and dbname may stand behind the ?",
            );
        }
        let Ok(options) = PgConnectOptions::from_str(text) else {
            return refused("it does not read as an address");
        };
        let chosen = query.contains("sslmode=");
        let options = match (is_local(&options), options.get_ssl_mode()) {
            (true, _) | (false, PgSslMode::VerifyFull | PgSslMode::VerifyCa) => options,
            (false, _) if !chosen => options.ssl_mode(PgSslMode::VerifyFull),
            (false, _) => {
                return refused(
                    "a server on another machine needs sslmode=verify-full or verify-ca, and sslrootcert where its authority is your own",
                );
            }
        };
        let options = options.application_name("stockade").options(SESSION);
        Ok(Self { kind: Kind::Server(Box::new(options)), owner: None })
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.place())
    }
}

/// Whether the way to the server leaves this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The connections of a file: as many as this, made when they are needed.
pub(crate) async fn sqlite_pool(
    (path, place): (&Path, &Place),
    purpose: Purpose,
    connections: u32,
) -> Result<SqlitePool, Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten: an erased account's key lies in no free page.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY_TIMEOUT);
    let options = match purpose {
        Purpose::Reading => options.read_only(true),
        Purpose::Writing => options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal),
    };
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

/// Whether the server lets us in, said in its own words: a pool would only say that it waited.
pub(crate) async fn knock(options: &PgConnectOptions, place: &Place) -> Result<(), Error> {
    let unreachable = |detail| Error::Unreachable { place: place.clone(), detail };
    let connection = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    let connection = connection
        .map_err(|_| unreachable("no answer in 10 seconds".to_owned()))?
        .map_err(|error| place.fault(error))?;
    connection.close().await.map_err(|error| place.fault(error))
}

/// The connections to a server: as many as this, made when they are needed.
pub(crate) fn postgres_pool(
    options: &PgConnectOptions,
    purpose: Purpose,
    connections: u32,
) -> PgPool {
    let options = match purpose {
        Purpose::Reading => options.clone().options([("default_transaction_read_only", "on")]),
        Purpose::Writing => options.clone(),
    };
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection: &mut PgConnection, about: PoolConnectionMetadata| {
            Box::pin(async move {
                if about.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> String {
        text.parse::<Database>().expect(text).place().to_string()
    }

    #[test]
    fn addresses_are_read_and_print_without_their_password() {
        let check = |text: &str, want: &str| {
            assert_eq!(place(text), want);
            let database: Database = text.parse().expect(text);
            assert!(!format!("{database:?}").contains("hunter2"), "{database:?}");
        };
        check("sqlite:/var/lib/x.db", "/var/lib/x.db");
        check("sqlite:///var/lib/x.db", "/var/lib/x.db");
        check("sqlite:x.db", "x.db");
        check("postgres://s:hunter2@localhost:5433/db", "postgres://s@localhost:5433/db");
        check(
            "postgresql://s:hunter2@db.example.org:5432/db?sslmode=verify-ca",
            "postgres://s@db.example.org:5432/db",
        );
        check("postgres://s@%2Frun%2Fpg:5432/db", "postgres://s@/run/pg:5432/db");
    }

    #[test]
    fn a_bad_address_is_refused_without_being_repeated() {
        let check = |text: &str, part: &str| {
            let error = text.parse::<Database>().expect_err(text).to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        };
        check("", "neither");
        check("mysql://s:hunter2@h/db", "neither");
        check("sqlite:", "no path");
        check("postgres://s:hunter2@h:notaport/db", "does not read");
        check("postgres://s@localhost/db?options=-c%20stockade.tenant%3D*", "may stand behind");
        check("postgres://s@localhost/db?password=hunter2", "may stand behind");
        for mode in ["disable", "allow", "prefer", "require"] {
            check(&format!("postgres://s:hunter2@h/db?sslmode={mode}"), "verify-full");
        }
    }

    #[test]
    fn an_owner_is_another_role_of_the_same_database() {
        let check = |own: &str, owner: &str, part: &str| {
            let read = |text: &str| text.parse::<Database>().expect(text);
            let owned = read(own).owned_by(read(owner)).map(|owned| owned.place().to_string());
            match owned {
                Ok(place) => assert!(part.is_empty() && own.contains("//s@"), "{place}"),
                Err(error) => {
                    assert!(!part.is_empty() && error.to_string().contains(part), "{error}");
                }
            }
        };
        check("postgres://s@localhost/db", "postgres://o@localhost/db", "");
        check("postgres://s@localhost/db", "postgres://s@localhost/db", "own role");
        check("postgres://s@localhost/db", "postgres://o@localhost/other", "another database");
        check("postgres://s@localhost/db", "sqlite:x.db", "only a database of PostgreSQL");
        check("sqlite:x.db", "postgres://o@localhost/db", "only a database of PostgreSQL");
    }

    #[test]
    fn a_server_on_another_machine_is_verified_unless_told_otherwise() {
        let mode = |text: &str| match text.parse::<Database>().expect(text).kind {
            Kind::Server(options) => options.get_ssl_mode(),
            Kind::File(_) => panic!("{text}"),
        };
        assert!(matches!(mode("postgres://s@db.example.org/db"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://s@10.0.0.7/db"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://s@[::1]/db"), PgSslMode::Prefer));
        assert!(matches!(mode("postgres://s@127.0.0.1/db"), PgSslMode::Prefer));
    }
}

//! The worker: the engine in a process of its own, which knows a repository, its password and a directory, and
//! nothing of the database. An order comes on stdin, an answer goes to stdout; both are one line of JSON.

use crate::{Bucket, Credentials, Error, Shelf, Upkeep, file::make, repository::Engine};
use jiff::Timestamp;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use seal::{Entropy, Secret};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read, Write},
    path::PathBuf,
};
use zeroize::{Zeroize, Zeroizing};

/// The command that makes this program a worker.
pub const WORKER: &str = "backup-worker";
/// What a worker may take of the memory: more ends it, and the server lives on.
pub const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// An order is shorter.
const ORDER_BYTES_MAX: u64 = 1 << 22;

/// What a worker is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Make the repository.
    Init,
    /// Take a snapshot of a directory.
    Backup {
        /// Which.
        source: PathBuf,
    },
    /// List the snapshots.
    List,
    /// Look for damage.
    Check {
        /// In every byte, or in the structure alone.
        read_data: bool,
    },
    /// Bring a snapshot back.
    Restore {
        /// Which.
        snapshot: String,
        /// Into which empty directory.
        into: PathBuf,
    },
    /// Let snapshots go, with what only they held.
    Forget {
        /// Which.
        snapshots: Vec<String>,
    },
}

/// A snapshot as the repository has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// When it says that it was taken; nothing is decided on this.
    pub time: Timestamp,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done,
    /// A snapshot that was taken, or brought back.
    Snapshot(Stored),
    /// Snapshots that are there.
    Snapshots {
        /// The oldest first.
        list: Vec<Stored>,
    },
    /// What a check found.
    Findings {
        /// Nothing, or what is damaged.
        list: Vec<String>,
    },
    /// The password does not open the repository.
    WrongPassword,
    /// It failed.
    Failed {
        /// In words.
        message: String,
    },
}

/// A repository, and who lets go there.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Where it is.
    pub shelf: Shelf,
    /// Who lets go.
    pub upkeep: Upkeep,
}

/// An order with what it needs.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    repository: ShelfLine,
    #[serde(default)]
    upkeep: Upkeep,
    password: String,
    order: Order,
}

/// A shelf as a worker is told of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ShelfLine {
    Directory(PathBuf),
    Bucket {
        address: String,
        endpoint: String,
        region: String,
        key: String,
        secret: String,
        session: Option<String>,
    },
}

/// What a worker has to reach for its order: before it begins, everything else can be shut off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// To read.
    pub read: Vec<PathBuf>,
    /// To read and to write.
    pub write: Vec<PathBuf>,
    /// The port of the object store, if it is one.
    pub port: Option<u16>,
}

impl Request {
    pub(crate) fn new((target, password): (&Target, &Secret<String>), order: Order) -> Self {
        let repository = match &target.shelf {
            Shelf::Directory(path) => ShelfLine::Directory(path.clone()),
            Shelf::Bucket(bucket) => {
                let Credentials { key, secret, session } = bucket.credentials();
                ShelfLine::Bucket {
                    address: bucket.address(),
                    endpoint: bucket.endpoint(),
                    region: bucket.region().to_owned(),
                    key: key.clone(),
                    secret: secret.expose().clone(),
                    session: session.as_ref().map(|session| session.expose().clone()),
                }
            }
        };
        let (upkeep, password) = (target.upkeep, password.expose().clone());
        Self { repository, upkeep, password, order }
    }

    fn target(&self) -> Result<Target, Error> {
        let place = match &self.repository {
            ShelfLine::Directory(path) => Shelf::Directory(path.clone()),
            ShelfLine::Bucket { address, endpoint, region, key, secret, session } => {
                let credentials = Credentials {
                    key: key.clone(),
                    secret: Secret::new(secret.clone()),
                    session: session.clone().map(Secret::new),
                };
                Shelf::Bucket(Bucket::new(address, (endpoint, region), credentials)?)
            }
        };
        Ok(Target { shelf: place, upkeep: self.upkeep })
    }

    /// Directories that are to be written are made, so that a fence can name them.
    fn reach(&self, target: &Target) -> io::Result<Reach> {
        let mut reach = Reach::default();
        match (&target.shelf, &self.order) {
            (Shelf::Bucket(bucket), _) => reach.port = Some(bucket.port()),
            (Shelf::Directory(root), Order::Init | Order::Backup { .. } | Order::Forget { .. }) => {
                reach.write.push(root.clone());
            }
            (Shelf::Directory(root), _) => reach.read.push(root.clone()),
        }
        match &self.order {
            Order::Backup { source } => reach.read.push(source.clone()),
            Order::Restore { into, .. } => reach.write.push(into.clone()),
            _ => {}
        }
        reach.write.iter().try_for_each(|path| make(path))?;
        Ok(reach)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.password.zeroize();
        if let ShelfLine::Bucket { secret, session, .. } = &mut self.repository {
            secret.zeroize();
            session.zeroize();
        }
    }
}

/// Does one order from stdin, with bounds on itself, behind the fence that `raise` puts up around what the order
/// has to reach; whether it could answer.
pub fn serve_worker(
    memory_bytes: u64,
    entropy: &mut dyn Entropy,
    raise: impl FnOnce(&Reach) -> io::Result<()>,
) -> io::Result<()> {
    // Whoever ordered it is gone: nobody wants the answer.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let memory = Some(memory_bytes);
    setrlimit(Resource::Data, Rlimit { current: memory, maximum: memory })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(ORDER_BYTES_MAX).read_to_string(&mut text)?;
    let answer = match serde_json::from_str::<Request>(&text) {
        Ok(request) => request.answer(entropy, raise),
        Err(error) => Answer::Failed { message: format!("the order does not read: {error}") },
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

impl Request {
    fn answer(
        &self,
        entropy: &mut dyn Entropy,
        raise: impl FnOnce(&Reach) -> io::Result<()>,
    ) -> Answer {
        self.obey(entropy, raise).unwrap_or_else(|error| match error {
            Error::WrongPassword { .. } => Answer::WrongPassword,
            Error::Engine(message) => Answer::Failed { message },
            other => Answer::Failed { message: other.to_string() },
        })
    }

    fn obey(
        &self,
        entropy: &mut dyn Entropy,
        raise: impl FnOnce(&Reach) -> io::Result<()>,
    ) -> Result<Answer, Error> {
        let target = self.target()?;
        let reach = self.reach(&target).map_err(Error::file("make", target.shelf.name()))?;
        raise(&reach).map_err(Error::file("shut off everything but", target.shelf.name()))?;
        let engine = Engine { target: &target, password: &self.password };
        Ok(match &self.order {
            Order::Init => engine.init(entropy).map(|()| Answer::Done)?,
            Order::Backup { source } => Answer::Snapshot(engine.backup(source)?),
            Order::List => Answer::Snapshots { list: engine.list()? },
            Order::Check { read_data } => Answer::Findings { list: engine.check(*read_data)? },
            Order::Restore { snapshot, into } => Answer::Snapshot(engine.restore(snapshot, into)?),
            Order::Forget { snapshots } => engine.forget(snapshots).map(|()| Answer::Done)?,
        })
    }
}

//! The worker: the engine in a process of its own, which knows a repository, its password and a directory, and
//! nothing of the database. An order comes on stdin, an answer goes to stdout; both are one line of JSON.

use crate::{Error, repository::Engine};
use jiff::Timestamp;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use serde::{Deserialize, Serialize};
use std::{
    io::{Read, Write},
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

/// An order with what it needs.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) repository: PathBuf,
    pub(crate) password: String,
    pub(crate) order: Order,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

/// Does one order from stdin, with bounds on itself; whether it could answer.
pub fn serve_worker(memory_bytes: u64) -> std::io::Result<()> {
    // Whoever ordered it is gone: nobody wants the answer.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let memory = Some(memory_bytes);
    setrlimit(Resource::Data, Rlimit { current: memory, maximum: memory })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(ORDER_BYTES_MAX).read_to_string(&mut text)?;
    let answer = match serde_json::from_str::<Request>(&text) {
        Ok(request) => request.answer(),
        Err(error) => Answer::Failed { message: format!("the order does not read: {error}") },
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

impl Request {
    fn answer(&self) -> Answer {
        self.obey().unwrap_or_else(|error| match error {
            Error::WrongPassword { .. } => Answer::WrongPassword,
            Error::Engine(message) => Answer::Failed { message },
            other => Answer::Failed { message: other.to_string() },
        })
    }

    fn obey(&self) -> Result<Answer, Error> {
        let engine = Engine { root: &self.repository, password: &self.password };
        Ok(match &self.order {
            Order::Init => engine.init().map(|()| Answer::Done)?,
            Order::Backup { source } => Answer::Snapshot(engine.backup(source)?),
            Order::List => Answer::Snapshots { list: engine.list()? },
            Order::Check { read_data } => Answer::Findings { list: engine.check(*read_data)? },
            Order::Restore { snapshot, into } => Answer::Snapshot(engine.restore(snapshot, into)?),
            Order::Forget { snapshots } => engine.forget(snapshots).map(|()| Answer::Done)?,
        })
    }
}

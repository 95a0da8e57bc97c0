//! Logs of others: fetched, held against what was seen of them before, and cosigned.
//!
//! The same for the command line and for the server; who judges is `audit`.

mod memory;
mod online;
mod site;

pub use memory::Memory;
pub use online::{Online, Question, extension, verify};
pub use site::{Address, Cosigning, Site};

use audit::{Cosigner, WitnessKey};
use kms::{KeyRing, Purpose};
use std::path::PathBuf;

/// What can go wrong on the way to another log. What is wrong *with* a log is an [`audit::Error`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no address of a log.
    #[error("{text:?} is not the address of a log: {why}, as in https://stockade.example.com")]
    Address {
        /// The text, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client cannot be made.
    #[error(transparent)]
    Client(#[from] edge::Error),
    /// Nothing came back.
    #[error("{url} cannot be asked: {source}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        source: edge::SendError,
    },
    /// Something else came back.
    #[error("{url} answers {status}{hint}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// What that probably means.
        hint: &'static str,
    },
    /// What came back cannot be read.
    #[error("{url} answers with {what}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What it answers with.
        what: &'static str,
    },
    /// The log is not what it should be.
    #[error(transparent)]
    Log(#[from] audit::Error),
    /// What is remembered cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// `read`, `write`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is remembered is damaged.
    #[error(
        "{path} is damaged: it is not what was remembered of a log; put it aside to begin anew"
    )]
    Memory {
        /// Which file.
        path: PathBuf,
    },
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
}

/// This installation as a witness: its key follows from the key file.
#[must_use]
pub fn cosigner(keys: &KeyRing) -> Cosigner {
    let key = keys.signing(Purpose::Witness);
    let digest = seal::sha256(key.verifying_key().as_bytes());
    let digits = hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
    Cosigner::new(&format!("stockade.witness/{digits}"), key).expect("digits make a key's name")
}

/// A witness that a server asks to cosign, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its submission prefix.
    pub address: Address,
    /// Its key.
    pub key: WitnessKey,
}

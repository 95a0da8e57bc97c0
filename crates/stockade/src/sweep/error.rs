//! What can go wrong with a sweep on disk; every message names the place and the fix.

use std::{io, path::PathBuf};

/// Everything that a sweep refuses or fails at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The strategy's text has errors.
    #[error("the strategy has {} error(s): {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Strategy(Vec<engine::Problem>),
    /// The grid, a set or a shard is wrong.
    #[error(transparent)]
    Engine(#[from] engine::sweep::Error),
    /// The catalogue refuses.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The strategy fills at an open that the data do not have.
    #[error(
        "{data} has closing prices only, and next_open fills at the open: write `convention: same_close`, or use data with opens"
    )]
    NoOpen {
        /// The dataset.
        data: String,
    },
    /// The directory has something in it already.
    #[error(
        "{} holds a sweep or other files: resume it, or name a new directory",
        path.display()
    )]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// There is no sweep in the directory.
    #[error("there is no sweep in {}: `sweep.json` is not there", path.display())]
    NoSweep {
        /// The directory.
        path: PathBuf,
    },
    /// Another process works on it.
    #[error("another process works on the sweep in {}: wait for it, or stop it", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file is not what this program wrote.
    #[error("{} is damaged: {what}; run the sweep anew in another directory", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The data are not those that the sweep was started on.
    #[error(
        "{data} has changed since the sweep was started (digest {now}, then {then}): \
         bring the old data back, or run the sweep anew in another directory"
    )]
    DataChanged {
        /// The dataset.
        data: String,
        /// The digest of today.
        now: String,
        /// The digest of the sweep.
        then: String,
    },
    /// The engine's figures have another meaning than when the sweep was started.
    #[error(
        "the sweep was made by an engine of semantics {then}, this is {now}: \
         resume it with the program that started it, or run it anew in another directory"
    )]
    Semantics {
        /// This program's.
        now: u32,
        /// The sweep's.
        then: u32,
    },
    /// Two directories to merge are not of one sweep.
    #[error("{} is of another sweep than {}: {what} differs", other.display(), first.display())]
    Different {
        /// The first directory.
        first: PathBuf,
        /// The one that does not fit.
        other: PathBuf,
        /// In what.
        what: &'static str,
    },
    /// Sets are missing for a whole table.
    #[error("{missing} of {sets} sets are missing, set {first} the first: {remedy}")]
    Missing {
        /// How many.
        missing: u64,
        /// Of how many.
        sets: u64,
        /// The first one.
        first: u64,
        /// What to do, in words.
        remedy: String,
    },
    /// The same set has other figures elsewhere.
    #[error("set {number} has other figures in {}: one of them is damaged", path.display())]
    Contradiction {
        /// The set.
        number: u64,
        /// Where it differs from what came before.
        path: PathBuf,
    },
}

/// What this module's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The system's refusal with its place.
pub(super) fn file<'p>(
    doing: &'static str,
    path: &'p std::path::Path,
) -> impl FnOnce(io::Error) -> Error + use<'p> {
    move |source| Error::File { doing, path: path.to_owned(), source }
}

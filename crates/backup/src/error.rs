//! What can go wrong with backups, each with its place and its fix.

use std::path::PathBuf;

/// Everything that can go wrong with backups.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is not signed by this installation's key.
    #[error(
        "the {what} beside the snapshots is not signed by this installation's key: it was changed, or belongs to another installation; nothing was written"
    )]
    Unsigned {
        /// What.
        what: &'static str,
    },
    /// The ledger does not read.
    #[error("line {line} of the ledger of snapshots: {why}")]
    Ledger {
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The ledger is older than the one that the audit log names.
    #[error(
        "the ledger beside the snapshots in {place} is not the one that the audit log names: an older one was put back; nothing was let go. Bring the newest ledger back, or begin a new place"
    )]
    OldLedger {
        /// The place of the backups.
        place: PathBuf,
    },
    /// More would go than can have been pushed out.
    #[error(
        "{gone} snapshots would be let go, where {taken} new ones push out {allowed} at most: nothing was let go; look at the clock and at the ledger"
    )]
    TooMany {
        /// How many would go.
        gone: usize,
        /// How many may.
        allowed: usize,
        /// How many were taken since the last time.
        taken: usize,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Somebody else works there.
    #[error("{} is in use by another backup, check or restore: try again when it is done", place.display())]
    Busy {
        /// The place of the backups.
        place: PathBuf,
    },
    /// There is nothing there.
    #[error("there are no backups in {}: name the place of the backups, or make one with `stockade backup now`", place.display())]
    Nothing {
        /// The place of the backups.
        place: PathBuf,
    },
    /// The password of the repository is not on this machine.
    #[error(
        "{} has backups, and {} with their password is not here: put it back out of the recovery kit, or name another place",
        place.display(),
        path.display()
    )]
    NoPassword {
        /// Where the backups lie.
        place: PathBuf,
        /// Where the password should be.
        path: PathBuf,
    },
    /// Whoever makes the backups may not let go.
    #[error(
        "backup.upkeep is elsewhere: here nothing of {} is let go or replaced; `stockade backup prune` does it, where its rights are",
        place.display()
    )]
    UpkeepElsewhere {
        /// The place of the backups.
        place: PathBuf,
    },
    /// An address of a bucket or of its store does not read.
    #[error("{found:?}: {why}")]
    Address {
        /// As it was given.
        found: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of credentials does not do.
    #[error("the credentials {}: {why}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The object store does not answer.
    #[error("the object store {endpoint} does not answer as it should: {why}")]
    Unreachable {
        /// Where it is.
        endpoint: String,
        /// What it said, or why it said nothing.
        why: String,
    },
    /// The object store refuses.
    #[error("cannot {doing} {object}: the store answers {status} {code}{fix}")]
    Store {
        /// What was tried.
        doing: &'static str,
        /// On what.
        object: String,
        /// How it answered.
        status: u16,
        /// What it calls that.
        code: String,
        /// What to look at.
        fix: &'static str,
    },
    /// Too few recipients.
    #[error(
        "the password of the backups is sealed to {found} recipients, and {needed} are needed: put two keys of age that lie elsewhere into backup.recipients (`stockade backup recipient FILE` makes one)"
    )]
    Recipients {
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// The sealed kit does not open or read.
    #[error("the recovery kit {}: {why}", path.display())]
    Kit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A ring is not the one of before, grown.
    #[error(
        "the keys are not those of {} and what came to them: some are missing, or others stand in their place; nothing was kept. Name another place if this is another installation, and look at the server if it is not",
        path.display()
    )]
    OtherKeys {
        /// The kit that has them.
        path: PathBuf,
    },
    /// A sealed text does not open.
    #[error("{what}: {source}")]
    Sealed {
        /// What.
        what: String,
        /// Why not.
        source: seal::Error,
    },
    /// The password does not open the repository.
    #[error("the password does not open the repository {}", repository.display())]
    WrongPassword {
        /// The repository.
        repository: PathBuf,
    },
    /// The engine says what is wrong.
    #[error("the backup engine: {0}")]
    Engine(String),
    /// The worker ended without an answer.
    #[error("the backup worker ended without an answer ({status}){said}")]
    Worker {
        /// How it ended.
        status: String,
        /// What it said last, with what that means.
        said: String,
    },
    /// It was told to stop.
    #[error(
        "the backup was stopped before its end; what was written of it is used by the next one"
    )]
    Stopped,
    /// What came back is not what went in.
    #[error("what came back is not what was backed up: {what}")]
    Differs {
        /// What differs.
        what: String,
    },
    /// A restore needs an empty place.
    #[error("{} is not empty: name an empty directory to restore into", path.display())]
    NotEmpty {
        /// Which.
        path: PathBuf,
    },
}

impl Error {
    /// For `map_err`: what was tried, on what.
    pub(crate) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}

//! Everything that can go wrong with a journal.

use std::{io, path::PathBuf, time::Duration};

/// Why a journal cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else writes it.
    #[error("another process holds the journal {}: pid {}; stop it first, or use another directory", .dir.display(), .pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string()))]
    Held {
        /// The journal.
        dir: PathBuf,
        /// Who, as far as it said so.
        pid: Option<u32>,
    },
    /// Others than the owner may read or write it.
    #[error("{} has mode {mode:04o}; it must be its owner's alone: run `chmod 700 {}`", .dir.display(), .dir.display())]
    Exposed {
        /// The journal.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("{} belongs to user {owner}, this program runs as user {user}: run it as the owner, or `chown -R {user} {}`", .dir.display(), .dir.display())]
    Foreign {
        /// The journal.
        dir: PathBuf,
        /// Its owner.
        owner: u32,
        /// The user this program runs as.
        user: u32,
    },
    /// What was written is no longer there, and it is not merely the torn end of the last write.
    #[error("{} is damaged at byte {offset} ({why}): restore the directory from a backup, or move it aside to begin anew; what it held is then lost", .file.display())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// The first byte that does not fit.
        offset: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// A segment between the first and the last, or the state they build on, is not there.
    #[error("{} is missing, and later segments build on it: restore it from a backup, or move the directory aside to begin anew", .file.display())]
    Missing {
        /// The segment that should be there.
        file: PathBuf,
    },
    /// Written by a later version.
    #[error("{} has layout {found}; this version reads layout {}: update the program", .file.display(), crate::segment::LAYOUT)]
    Layout {
        /// The segment.
        file: PathBuf,
        /// The layout found.
        found: u8,
    },
    /// A record, a batch or a snapshot is longer than the options allow.
    #[error("{what} of {bytes} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// A record, a batch, a snapshot.
        what: &'static str,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// More records since the last checkpoint than may be held at once.
    #[error("{} holds more than {limit} bytes of records since its last checkpoint: raise the limit, or fold them with `open_with`", .dir.display())]
    TooMuch {
        /// The journal.
        dir: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// No space; nothing of this append is in the file, and the journal goes on once there is space.
    #[error("no space left for {}: free some; nothing was written, and the journal goes on as soon as there is space", .file.display())]
    Full {
        /// The segment.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A flush failed. The system may have dropped what it could not write and will not say so again,
    /// so no later flush can be believed: this journal takes nothing more.
    #[error("flushing {} failed ({reason}); what was appended since the last flush may be lost: check the disk, then start again", .file.display())]
    Flush {
        /// The segment.
        file: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// A half-written append could not be taken back: this journal takes nothing more.
    #[error("{} ends in a half-written record that could not be cut off: check the disk, then start again", .file.display())]
    Stuck {
        /// The segment.
        file: PathBuf,
    },
    /// Not flushed in time; it may still be.
    #[error("record {sequence} was not durable within {timeout:?}")]
    Late {
        /// Which record.
        sequence: u64,
        /// How long was waited.
        timeout: Duration,
    },
    /// The system refuses.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// Turns the system's error into ours: a full disk apart from all else.
pub fn failed(path: &std::path::Path, doing: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| {
        let path = path.to_path_buf();
        if is_full(&source) {
            return Error::Full { file: path, source };
        }
        Error::Io { path, doing, source }
    }
}

/// No space, no quota, or the file may not grow.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

//! Everything that can go wrong with a file of keys or secrets.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a key file, a store of secrets or an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others than the owner may read or write it.
    #[error("{} has mode {mode:04o}; it must be its owner's alone: run `chmod 600 {}`", .path.display(), .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("{} belongs to user {owner}, this program runs as user {user}: run it as the owner, or `chown {user} {}`", .path.display(), .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The file's owner.
        owner: u32,
        /// The user this program runs as.
        user: u32,
    },
    /// A link, a directory, a pipe.
    #[error("{} is not a plain file: name the file itself, not a link to it", .path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Not of the length, the version or the checksum that a key file has.
    #[error("{} is not a whole stockade key file ({why}): restore it from your backup; nothing sealed with it opens without it", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: &'static str,
    },
    /// The key file does not exist, where one must.
    #[error("{} does not exist: restore the key file from your backup, or start the server once to make a new installation", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The holder of the root key does not answer. What it guards stays closed until it does.
    #[error(
        "{holder} does not answer ({why}): what it guards stays closed until it does; there is nothing to restart then"
    )]
    Away {
        /// The holder.
        holder: String,
        /// What it said, or what was said of it.
        why: String,
    },
    /// The holder is there and refuses.
    #[error("{holder} refuses ({why}): {fix}")]
    Denied {
        /// The holder.
        holder: String,
        /// What it said.
        why: String,
        /// What helps.
        fix: &'static str,
    },
    /// The holder has no such key.
    #[error("{holder} has no key {key:?}: {fix}")]
    NoRootKey {
        /// The holder.
        holder: String,
        /// The name asked for.
        key: String,
        /// What helps.
        fix: &'static str,
    },
    /// The version that wrapped a key does not unwrap any more, or never was there.
    #[error(
        "{holder} does not unwrap by version {version} of its key: let it unwrap by that version once more and run `stockade keys rewrap`, or recover with the offline identity"
    )]
    NoVersion {
        /// The holder.
        holder: String,
        /// The version asked for.
        version: u32,
    },
    /// A wrapped key was altered, or put where it does not belong.
    #[error(
        "the wrapped key {label} was altered, or was not wrapped for this by {holder}: restore the key ring from a backup"
    )]
    Misplaced {
        /// The holder.
        holder: String,
        /// `purpose|tenant|version`.
        label: String,
    },
    /// The root key at hand is another one.
    #[error(
        "{holder} is not what the key ring is wrapped under: give it the one that it was, or recover with the offline identity"
    )]
    OtherRoot {
        /// The holder.
        holder: String,
    },
    /// A key of this purpose cannot be replaced while it is in use.
    #[error("the keys of {purpose} are not replaced by rotation: {why}")]
    Lasting {
        /// The purpose's name.
        purpose: String,
        /// Why not.
        why: &'static str,
    },
    /// The key ring has nothing for the offline recipient.
    #[error(
        "{place} was not wrapped to an offline recipient, or to another than this identity's: only its root key opens it"
    )]
    NoRecovery {
        /// The file.
        place: String,
    },
    /// There is no such version in the key ring.
    #[error(
        "{place} has no key of {purpose}: it is of another version of this program; restore the key ring from a backup"
    )]
    NoPurpose {
        /// The file.
        place: String,
        /// The purpose's name.
        purpose: &'static str,
    },
    /// The system refuses.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The store of secrets, the archive or the credential does not exist.
    #[error("{} does not exist: {fix}", .path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// How it comes to be.
        fix: &'static str,
    },
    /// There is one already, and it is never written over.
    #[error("{} exists already: move it away first, or use it", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Longer than it may be.
    #[error("{what} has {bytes} bytes or more; at most {limit} are taken")]
    TooLarge {
        /// A file, a secret, an archive.
        what: String,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It does not begin as such a file does.
    #[error("{place} does not begin with {magic}: it is another file, or of another version")]
    Foreword {
        /// The file.
        place: String,
        /// What it should begin with.
        magic: &'static str,
    },
    /// Its end is not there.
    #[error("{place} is cut short: restore it from a backup")]
    Truncated {
        /// The file.
        place: String,
    },
    /// Its checksum does not match: a byte was changed.
    #[error("{place} was edited or damaged ({why}): restore it from a backup")]
    Edited {
        /// The file.
        place: String,
        /// What does not fit.
        why: &'static str,
    },
    /// The passphrase does not open it.
    #[error("the passphrase does not open {place}")]
    WrongPassphrase {
        /// The file.
        place: String,
    },
    /// The credential or key file at hand does not open it.
    #[error("{place} is sealed under another {holder} than the one given")]
    WrongHolder {
        /// The file.
        place: String,
        /// A systemd credential, a key file.
        holder: &'static str,
    },
    /// It is sealed under a holder of another kind.
    #[error("{place} is sealed under a {sealed}, and was tried with a {tried}")]
    OtherHolder {
        /// The file.
        place: String,
        /// What it is sealed under.
        sealed: &'static str,
        /// What was given.
        tried: &'static str,
    },
    /// An entry does not belong where it stands: it was moved, renamed or taken from another store.
    #[error(
        "the secret {name:?} of {place} was moved or altered by someone without the key: restore the store from a backup, and replace the secret where it came from"
    )]
    Moved {
        /// The file.
        place: String,
        /// The entry's name.
        name: String,
    },
    /// Entries were removed, added back or reordered by someone without the key.
    #[error("{place} was altered by someone without the key: restore it from a backup")]
    Altered {
        /// The file.
        place: String,
    },
    /// It changed since it was opened.
    #[error("{} was changed by another process since it was opened: run the command again", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// There is no secret of this name.
    #[error("there is no secret {name:?}")]
    NoSecret {
        /// The name asked for.
        name: String,
    },
    /// The name of a secret or of a file in an archive is not one.
    #[error("{name:?} is no name: {rule}")]
    Name {
        /// As it was given.
        name: String,
        /// What a name is.
        rule: &'static str,
    },
    /// A label that would not stand in one line.
    #[error("a label has at most {limit} characters and no control characters")]
    Label {
        /// The limit.
        limit: usize,
    },
    /// There is one of this name already.
    #[error("there is a secret {name:?} already: remove it first, or choose another name")]
    Taken {
        /// The name.
        name: String,
    },
    /// As many entries as there may be.
    #[error("there are {limit} entries already; no more are taken")]
    Crowded {
        /// The limit.
        limit: usize,
    },
    /// Too short to protect anything.
    #[error(
        "a passphrase has at least {least} characters (this one {found}) and at most {most}: take several random words"
    )]
    Passphrase {
        /// Characters given.
        found: usize,
        /// Characters needed.
        least: usize,
        /// Characters taken.
        most: usize,
    },
    /// A credential without enough in it.
    #[error("{} has {found} bytes; a credential that seals needs {least} random ones", .path.display())]
    ShortCredential {
        /// The file.
        path: PathBuf,
        /// Bytes found.
        found: usize,
        /// Bytes needed.
        least: usize,
    },
    /// A file that should hold a PIN, a token or a passphrase.
    #[error("{} cannot be used: {why}, and nothing else", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        why: &'static str,
    },
    /// Argon2id parameters out of bounds.
    #[error("argon2id with {memory_kib} KiB, {passes} passes and {lanes} lanes is out of bounds")]
    Cost {
        /// Memory.
        memory_kib: u32,
        /// Passes.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
}

impl Error {
    /// Whether a holder could not be reached: the same may succeed later.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

/// Turns the system's error into ours.
pub fn failed<'a>(path: &'a Path, doing: &'static str) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Io { path: path.into(), doing, source }
}

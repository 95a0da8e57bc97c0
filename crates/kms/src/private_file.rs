//! Files that are their owner's alone: read with that looked at, written whole or not at all.

use crate::{Error, error::failed};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use seal::{Entropy, Secret, random};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Who may read a file that is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner, who is the user this program runs as.
    Owner,
    /// The service manager gives a unit's user a file of root's by an access control list, which
    /// shows as the group's permission to read.
    ServiceManager,
}

/// All of a private file, of fewer than `limit` bytes; one byte more shows that it is longer.
pub fn read(path: &Path, readers: Readers, limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT) => return Err(Error::Missing { path: path.into() }),
        Err(rustix::io::Errno::LOOP) => return Err(Error::NotAFile { path: path.into() }),
        Err(errno) => return Err(failed(path, "open")(errno.into())),
    };
    guard(path, &file, readers)?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let length = file.metadata().map_err(failed(path, "look at"))?.len();
    let room = usize::try_from(length).unwrap_or(limit).min(limit) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(limit as u64).read_to_end(&mut bytes).map_err(failed(path, "read"))?;
    Ok(bytes)
}

/// The one line of a private file: a PIN, a token, a passphrase, given by the service manager or by
/// the owner.
pub fn read_line(path: &Path, limit: usize) -> Result<Secret<String>, Error> {
    let bytes = read(path, Readers::ServiceManager, limit + 2)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.len() > limit || line.contains(char::is_control) {
        let why = "it should hold one line of text";
        return Err(Error::Line { path: path.into(), why });
    }
    Ok(Secret::new(line.to_owned()))
}

/// Puts a secret line into a new file for its owner alone.
pub fn write_private(
    path: &Path,
    line: &Secret<String>,
    entropy: &mut dyn Entropy,
) -> Result<(), Error> {
    let text = Zeroizing::new(format!("{}\n", line.expose()));
    put(path, Before::Nothing, text.as_bytes(), entropy)
}

/// Refuses what is not a plain file of ours that nobody else can read.
fn guard(path: &Path, file: &File, readers: Readers) -> Result<(), Error> {
    let status = rustix::fs::fstat(file).map_err(|errno| failed(path, "look at")(errno.into()))?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(Error::NotAFile { path: path.into() });
    }
    let mode = status.st_mode & 0o7777;
    let (user, managed) = (rustix::process::geteuid().as_raw(), readers == Readers::ServiceManager);
    let (open_to, ours) = if managed { (0o037, status.st_uid == 0) } else { (0o077, false) };
    if mode & open_to != 0 {
        return Err(Error::Exposed { path: path.into(), mode });
    }
    if status.st_uid != user && !ours {
        return Err(Error::Foreign { path: path.into(), owner: status.st_uid, user });
    }
    Ok(())
}

/// Writes a new file for its owner alone, and makes it durable.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(bytes)?;
    file.sync_all()
}

/// What may be at a place where a file is put.
#[derive(Debug, Clone, Copy)]
pub enum Before<'a> {
    /// Nothing.
    Nothing,
    /// A file of exactly these bytes.
    These(&'a [u8]),
}

/// Puts a file in its place, whole and durable or not at all, if there is what was expected there.
///
/// Of two processes that do so at once, one is told that the file changed.
pub fn put(
    path: &Path,
    before: Before<'_>,
    bytes: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<(), Error> {
    let directory =
        File::open(directory_of(path)).map_err(failed(path, "find the directory of"))?;
    rustix::fs::flock(&directory, FlockOperation::LockExclusive)
        .map_err(|errno| failed(path, "lock the directory of")(errno.into()))?;
    match before {
        Before::Nothing if path.symlink_metadata().is_ok() => {
            return Err(Error::Exists { path: path.into() });
        }
        Before::Nothing => {}
        Before::These(expected) => {
            let found = read(path, Readers::Owner, expected.len() + 1)?;
            if found.as_slice() != expected {
                return Err(Error::Changed { path: path.into() });
            }
        }
    }
    sweep(path);
    let temporary = temporary(path, entropy);
    let written = write_new(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first failure is the one to report; what is left behind is sealed or private.
        let _ = std::fs::remove_file(&temporary);
        return Err(failed(path, "write")(error));
    }
    directory.sync_all().map_err(failed(path, "make durable"))
}

/// Makes a new name in the file's directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path)).and_then(|directory| directory.sync_all())
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removes what a writer left that was killed. Nobody writes meanwhile: the directory is locked.
fn sweep(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    let Ok(entries) = std::fs::read_dir(directory_of(path)) else { return };
    for entry in entries.flatten() {
        let other = entry.file_name();
        let suffix = other.to_str().and_then(|other| other.strip_prefix(name)?.strip_prefix('.'));
        let random = suffix.and_then(|suffix| suffix.strip_suffix(".new"));
        let ours =
            |random: &str| random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit());
        if random.is_some_and(ours) {
            // What cannot be removed is sealed or private, and does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn temporary(path: &Path, entropy: &mut dyn Entropy) -> PathBuf {
    let suffix = u64::from_be_bytes(random(entropy));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{suffix:016x}.new"));
    path.with_file_name(name)
}

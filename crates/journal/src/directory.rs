//! The directory: whose it is, who holds it, which segments it has.

use crate::error::{Error, failed};
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::{
    fs::{DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt},
    path::{Path, PathBuf},
};

const LOCK: &str = "lock";
const SEGMENT_SUFFIX: &str = ".journal";
const TEMPORARY_SUFFIX: &str = ".new";
/// Segments in one directory, at most.
const SEGMENTS_MAX: usize = 100_000;

/// A journal's directory, held against every other process while this lives.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    handle: File,
    _lock: File,
}

impl Directory {
    /// Makes the directory if need be, and holds it.
    pub fn hold(path: &Path) -> Result<Self, Error> {
        make(path)?;
        let handle = File::open(path).map_err(failed(path, "open the journal directory"))?;
        guard(path, &handle)?;
        let lock = lock(path)?;
        let held = Self { path: path.into(), handle, _lock: lock };
        held.sweep()?;
        Ok(held)
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes names that came and went durable.
    pub fn sync(&self) -> Result<(), Error> {
        self.handle
            .sync_all()
            .map_err(|source| Error::Flush { file: self.path.clone(), reason: source.to_string() })
    }

    /// Writes a new file whole, under its name only once it is durable.
    pub fn put(&self, number: u64, bytes: &[u8]) -> Result<(File, PathBuf), Error> {
        let path = segment_path(&self.path, number);
        let temporary = path.with_extension("new");
        let written = create(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            Ok(file)
        });
        match written {
            Ok(file) => {
                self.sync()?;
                Ok((file, path))
            }
            Err(error) => {
                // What is left is swept when the journal is next opened; the first failure counts.
                let _ = std::fs::remove_file(&temporary);
                Err(failed(&path, "begin a new segment")(error))
            }
        }
    }

    /// Removes a segment that nothing builds on any more.
    pub fn remove(&self, number: u64) -> Result<(), Error> {
        let path = segment_path(&self.path, number);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&path, "remove the old segment")(error)),
        }
    }

    /// Removes what a crash left of segments that were never whole.
    fn sweep(&self) -> Result<(), Error> {
        for name in names(&self.path)? {
            if name.ends_with(TEMPORARY_SUFFIX) {
                let path = self.path.join(name);
                std::fs::remove_file(&path).map_err(failed(&path, "remove the unfinished"))?;
            }
        }
        Ok(())
    }
}

/// The path of a segment.
pub fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}{SEGMENT_SUFFIX}"))
}

/// The numbers of all segments, in order, without a gap.
pub fn segments(dir: &Path) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    for name in names(dir)? {
        let number: Option<u64> =
            name.strip_suffix(SEGMENT_SUFFIX).and_then(|digits| digits.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    for pair in numbers.windows(2) {
        if let [before, after] = pair
            && before + 1 != *after
        {
            return Err(Error::Missing { file: segment_path(dir, before + 1) });
        }
    }
    Ok(numbers)
}

fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let entries = std::fs::read_dir(dir).map_err(failed(dir, "list the journal directory"))?;
    let mut names = Vec::new();
    for entry in entries.take(SEGMENTS_MAX) {
        let entry = entry.map_err(failed(dir, "list the journal directory"))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

/// Makes the directory for its owner alone, and its name durable.
fn make(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed(path, "make the journal directory"))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))
        .and_then(|parent| parent.sync_all())
        .map_err(failed(path, "make the journal directory durable"))
}

/// Refuses a directory that is not ours alone.
fn guard(path: &Path, handle: &File) -> Result<(), Error> {
    let status = handle.metadata().map_err(failed(path, "look at the journal directory"))?;
    let mode = status.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { dir: path.into(), mode });
    }
    let (owner, user) = (status.uid(), rustix::process::geteuid().as_raw());
    if owner != user {
        return Err(Error::Foreign { dir: path.into(), owner, user });
    }
    Ok(())
}

/// Takes the lock and writes into it who has it.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)
        .map(File::from)
        .map_err(|errno| failed(&path, "open the lock")(errno.into()))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let read = (&mut file).take(32).read_to_string(&mut text);
            let pid = read.ok().and_then(|_| text.trim().parse().ok());
            return Err(Error::Held { dir: dir.into(), pid });
        }
        Err(errno) => return Err(failed(&path, "take the lock")(errno.into())),
    }
    // Only for the message of whoever comes second: a full disk must not keep the journal shut.
    let pid = format!("{:<11}", rustix::process::getpid().as_raw_nonzero());
    let _ = file.write_all_at(pid.as_bytes(), 0);
    Ok(file)
}

fn create(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?))
}

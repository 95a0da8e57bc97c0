//! Files under temporary names, and what killed processes left of them.

use crate::{Result, disk::io_at};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

const TEMPORARY: &str = ".tmp";

/// A file under a temporary name that takes its own when it is whole.
pub(super) struct Draft {
    pub(super) file: BufWriter<File>,
    path: PathBuf,
    temporary: PathBuf,
    bytes: u64,
    kept: bool,
}

impl Draft {
    /// Begins a file; its lock tells a living draft from one that was left behind.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.{}{TEMPORARY}", std::process::id()));
        let file = File::create(&temporary).map_err(io_at("write", path))?;
        // Where locks are not to be had, nothing is swept either.
        let _unlocked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(Self { file, path: path.to_owned(), temporary, bytes: 0, kept: false })
    }

    /// Puts everything on disk, still under the temporary name.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }

    /// Takes its own name; its bytes.
    pub(super) fn keep(mut self) -> Result<u64> {
        fs::rename(&self.temporary, &self.path).map_err(io_at("write", &self.path))?;
        self.kept = true;
        Ok(self.bytes)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // Weather: a hidden file stays until the next sweep.
            drop(fs::remove_file(&self.temporary));
        }
    }
}

/// Removes drafts that nobody holds; the lock it returns keeps other sweeps from drafts that are
/// being begun. What cannot be swept stays, as it would have.
pub(super) fn sweep(directory: &Path) -> Option<File> {
    let held = File::open(directory).ok()?;
    flock(&held, FlockOperation::LockExclusive).ok()?;
    for entry in fs::read_dir(directory).ok()?.flatten() {
        let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
        if plain && is_draft(&entry.file_name().to_string_lossy()) && abandoned(&entry.path()) {
            drop(fs::remove_file(entry.path()));
        }
    }
    Some(held)
}

/// `.name.csv.123.tmp`
fn is_draft(name: &str) -> bool {
    let middle = name.strip_prefix('.').and_then(|name| name.strip_suffix(TEMPORARY));
    let parts = middle.and_then(|middle| middle.rsplit_once('.'));
    parts.is_some_and(|(file, process)| {
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        process.parse::<u32>().is_ok() && ["csv", "parquet", "arrow"].contains(&ending)
    })
}

fn abandoned(path: &Path) -> bool {
    File::open(path)
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}

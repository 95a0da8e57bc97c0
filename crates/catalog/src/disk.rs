//! Directories that appear whole or not at all.
//!
//! A dataset is written under a temporary name beside its place, flushed file by file, and then
//! moved there in one step; a dataset that it replaces is exchanged in the same step. Whoever
//! writes holds a lock on the temporary directory, so that a later `open` can tell what a killed
//! process left from what a living one is at.

use crate::{Error, Result};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

const WRITING: &str = ".import-";
const GONE: &str = ".gone-";
const OLD: &str = ".old-";
const LOCK: &str = ".lock";

pub(crate) fn io_at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing, path, source }
}

/// Flushes what a directory lists.
pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_at("flush", path))
}

/// Makes the root and puts right what a killed process left.
pub(crate) fn open_root(root: &Path) -> Result<()> {
    fs::create_dir_all(root).map_err(io_at("make", root))?;
    let _held = lock_root(root)?;
    sweep(root)
}

/// Holds the root's lock until dropped; for the short steps that must not interleave.
fn lock_root(root: &Path) -> Result<File> {
    let path = root.join(LOCK);
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(io_at("lock", &path))?;
    flock(&file, FlockOperation::LockExclusive).map_err(|e| io_at("lock", &path)(e.into()))?;
    Ok(file)
}

fn entries(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(io_at("list", root))? {
        let entry = entry.map_err(io_at("list", root))?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Names of directories that may be datasets.
pub(crate) fn datasets(root: &Path) -> Result<Vec<String>> {
    let visible = |(name, path): (String, PathBuf)| {
        (!name.starts_with('.') && path.join(crate::catalog::MANIFEST).is_file()).then_some(name)
    };
    Ok(entries(root)?.into_iter().filter_map(visible).collect())
}

fn sweep(root: &Path) -> Result<()> {
    for (name, path) in entries(root)? {
        if let Some(dataset) = name.strip_prefix(OLD) {
            // The step between two renames was cut: what was there before counts.
            let place = root.join(dataset);
            if place.exists() {
                fs::remove_dir_all(&path).map_err(io_at("remove", &path))?;
            } else {
                fs::rename(&path, &place).map_err(io_at("restore", &place))?;
            }
        } else if name.starts_with(GONE) || (name.starts_with(WRITING) && abandoned(&path)) {
            fs::remove_dir_all(&path).map_err(io_at("remove", &path))?;
        }
    }
    sync_dir(root)
}

/// Nobody holds its lock.
fn abandoned(path: &Path) -> bool {
    File::open(path).is_ok_and(|dir| flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// A directory being written; removed unless it is published.
#[derive(Debug)]
pub(crate) struct Draft {
    root: PathBuf,
    path: PathBuf,
    /// Keeps the lock.
    _lock: File,
    published: bool,
}

impl Draft {
    /// A new empty directory under a name of its own.
    pub(crate) fn create(root: &Path, dataset: &str) -> Result<Self> {
        let _held = lock_root(root)?;
        let taken = |n: &u32| !root.join(format!("{WRITING}{dataset}-{n}")).exists();
        let number = (0..u32::MAX).find(taken).unwrap_or(u32::MAX);
        let path = root.join(format!("{WRITING}{dataset}-{number}"));
        fs::create_dir(&path).map_err(io_at("make", &path))?;
        let lock = File::open(&path).map_err(io_at("lock", &path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|e| io_at("lock", &path)(e.into()))?;
        Ok(Self { root: root.to_owned(), path, _lock: lock, published: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the directory to its place; its files must be flushed.
    pub(crate) fn publish(mut self, dataset: &str, replace: crate::Replace) -> Result<()> {
        sync_dir(&self.path)?;
        let _held = lock_root(&self.root)?;
        let place = self.root.join(dataset);
        if !place.exists() {
            fs::rename(&self.path, &place).map_err(io_at("move into place", &place))?;
            self.published = true;
            return sync_dir(&self.root);
        }
        if replace == crate::Replace::No {
            return Err(Error::DatasetExists { name: dataset.to_owned() });
        }
        if renameat_with(CWD, &self.path, CWD, &place, RenameFlags::EXCHANGE).is_ok() {
            // The old dataset now has the temporary name and goes when `self` does.
            return sync_dir(&self.root);
        }
        // A file system that cannot exchange: `sweep` finishes this if it is cut in two.
        let old = self.root.join(format!("{OLD}{dataset}"));
        fs::rename(&place, &old).map_err(io_at("move aside", &place))?;
        fs::rename(&self.path, &place).map_err(io_at("move into place", &place))?;
        self.published = true;
        sync_dir(&self.root)?;
        fs::remove_dir_all(&old).map_err(io_at("remove", &old))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // Weather: what stays is swept at the next open.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// Takes a dataset away: first its name, then its files.
pub(crate) fn remove(root: &Path, dataset: &str) -> Result<()> {
    let _held = lock_root(root)?;
    let place = root.join(dataset);
    let gone = root.join(format!("{GONE}{dataset}"));
    if gone.exists() {
        fs::remove_dir_all(&gone).map_err(io_at("remove", &gone))?;
    }
    fs::rename(&place, &gone).map_err(io_at("remove", &place))?;
    sync_dir(root)?;
    fs::remove_dir_all(&gone).map_err(io_at("remove", &gone))
}

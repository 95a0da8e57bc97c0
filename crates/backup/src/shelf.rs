//! What a place of backups stands on: a directory, or a bucket. Small files lie there whole or not at all.

use crate::{
    Bucket, Error,
    file::{add, replace},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What any of the small files has at most.
const BYTES_MAX: u64 = 64 << 20;

/// A directory or a bucket.
#[derive(Debug, Clone, PartialEq)]
pub enum Shelf {
    /// A directory of this machine, or one that is mounted.
    Directory(PathBuf),
    /// A bucket of an object store.
    Bucket(Bucket),
}

/// Who lets go what is no longer kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upkeep {
    /// Whoever makes the backups.
    #[default]
    Here,
    /// Somebody else, with rights of their own: whoever makes the backups replaces and removes nothing.
    Elsewhere,
}

impl Shelf {
    /// Its name, to say so to a person: a directory, or `s3://NAME/PREFIX`.
    #[must_use]
    pub fn name(&self) -> PathBuf {
        match self {
            Self::Directory(path) => path.clone(),
            Self::Bucket(bucket) => PathBuf::from(bucket.address()),
        }
    }

    /// What lies below a name of it.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        match self {
            Self::Directory(path) => Self::Directory(path.join(name)),
            Self::Bucket(bucket) => Self::Bucket(bucket.below(name)),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.name().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = match self {
            Self::Bucket(bucket) => return Ok(bucket.get(name)?.map(|bytes| bytes.to_vec())),
            Self::Directory(path) => path.join(name),
        };
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(Error::file("open", &path))?,
        };
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(Error::file("read", &path))?;
        Ok(Some(bytes))
    }

    /// Writes in the place of what may stand there.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Bucket(bucket) => bucket.put(name, Bytes::copy_from_slice(bytes)),
            Self::Directory(path) => {
                let path = path.join(name);
                replace(&path, &[bytes]).map_err(Error::file("write", path))
            }
        }
    }

    /// Writes what is not there yet; whether it was written.
    pub(crate) fn add(&self, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        let path = match self {
            Self::Bucket(bucket) => return bucket.add(name, &Bytes::copy_from_slice(bytes)),
            Self::Directory(path) => path.join(name),
        };
        match add(&path, &[bytes]) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            other => other.map(|()| true).map_err(Error::file("write", path)),
        }
    }

    /// Removes; what is gone already is no error.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        let path = match self {
            Self::Bucket(bucket) => return bucket.remove(name),
            Self::Directory(path) => path.join(name),
        };
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(Error::file("remove", path)),
        }
    }

    /// Names of files that begin so; `begin` may name a directory first.
    pub(crate) fn names(&self, begin: &str) -> Result<Vec<String>, Error> {
        let root = match self {
            Self::Bucket(bucket) => {
                let found = bucket.list(begin)?;
                return Ok(found.into_iter().map(|(name, _)| name).collect());
            }
            Self::Directory(path) => path,
        };
        let below = Path::new(begin).parent().unwrap_or(Path::new(""));
        let below = if begin.ends_with('/') { Path::new(begin) } else { below };
        let directory = root.join(below);
        let failed = || Error::file("list", &directory);
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed())?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = below.join(entry.map_err(failed())?.file_name());
            names.extend(name.to_str().filter(|name| name.starts_with(begin)).map(str::to_owned));
        }
        Ok(names)
    }
}

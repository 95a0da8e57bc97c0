//! A repository in a directory of this machine, laid out as restic lays it out: nothing is ever there by half.

use crate::file::{add, make, replace};
use bytes::Bytes;
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};
use std::{
    fs::{self, File},
    io::{self, ErrorKind as Io, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// A directory.
#[derive(Debug, Clone)]
pub(crate) struct LocalBackend {
    root: PathBuf,
}

impl LocalBackend {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn path(&self, kind: FileType, id: &Id) -> PathBuf {
        let name = id.to_hex();
        match kind {
            FileType::Config => self.root.join("config"),
            FileType::Pack => {
                let first: String = name.as_str().chars().take(2).collect();
                self.root.join(kind.dirname()).join(first).join(name.as_str())
            }
            _ => self.root.join(kind.dirname()).join(name.as_str()),
        }
    }

    fn read(&self, kind: FileType, id: &Id, part: Option<(u32, u32)>) -> io::Result<Bytes> {
        let mut file = File::open(self.path(kind, id))?;
        let mut bytes = Vec::new();
        match part {
            None => {
                file.read_to_end(&mut bytes)?;
            }
            Some((offset, length)) => {
                file.seek(SeekFrom::Start(offset.into()))?;
                file.take(length.into()).read_to_end(&mut bytes)?;
                if bytes.len() as u64 != u64::from(length) {
                    return Err(io::Error::new(
                        Io::UnexpectedEof,
                        "it is shorter than its index says",
                    ));
                }
            }
        }
        Ok(bytes.into())
    }

    fn write(&self, kind: FileType, id: &Id, content: &BytesList) -> io::Result<()> {
        let path = self.path(kind, id);
        let parts = content.slice();
        match add(&path, parts) {
            // Names are digests: what stands there is the same, or half of it, which another program left.
            Err(error) if error.kind() == Io::AlreadyExists => {
                let there = fs::metadata(&path)?.len();
                let length = parts.iter().map(|part| part.len() as u64).sum::<u64>();
                if there == length && kind != FileType::Config {
                    Ok(())
                } else {
                    replace(&path, parts)
                }
            }
            other => other,
        }
    }

    fn list(&self, kind: FileType) -> io::Result<Vec<(Id, u32)>> {
        let directory = self.root.join(kind.dirname());
        if kind == FileType::Config {
            return Ok(match fs::metadata(directory) {
                Ok(about) if about.is_file() => vec![(Id::default(), length(&about))],
                _ => Vec::new(),
            });
        }
        let mut directories = vec![directory];
        let mut found = Vec::new();
        while let Some(directory) = directories.pop() {
            let entries = match fs::read_dir(&directory) {
                Err(error) if error.kind() == Io::NotFound => continue,
                other => other?,
            };
            for entry in entries {
                let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
                let about = fs::symlink_metadata(&entry)?;
                if about.is_dir() && kind == FileType::Pack {
                    directories.push(entry);
                } else if let Some(id) = name.to_str().and_then(|name| name.parse::<Id>().ok()) {
                    found.push((id, length(&about)));
                }
            }
        }
        Ok(found)
    }

    fn failed(&self, doing: &str, kind: FileType, id: &Id, source: io::Error) -> Box<RusticError> {
        let place = self.path(kind, id).display().to_string();
        let words = format!("cannot {doing} {place}: {source}");
        RusticError::with_source(ErrorKind::Backend, words, source)
    }
}

fn length(about: &fs::Metadata) -> u32 {
    u32::try_from(about.len()).unwrap_or(u32::MAX)
}

impl ReadBackend for LocalBackend {
    fn location(&self) -> String {
        format!("local:{}", self.root.display())
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.list(kind)
            .map_err(|error| self.failed("list what is beside", kind, &Id::default(), error))
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        self.read(kind, id, None).map_err(|error| self.failed("read", kind, id, error))
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let read = self.read(kind, id, Some((offset, length)));
        read.map_err(|error| self.failed("read", kind, id, error))
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.path(kind, id).display().to_string()
    }
}

impl WriteBackend for LocalBackend {
    fn create(&self) -> RusticResult<()> {
        let kinds = [FileType::Index, FileType::Key, FileType::Snapshot];
        let kinds = kinds.map(|kind| PathBuf::from(kind.dirname()));
        // All at once: whoever shuts the place for deletion afterwards finds every directory.
        let packs = (0..=u8::MAX).map(|first| Path::new("data").join(format!("{first:02x}")));
        let mut made = kinds.into_iter().chain(packs).map(|path| make(&self.root.join(path)));
        let made = made.try_for_each(|made| made);
        made.map_err(|error| self.failed("make", FileType::Config, &Id::default(), error))
    }

    fn write_bytes(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        self.write(kind, id, &content).map_err(|error| self.failed("write", kind, id, error))
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let removed = fs::remove_file(self.path(kind, id));
        removed.map_err(|error| self.failed("remove", kind, id, error))
    }
}

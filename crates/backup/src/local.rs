//! A repository in a directory of this machine, laid out as restic lays it out: nothing is ever there by half.

use bytes::Bytes;
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind as Io, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What an unfinished file ends in.
const DRAFT: &str = ".draft";

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
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        make(&parent)?;
        let mut draft = path.clone().into_os_string();
        draft.push(DRAFT);
        let draft = PathBuf::from(draft);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let written = content.slice().iter().try_for_each(|bytes| file.write_all(bytes));
        if let Err(error) = written.and_then(|()| file.sync_all()) {
            // A disk that is full has room again for what is worth more.
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        fs::rename(&draft, &path)?;
        File::open(parent)?.sync_all()
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

/// A directory and those above it, for their owner alone.
pub(crate) fn make(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
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
        let kinds = [FileType::Pack, FileType::Index, FileType::Key, FileType::Snapshot];
        let mut made = kinds.iter().map(|kind| make(&self.root.join(kind.dirname())));
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

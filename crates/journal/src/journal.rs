//! The writer: opens, appends, begins new segments.

use crate::{
    commit::Flush,
    directory::{Directory, segment_path, segments},
    error::{Error, failed},
    frame::{Frame, Kind, LINK_BYTES, Link, OVERHEAD_BYTES, encode},
    read::{End, Entry, Torn, since_snapshot, walk},
    segment::{HEADER_BYTES, Head, Header, begin},
};
use rustix::rand::{GetRandomFlags, getrandom};
use std::{
    fs::File,
    ops::ControlFlow,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The limits of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A segment with this much behind its head is followed by a new one.
    pub segment_bytes: u64,
    /// Segments from before the last checkpoint that are kept, for explanation.
    pub keep_segments: u64,
    /// One record, at most.
    pub record_bytes_max: u32,
    /// All frames of one append, at most.
    pub batch_bytes_max: u32,
    /// A checkpoint's snapshot, at most.
    pub snapshot_bytes_max: u32,
    /// Records since the last checkpoint that [`Journal::open`] holds at once.
    pub recovery_bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            keep_segments: 4,
            record_bytes_max: 1 << 20,
            batch_bytes_max: 4 << 20,
            snapshot_bytes_max: 64 << 20,
            recovery_bytes_max: 256 << 20,
        }
    }
}

/// What a journal had when it was opened: apply the records to the snapshot.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The state at the last checkpoint; none before the first.
    pub snapshot: Option<Vec<u8>>,
    /// Every record since, with its sequence.
    pub records: Vec<(u64, Vec<u8>)>,
    /// What the last write left behind, now cut off.
    pub torn: Option<Torn>,
}

/// A journal that is held for writing.
#[derive(Debug)]
pub struct Journal {
    directory: Directory,
    options: Options,
    file: Arc<File>,
    path: PathBuf,
    number: u64,
    oldest: u64,
    head: u64,
    offset: u64,
    salt: Link,
    link: Link,
    due: u64,
    since_checkpoint: u64,
    buffer: Vec<u8>,
    stuck: bool,
    shared: Arc<Flush>,
}

impl Journal {
    /// Opens the journal in `dir`, or makes one, and recovers what it has.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        let mut recovery = Recovery::default();
        let mut held = 0_u64;
        let (journal, torn) = Self::recover(dir, options, &mut |entry| {
            match entry {
                Entry::Snapshot { bytes, .. } => recovery.snapshot = Some(bytes.to_vec()),
                Entry::Record { sequence, bytes } => {
                    held += bytes.len() as u64;
                    if held > options.recovery_bytes_max {
                        return ControlFlow::Break(());
                    }
                    recovery.records.push((sequence, bytes.to_vec()));
                }
            }
            ControlFlow::Continue(())
        })?;
        recovery.torn = torn;
        Ok((journal, recovery))
    }

    /// Opens the journal and tells what it has, from the last checkpoint on, holding one segment at a
    /// time.
    pub fn open_with(
        dir: &Path,
        options: Options,
        tell: &mut dyn FnMut(Entry<'_>),
    ) -> Result<(Self, Option<Torn>), Error> {
        Self::recover(dir, options, &mut |entry| {
            tell(entry);
            ControlFlow::Continue(())
        })
    }

    /// Tells all, then cuts a torn end off; touches nothing if `tell` found it too much.
    fn recover(
        dir: &Path,
        options: Options,
        tell: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<(Self, Option<Torn>), Error> {
        let directory = Directory::hold(dir)?;
        let numbers = segments(dir)?;
        let Some(oldest) = numbers.first().copied() else {
            return Self::create(directory, options).map(|journal| (journal, None));
        };
        let mut checkpoint = 0;
        let since = since_snapshot(dir, &numbers)?;
        let end = walk(dir, &since, &mut |entry| {
            if let Entry::Snapshot { sequence, .. } = entry {
                checkpoint = sequence;
            }
            tell(entry)
        })?;
        if end.broken_off {
            return Err(Error::TooMuch { dir: dir.into(), limit: options.recovery_bytes_max });
        }
        let path = segment_path(dir, end.number);
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed(&path, "open the segment"))?;
        // Whoever wrote the end may have died before the system wrote it down.
        let cut = if end.torn.is_some() { file.set_len(end.offset) } else { Ok(()) };
        cut.and_then(|()| file.sync_all()).map_err(failed(&path, "settle the end of"))?;
        let torn = end.torn.clone();
        let mut journal = Self::resume(directory, options, Arc::new(file), &end);
        journal.oldest = oldest;
        journal.since_checkpoint = end.due - 1 - checkpoint;
        Ok((journal, torn))
    }

    /// Appends one record; it is in the file when this returns, and has the sequence that is returned.
    pub fn append(&mut self, record: &[u8]) -> Result<u64, Error> {
        self.append_all([record])
    }

    /// Appends records in one write, and returns the last one's sequence. Each is whole or absent; a
    /// power loss may take the later ones of a batch and leave the earlier.
    pub fn append_all<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<u64, Error> {
        self.writable()?;
        if self.offset - self.head >= self.options.segment_bytes.max(1) {
            self.begin(None)?;
        }
        self.buffer.clear();
        let (mut link, mut due) = (self.link, self.due);
        for payload in records {
            within("a record", payload.len(), self.options.record_bytes_max)?;
            let bytes = self.buffer.len() + payload.len() + OVERHEAD_BYTES;
            within("a batch", bytes, self.options.batch_bytes_max)?;
            let frame = Frame { kind: Kind::Record, sequence: due, payload };
            link = encode(&mut self.buffer, &self.salt, &link, frame);
            due += 1;
        }
        self.write()?;
        self.since_checkpoint += due - self.due;
        self.offset += self.buffer.len() as u64;
        (self.link, self.due) = (link, due);
        self.shared.appended(due - 1);
        Ok(due - 1)
    }

    /// Begins a new segment with the state so far, durable when this returns, and removes segments
    /// that are no longer needed.
    pub fn checkpoint(&mut self, snapshot: &[u8]) -> Result<(), Error> {
        self.writable()?;
        within("a snapshot", snapshot.len(), self.options.snapshot_bytes_max)?;
        self.begin(Some(snapshot))?;
        self.since_checkpoint = 0;
        while self.oldest + self.options.keep_segments < self.number {
            self.directory.remove(self.oldest)?;
            self.oldest += 1;
        }
        Ok(())
    }

    /// Flushes what was appended, here and now; a [`crate::Committer`] does it beside.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.shared.flush().map(drop)
    }

    /// The sequence of the last record; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.due - 1
    }

    /// Records since the last checkpoint: how much a restart has to read.
    #[must_use]
    pub const fn since_checkpoint(&self) -> u64 {
        self.since_checkpoint
    }

    /// The journal's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) const fn shared(&self) -> &Arc<Flush> {
        &self.shared
    }

    fn create(directory: Directory, options: Options) -> Result<Self, Error> {
        let header = Header {
            head: Head::Record,
            number: 1,
            first: 1,
            salt: salt(),
            before: [0; LINK_BYTES],
        };
        let (bytes, link) = begin(&header, None);
        let (file, _) = directory.put(1, &bytes)?;
        let offset = HEADER_BYTES as u64;
        let end = End {
            number: 1,
            offset,
            salt: header.salt,
            link,
            due: 1,
            torn: None,
            broken_off: false,
        };
        Ok(Self::resume(directory, options, Arc::new(file), &end))
    }

    fn resume(directory: Directory, options: Options, file: Arc<File>, end: &End) -> Self {
        let path = segment_path(directory.path(), end.number);
        let shared = Arc::new(Flush::new(Arc::clone(&file), path.clone(), end.due - 1));
        Self {
            directory,
            options,
            file,
            path,
            number: end.number,
            oldest: end.number,
            head: HEADER_BYTES as u64,
            offset: end.offset,
            salt: end.salt,
            link: end.link,
            due: end.due,
            since_checkpoint: 0,
            buffer: Vec::with_capacity(1 << 16),
            stuck: false,
            shared,
        }
    }

    /// Writes the buffer behind the last whole frame, or leaves nothing of it.
    fn write(&mut self) -> Result<(), Error> {
        let Err(error) = self.file.write_all_at(&self.buffer, self.offset) else { return Ok(()) };
        if self.file.set_len(self.offset).is_err() {
            self.stuck = true;
        }
        Err(failed(&self.path, "append to")(error))
    }

    /// Makes the segment durable and begins the next one.
    fn begin(&mut self, snapshot: Option<&[u8]>) -> Result<(), Error> {
        self.shared.flush()?;
        let header = Header {
            head: if snapshot.is_some() { Head::Snapshot } else { Head::Record },
            number: self.number + 1,
            first: self.due,
            salt: salt(),
            before: self.link,
        };
        let (bytes, link) = begin(&header, snapshot);
        let (file, path) = match self.directory.put(header.number, &bytes) {
            Ok(made) => made,
            Err(Error::Flush { reason, .. }) => {
                // The new name may or may not last: nothing may build on either.
                return Err(self.shared.doubt(reason));
            }
            Err(error) => return Err(error),
        };
        self.file = Arc::new(file);
        self.path.clone_from(&path);
        (self.number, self.salt, self.link) = (header.number, header.salt, link);
        self.offset = bytes.len() as u64;
        self.head = self.offset;
        self.shared.turn(Arc::clone(&self.file), path);
        Ok(())
    }

    fn writable(&self) -> Result<(), Error> {
        if self.stuck {
            return Err(Error::Stuck { file: self.path.clone() });
        }
        self.shared.check()
    }
}

fn within(what: &'static str, bytes: usize, limit: u32) -> Result<(), Error> {
    let (bytes, limit) = (bytes as u64, u64::from(limit));
    if bytes > limit { Err(Error::TooLarge { what, bytes, limit }) } else { Ok(()) }
}

/// Sixteen bytes that nobody can know beforehand.
fn salt() -> Link {
    let mut salt = [0; LINK_BYTES];
    getrandom(&mut salt, GetRandomFlags::empty())
        .expect("a system without randomness cannot run anything safely");
    salt
}

//! Where the kernel's records go before anything that follows them is sent.

use engine::live::{Past, Record, Tail};
use journal::{Committer, Journal, Options, Recovery};
use std::{path::Path, time::Duration};

/// How long the first order of a life waits for the record of that life to be on the disk.
const BOOT_PATIENCE: Duration = Duration::from_secs(30);
/// How often records are flushed without being asked for.
const FLUSH_EVERY: Duration = Duration::from_millis(5);
/// Records after which the journal begins anew with the state.
const CHECKPOINT_EVERY: u64 = 10_000;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is written.
    Written,
    /// There is no space. Nothing that follows may be sent.
    Full,
}

/// Takes records: into the journal, or, while a session is made again, into memory alone.
#[derive(Debug, Default)]
pub struct Keeper {
    writer: Option<Box<Writer>>,
    /// Since they were last taken.
    written: Vec<Vec<u8>>,
}

/// A journal, its flushing thread, and whether this life is on the disk.
#[derive(Debug)]
pub struct Writer {
    // Ends first: it flushes what the journal wrote.
    committer: Committer,
    journal: Journal,
    is_born: bool,
}

impl Keeper {
    /// Opens the journal of a state directory; what former lives left.
    pub fn open(directory: &Path) -> Result<(Self, Past), journal::Error> {
        let (journal, recovery) = Journal::open(directory, Options::default())?;
        if let Some(torn) = &recovery.torn {
            tracing::warn!(file = %torn.file.display(), torn.bytes, "the last write did not end; it was cut off");
        }
        let Recovery { snapshot, records, torn } = recovery;
        let records: Vec<Vec<u8>> = records.into_iter().map(|(_, bytes)| bytes).collect();
        let is_first = snapshot.is_none() && records.is_empty();
        let same = is_same_boot(directory);
        let tail = if is_first || (same && torn.is_none()) { Tail::Whole } else { Tail::Doubtful };
        let committer = Committer::start(&journal, FLUSH_EVERY)?;
        let writer = Writer { committer, journal, is_born: false };
        let keeper = Self { writer: Some(Box::new(writer)), written: Vec::new() };
        Ok((keeper, Past { snapshot, records, tail }))
    }

    /// Writes a record down.
    pub fn write(&mut self, record: &Record) -> Result<Kept, journal::Error> {
        let mut bytes = Vec::with_capacity(256);
        record.write(&mut bytes);
        if let Some(writer) = &mut self.writer {
            match writer.journal.append(&bytes) {
                Ok(_) => {}
                Err(journal::Error::Full { .. }) => return Ok(Kept::Full),
                Err(error) => return Err(error),
            }
        }
        self.written.push(bytes);
        Ok(Kept::Written)
    }

    /// Before the first order of a life its record is on the disk: no later life takes its names.
    pub fn before_sending(&mut self) -> Result<(), journal::Error> {
        if let Some(writer) = &mut self.writer
            && !writer.is_born
        {
            writer.committer.wait(writer.journal.last(), BOOT_PATIENCE)?;
            writer.is_born = true;
        }
        Ok(())
    }

    /// Everything that was written is to be on the disk soon.
    pub fn request(&self) {
        if let Some(writer) = &self.writer {
            writer.committer.request();
        }
    }

    /// Begins the journal anew with the state, if it has grown.
    pub fn checkpoint(
        &mut self,
        snapshot: impl FnOnce() -> Vec<u8>,
    ) -> Result<Kept, journal::Error> {
        let grown =
            |writer: &&mut Box<Writer>| writer.journal.since_checkpoint() >= CHECKPOINT_EVERY;
        let Some(writer) = self.writer.as_mut().filter(grown) else { return Ok(Kept::Written) };
        writer.begin_anew(&snapshot())
    }

    /// Begins the journal anew with the state: what could not be written meanwhile is in it.
    pub fn mend(&mut self, snapshot: impl FnOnce() -> Vec<u8>) -> Result<Kept, journal::Error> {
        let Some(writer) = self.writer.as_mut() else { return Ok(Kept::Written) };
        writer.begin_anew(&snapshot())
    }

    /// The records since this was last asked.
    pub fn take_written(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.written)
    }

    /// The last record, and the last that is on the disk.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let of = |writer: &Writer| (writer.journal.last(), writer.committer.durable());
        self.writer.as_deref().map_or((0, 0), of)
    }
}

impl Writer {
    /// Without space the journal goes on as it is.
    fn begin_anew(&mut self, snapshot: &[u8]) -> Result<Kept, journal::Error> {
        match self.journal.checkpoint(snapshot) {
            Ok(()) => Ok(Kept::Written),
            Err(journal::Error::Full { .. }) => Ok(Kept::Full),
            Err(error) => Err(error),
        }
    }
}

/// Whether the machine has run on since the last life began: if it has not, or is another one, what was
/// written last may be missing. Notes the present boot down.
fn is_same_boot(directory: &Path) -> bool {
    let note = directory.with_extension("boot");
    let now = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let before = std::fs::read(&note).unwrap_or_default();
    if before != now {
        // Without the note the next start doubts the tail, which costs it some seconds.
        let _ = std::fs::write(&note, &now);
    }
    !now.is_empty() && before == now
}

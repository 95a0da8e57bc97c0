//! The recording of a session: what it began with, everything that came in, every record that it wrote.
//! Enough to make each of its decisions again.

use super::input::{Arrival, Input};
use anyhow::{Context, bail};
use journal::{Entry as Frame, Journal, Options};
use market::{Bar, Price, Quantity, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// The layout of recordings.
pub const LAYOUT: u32 = 1;
/// Recordings that are kept; the oldest go when a new one begins.
const TAPES_MAX: usize = 100;
/// The longest entry: a venue's list of instruments, a journal's snapshot.
const ENTRY_BYTES_MAX: u32 = 64 << 20;

/// What a session began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The layout of the recording.
    pub layout: u32,
    /// The program's version.
    pub version: String,
    /// `live` or `paper`.
    pub world: String,
    /// The configuration's text, which holds no secret.
    pub config: String,
    /// Where it stood: relative paths begin there.
    pub config_path: PathBuf,
    /// The strategy's text.
    pub strategy: String,
    /// The life's epoch.
    pub epoch: u64,
    /// When it began, by our clock, in nanoseconds.
    pub began: i64,
    /// How far the venue's clock was ahead, in nanoseconds.
    pub ahead: i64,
    /// Cash at the start, in the account's currency.
    pub cash: String,
    /// Whether risk could be opened at the start.
    pub may_open: bool,
}

/// A bar as it is written: opening time, prices, volume.
pub type WrittenBar = [i64; 6];

/// One entry of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// What it began with.
    Head(Box<Head>),
    /// The venue's list of instruments.
    Instruments(Arrival),
    /// What former lives left: a snapshot and records, in hexadecimal, and whether that is all.
    Past(Option<String>, Vec<String>, bool),
    /// A row of history, before the session.
    Warm(i64, Vec<Option<WrittenBar>>),
    /// Something came in at this time of our clock.
    In(i64, Input),
    /// A row was handed to the kernel.
    Row(i64, Vec<Option<WrittenBar>>),
    /// A record was written to the journal, in hexadecimal.
    Out(String),
}

/// A bar as it is written.
#[must_use]
pub fn written(bar: &Bar) -> WrittenBar {
    let volume = i64::try_from(bar.volume.0).unwrap_or(i64::MAX);
    [bar.open_time.nanos(), bar.open.0, bar.high.0, bar.low.0, bar.close.0, volume]
}

/// A bar as it was.
#[must_use]
pub fn bar([time, open, high, low, close, volume]: WrittenBar) -> Bar {
    Bar {
        open_time: Timestamp::from_nanos(time),
        open: Price(open),
        high: Price(high),
        low: Price(low),
        close: Price(close),
        volume: Quantity(volume.unsigned_abs()),
    }
}

/// Bars as they are written.
#[must_use]
pub fn written_row(bars: &[Option<Bar>]) -> Vec<Option<WrittenBar>> {
    bars.iter().map(|bar| bar.as_ref().map(written)).collect()
}

/// A recording that is being written.
#[derive(Debug)]
pub struct Tape {
    journal: Journal,
    line: Vec<u8>,
}

impl Tape {
    /// A new recording in `directory`, named by its time and epoch.
    pub fn create(directory: &Path, began: Timestamp, epoch: u64) -> anyhow::Result<Self> {
        let name = format!("{}-{epoch:016x}", began.nanos());
        make_private(directory)?;
        prune(directory)?;
        let options = Options { record_bytes_max: ENTRY_BYTES_MAX, ..Options::default() };
        let (journal, recovery) = Journal::open(&directory.join(name), options)?;
        if !recovery.records.is_empty() {
            bail!("{} holds a recording already", directory.display());
        }
        Ok(Self { journal, line: Vec::new() })
    }

    /// Writes one entry. It survives the end of the process.
    pub fn write(&mut self, entry: &Entry) -> anyhow::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, entry)?;
        self.journal.append(&self.line)?;
        Ok(())
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.journal.path()
    }
}

/// Makes a directory that is its owner's alone, and those above it.
pub fn make_private(directory: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make {}", directory.display()))
}

/// Tells a recording, entry by entry.
pub fn read(path: &Path, tell: &mut dyn FnMut(Entry) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut failed = None;
    journal::read(path, &mut |frame| {
        let Frame::Record { sequence, bytes } = frame else { return ControlFlow::Continue(()) };
        let told = serde_json::from_slice::<Entry>(bytes)
            .with_context(|| format!("entry {sequence} of {} is not readable", path.display()))
            .and_then(&mut *tell);
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// What a recording begins with; nothing if it ended before that was written.
pub fn head(path: &Path) -> anyhow::Result<Option<Head>> {
    let mut found = None;
    journal::read(path, &mut |frame| {
        if let Frame::Record { bytes, .. } = frame {
            found = Some(serde_json::from_slice::<Entry>(bytes));
        }
        ControlFlow::Break(())
    })?;
    match found.transpose().with_context(|| format!("{} is no recording", path.display()))? {
        Some(Entry::Head(head)) => Ok(Some(*head)),
        Some(_) => bail!("{} does not begin as a recording does", path.display()),
        None => Ok(None),
    }
}

/// When the latest recording was written to, by the machine's clock; nothing if there is none.
pub fn last_written(directory: &Path) -> Option<Timestamp> {
    let tape = latest(directory).ok()?;
    let files = std::fs::read_dir(tape).ok()?.filter_map(Result::ok);
    let times = files.filter_map(|file| file.metadata().ok()?.modified().ok());
    let since = times.max()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().map(Timestamp::from_nanos)
}

/// The latest recording in a directory.
pub fn latest(directory: &Path) -> anyhow::Result<PathBuf> {
    let mut names = all(directory)?;
    names.pop().with_context(|| format!("no recordings in {}", directory.display()))
}

fn prune(directory: &Path) -> anyhow::Result<()> {
    let names = all(directory)?;
    let over = (names.len() + 1).saturating_sub(TAPES_MAX);
    for old in names.iter().take(over) {
        std::fs::remove_dir_all(old).with_context(|| old.display().to_string())?;
    }
    Ok(())
}

/// The recordings in a directory, the oldest first.
pub fn all(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("no recordings in {}", directory.display()))?;
    let mut names: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|p| p.is_dir()).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::input::{LineId, RequestId, Switch};

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let tapes = dir.path().join("tape");
        let response = Arrival::Response {
            status: 200,
            headers: vec![("x-used".to_owned(), "1".to_owned())],
            body: "{\"a\":\"\u{1b}[31m\"}".to_owned(),
        };
        let bar = Some([1, 2, 3, 4, 5, 6]);
        let entries = [
            Entry::Instruments(response.clone()),
            Entry::Past(Some("00ff".to_owned()), vec!["01".to_owned()], true),
            Entry::Warm(7, vec![bar, None]),
            Entry::In(8, Input::Text(LineId(1), "x\n".to_owned())),
            Entry::In(9, Input::Came(RequestId(3), response)),
            Entry::In(10, Input::Came(RequestId(4), Arrival::Lost)),
            Entry::In(11, Input::Kill(Switch::Flatten)),
            Entry::Row(12, vec![bar]),
            Entry::Out("aa".to_owned()),
        ];
        let mut tape = Tape::create(&tapes, Timestamp::from_nanos(1), 2).expect("is made");
        for entry in &entries {
            tape.write(entry).expect("is written");
        }
        let path = latest(&tapes).expect("is there");
        assert_eq!(path, tape.path());
        let mut read_back = Vec::new();
        read(&path, &mut |entry| {
            read_back.push(entry);
            Ok(())
        })
        .expect("reads");
        assert_eq!(read_back, entries);
    }
}

//! What can be wrong, where, and what to do about it.

use crate::Flaw;
use rustix::io::Errno;
use std::{fmt, io, path::Path, path::PathBuf};

/// Everything that a catalogue refuses; each message names the place and the fix.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error("cannot {doing} {}: {source}; {}", path.display(), remedy(source))]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The caller's progress callback asked to stop; nothing is left behind.
    #[error("import cancelled; the catalogue is as it was")]
    Cancelled,
    /// A dataset's name could not be a directory everywhere.
    #[error(
        "{text:?} is not a dataset name: 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit"
    )]
    DatasetName {
        /// The name as it came, cut to 64 characters.
        text: String,
    },
    /// An import would overwrite a dataset and was not told to.
    #[error("dataset {name} exists; import under another name or ask to replace it")]
    DatasetExists {
        /// The dataset.
        name: String,
    },
    /// No such dataset.
    #[error("there is no dataset {name:?}{}", hint(suggestion.as_deref()))]
    NoDataset {
        /// What was asked for.
        name: String,
        /// The nearest name there is.
        suggestion: Option<String>,
    },
    /// A dataset lacks a symbol.
    #[error("dataset {dataset} has no symbol {symbol:?}{}", hint(suggestion.as_deref()))]
    NoSymbol {
        /// Where it was looked for.
        dataset: String,
        /// What was asked for.
        symbol: String,
        /// The nearest symbol there is.
        suggestion: Option<String>,
    },
    /// A dataset's panel would be too large.
    #[error(
        "the panel of dataset {dataset} would have {needed} bytes, {limit} are allowed; import fewer symbols or longer bars under another name"
    )]
    PanelSize {
        /// The dataset.
        dataset: String,
        /// Bytes it would have.
        needed: u64,
        /// Bytes it may have.
        limit: u64,
    },
    /// A column to be written is called like a key.
    #[error(
        "{name:?} cannot name a column: date, time, timestamp, datetime, symbol and ticker are the keys of a long file; choose another name"
    )]
    ColumnName {
        /// As asked.
        name: String,
    },
    /// A file to be read has a flaw.
    #[error("{place}: {flaw}")]
    File {
        /// File, line and column.
        place: Place,
        /// What is wrong, and the fix.
        flaw: Flaw,
    },
    /// A stored file is not the one that was written.
    #[error("{} is damaged: {damage}; restore it from a backup or import the dataset again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        damage: Damage,
    },
    /// A mapping such as `time=Date,close=Last` cannot be read.
    #[error(
        "{text:?} is not a column mapping: write role=column, as in time=Date,close=Last; roles are time symbol open high low close volume ignore, or a new field's name"
    )]
    Mapping {
        /// The offending part.
        text: String,
    },
    /// No such time zone.
    #[error("{text:?} is not a time zone: write an IANA name such as America/New_York or UTC")]
    TimeZone {
        /// The name as it came.
        text: String,
    },
    /// No such sort of rows.
    #[error("{text:?} is not what rows can be: write bars, quotes or trades")]
    Content {
        /// As it came.
        text: String,
    },
    /// A dataset holds other rows than are asked for.
    #[error("dataset {dataset} holds {found}, and {wanted} are needed: {}", of_content(*wanted))]
    OtherContent {
        /// The dataset.
        dataset: String,
        /// What its rows are.
        found: crate::Content,
        /// What they would have to be.
        wanted: crate::Content,
    },
    /// A rule of the market's nouns is broken.
    #[error(transparent)]
    Market(#[from] market::Error),
}

/// What shows that a stored file is not the one that was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Its SHA-256 differs.
    #[error("its SHA-256 is {found}, the manifest says {expected}")]
    Checksum {
        /// As recorded.
        expected: String,
        /// As it is.
        found: String,
    },
    /// Rows of a tick file are not those that were imported.
    #[error(
        "the rows from {from} on (row group {group}) are not those that were imported: it was changed, or the dataset was replaced while it was read; run again"
    )]
    Rows {
        /// The first row, from 1 of the file.
        from: u64,
        /// The row group, from 0.
        group: usize,
    },
    /// It is gone.
    #[error("it is missing")]
    Missing,
    /// It cannot be read as what it should be.
    #[error("{0}")]
    Unreadable(String),
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Its line from 1 (CSV, header included) or row from 1 (Parquet).
    pub line: Option<u64>,
    /// The column by its name.
    pub column: Option<String>,
}

impl Place {
    /// The file as a whole.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), line: None, column: None }
    }

    /// A line of the file.
    #[must_use]
    pub fn line(path: &Path, line: u64) -> Self {
        Self { path: path.to_owned(), line: Some(line), column: None }
    }

    /// A cell of the file.
    #[must_use]
    pub fn cell(path: &Path, line: u64, column: &str) -> Self {
        Self { path: path.to_owned(), line: Some(line), column: Some(column.to_owned()) }
    }

    pub(crate) fn is(self, flaw: Flaw) -> Error {
        Error::File { place: self, flaw }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column:?}")?;
        }
        Ok(())
    }
}

const fn of_content(wanted: crate::Content) -> &'static str {
    match wanted {
        crate::Content::Bars => "name a dataset of bars, or write `bar: quote` in the strategy",
        crate::Content::Quotes => "import quotes with `--kind quotes`, or name another dataset",
        crate::Content::Trades => "import trades with `--kind trades`, or name another dataset",
    }
}

fn remedy(source: &io::Error) -> &'static str {
    let limits = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    if source.raw_os_error().is_some_and(|code| limits.contains(&code)) {
        return "raise the limit of open files (ulimit -n), or write fewer at once, and run it again";
    }
    match source.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "grant this user access to it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space on that disk and run it again; nothing was changed"
        }
        io::ErrorKind::FileTooLarge => "raise the file size limit (ulimit -f) and run it again",
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable or choose another directory",
        _ => "look at the disk and run it again",
    }
}

pub(crate) fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

/// The candidate most like `wanted`, if it is like it at all.
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let wanted = wanted.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_ascii_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

/// The first 64 characters of a cell, so that a message stays readable.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

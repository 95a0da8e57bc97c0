//! What can be wrong, where, and what to do about it.

use crate::Role;
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

/// What is wrong with a file that is read, and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// No bytes.
    #[error("the file is empty; export it again")]
    Empty,
    /// Nothing after the header.
    #[error("there is a header but no data; export it again")]
    HeaderOnly,
    /// The first line is data.
    #[error("the first line is data, not a header; add a line that names the columns")]
    NoHeader,
    /// Two bytes a character.
    #[error("the text is UTF-16; save it as UTF-8")]
    Utf16,
    /// Some other encoding.
    #[error("the text is not UTF-8 (the first wrong byte is 0x{byte:02x}); save it as UTF-8")]
    NotUtf8 {
        /// The first byte that does not fit.
        byte: u8,
    },
    /// A zero byte: not text at all, or torn.
    #[error("there is a zero byte; the file is damaged or is not text: export it again")]
    ZeroByte,
    /// An archive.
    #[error("the file is {kind}; unpack it first")]
    Packed {
        /// Which sort of file.
        kind: &'static str,
    },
    /// More than [`crate::Limits`] allows.
    #[error("more than {limit} {what}; split the file")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The most allowed.
        limit: u64,
    },
    /// A panel that would take too much memory.
    #[error(
        "as a panel of {dates} dates and {symbols} symbols it would take {needed} bytes, {limit} are allowed; read it by blocks of dates, or split the file by symbol"
    )]
    PanelSize {
        /// Distinct times.
        dates: usize,
        /// Distinct names.
        symbols: usize,
        /// Bytes it would take.
        needed: u64,
        /// Bytes it may take.
        limit: u64,
    },
    /// A quotation mark without its pair on the line.
    #[error("a quotation mark is opened and not closed on this line; close it or remove it")]
    OpenQuote,
    /// A line with more or fewer fields than the header.
    #[error("{found} fields where the header has {expected}; the line is cut off or has a stray delimiter{}", if *last { " (it is the file's last line: the file is probably truncated, export it again)" } else { ": repair it" })]
    Ragged {
        /// Fields on the line.
        found: usize,
        /// Fields of the header.
        expected: usize,
        /// Nothing comes after it.
        last: bool,
    },
    /// A role that no column plays.
    #[error("no column is known as {role}; name it with a mapping such as {role}=NAME (columns: {})", columns.join(", "))]
    NoColumn {
        /// What is needed.
        role: Role,
        /// What there is.
        columns: Vec<String>,
    },
    /// No symbol column, none given, and the file's name will not do.
    #[error("there is no symbol column and the file's name {stem:?} is no symbol; give the symbol")]
    NoSymbol {
        /// The file's name without its ending.
        stem: String,
    },
    /// A mapping names a column that is not there.
    #[error("there is no column {name:?}{}", hint(suggestion.as_deref()))]
    UnknownColumn {
        /// As asked.
        name: String,
        /// The nearest there is.
        suggestion: Option<String>,
    },
    /// Two columns of one name.
    #[error("two columns are called {name:?}; rename one")]
    TwoColumns {
        /// The name.
        name: String,
    },
    /// A time in another form than the column's first.
    #[error("{text:?} is not a time like the column's first ({form}); write all alike")]
    Time {
        /// The cell.
        text: String,
        /// The form in use.
        form: String,
    },
    /// A time in no form that is known.
    #[error(
        "{text:?} is not a time; write 2024-01-31, 2024-01-31T09:30:00Z or an epoch in s, ms, us or ns"
    )]
    TimeForm {
        /// The cell.
        text: String,
    },
    /// `03/04/2024`.
    #[error("{text:?} may have its day or its month first; write 2024-01-31")]
    AmbiguousDate {
        /// The cell.
        text: String,
    },
    /// A time that cannot be kept.
    #[error(
        "{text:?} lies outside the years 1678 to 2261 or does not exist in the time zone; correct it"
    )]
    TimeRange {
        /// The cell.
        text: String,
    },
    /// Not a number.
    #[error(
        "{text:?} is not a number; write plain digits with a decimal point, or leave it empty if missing"
    )]
    Number {
        /// The cell.
        text: String,
    },
    /// A number in a column that began as text.
    #[error(
        "{text:?} is a number, but the column began with the text {label:?}; correct that cell or leave it empty if missing, or write every label with a letter"
    )]
    Mixed {
        /// The cell.
        text: String,
        /// The first text of the column.
        label: String,
    },
    /// A column without a name.
    #[error("column {column} has no name; name it in the header or remove it")]
    EmptyName {
        /// Counted from 1.
        column: usize,
    },
    /// Rows that are not in order of time where they must be.
    #[error("{time} comes after {before}; sort the file by date, or read it whole into memory")]
    Unsorted {
        /// The row's time.
        time: String,
        /// The time of the row before it.
        before: String,
    },
    /// Beyond nine digits before and nine after the point.
    #[error(
        "{text:?} is too large: prices go to 9.2 thousand million, volumes to 1.8e19 lots; choose another unit"
    )]
    TooLarge {
        /// The cell.
        text: String,
    },
    /// A row that cannot have traded.
    #[error(
        "{what}; {} row(s) are like that: repair the file, or import with bad rows dropped",
        total
    )]
    BadRow {
        /// What is wrong with the first.
        what: String,
        /// How many there are.
        total: u64,
    },
    /// Two rows for one time that differ.
    #[error(
        "differs from line {other}, which is for the same symbol and time ({symbol} {time}); delete one, or import with bad rows dropped (the first is kept)"
    )]
    Conflict {
        /// The earlier line.
        other: u64,
        /// Whose.
        symbol: String,
        /// When.
        time: String,
    },
    /// Not a symbol.
    #[error("{text:?} is not a symbol: 1 to 32 of A-Z a-z 0-9 . _ : / -")]
    Symbol {
        /// The cell.
        text: String,
    },
    /// Spacing of no known bar.
    #[error(
        "the most common spacing is {spacing}, which is no bar size; state the bar size (1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 2d 3d 7d)"
    )]
    Spacing {
        /// In words.
        spacing: String,
    },
    /// The stated size is not the data's.
    #[error(
        "bars of {stated} were stated, the most common spacing is {spacing}; state the right size"
    )]
    BarSize {
        /// As stated.
        stated: String,
        /// As found.
        spacing: String,
    },
    /// The Parquet reader refuses.
    #[error(
        "it cannot be read as Parquet: {reason}; the file is truncated or damaged: export it again"
    )]
    Parquet {
        /// The reader's words.
        reason: String,
    },
    /// The Arrow reader refuses.
    #[error(
        "it cannot be read as an Arrow file: {reason}; it is truncated, damaged or a stream: write an Arrow IPC file again"
    )]
    Arrow {
        /// The reader's words.
        reason: String,
    },
    /// A column of an unusable type.
    #[error("the column is {kind}, which is no use as {role}; cast it before export")]
    ColumnType {
        /// The Arrow type.
        kind: String,
        /// What it should be.
        role: &'static str,
    },
    /// A line of a corporate-actions file.
    #[error(
        "{what}; a line reads symbol,date,split,numerator,denominator, as in AAPL,2000-06-21,split,2,1"
    )]
    Action {
        /// What is wrong.
        what: &'static str,
    },
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

fn hint(suggestion: Option<&str>) -> String {
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

//! What an import is asked to do.

use crate::{Content, Error, Result, Role};
use market::{BarSize, CorporateAction, Currency, Symbol};
use std::path::PathBuf;

/// One import: a file becomes a dataset.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The file: CSV or Parquet.
    pub source: PathBuf,
    /// The dataset's name.
    pub name: String,
    /// What its rows are.
    pub content: Content,
    /// Which of the two; `None`: by its first bytes.
    pub kind: Option<FileKind>,
    /// Columns whose role is given; the rest is guessed.
    pub mapping: Mapping,
    /// Where there is no symbol column; `None`: the file's name.
    pub symbol: Option<Symbol>,
    /// Of bars; `None`: the most common spacing.
    pub bar: Option<BarSize>,
    /// Zone of times that carry none. A bare date is midnight UTC in every zone.
    pub zone: TimeZone,
    /// What prices are paid in.
    pub currency: Currency,
    /// Splits to keep with the dataset; those of other symbols are left out.
    pub actions: Vec<CorporateAction>,
    /// What to do with rows that cannot have traded.
    pub bad_rows: BadRows,
    /// May a dataset of this name be replaced?
    pub replace: Replace,
    /// The time of the import, for the manifest.
    pub now: jiff::Timestamp,
    /// Bounds of the work.
    pub limits: Limits,
}

impl ImportRequest {
    /// Everything guessed, nothing replaced, bad rows refused.
    #[must_use]
    pub fn new(source: impl Into<PathBuf>, name: impl Into<String>, now: jiff::Timestamp) -> Self {
        Self {
            source: source.into(),
            name: name.into(),
            content: Content::Bars,
            kind: None,
            mapping: Mapping::default(),
            symbol: None,
            bar: None,
            zone: TimeZone::default(),
            currency: Currency::USD,
            actions: Vec::new(),
            bad_rows: BadRows::Refuse,
            replace: Replace::No,
            now,
            limits: Limits::default(),
        }
    }
}

/// The form of the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Text with a header line; comma, semicolon, tab or bar between fields.
    Csv,
    /// Parquet with flat columns.
    Parquet,
}

/// What happens to a dataset of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It stays and the import is refused.
    No,
    /// It is replaced in one step when the import is complete.
    Yes,
}

/// What happens to rows that cannot have traded: a price that is NaN, infinite, zero, negative
/// or partly missing, a high below the low, a second row that contradicts the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRows {
    /// The import is refused and names the first.
    Refuse,
    /// They are left out; each is counted and the first ones are named in the report.
    Drop,
}

/// A zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

impl TimeZone {
    /// Looks the name up in the bundled database.
    pub fn named(text: &str) -> Result<Self> {
        jiff::tz::TimeZone::get(text)
            .map(Self)
            .map_err(|_| Error::TimeZone { text: crate::error::excerpt(text) })
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(crate) const fn inner(&self) -> &jiff::tz::TimeZone {
        &self.0
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }
}

/// Columns whose role the caller states, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    pub(crate) given: Vec<(Role, String)>,
}

impl Mapping {
    /// Reads `time=Date,close=Last,adj_close=Adj Close,ignore=Notes`.
    pub fn parse(text: &str) -> Result<Self> {
        let mut mapping = Self::default();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let wrong = || Error::Mapping { text: crate::error::excerpt(part) };
            let (role, column) = part.split_once('=').ok_or_else(wrong)?;
            let (role, column) = (Role::parse(role.trim()).ok_or_else(wrong)?, column.trim());
            let twice = mapping.given.iter().any(|(r, _)| *r == role && role != Role::Ignore);
            if column.is_empty() || twice {
                return Err(wrong());
            }
            mapping.given.push((role, column.to_owned()));
        }
        Ok(mapping)
    }
}

/// As [`Mapping::parse`] reads it.
impl std::fmt::Display for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |(role, column): &(Role, String)| format!("{role}={column}");
        f.write_str(&self.given.iter().map(text).collect::<Vec<_>>().join(","))
    }
}

/// Bounds of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of a file.
    pub rows_max: u64,
    /// Columns of a file.
    pub columns_max: usize,
    /// Extra numeric fields kept beside the bars.
    pub extra_fields_max: usize,
    /// Distinct symbols.
    pub symbols_max: usize,
    /// Bytes of one line of text.
    pub line_bytes_max: usize,
    /// Rows held in memory before they are spilled to disk beside the dataset: with `n` extra
    /// fields a row takes `80 + 8n` bytes. Merging reads 16 MiB ahead, writing holds a row group.
    pub rows_in_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows_max: 1_000_000_000,
            columns_max: 256,
            extra_fields_max: 16,
            symbols_max: 100_000,
            line_bytes_max: 65_536,
            rows_in_memory: 524_288,
        }
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Units done: bytes while reading, rows while writing.
    pub done: u64,
    /// Units in all.
    pub total: u64,
    /// Rows read so far.
    pub rows: u64,
}

/// The two halves of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The file is read and its rows are sorted in runs.
    Reading,
    /// Runs are merged and written.
    Writing,
}

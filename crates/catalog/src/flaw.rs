//! What can be wrong with a file that is read.

use crate::{Role, error::hint};

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
    /// A trade's side that is none.
    #[error(
        "{text:?} is not a side; write buy or sell (b, s, 1, -1), or leave it empty if unknown"
    )]
    Side {
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
    /// The file changed.
    #[error("it changed while it was read: import it again when nothing writes to it")]
    Changed,
    /// A bar size for what are no bars.
    #[error("a bar size is stated, and {content} have none: leave it out")]
    NoBarSize {
        /// What the rows are.
        content: crate::Content,
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

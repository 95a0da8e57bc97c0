//! Columns out: CSV, Parquet or Arrow files, wide or long, whole or not at all.

mod draft;

use crate::{
    Error, Result,
    disk::{io_at, sync_dir},
    panel::{SYMBOL_NAMES, TIME_NAMES},
};
use arrow::{
    array::{
        Array, ArrayRef, AsArray, Float32Array, Float64Array, RecordBatch, StringArray,
        TimestampNanosecondArray,
    },
    datatypes::{
        DataType, Field, Float32Type, Float64Type, Schema, SchemaRef, TimeUnit,
        TimestampNanosecondType,
    },
    error::ArrowError,
    ipc::writer::FileWriter,
};
use draft::Draft;
use market::{Panel, Symbol, Timestamp};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Cells of one batch: bounds what a writer holds.
const BATCH_CELLS: usize = 1 << 20;
/// Cells of a Parquet row group.
const GROUP_CELLS: usize = 1 << 22;
/// The file that long columns go to, without its ending.
const LONG: &str = "factors";

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text; a number is the shortest one that reads back the same, missing is empty.
    Csv,
    /// Parquet, compressed with zstd.
    Parquet,
    /// An Arrow IPC file.
    Arrow,
}

/// How columns are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A file an expression: a row a date, a column a symbol.
    Wide,
    /// One file: a row a date and symbol with any value, a column an expression.
    Long,
}

/// How a number is stored; it is computed in 64 bits all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// As computed.
    Float64,
    /// Rounded to 32 bits; what that makes infinite is missing.
    Float32,
}

/// How a text that a spreadsheet would take for a formula is written into CSV; a symbol may begin with
/// a dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// With an apostrophe before it, which spreadsheets do not show.
    Harmless,
    /// As it is: for programs.
    Raw,
}

/// OWASP's list of beginnings that make a cell a formula, behind any number of apostrophes; the
/// last four are the wide forms, which spreadsheets of East Asia take for the same.
#[must_use]
pub fn is_formula(text: &str) -> bool {
    const BEGINNINGS: [char; 11] =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    text.trim_start_matches('\'').starts_with(BEGINNINGS)
}

/// Where to and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The directory; it must be there.
    pub directory: PathBuf,
    /// Of each file.
    pub format: Format,
    /// Of all.
    pub shape: Shape,
    /// Of each number.
    pub storage: Storage,
    /// Of each text.
    pub texts: Texts,
}

/// Files of columns that are being written; dropped, they leave nothing behind.
pub struct Sink {
    target: Target,
    symbols: Vec<Symbol>,
    writers: Vec<Writer>,
}

impl Sink {
    /// Begins the files of the named columns; removes what killed processes left of theirs.
    ///
    /// No column may be called like a key of a long file: it would be read back as one.
    pub fn create(target: &Target, names: &[String], symbols: &[Symbol]) -> Result<Self> {
        if let Some(name) = names.iter().find(|name| is_key(name)) {
            return Err(Error::ColumnName { name: name.clone() });
        }
        let _held = draft::sweep(&target.directory);
        let ending = match target.format {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        };
        let path = |name: &str| target.directory.join(format!("{name}.{ending}"));
        let number = match target.storage {
            Storage::Float64 => DataType::Float64,
            Storage::Float32 => DataType::Float32,
        };
        let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let time = Field::new("date", time, false);
        let writers = match target.shape {
            Shape::Wide => {
                let each = symbols.iter().map(|s| Field::new(s.as_str(), number.clone(), true));
                let schema = Arc::new(Schema::new(
                    std::iter::once(time).chain(each).collect::<Vec<Field>>(),
                ));
                let open = |name: &String| Writer::create(&path(name), target, &schema);
                names.iter().map(open).collect::<Result<Vec<_>>>()?
            }
            Shape::Long => {
                let symbol = Field::new("symbol", DataType::Utf8, false);
                let each = names.iter().map(|name| Field::new(name, number.clone(), true));
                let schema = Arc::new(Schema::new(
                    [time, symbol].into_iter().chain(each).collect::<Vec<Field>>(),
                ));
                vec![Writer::create(&path(LONG), target, &schema)?]
            }
        };
        Ok(Self { target: target.clone(), symbols: symbols.to_vec(), writers })
    }

    /// Appends rows: for each time a row of every column, padded as a panel's are.
    pub fn push<'a>(&mut self, times: &[Timestamp], columns: &[&'a [f64]]) -> Result<()> {
        let stride = Panel::stride_of(self.symbols.len());
        // Wide columns become one batch each, long ones a batch together.
        let beside = match self.target.shape {
            Shape::Wide => 1,
            Shape::Long => columns.len().max(1),
        };
        let step = (BATCH_CELLS / stride / beside).max(1);
        for (n, times) in times.chunks(step).enumerate() {
            let start = n * step * stride;
            let part = |column: &&'a [f64]| {
                let rest = column.get(start..).unwrap_or(&[]);
                rest.get(..times.len() * stride).unwrap_or(rest)
            };
            let parts: Vec<&[f64]> = columns.iter().map(part).collect();
            match self.target.shape {
                Shape::Wide => self.push_wide(times, &parts, stride)?,
                Shape::Long => self.push_long(times, &parts, stride)?,
            }
        }
        Ok(())
    }

    fn push_wide(&mut self, times: &[Timestamp], parts: &[&[f64]], stride: usize) -> Result<()> {
        let dates = dates(times.iter().copied());
        for (writer, part) in self.writers.iter_mut().zip(parts) {
            let name = |j: usize| {
                let cells = (0..times.len()).map(move |t| part.get(t * stride + j).copied());
                numbers(self.target.storage, cells)
            };
            let columns = std::iter::once(Arc::clone(&dates))
                .chain((0..self.symbols.len()).map(name))
                .collect();
            writer.write(columns)?;
        }
        Ok(())
    }

    fn push_long(&mut self, times: &[Timestamp], parts: &[&[f64]], stride: usize) -> Result<()> {
        let cell = |part: &[f64], at: usize| part.get(at).copied();
        let known =
            |at: &usize| parts.iter().any(|part| cell(part, *at).is_some_and(f64::is_finite));
        let names = self.symbols.len();
        let rows: Vec<usize> = (0..times.len())
            .flat_map(|t| (0..names).map(move |j| t * stride + j))
            .filter(known)
            .collect();
        let when = |at: &usize| times.get(at / stride).copied().unwrap_or_default();
        let who = |at: &usize| self.symbols.get(at % stride).map_or("", Symbol::as_str);
        let mut columns = vec![
            dates(rows.iter().map(when)),
            Arc::new(StringArray::from_iter_values(rows.iter().map(who))) as ArrayRef,
        ];
        for part in parts {
            let cells = rows.iter().map(|at| cell(part, *at));
            columns.push(numbers(self.target.storage, cells));
        }
        self.writers.iter_mut().try_for_each(|writer| writer.write(columns.clone()))
    }

    /// Flushes all files, and only then gives them their names; their bytes.
    pub fn finish(self) -> Result<u64> {
        let settled = self.writers.into_iter().map(Writer::settle);
        let drafts = settled.collect::<Result<Vec<Draft>>>()?;
        let mut bytes = 0;
        for draft in drafts {
            bytes += draft.keep()?;
        }
        sync_dir(&self.target.directory)?;
        Ok(bytes)
    }
}

/// Whether a long file's reader takes a column of this name for the time or the symbol.
fn is_key(name: &str) -> bool {
    TIME_NAMES.iter().chain(SYMBOL_NAMES).any(|key| name.eq_ignore_ascii_case(key))
}

fn dates(times: impl Iterator<Item = Timestamp>) -> ArrayRef {
    let nanos = TimestampNanosecondArray::from_iter_values(times.map(Timestamp::nanos));
    Arc::new(nanos.with_timezone("UTC"))
}

fn numbers(storage: Storage, cells: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    let known = cells.map(|cell| cell.filter(|x| x.is_finite()));
    match storage {
        Storage::Float64 => Arc::new(known.collect::<Float64Array>()),
        Storage::Float32 => Arc::new(known.map(|x| x.and_then(narrow)).collect::<Float32Array>()),
    }
}

/// To 32 bits, rounded half to even; the type that holds it has been asked for.
#[expect(clippy::cast_possible_truncation, reason = "the caller asked for 32 bits")]
fn narrow(x: f64) -> Option<f32> {
    Some(x as f32).filter(|x| x.is_finite())
}

/// One file.
struct Writer {
    path: PathBuf,
    schema: SchemaRef,
    kind: Kind,
    texts: Texts,
}

enum Kind {
    Csv(Box<Draft>),
    Parquet(Box<ArrowWriter<Draft>>),
    Arrow(Box<FileWriter<Draft>>),
}

impl Writer {
    fn create(path: &Path, target: &Target, schema: &SchemaRef) -> Result<Self> {
        let texts = target.texts;
        let mut draft = Draft::create(path)?;
        let failed = |error: io::Error| io_at("write", path)(error);
        let kind = match target.format {
            Format::Csv => {
                let cells = schema.fields().iter().map(|field| cell(field.name(), texts));
                let cells: Vec<String> = cells.collect();
                draft.write_all((cells.join(",") + "\n").as_bytes()).map_err(failed)?;
                Kind::Csv(Box::new(draft))
            }
            Format::Parquet => {
                let level = ZstdLevel::try_new(3).unwrap_or_default();
                let rows = (GROUP_CELLS / schema.fields().len().max(1)).max(1);
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(level))
                    .set_max_row_group_row_count(Some(rows))
                    .build();
                let writer = ArrowWriter::try_new(draft, Arc::clone(schema), Some(properties));
                Kind::Parquet(Box::new(writer.map_err(|e| failed(io::Error::other(e)))?))
            }
            Format::Arrow => {
                let writer = FileWriter::try_new(draft, schema);
                Kind::Arrow(Box::new(writer.map_err(|e| failed(of_arrow(e)))?))
            }
        };
        Ok(Self { path: path.to_owned(), schema: Arc::clone(schema), kind, texts })
    }

    fn write(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(of_arrow);
        let written = batch.and_then(|batch| match &mut self.kind {
            Kind::Csv(draft) => draft.write_all(csv(&batch, self.texts).as_bytes()),
            Kind::Parquet(writer) => writer.write(&batch).map_err(io::Error::other),
            Kind::Arrow(writer) => writer.write(&batch).map_err(of_arrow),
        });
        written.map_err(io_at("write", &self.path))
    }

    /// Ends the file and puts it on disk, still a draft.
    fn settle(self) -> Result<Draft> {
        let ended = match self.kind {
            Kind::Csv(draft) => Ok(*draft),
            Kind::Parquet(writer) => writer.into_inner().map_err(io::Error::other),
            Kind::Arrow(mut writer) => {
                writer.finish().and_then(|()| writer.into_inner()).map_err(of_arrow)
            }
        };
        let settled = ended.and_then(|mut draft| draft.settle().map(|()| draft));
        settled.map_err(io_at("write", &self.path))
    }
}

/// The system's error, if that is what the writer met.
fn of_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, inner) => inner,
        other => io::Error::other(other),
    }
}

/// A batch as lines of text.
fn csv(batch: &RecordBatch, texts: Texts) -> String {
    let mut text = String::with_capacity(batch.num_rows() * batch.num_columns() * 12);
    let mut digits = zmij::Buffer::new();
    for row in 0..batch.num_rows() {
        for (i, column) in batch.columns().iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            if column.is_null(row) {
                continue;
            }
            if let Some(values) = column.as_primitive_opt::<Float64Type>() {
                text.push_str(whole(digits.format_finite(values.value(row))));
            } else if let Some(values) = column.as_primitive_opt::<Float32Type>() {
                text.push_str(whole(digits.format_finite(values.value(row))));
            } else if let Some(values) = column.as_primitive_opt::<TimestampNanosecondType>() {
                text.push_str(&Timestamp::from_nanos(values.value(row)).to_string());
            } else if let Some(values) = column.as_string_opt::<i32>() {
                text.push_str(&cell(values.value(row), texts));
            }
        }
        text.push('\n');
    }
    text
}

/// Without a needless `.0`.
fn whole(digits: &str) -> &str {
    digits.strip_suffix(".0").unwrap_or(digits)
}

/// Text as a cell, in quotation marks where it must be.
fn cell(text: &str, texts: Texts) -> String {
    let mark = if texts == Texts::Harmless && is_formula(text) { "'" } else { "" };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{mark}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{mark}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    #[test]
    fn a_symbol_is_a_formula_only_where_that_is_asked_for() {
        let check = |texts, shape, want: &str| {
            let dir = tempfile::tempdir().expect("a directory");
            let directory = dir.path().to_owned();
            let storage = Storage::Float64;
            let target = Target { directory, format: Format::Csv, shape, storage, texts };
            let symbols = ["-A", "B-"].map(|text| text.parse().expect("a symbol"));
            let mut sink = Sink::create(&target, &["x".to_owned()], &symbols).expect("begins");
            let mut row = [f64::NAN; 8];
            row[..2].copy_from_slice(&[-1.0, 2.0]);
            sink.push(&[Timestamp::default()], &[&row]).expect("is held");
            sink.finish().expect("is written");
            let name = if shape == Shape::Wide { "x.csv" } else { "factors.csv" };
            let text = fs::read_to_string(dir.path().join(name)).expect("text");
            assert!(text.contains(want), "{text}");
            assert!(text.contains("-1") && !text.contains("'-1"), "a number is one: {text}");
        };
        check(Texts::Harmless, Shape::Wide, "date,'-A,B-\n");
        check(Texts::Raw, Shape::Wide, "date,-A,B-\n");
        check(Texts::Harmless, Shape::Long, ",'-A,-1\n");
        check(Texts::Raw, Shape::Long, ",-A,-1\n");
    }

    #[test]
    fn no_file_takes_its_name_unless_all_are_on_disk() {
        let dir = tempfile::tempdir().expect("a directory");
        let (format, shape) = (Format::Csv, Shape::Wide);
        let directory = dir.path().to_owned();
        let target =
            Target { directory, format, shape, storage: Storage::Float64, texts: Texts::Raw };
        let symbols = ["A".parse().expect("a symbol")];
        let names = ["a", "b"].map(str::to_owned);
        let mut sink = Sink::create(&target, &names, &symbols).expect("begins");
        let Kind::Csv(second) = &mut sink.writers[1].kind else { panic!("text was asked for") };
        // What is opened for reading refuses every write.
        let refusing = File::open(dir.path()).expect("is there");
        second.file = io::BufWriter::new(refusing);
        sink.push(&[Timestamp::default()], &[&[1.0; 8], &[1.0; 8]]).expect("is held");
        sink.finish().expect_err("is refused");
        assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 0);
    }
}

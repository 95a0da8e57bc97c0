//! Partitions: Parquet files of rows in order of symbol and time.
//!
//! A partition holds up to [`ROWS_MAX`] rows whichever their symbols are: 500 symbols of ten
//! years are two files, ten million bars of one symbol are ten. Prices are whole ticks and
//! volumes whole lots; the scales are in the manifest.

use crate::{
    Error, InstrumentEntry, Manifest, Partition, Result, Span,
    disk::{io_at, sync_dir},
    error::Damage,
};
use arrow::{
    array::{
        Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray,
        TimestampNanosecondArray, UInt64Array,
    },
    datatypes::{
        DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit,
        TimestampNanosecondType, UInt64Type,
    },
};
use market::{Bar, Price, Quantity, Symbol, Timestamp};
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
    },
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Rows of a partition.
pub(crate) const ROWS_MAX: u64 = 1 << 20;
/// Rows of a row group: bounds the writer's memory.
const GROUP_ROWS: usize = 1 << 17;
/// Rows handed to the writer at once.
const BATCH_ROWS: usize = 1 << 14;
const FIXED: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// A file that counts and hashes what is written to it.
#[derive(Debug)]
pub(crate) struct Counted {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Counted {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(io_at("make", path))?;
        let file = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { file, hash: Sha256::new(), bytes: 0 })
    }

    /// Puts everything on disk; the bytes and their SHA-256.
    pub(crate) fn settle(mut self) -> io::Result<(u64, String)> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok((self.bytes, hex::encode(self.hash.finalize())))
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Rows on their way to a file.
#[derive(Debug, Default)]
struct Columns {
    symbols: Vec<Symbol>,
    times: Vec<i64>,
    prices: [Vec<i64>; 4],
    volume: Vec<u64>,
    extra: Vec<Vec<f64>>,
}

/// The file being written.
struct Open {
    path: PathBuf,
    writer: ArrowWriter<Counted>,
    rows: u64,
    times: Option<(Timestamp, Timestamp)>,
    spans: Vec<Span>,
}

/// Writes a dataset's partitions one after another.
pub(crate) struct Writer {
    dir: PathBuf,
    schema: SchemaRef,
    columns: Columns,
    open: Option<Open>,
    done: Vec<Partition>,
}

fn schema(extra: &[String]) -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let mut fields =
        vec![Field::new("symbol", DataType::Utf8, false), Field::new("time", time, false)];
    fields.extend(FIXED.iter().map(|name| {
        let kind = if *name == "volume" { DataType::UInt64 } else { DataType::Int64 };
        Field::new(*name, kind, false)
    }));
    fields.extend(extra.iter().map(|name| Field::new(name, DataType::Float64, false)));
    Arc::new(Schema::new(fields))
}

fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for name in FIXED.iter().chain(&["time"]) {
        let column = ColumnPath::from(*name);
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    builder.build()
}

impl Writer {
    pub(crate) fn new(dir: &Path, extra: &[String]) -> Self {
        let columns = Columns { extra: vec![Vec::new(); extra.len()], ..Columns::default() };
        let (open, done) = (None, Vec::new());
        Self { dir: dir.to_owned(), schema: schema(extra), columns, open, done }
    }

    /// Appends a bar; bars come in order of symbol and time.
    pub(crate) fn push(&mut self, symbol: &Symbol, bar: &Bar, extra: &[f64]) -> Result<()> {
        if self.open.is_none() {
            self.open = Some(self.start()?);
        }
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        open.rows += 1;
        let (first, last) = open.times.unwrap_or((bar.open_time, bar.open_time));
        open.times = Some((first.min(bar.open_time), last.max(bar.open_time)));
        match open.spans.last_mut() {
            Some(span) if span.symbol == *symbol => span.rows += 1,
            _ => open.spans.push(Span { symbol: symbol.clone(), rows: 1 }),
        }
        let full = open.rows >= ROWS_MAX;
        let columns = &mut self.columns;
        columns.symbols.push(symbol.clone());
        columns.times.push(bar.open_time.nanos());
        let prices = [bar.open, bar.high, bar.low, bar.close];
        for (column, price) in columns.prices.iter_mut().zip(prices) {
            column.push(price.0);
        }
        columns.volume.push(bar.volume.0);
        for (column, value) in columns.extra.iter_mut().zip(extra) {
            column.push(*value);
        }
        if columns.times.len() >= BATCH_ROWS {
            self.flush()?;
        }
        if full { self.close() } else { Ok(()) }
    }

    fn start(&self) -> Result<Open> {
        let path = self.dir.join(format!("part-{:05}.parquet", self.done.len()));
        let counted = Counted::create(&path)?;
        let writer = ArrowWriter::try_new(counted, Arc::clone(&self.schema), Some(properties()));
        let writer = writer.map_err(|e| write_error(&path, e))?;
        Ok(Open { path, writer, rows: 0, times: None, spans: Vec::new() })
    }

    fn flush(&mut self) -> Result<()> {
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        if self.columns.times.is_empty() {
            return Ok(());
        }
        let fresh =
            Columns { extra: vec![Vec::new(); self.columns.extra.len()], ..Columns::default() };
        let columns = std::mem::replace(&mut self.columns, fresh);
        let symbols: StringArray = columns.symbols.iter().map(|s| Some(s.as_str())).collect();
        let times = TimestampNanosecondArray::from(columns.times).with_timezone("UTC");
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(symbols), Arc::new(times)];
        for prices in columns.prices {
            arrays.push(Arc::new(Int64Array::from(prices)));
        }
        arrays.push(Arc::new(UInt64Array::from(columns.volume)));
        for values in columns.extra {
            arrays.push(Arc::new(Float64Array::from(values)));
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        let written = batch.map_err(Into::into).and_then(|batch| open.writer.write(&batch));
        written.map_err(|e| write_error(&open.path, e))
    }

    fn close(&mut self) -> Result<()> {
        self.flush()?;
        let Some(open) = self.open.take() else { return Ok(()) };
        let Open { path, writer, rows, times, spans } = open;
        let counted = writer.into_inner().map_err(|e| write_error(&path, e))?;
        let (bytes, sha256) = counted.settle().map_err(io_at("flush", &path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (first, last) = times.unwrap_or_default();
        let (file, chunks) = (name, Vec::new());
        self.done.push(Partition { file, bytes, sha256, rows, first, last, spans, chunks });
        Ok(())
    }

    /// Closes the last partition; all are on disk when this returns.
    pub(crate) fn finish(mut self) -> Result<Vec<Partition>> {
        self.close()?;
        sync_dir(&self.dir)?;
        Ok(self.done)
    }
}

/// The system's error, if that is what the Parquet writer met.
pub(crate) fn write_error(path: &Path, error: parquet::errors::ParquetError) -> Error {
    let source = match error {
        parquet::errors::ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(inner) => *inner,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    };
    io_at("write", path)(source)
}

/// The SHA-256 of a file.
pub(crate) fn sha256_of(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(io_at("open", path))?;
    sha256_of_open(&mut file, path)
}

fn sha256_of_open(file: &mut File, path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let n = file.read(&mut buffer).map_err(io_at("read", path))?;
        if n == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(buffer.get(..n).unwrap_or(&[]));
    }
}

/// What a reader calls with every bar: its instrument, the bar, its extra values.
pub(crate) type Visit<'a> = dyn FnMut(&InstrumentEntry, &Bar, &[f64]) -> Result<()> + 'a;

/// Visits the bars of one partition, of `wanted` symbols only or of all, in order; the file's
/// checksum is verified first.
pub(crate) fn read(
    dir: &Path,
    manifest: &Manifest,
    partition: &Partition,
    wanted: Option<&BTreeSet<&Symbol>>,
    visit: &mut Visit<'_>,
) -> Result<()> {
    let is_wanted = |span: &Span| wanted.is_none_or(|w| w.contains(&span.symbol));
    if !partition.spans.iter().any(is_wanted) {
        return Ok(());
    }
    let path = dir.join(&partition.file);
    // Opened once: what is verified is what is read, whatever takes the name meanwhile.
    let file = open_verified(&path, &partition.sha256)?;
    let damaged =
        |reason: String| Error::Damaged { path: path.clone(), damage: Damage::Unreadable(reason) };
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(e.to_string()))?;
    let selectors = partition.spans.iter().map(|span| {
        let rows = usize::try_from(span.rows).unwrap_or(usize::MAX);
        if is_wanted(span) { RowSelector::select(rows) } else { RowSelector::skip(rows) }
    });
    // The symbol is known from the span; it is in the file for other readers.
    let fields = 1..(FIXED.len() + 2 + manifest.dataset.extra.len());
    let mask = ProjectionMask::roots(builder.parquet_schema(), fields);
    let selection = RowSelection::from(selectors.collect::<Vec<_>>());
    let reader = builder.with_projection(mask).with_row_selection(selection);
    let reader = reader.with_batch_size(BATCH_ROWS).build().map_err(|e| damaged(e.to_string()))?;
    let mut owners = Owners::new(manifest, partition.spans.iter().filter(|s| is_wanted(s)));
    for batch in reader {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let view = View::of(&batch, manifest.dataset.extra.len())
            .ok_or_else(|| damaged("its columns are not those of a partition".to_owned()))?;
        let mut extra = vec![0.0; view.extra.len()];
        for row in 0..batch.num_rows() {
            let entry = owners.next().ok_or_else(|| damaged("it has too many rows".to_owned()))?;
            visit(entry, &view.bar(row, &mut extra), &extra)?;
        }
    }
    if owners.next().is_some() {
        return Err(damaged("it has too few rows".to_owned()));
    }
    Ok(())
}

/// Whose row is next.
struct Owners<'a> {
    spans: Vec<(&'a InstrumentEntry, u64)>,
    at: usize,
}

impl<'a> Owners<'a> {
    fn new(manifest: &'a Manifest, spans: impl Iterator<Item = &'a Span>) -> Self {
        let entry = |span: &Span| {
            let found =
                manifest.instruments.binary_search_by(|e| e.symbol.cmp(&span.symbol)).ok()?;
            manifest.instruments.get(found).map(|entry| (entry, span.rows))
        };
        Self { spans: spans.filter_map(entry).collect(), at: 0 }
    }

    fn next(&mut self) -> Option<&'a InstrumentEntry> {
        loop {
            let (entry, left) = self.spans.get_mut(self.at)?;
            if *left > 0 {
                *left -= 1;
                return Some(entry);
            }
            self.at += 1;
        }
    }
}

/// Typed columns of a batch.
struct View<'a> {
    times: &'a [i64],
    prices: [&'a [i64]; 4],
    volume: &'a [u64],
    extra: Vec<&'a [f64]>,
}

impl<'a> View<'a> {
    fn of(batch: &'a RecordBatch, extra: usize) -> Option<Self> {
        let columns = batch.columns();
        let ints = |i: usize| {
            let column = columns.get(i)?.as_primitive_opt::<Int64Type>()?;
            (column.null_count() == 0).then(|| &column.values()[..])
        };
        let times = columns.first()?.as_primitive_opt::<TimestampNanosecondType>()?;
        let volume = columns.get(5)?.as_primitive_opt::<UInt64Type>()?;
        let floats =
            |i: usize| columns.get(i)?.as_primitive_opt::<Float64Type>().map(|c| &c.values()[..]);
        Some(Self {
            times: times.values(),
            prices: [ints(1)?, ints(2)?, ints(3)?, ints(4)?],
            volume: volume.values(),
            extra: (6..6 + extra).map(floats).collect::<Option<_>>()?,
        })
    }

    fn bar(&self, row: usize, extra: &mut [f64]) -> Bar {
        for (value, column) in extra.iter_mut().zip(&self.extra) {
            *value = column.get(row).copied().unwrap_or(f64::NAN);
        }
        let [open, high, low, close] =
            self.prices.map(|column| Price(column.get(row).copied().unwrap_or(0)));
        Bar {
            open_time: Timestamp::from_nanos(self.times.get(row).copied().unwrap_or(0)),
            open,
            high,
            low,
            close,
            volume: Quantity(self.volume.get(row).copied().unwrap_or(0)),
        }
    }
}

/// Compares a file with its checksum.
pub(crate) fn verify(path: &Path, expected: &str) -> Result<()> {
    open_verified(path, expected).map(drop)
}

/// Opens a file whose checksum is right.
fn open_verified(path: &Path, expected: &str) -> Result<File> {
    let opened = File::open(path).map_err(io_at("open", path));
    let hashed = opened.and_then(|mut file| Ok((sha256_of_open(&mut file, path)?, file)));
    let damage = match hashed {
        Ok((found, file)) if found == expected => return Ok(file),
        Ok((found, _)) => Damage::Checksum { expected: expected.to_owned(), found },
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Damage::Missing
        }
        Err(other) => return Err(other),
    };
    Err(Error::Damaged { path: path.to_owned(), damage })
}

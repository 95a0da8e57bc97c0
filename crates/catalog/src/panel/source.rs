//! Where the rows of a long panel come from: lines of text, or batches of Parquet and Arrow.

use super::{Field, Long, Texts};
use crate::{
    Flaw, Limits, Place, Result, TimeZone,
    csv_source::{Lines, head, sniff},
    decimal::is_missing,
    disk::io_at,
    error::excerpt,
    parquet_source::{floats, is_number, is_text, nanos, text, unreadable},
    when::Clock,
};
use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{DataType, Schema, TimestampNanosecondType},
    error::ArrowError,
    ipc::reader::FileReader,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

enum Kind {
    Text(Box<Lines>),
    Batches(Batches),
}

/// A long file that is read row by row.
pub(super) struct Source {
    path: PathBuf,
    kind: Kind,
    /// The columns of the time and the symbol.
    keys: (usize, usize),
    clock: Option<Clock>,
    /// Rows read so far.
    rows: u32,
}

impl Source {
    /// Opens the file by its first bytes; rows go into the `Long` that comes with it.
    pub(super) fn open(path: &Path) -> Result<(Self, Long)> {
        let head = head(path)?;
        if head.starts_with(b"PAR1") {
            let file = File::open(path).map_err(io_at("open", path))?;
            let builder =
                ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(path, &e))?;
            let schema = builder.schema().clone();
            let reader =
                builder.with_batch_size(super::STEP).build().map_err(|e| unreadable(path, &e))?;
            return Self::of_batches(path, &schema, Box::new(reader));
        }
        if head.starts_with(b"ARROW1") {
            let file = BufReader::new(File::open(path).map_err(io_at("open", path))?);
            let torn = |e: ArrowError| Place::file(path).is(Flaw::Arrow { reason: e.to_string() });
            let reader = FileReader::try_new(file, None).map_err(torn)?;
            let schema = reader.schema();
            return Self::of_batches(path, &schema, Box::new(reader));
        }
        let layout = sniff(path, &head)?;
        let lines = Lines::open(path, layout, Limits::default().line_bytes_max)?;
        let (long, keys) = Long::new(path, &lines.names)?;
        let kind = Kind::Text(Box::new(lines));
        Ok((Self { path: path.to_owned(), kind, keys, clock: None, rows: 0 }, long))
    }

    fn of_batches(path: &Path, schema: &Schema, batches: Batches) -> Result<(Self, Long)> {
        let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let (mut long, keys) = Long::new(path, &names)?;
        for (i, (slot, field)) in long.fields.iter_mut().zip(schema.fields()).enumerate() {
            let kind = field.data_type();
            *slot = match kind {
                _ if i == keys.0 || i == keys.1 => Field::Ignored,
                DataType::Null => Field::Unknown,
                DataType::Boolean => Field::Number(Vec::new()),
                _ if is_number(kind) => Field::Number(Vec::new()),
                _ if is_text(kind) => Field::Text(Texts::default()),
                _ => Field::Ignored,
            };
        }
        let kind = Kind::Batches(batches);
        Ok((Self { path: path.to_owned(), kind, keys, clock: None, rows: 0 }, long))
    }

    /// Appends about so many rows; `false` at the end of the file.
    pub(super) fn read(&mut self, long: &mut Long, rows: usize) -> Result<bool> {
        match &mut self.kind {
            Kind::Text(lines) => {
                for _ in 0..rows {
                    if !lines.next()? {
                        return Ok(false);
                    }
                    csv_row(lines, long, self.keys, &mut self.clock)?;
                }
                Ok(true)
            }
            Kind::Batches(batches) => {
                let Some(batch) = batches.next() else { return Ok(false) };
                let batch = batch.map_err(|e| unreadable(&self.path, &e))?;
                let rows = (self.rows, self.keys);
                batch_rows(&self.path, long, &batch, rows, &mut self.clock)?;
                let read = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
                self.rows = self.rows.saturating_add(read);
                Ok(true)
            }
        }
    }
}

fn csv_row(
    lines: &Lines,
    long: &mut Long,
    (time, symbol): (usize, usize),
    clock: &mut Option<Clock>,
) -> Result<()> {
    let cell = lines.cell(time);
    if clock.is_none() {
        let first = String::from_utf8_lossy(cell);
        let found = Clock::of(&first, &TimeZone::default());
        *clock = Some(found.map_err(|flaw| lines.at(time, flaw))?);
    }
    let Some(clock) = clock else { return Ok(()) };
    let nanos = clock.read(cell).map_err(|flaw| lines.at(time, flaw))?;
    let line = u32::try_from(lines.line()).unwrap_or(u32::MAX);
    let place = || Place::cell(lines.path(), u64::from(line), "symbol");
    long.key(place, line, nanos, lines.cell(symbol))?;
    let row = long.rows.len() - 1;
    for (i, field) in long.fields.iter_mut().enumerate() {
        if i != time && i != symbol {
            csv_cell(lines, i, field, row)?;
        }
    }
    Ok(())
}

/// Appends the cell of one field; `row` values came before it.
fn csv_cell(lines: &Lines, column: usize, field: &mut Field, row: usize) -> Result<()> {
    let text = std::str::from_utf8(lines.cell(column)).unwrap_or("");
    let missing = is_missing(text.as_bytes()) || text.eq_ignore_ascii_case("nan");
    if let Field::Unknown = field {
        if missing {
            return Ok(());
        }
        *field = match text.parse::<f64>() {
            Ok(_) => Field::Number(vec![f64::NAN; row]),
            Err(_) => {
                Field::Text(Texts { codes: vec![market::Labels::NONE; row], ..Texts::default() })
            }
        };
    }
    match field {
        Field::Ignored | Field::Unknown => {}
        Field::Number(values) if missing => values.push(f64::NAN),
        Field::Number(values) => match text.parse::<f64>() {
            Ok(value) => values.push(finite(value)),
            Err(_) => return Err(lines.at(column, Flaw::Number { text: excerpt(text) })),
        },
        Field::Text(texts) if missing => texts.push(None),
        Field::Text(texts) => {
            if text.parse::<f64>().is_ok() {
                let label = texts.names.first().map(|name| excerpt(name)).unwrap_or_default();
                return Err(lines.at(column, Flaw::Mixed { text: excerpt(text), label }));
            }
            texts.push(Some(text));
        }
    }
    Ok(())
}

/// The language has no infinities: they are missing.
fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { f64::NAN }
}

fn batch_rows(
    path: &Path,
    long: &mut Long,
    batch: &RecordBatch,
    (before, (time, symbol)): (u32, (usize, usize)),
    clock: &mut Option<Clock>,
) -> Result<()> {
    let missing = || unreadable(path, &"a column is missing");
    let times = batch.columns().get(time).ok_or_else(missing)?;
    let symbols = text(path, batch.columns().get(symbol).ok_or_else(missing)?)?;
    let symbols = symbols.as_string::<i32>();
    let typed =
        matches!(times.data_type(), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    let times = if typed { nanos(path, times)? } else { text(path, times)? };
    for (row, line) in (0..batch.num_rows()).zip(before.saturating_add(1)..) {
        let at = |column: &'static str| Place::cell(path, u64::from(line), column);
        let none = || at("date").is(Flaw::TimeForm { text: String::new() });
        let time = if times.is_null(row) {
            return Err(none());
        } else if typed {
            times.as_primitive::<TimestampNanosecondType>().value(row)
        } else {
            let cell = times.as_string::<i32>().value(row);
            if clock.is_none() {
                let found = Clock::of(cell, &TimeZone::default());
                *clock = Some(found.map_err(|flaw| at("date").is(flaw))?);
            }
            let clock = clock.as_mut().ok_or_else(none)?;
            clock.read(cell.as_bytes()).map_err(|flaw| at("date").is(flaw))?
        };
        let name = if symbols.is_null(row) { "" } else { symbols.value(row) };
        long.key(|| at("symbol"), line, time, name.as_bytes())?;
    }
    for (field, array) in long.fields.iter_mut().zip(batch.columns()) {
        match field {
            Field::Ignored | Field::Unknown => {}
            Field::Number(values) => values.extend(floats(path, array)?.into_iter().map(finite)),
            Field::Text(into) => {
                let texts = text(path, array)?;
                texts.as_string::<i32>().iter().for_each(|text| into.push(text));
            }
        }
    }
    Ok(())
}

//! Parquet files: flat columns of the usual types.

use crate::{
    Content, Error, Flaw, ImportRequest, Place, Progress, Result, Role, Stage,
    csv_source::Facts,
    decimal::{self, Number},
    disk::io_at,
    header::Header,
    judge::side,
    part::sha256_of,
    rows::{Intake, Raw},
    when::{Clock, Form, in_zone},
};
use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::cast,
    datatypes::{
        DataType, Decimal128Type, Float32Type, Float64Type, Int64Type, Schema, TimeUnit,
        TimestampNanosecondType,
    },
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{fs::File, ops::ControlFlow, path::Path};

const BATCH_ROWS: usize = 8192;
/// The place of a trade's side among its figures.
const SIDE: usize = 2;

/// The Parquet reader's refusal, in our words.
pub(crate) fn unreadable(path: &Path, reason: &impl ToString) -> Error {
    Place::file(path).is(Flaw::Parquet { reason: reason.to_string() })
}

/// Columns of one batch, decoded to what rows need.
struct Decoded {
    times: Vec<Option<i64>>,
    symbols: Option<ArrayRef>,
    prices: [Option<Vec<Number>>; 4],
    volume: Option<Vec<Number>>,
    extra: Vec<Vec<f64>>,
}

/// The form of typed times that the request's zone completes.
const NAIVE: &str = "timestamp without zone";

/// How the time column is written.
enum Times {
    /// Dates and timestamps; `true`: they carry a zone.
    Typed(String),
    /// Text or integers, by the first value.
    Read(Option<Clock>),
}

/// Is the type a number?
pub(crate) fn is_number(kind: &DataType) -> bool {
    kind.is_numeric() && !matches!(kind, DataType::Decimal256(..))
}

/// Is the type text?
pub(crate) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Reads a whole Parquet file into `intake`, which `start` makes once the columns are known.
pub(crate) fn read<'r>(
    request: &'r ImportRequest,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    start: &mut dyn FnMut(&Header) -> Intake<'r>,
) -> Result<(Facts, Intake<'r>)> {
    let path = request.source.as_path();
    let file = File::open(path).map_err(io_at("open", path))?;
    let bytes = file.metadata().map_err(io_at("read", path))?.len();
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(path, &e))?;
    let total = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    if total == 0 {
        return Err(Place::file(path).is(Flaw::HeaderOnly));
    }
    let schema = builder.schema().clone();
    let header = map(request, &schema)?;
    let mut intake = start(&header);
    let mut times = times_of(&schema, header.column(&Role::Time).unwrap_or(0));
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| unreadable(path, &e))?;
    let mut rows = 0_u64;
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(path, &e))?;
        if progress(Progress { stage: Stage::Reading, done: rows, total, rows }).is_break() {
            return Err(Error::Cancelled);
        }
        let decoded = decode(request, &header, &batch, (&mut times, rows))?;
        push(request, &header, &decoded, &mut intake, rows)?;
        rows += batch.num_rows() as u64;
    }
    let (time_form, local) = match times {
        Times::Typed(form) => {
            let local = form == NAIVE;
            (form, local)
        }
        Times::Read(clock) => {
            let form = clock.map(|c| c.form());
            (form.map(|f| f.to_string()).unwrap_or_default(), form == Some(Form::Local))
        }
    };
    let sha256 = sha256_of(path)?;
    let facts =
        Facts { header, time_form, local, delimiter: None, bytes, sha256, unfinished: false };
    Ok((facts, intake))
}

fn map(request: &ImportRequest, schema: &Schema) -> Result<Header> {
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let numeric: Vec<bool> = schema.fields().iter().map(|f| is_number(f.data_type())).collect();
    let path = request.source.as_path();
    let wanted = (request.content, &request.mapping);
    let header = Header::map(path, (&names, &numeric), wanted, &request.limits)?;
    for (used, field) in header.uses.iter().zip(schema.fields()) {
        let kind = field.data_type();
        let (fits, role) = match used.role {
            Role::Ignore => continue,
            Role::Time => {
                let date = matches!(kind, DataType::Date32 | DataType::Date64);
                let stamp = matches!(kind, DataType::Timestamp(..));
                (date || stamp || kind.is_integer() || is_text(kind), "a time")
            }
            Role::Symbol => (is_text(kind), "a symbol"),
            _ => (is_number(kind) || is_text(kind), "a number"),
        };
        if !fits {
            let place =
                Place { path: path.to_owned(), line: None, column: Some(used.column.clone()) };
            return Err(place.is(Flaw::ColumnType { kind: kind.to_string(), role }));
        }
    }
    Ok(header)
}

fn times_of(schema: &Schema, column: usize) -> Times {
    match schema.fields().get(column).map(|f| f.data_type()) {
        Some(DataType::Timestamp(_, Some(_))) => Times::Typed("timestamp with zone".to_owned()),
        Some(DataType::Timestamp(_, None)) => Times::Typed(NAIVE.to_owned()),
        Some(DataType::Date32 | DataType::Date64) => Times::Typed("date".to_owned()),
        _ => Times::Read(None),
    }
}

fn decode(
    request: &ImportRequest,
    header: &Header,
    batch: &RecordBatch,
    (times, first): (&mut Times, u64),
) -> Result<Decoded> {
    let path = request.source.as_path();
    let column = |role: &Role| header.column(role).and_then(|i| batch.columns().get(i)).cloned();
    let time = column(&Role::Time).ok_or_else(|| unreadable(path, &"no time column"))?;
    let symbol = column(&Role::Symbol).map(|array| text(path, &array)).transpose()?;
    let name = header.name(header.column(&Role::Time).unwrap_or(0));
    let place = |row: usize| Place::cell(path, first + row as u64 + 1, name);
    let mut prices = [const { None }; 4];
    for (place, (slot, role)) in prices.iter_mut().zip(request.content.figures()).enumerate() {
        let is_side = request.content == Content::Trades && place == SIDE;
        let read = |array| if is_side { sides(path, &array) } else { numbers(path, &array) };
        *slot = role.and_then(|role| column(&role)).map(read).transpose()?;
    }
    let is_bar = request.content == Content::Bars;
    let volume = column(&Role::Volume).filter(|_| is_bar);
    let volume = volume.map(|array| numbers(path, &array)).transpose()?;
    let extra = header.extra().into_iter().filter(|_| is_bar);
    let extra = extra.filter_map(|(i, _)| batch.columns().get(i));
    let extra = extra.map(|array| floats(path, array)).collect::<Result<_>>()?;
    let times = read_times(request, &time, times, &place)?;
    Ok(Decoded { times, symbols: symbol, prices, volume, extra })
}

fn push(
    request: &ImportRequest,
    header: &Header,
    decoded: &Decoded,
    intake: &mut Intake<'_>,
    first: u64,
) -> Result<()> {
    let path = request.source.as_path();
    let symbols = decoded.symbols.as_ref().map(AsArray::as_string::<i32>);
    let mut extra = vec![0.0; decoded.extra.len()];
    let roles = request.content.figures();
    for (row, time) in decoded.times.iter().enumerate() {
        let line = first + row as u64 + 1;
        let cell =
            |role: &Role| Place::cell(path, line, header.name(header.column(role).unwrap_or(0)));
        let none = Flaw::TimeForm { text: String::new() };
        let time = time.ok_or_else(|| cell(&Role::Time).is(none))?;
        let mut prices = [Number::Missing; 4];
        for ((price, column), role) in prices.iter_mut().zip(&decoded.prices).zip(&roles) {
            let place = || role.as_ref().map_or_else(|| Place::line(path, line), cell);
            *price = number_at(column.as_deref(), row, place)?;
        }
        let volume = number_at(decoded.volume.as_deref(), row, || cell(&Role::Volume))?;
        for (value, column) in extra.iter_mut().zip(&decoded.extra) {
            *value = column.get(row).copied().unwrap_or(f64::NAN);
        }
        let symbol = symbols.map(|s| if s.is_null(row) { "" } else { s.value(row).trim() });
        let symbol = symbol.map(str::as_bytes);
        intake.push(&Raw { line, time, symbol, prices, volume, extra: &extra })?;
    }
    Ok(())
}

fn number_at(column: Option<&[Number]>, row: usize, place: impl Fn() -> Place) -> Result<Number> {
    match column.and_then(|c| c.get(row)).copied().unwrap_or(Number::Missing) {
        Number::Malformed => Err(place().is(Flaw::Number { text: "the text".to_owned() })),
        Number::TooLarge => Err(place().is(Flaw::TooLarge { text: "the number".to_owned() })),
        number => Ok(number),
    }
}

fn read_times(
    request: &ImportRequest,
    array: &ArrayRef,
    times: &mut Times,
    place: &dyn Fn(usize) -> Place,
) -> Result<Vec<Option<i64>>> {
    let path = request.source.as_path();
    match times {
        Times::Typed(_) => {
            let local = matches!(array.data_type(), DataType::Timestamp(_, None));
            let nanos = nanos(path, array)?;
            let nanos = nanos.as_primitive::<TimestampNanosecondType>();
            let zone = |nanos: i64| {
                if !local {
                    return Some(nanos);
                }
                let utc = market::Timestamp::from_nanos(nanos).instant();
                in_zone(utc.to_zoned(jiff::tz::TimeZone::UTC).datetime(), &request.zone)
            };
            Ok(nanos.iter().map(|time| time.and_then(zone)).collect())
        }
        Times::Read(clock) => {
            let texts = text(path, array)?;
            let texts = texts.as_string::<i32>();
            let mut nanos = Vec::with_capacity(texts.len());
            for (row, cell) in texts.iter().enumerate() {
                let cell = cell.unwrap_or("");
                if clock.is_none() {
                    *clock = Some(Clock::of(cell, &request.zone).map_err(|f| place(row).is(f))?);
                }
                let Some(clock) = clock.as_mut() else { continue };
                nanos.push(Some(clock.read(cell.as_bytes()).map_err(|f| place(row).is(f))?));
            }
            Ok(nanos)
        }
    }
}

/// Dates and timestamps as nanoseconds; what does not fit is null.
pub(crate) fn nanos(path: &Path, array: &ArrayRef) -> Result<ArrayRef> {
    let kind = match array.data_type() {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
        _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
    };
    cast(array, &kind).map_err(|e| unreadable(path, &e))
}

/// Any text (or integers) as plain strings.
pub(crate) fn text(path: &Path, array: &ArrayRef) -> Result<ArrayRef> {
    cast(array, &DataType::Utf8).map_err(|e| unreadable(path, &e))
}

fn numbers(path: &Path, array: &ArrayRef) -> Result<Vec<Number>> {
    let missing = |number: Option<Number>| number.unwrap_or(Number::Missing);
    Ok(match array.data_type() {
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().iter();
            values.map(|v| missing(v.map(decimal::of_f64))).collect()
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().iter();
            values.map(|v| missing(v.map(decimal::of_f32))).collect()
        }
        DataType::Decimal128(_, scale) if *scale >= 0 => {
            let scale = u8::try_from(*scale).unwrap_or(0);
            let values = array.as_primitive::<Decimal128Type>().iter();
            values.map(|v| missing(v.map(|v| decimal::of_i128(v, scale)))).collect()
        }
        kind if kind.is_integer() => {
            let whole = cast(array, &DataType::Int64).map_err(|e| unreadable(path, &e))?;
            let values = whole.as_primitive::<Int64Type>().iter();
            values.map(|v| missing(v.map(|v| decimal::of_i128(i128::from(v), 0)))).collect()
        }
        _ => {
            let texts = text(path, array)?;
            let texts = texts.as_string::<i32>().iter();
            texts.map(|v| missing(v.map(|v| decimal::parse(v.as_bytes(), b'.')))).collect()
        }
    })
}

/// The sides of trades: text, or 1 and -1.
fn sides(path: &Path, array: &ArrayRef) -> Result<Vec<Number>> {
    let texts = text(path, array)?;
    let texts = texts.as_string::<i32>().iter();
    let read = |cell: &str| side(cell.trim().as_bytes()).unwrap_or(Number::Malformed);
    Ok(texts.map(|cell| cell.map_or(Number::Missing, read)).collect())
}

/// Any numbers as doubles, NaN where missing.
pub(crate) fn floats(path: &Path, array: &ArrayRef) -> Result<Vec<f64>> {
    let wide = cast(array, &DataType::Float64).map_err(|e| unreadable(path, &e))?;
    let values = wide.as_primitive::<Float64Type>().iter();
    Ok(values.map(|value| value.unwrap_or(f64::NAN)).collect())
}

//! Long panels from files: a row is a date, a symbol and any fields.

use crate::{
    Flaw, Limits, Place, Result, TimeZone,
    csv_source::{Lines, head, sniff},
    decimal::is_missing,
    disk::io_at,
    error::excerpt,
    header::field_name,
    parquet_source::{floats, is_number, is_text, nanos, text, unreadable},
    when::Clock,
};
use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{DataType, TimestampNanosecondType},
};
use market::{Column, Labels, Panel, Symbol, Timestamp};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{collections::HashMap, fs::File, path::Path};

/// Cells a panel may have: 16 GiB of one field.
const CELLS_MAX: usize = 1 << 31;

/// Reads a long panel, CSV or Parquet by its first bytes.
///
/// The first column called `date`, `time` or `timestamp` is the calendar, the one called
/// `symbol` or `ticker` the name. Every other column is a field under its name in snake case:
/// numbers (missing: empty, `NA`, `NaN`, `null`; the language has no infinities, so they are
/// missing too), or text, which makes a group. What a CSV column is, its first value decides; one
/// without any value is a number that is missing everywhere.
/// Rows come in any order; two for one date and symbol are an error that names both.
pub fn read_panel(path: &Path) -> Result<Panel> {
    let head = head(path)?;
    let long = if head.starts_with(b"PAR1") { from_parquet(path)? } else { from_csv(path, &head)? };
    long.panel(path)
}

/// Bytes that a panel's columns take in memory.
#[must_use]
pub fn panel_bytes(panel: &Panel) -> u64 {
    let cells = (panel.rows() * panel.stride()) as u64;
    cells * (8 * panel.field_names().count() as u64 + 4 * panel.group_names().count() as u64)
}

/// Values of one field, row by row.
enum Field {
    /// The keys, and what is neither a number nor text.
    Ignored,
    /// No row had a value yet.
    Unknown,
    Number(Vec<f64>),
    Text {
        names: Vec<String>,
        index: HashMap<String, u32>,
        codes: Vec<u32>,
    },
}

impl Field {
    fn text() -> Self {
        Self::Text { names: Vec::new(), index: HashMap::new(), codes: Vec::new() }
    }
}

/// Distinct keys in order of appearance; neighbours that repeat are cheap.
struct Keys<K> {
    list: Vec<K>,
    index: HashMap<K, u32>,
    /// For every key, the one that followed it last time: panels repeat their order.
    next: Vec<u32>,
    last: u32,
}

impl<K: Clone + Eq + std::hash::Hash> Keys<K> {
    fn new() -> Self {
        Self { list: Vec::new(), index: HashMap::new(), next: Vec::new(), last: 0 }
    }

    fn at(&mut self, same: impl Fn(&K) -> bool, make: impl FnOnce() -> Result<K>) -> Result<u32> {
        let guess = self.next.get(self.last as usize).copied().unwrap_or(0);
        for likely in [self.last, guess] {
            if self.list.get(likely as usize).is_some_and(&same) {
                self.last = likely;
                return Ok(likely);
            }
        }
        let key = make()?;
        let fresh = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let found = *self.index.entry(key.clone()).or_insert(fresh);
        if found == fresh {
            self.list.push(key);
            self.next.push(0);
        }
        if let Some(next) = self.next.get_mut(self.last as usize) {
            *next = found;
        }
        self.last = found;
        Ok(found)
    }
}

/// A long panel in memory.
struct Long {
    names: Vec<String>,
    fields: Vec<Field>,
    times: Keys<i64>,
    symbols: Keys<Symbol>,
    /// Line, time and symbol of every row.
    rows: Vec<(u32, u32, u32)>,
}

/// Places of the two key columns; the rest are fields.
fn keys(path: &Path, names: &[String]) -> Result<(usize, usize)> {
    let find = |role, aliases: &[&str]| {
        let column = |alias: &&str| names.iter().position(|n| n.eq_ignore_ascii_case(alias));
        let columns = names.to_vec();
        let missing = || Place::line(path, 1).is(Flaw::NoColumn { role, columns });
        aliases.iter().find_map(column).ok_or_else(missing)
    };
    let time = find(crate::Role::Time, &["date", "time", "timestamp", "datetime"])?;
    Ok((time, find(crate::Role::Symbol, &["symbol", "ticker"])?))
}

impl Long {
    fn new(path: &Path, names: &[String]) -> Result<(Self, usize, usize)> {
        let limit = Limits::default().columns_max;
        if names.len() > limit {
            let limit = limit as u64;
            return Err(Place::line(path, 1).is(Flaw::Limit { what: "columns", limit }));
        }
        let (time, symbol) = keys(path, names)?;
        let fields: Vec<String> = names.iter().map(|name| field_name(name)).collect();
        for (i, name) in fields.iter().enumerate() {
            if fields.iter().take(i).any(|earlier| earlier == name) {
                return Err(Place::line(path, 1).is(Flaw::TwoColumns { name: name.clone() }));
            }
        }
        let of = |i: usize| if i == time || i == symbol { Field::Ignored } else { Field::Unknown };
        let long = Self {
            fields: (0..fields.len()).map(of).collect(),
            names: fields,
            times: Keys::new(),
            symbols: Keys::new(),
            rows: Vec::new(),
        };
        Ok((long, time, symbol))
    }

    fn key(
        &mut self,
        place: impl Fn() -> Place,
        line: u32,
        time: i64,
        symbol: &[u8],
    ) -> Result<()> {
        let time = self.times.at(|known| *known == time, || Ok(time))?;
        let symbol = self.symbols.at(
            |known| known.as_str().as_bytes() == symbol,
            || {
                let text = String::from_utf8_lossy(symbol);
                text.parse().map_err(|_| place().is(Flaw::Symbol { text: excerpt(&text) }))
            },
        )?;
        self.rows.push((line, time, symbol));
        Ok(())
    }

    fn panel(self, path: &Path) -> Result<Panel> {
        if self.rows.is_empty() {
            return Err(Place::file(path).is(Flaw::HeaderOnly));
        }
        let (times, time_ranks) = sorted(&self.times.list);
        let (symbols, symbol_ranks) = sorted(&self.symbols.list);
        let times: Vec<Timestamp> = times.into_iter().map(Timestamp::from_nanos).collect();
        let stride = Panel::stride_of(symbols.len());
        if times.len().saturating_mul(stride) > CELLS_MAX {
            let limit = CELLS_MAX as u64;
            return Err(Place::file(path).is(Flaw::Limit { what: "dates times symbols", limit }));
        }
        let rank = |ranks: &[u32], i: u32| ranks.get(i as usize).map_or(0, |r| *r as usize);
        let at = |(_, t, s): &(u32, u32, u32)| (rank(&time_ranks, *t), rank(&symbol_ranks, *s));
        let cells: Vec<(usize, usize)> = self.rows.iter().map(at).collect();
        if let Some((first, again)) = repeated(&cells, times.len(), stride) {
            let line = |row: usize| self.rows.get(row).map_or(0, |(line, ..)| u64::from(*line));
            let (t, s) = cells.get(again).copied().unwrap_or_default();
            let flaw = Flaw::Conflict {
                other: line(first),
                symbol: symbols.get(s).map(ToString::to_string).unwrap_or_default(),
                time: times.get(t).map(ToString::to_string).unwrap_or_default(),
            };
            return Err(Place::line(path, line(again)).is(flaw));
        }
        let mut panel = Panel::new(times, symbols);
        for (name, field) in self.names.into_iter().zip(self.fields) {
            place_field(&mut panel, name, field, &cells)?;
        }
        Ok(panel)
    }
}

fn place_field(
    panel: &mut Panel,
    name: String,
    field: Field,
    cells: &[(usize, usize)],
) -> Result<()> {
    let (rows, names) = (panel.rows(), panel.symbols().len());
    match field {
        Field::Ignored => {}
        Field::Unknown => panel.insert(name, Column::missing(rows, names))?,
        Field::Number(values) => {
            let mut column = Column::missing(rows, names);
            for ((t, s), value) in cells.iter().zip(values) {
                column.set(*t, *s, value);
            }
            panel.insert(name, column)?;
        }
        Field::Text { names: labels, codes, .. } => {
            let mut column = Labels::missing(rows, names);
            column.names = labels;
            for ((t, s), code) in cells.iter().zip(codes) {
                column.set(*t, *s, code);
            }
            panel.insert_labels(name, column)?;
        }
    }
    Ok(())
}

/// The first two rows that share a cell.
fn repeated(cells: &[(usize, usize)], rows: usize, stride: usize) -> Option<(usize, usize)> {
    let mut seen = vec![false; rows * stride];
    let again = cells.iter().position(|(t, s)| {
        seen.get_mut(t * stride + s).is_some_and(|cell| std::mem::replace(cell, true))
    })?;
    let first = cells.iter().position(|cell| Some(cell) == cells.get(again))?;
    Some((first, again))
}

/// The keys in order, and for every key its place.
fn sorted<K: Clone + Ord>(keys: &[K]) -> (Vec<K>, Vec<u32>) {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by_key(|i| keys.get(*i));
    let mut ranks = vec![0; keys.len()];
    for (rank, i) in (0..).zip(&order) {
        if let Some(slot) = ranks.get_mut(*i) {
            *slot = rank;
        }
    }
    (order.iter().filter_map(|i| keys.get(*i)).cloned().collect(), ranks)
}

fn from_csv(path: &Path, head: &[u8]) -> Result<Long> {
    let layout = sniff(path, head)?;
    let mut lines = Lines::open(path, layout, Limits::default().line_bytes_max)?;
    let (mut long, time, symbol) = Long::new(path, &lines.names)?;
    let mut clock = None;
    while lines.next()? {
        let cell = lines.cell(time);
        if clock.is_none() {
            let first = String::from_utf8_lossy(cell);
            let found = Clock::of(&first, &TimeZone::default());
            clock = Some(found.map_err(|flaw| lines.at(time, flaw))?);
        }
        let Some(clock) = clock.as_mut() else { continue };
        let nanos = clock.read(cell).map_err(|flaw| lines.at(time, flaw))?;
        let line = u32::try_from(lines.line()).unwrap_or(u32::MAX);
        let place = || Place::cell(path, u64::from(line), "symbol");
        long.key(place, line, nanos, lines.cell(symbol))?;
        let row = long.rows.len() - 1;
        for (i, field) in long.fields.iter_mut().enumerate() {
            if i != time && i != symbol {
                csv_cell(&lines, i, field, row)?;
            }
        }
    }
    Ok(long)
}

/// Appends the cell of one field; `row` values came before it.
fn csv_cell(lines: &Lines<'_>, column: usize, field: &mut Field, row: usize) -> Result<()> {
    let text = std::str::from_utf8(lines.cell(column)).unwrap_or("");
    let missing = is_missing(text.as_bytes()) || text.eq_ignore_ascii_case("nan");
    if let Field::Unknown = field {
        if missing {
            return Ok(());
        }
        *field = match text.parse::<f64>() {
            Ok(_) => Field::Number(vec![f64::NAN; row]),
            Err(_) => match Field::text() {
                Field::Text { names, index, .. } => {
                    Field::Text { names, index, codes: vec![Labels::NONE; row] }
                }
                other => other,
            },
        };
    }
    match field {
        Field::Ignored | Field::Unknown => {}
        Field::Number(values) if missing => values.push(f64::NAN),
        Field::Number(values) => match text.parse::<f64>() {
            Ok(value) => values.push(if value.is_finite() { value } else { f64::NAN }),
            Err(_) => return Err(lines.at(column, Flaw::Number { text: excerpt(text) })),
        },
        Field::Text { codes, .. } if missing => codes.push(Labels::NONE),
        Field::Text { names, index, codes } => codes.push(code(names, index, text)),
    }
    Ok(())
}

fn code(names: &mut Vec<String>, index: &mut HashMap<String, u32>, text: &str) -> u32 {
    if let Some(code) = index.get(text) {
        return *code;
    }
    let code = u32::try_from(names.len()).unwrap_or(Labels::NONE);
    names.push(text.to_owned());
    index.insert(text.to_owned(), code);
    code
}

fn from_parquet(path: &Path) -> Result<Long> {
    let file = File::open(path).map_err(io_at("open", path))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(path, &e))?;
    let schema = builder.schema().clone();
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let (mut long, time, symbol) = Long::new(path, &names)?;
    for (i, (slot, field)) in long.fields.iter_mut().zip(schema.fields()).enumerate() {
        let kind = field.data_type();
        *slot = match kind {
            _ if i == time || i == symbol => Field::Ignored,
            DataType::Null => Field::Unknown,
            DataType::Boolean => Field::Number(Vec::new()),
            _ if is_number(kind) => Field::Number(Vec::new()),
            _ if is_text(kind) => Field::text(),
            _ => Field::Ignored,
        };
    }
    let reader = builder.with_batch_size(1 << 16).build().map_err(|e| unreadable(path, &e))?;
    let mut clock = None;
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(path, &e))?;
        parquet_batch(path, &mut long, &batch, (time, symbol), &mut clock)?;
    }
    Ok(long)
}

fn parquet_batch(
    path: &Path,
    long: &mut Long,
    batch: &RecordBatch,
    (time, symbol): (usize, usize),
    clock: &mut Option<Clock>,
) -> Result<()> {
    let missing = || unreadable(path, &"a column is missing");
    let times = batch.columns().get(time).ok_or_else(missing)?;
    let symbols = text(path, batch.columns().get(symbol).ok_or_else(missing)?)?;
    let symbols = symbols.as_string::<i32>();
    let typed =
        matches!(times.data_type(), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    let times = if typed { nanos(path, times)? } else { text(path, times)? };
    for row in 0..batch.num_rows() {
        let line = u32::try_from(long.rows.len() + 1).unwrap_or(u32::MAX);
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
            Field::Number(values) => {
                let finite = |x: f64| if x.is_finite() { x } else { f64::NAN };
                values.extend(floats(path, array)?.into_iter().map(finite));
            }
            Field::Text { names, index, codes } => {
                let texts = text(path, array)?;
                let each = texts.as_string::<i32>().iter();
                codes.extend(each.map(|t| t.map_or(Labels::NONE, |t| code(names, index, t))));
            }
        }
    }
    Ok(())
}

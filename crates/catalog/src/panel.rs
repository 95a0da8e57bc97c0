//! Long panels from files: a row is a date, a symbol and any fields.

mod blocks;
mod source;

pub use blocks::{Outline, PanelBlocks, outline};

use crate::{Flaw, Limits, Place, Result, error::excerpt, header::field_name};
use market::{Column, Labels, Panel, Symbol, Timestamp};
use source::Source;
use std::{collections::HashMap, path::Path};

/// What the column of times may be called.
pub(crate) const TIME_NAMES: &[&str] = &["date", "time", "timestamp", "datetime"];
/// What the column of symbols may be called.
pub(crate) const SYMBOL_NAMES: &[&str] = &["symbol", "ticker"];
/// Rows read at a time.
const STEP: usize = 1 << 16;

/// Reads a long panel: CSV, Parquet or an Arrow file, by its first bytes.
///
/// The first column called `date`, `time` or `timestamp` is the calendar, the one called
/// `symbol` or `ticker` the name. Every other column is a field under its name in snake case:
/// numbers (missing: empty, `NA`, `NaN`, `null`; the language has no infinities, so they are
/// missing too), or text, which makes a group. What a CSV column is, its first value decides, and
/// all others must be alike; one without any value is a number that is missing everywhere.
/// Rows come in any order; two for one date and symbol are an error that names both. A panel that
/// would take more than `bytes_max` bytes is refused before it is made: few rows can hold many
/// dates and many symbols.
pub fn read_panel(path: &Path, bytes_max: u64) -> Result<Panel> {
    let (mut source, mut long) = Source::open(path)?;
    while source.read(&mut long, STEP)? {}
    if long.rows.is_empty() {
        return Err(Place::file(path).is(Flaw::HeaderOnly));
    }
    let (times, time_ranks) = sorted(&long.times.list);
    let (symbols, symbol_ranks) = sorted(&long.symbols.list);
    let grid = Grid {
        path,
        bytes_max,
        times: times.into_iter().map(Timestamp::from_nanos).collect(),
        symbols,
        time_ranks,
        symbol_ranks,
    };
    grid.panel(&long.names, &long.rows, long.fields)
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
    Text(Texts),
}

/// Values of a text column: each as the place of its label.
#[derive(Default)]
struct Texts {
    names: Vec<String>,
    index: HashMap<String, u32>,
    codes: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        let code = text.map_or(Labels::NONE, |text| self.code(text));
        self.codes.push(code);
    }

    fn code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.index.get(text) {
            return *code;
        }
        let code = u32::try_from(self.names.len()).unwrap_or(Labels::NONE);
        self.names.push(text.to_owned());
        self.index.insert(text.to_owned(), code);
        code
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

/// The keys of one row: its line in the file, the places of its time and its symbol.
#[derive(Clone, Copy)]
struct Row {
    line: u32,
    time: u32,
    symbol: u32,
}

/// Rows of a long panel in memory.
struct Long {
    names: Vec<String>,
    fields: Vec<Field>,
    times: Keys<i64>,
    symbols: Keys<Symbol>,
    rows: Vec<Row>,
}

/// Places of the two key columns; the rest are fields.
fn keys(path: &Path, names: &[String]) -> Result<(usize, usize)> {
    let find = |role, aliases: &[&str]| {
        let column = |alias: &&str| names.iter().position(|n| n.eq_ignore_ascii_case(alias));
        let columns = names.to_vec();
        let missing = || Place::line(path, 1).is(Flaw::NoColumn { role, columns });
        aliases.iter().find_map(column).ok_or_else(missing)
    };
    let time = find(crate::Role::Time, TIME_NAMES)?;
    Ok((time, find(crate::Role::Symbol, SYMBOL_NAMES)?))
}

impl Long {
    fn new(path: &Path, names: &[String]) -> Result<(Self, (usize, usize))> {
        let limit = Limits::default().columns_max;
        if names.len() > limit {
            let limit = limit as u64;
            return Err(Place::line(path, 1).is(Flaw::Limit { what: "columns", limit }));
        }
        let (time, symbol) = keys(path, names)?;
        let fields: Vec<String> = names.iter().map(|name| field_name(name)).collect();
        for (i, name) in fields.iter().enumerate() {
            if name.is_empty() {
                return Err(Place::line(path, 1).is(Flaw::EmptyName { column: i + 1 }));
            }
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
        Ok((long, (time, symbol)))
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
        self.rows.push(Row { line, time, symbol });
        Ok(())
    }

    /// When the row is.
    fn time(&self, row: Row) -> i64 {
        self.times.list.get(row.time as usize).copied().unwrap_or_default()
    }
}

/// Where each row of a long panel belongs.
struct Grid<'a> {
    path: &'a Path,
    bytes_max: u64,
    times: Vec<Timestamp>,
    symbols: Vec<Symbol>,
    time_ranks: Vec<u32>,
    symbol_ranks: Vec<u32>,
}

impl Grid<'_> {
    /// Refuses a panel that does not fit, its mark of every cell that is taken included.
    fn afford(&self, stride: usize, fields: &[Field]) -> Result<()> {
        let each = |field: &Field| match field {
            Field::Ignored => 0,
            Field::Unknown | Field::Number(_) => 8,
            Field::Text(_) => 4,
        };
        let cell: u64 = 1 + fields.iter().map(each).sum::<u64>();
        let cells = (self.times.len() as u64).saturating_mul(stride as u64);
        let (needed, limit) = (cells.saturating_mul(cell), self.bytes_max);
        if needed <= limit {
            return Ok(());
        }
        let (dates, symbols) = (self.times.len(), self.symbols.len());
        Err(Place::file(self.path).is(Flaw::PanelSize { dates, symbols, needed, limit }))
    }

    fn panel(self, names: &[String], rows: &[Row], fields: Vec<Field>) -> Result<Panel> {
        let stride = Panel::stride_of(self.symbols.len());
        self.afford(stride, &fields)?;
        let rank = |ranks: &[u32], i: u32| ranks.get(i as usize).map_or(0, |r| *r as usize);
        let at =
            |row: &Row| (rank(&self.time_ranks, row.time), rank(&self.symbol_ranks, row.symbol));
        let cells: Vec<(usize, usize)> = rows.iter().map(at).collect();
        if let Some((first, again)) = repeated(&cells, self.times.len(), stride) {
            let line = |row: usize| rows.get(row).map_or(0, |row| u64::from(row.line));
            let (t, s) = cells.get(again).copied().unwrap_or_default();
            let flaw = Flaw::Conflict {
                other: line(first),
                symbol: self.symbols.get(s).map(ToString::to_string).unwrap_or_default(),
                time: self.times.get(t).map(ToString::to_string).unwrap_or_default(),
            };
            return Err(Place::line(self.path, line(again)).is(flaw));
        }
        let mut panel = Panel::new(self.times, self.symbols);
        for (name, field) in names.iter().zip(fields) {
            place_field(&mut panel, name, field, &cells)?;
        }
        Ok(panel)
    }
}

fn place_field(
    panel: &mut Panel,
    name: &str,
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
        Field::Text(texts) => {
            let mut column = Labels::missing(rows, names);
            column.names = texts.names;
            for ((t, s), code) in cells.iter().zip(texts.codes) {
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

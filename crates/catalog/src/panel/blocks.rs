//! Long files read by blocks of dates, for panels that are larger than memory.

use super::{Field, Grid, Long, Row, STEP, Source, sorted};
use crate::{Error, Flaw, Place, Result};
use market::{Panel, Symbol, Timestamp};
use std::path::{Path, PathBuf};

/// Bytes that a block may take; how many dates go into one, its reader says.
const BYTES_MAX: u64 = 16 << 30;

/// What a first reading tells of a long file whose rows are in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    path: PathBuf,
    kinds: Vec<Sort>,
    /// All names, sorted.
    pub symbols: Vec<Symbol>,
    /// Distinct times.
    pub rows: usize,
    /// Names of the numeric fields.
    pub fields: Vec<String>,
    /// Names of the text fields.
    pub groups: Vec<String>,
}

/// What a column turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Ignored,
    Number,
    Text,
}

/// Reads a long file once, keeping its names only: what is in it, and whether its rows are in
/// order of time, without which it cannot be read by blocks.
pub fn outline(path: &Path) -> Result<Outline> {
    let (mut source, mut long) = Source::open(path)?;
    let mut newest = None;
    let mut rows = 0;
    loop {
        let more = source.read(&mut long, STEP)?;
        for row in &long.rows {
            let time = long.time(*row);
            match newest {
                Some(before) if time < before => return Err(unsorted(path, *row, (before, time))),
                Some(before) if time == before => {}
                _ => rows += 1,
            }
            newest = Some(time);
        }
        drop(cut(&mut long, usize::MAX));
        if !more {
            break;
        }
    }
    if newest.is_none() {
        return Err(Place::file(path).is(Flaw::HeaderOnly));
    }
    let kind = |field: &Field| match field {
        Field::Ignored => Sort::Ignored,
        Field::Unknown | Field::Number(_) => Sort::Number,
        Field::Text(_) => Sort::Text,
    };
    let kinds: Vec<Sort> = long.fields.iter().map(kind).collect();
    let named = |sort: Sort| {
        let each = long.names.iter().zip(&kinds).filter(move |(_, kind)| **kind == sort);
        each.map(|(name, _)| name.clone()).collect()
    };
    let (fields, groups) = (named(Sort::Number), named(Sort::Text));
    let (symbols, _) = sorted(&long.symbols.list);
    Ok(Outline { path: path.to_owned(), kinds, symbols, rows, fields, groups })
}

fn unsorted(path: &Path, row: Row, (before, time): (i64, i64)) -> Error {
    let text = |nanos| Timestamp::from_nanos(nanos).to_string();
    let flaw = Flaw::Unsorted { time: text(time), before: text(before) };
    Place::line(path, u64::from(row.line)).is(flaw)
}

/// The panel of a file, some dates at a time, all names in each.
///
/// A text field has the labels that were met so far; a label keeps its code.
pub struct PanelBlocks {
    path: PathBuf,
    source: Source,
    long: Long,
    symbols: Vec<Symbol>,
    dates: usize,
    /// Nothing more comes from the file.
    read: bool,
}

impl PanelBlocks {
    /// Reads the file of an outline again, about so many dates at a time.
    pub fn open(outline: &Outline, dates: usize) -> Result<Self> {
        let (source, mut long) = Source::open(&outline.path)?;
        for (field, kind) in long.fields.iter_mut().zip(&outline.kinds) {
            *field = match kind {
                Sort::Ignored => Field::Ignored,
                Sort::Number => Field::Number(Vec::new()),
                Sort::Text => Field::Text(super::Texts::default()),
            };
        }
        let (path, symbols) = (outline.path.clone(), outline.symbols.clone());
        Ok(Self { path, source, long, symbols, dates: dates.max(1), read: false })
    }

    /// The next dates; `None` at the end.
    fn block(&mut self) -> Result<Option<Panel>> {
        let end = loop {
            if let Some(end) = self.whole() {
                break end;
            }
            if self.read {
                break self.long.rows.len();
            }
            self.read = !self.source.read(&mut self.long, STEP)?;
        };
        if end == 0 {
            return Ok(None);
        }
        let (rows, fields) = cut(&mut self.long, end);
        let first = rows.first().map_or(0, |row| row.time);
        let last = rows.last().map_or(0, |row| row.time);
        let time = |at: u32| self.long.times.list.get(at as usize).copied().unwrap_or_default();
        let times = (first..=last).map(|at| Timestamp::from_nanos(time(at))).collect();
        let place = |symbol: &Symbol| {
            self.symbols.binary_search(symbol).map_or(0, |at| u32::try_from(at).unwrap_or(0))
        };
        let grid = Grid {
            path: &self.path,
            bytes_max: BYTES_MAX,
            times,
            symbols: self.symbols.clone(),
            // Times are numbered as they appear, and they appear in order.
            time_ranks: (0..=last).map(|at| at.saturating_sub(first)).collect(),
            symbol_ranks: self.long.symbols.list.iter().map(place).collect(),
        };
        grid.panel(&self.long.names, &rows, fields).map(Some)
    }

    /// Where the rows of the wanted dates end, if what comes after them has begun.
    fn whole(&self) -> Option<usize> {
        let first = self.long.rows.first()?.time;
        let wanted = u32::try_from(self.dates).unwrap_or(u32::MAX);
        let beyond = first.saturating_add(wanted);
        let end = self.long.rows.partition_point(|row| row.time < beyond);
        (end < self.long.rows.len()).then_some(end)
    }
}

impl Iterator for PanelBlocks {
    type Item = Result<Panel>;

    fn next(&mut self) -> Option<Result<Panel>> {
        self.block().transpose()
    }
}

/// Takes the first rows out, at most all.
fn cut(long: &mut Long, end: usize) -> (Vec<Row>, Vec<Field>) {
    let end = end.min(long.rows.len());
    let rest = long.rows.split_off(end);
    let rows = std::mem::replace(&mut long.rows, rest);
    let fields = long.fields.iter_mut().map(|field| match field {
        Field::Ignored => Field::Ignored,
        Field::Unknown => Field::Unknown,
        Field::Number(values) => {
            let rest = values.split_off(end.min(values.len()));
            Field::Number(std::mem::replace(values, rest))
        }
        Field::Text(texts) => {
            let rest = texts.codes.split_off(end.min(texts.codes.len()));
            let codes = std::mem::replace(&mut texts.codes, rest);
            Field::Text(super::Texts { names: texts.names.clone(), codes, ..Default::default() })
        }
    });
    (rows, fields.collect())
}

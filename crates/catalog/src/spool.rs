//! Rows in any order in, rows in order out, in bounded memory.
//!
//! Rows gather in one buffer; when it is full it is sorted and spilled to a run on disk, and
//! the runs are merged at the end. A file that fits the buffer never touches the disk.

use crate::{Result, disk::io_at};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// Runs merged at once: bounds open files.
const RUNS_MAX: usize = 128;
/// Bytes read ahead, for all runs together.
const READ_AHEAD: usize = 16 << 20;

/// One bar before its instrument's scale is known: units of `10^-9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Index of the symbol in order of appearance.
    pub(crate) symbol: u32,
    /// Where its extra values are in the buffer.
    slot: u32,
    /// Its line in the file.
    pub(crate) line: u64,
    pub(crate) time: i64,
    /// Open, high, low, close.
    pub(crate) prices: [i64; 4],
    pub(crate) volume: u128,
}

impl Row {
    pub(crate) const fn new(line: u64, symbol: u32, time: i64) -> Self {
        Self { symbol, slot: 0, line, time, prices: [0; 4], volume: 0 }
    }

    /// The same bar at another time.
    pub(crate) const fn at(self, time: i64) -> Self {
        Self { time, ..self }
    }
}

/// Collects rows.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    rows: Vec<Row>,
    extra: Vec<f64>,
    extra_fields: usize,
    capacity: usize,
    runs: Vec<PathBuf>,
    spilled: u32,
}

/// What `drain` calls with every row and its extra values.
pub(crate) type Visit<'a> = dyn FnMut(&Row, &[f64]) -> Result<()> + 'a;

impl Spool {
    pub(crate) fn new(dir: &Path, extra_fields: usize, capacity: usize) -> Self {
        let capacity = capacity.clamp(16, u32::MAX as usize);
        let (rows, extra, runs) = (Vec::new(), Vec::new(), Vec::new());
        Self { dir: dir.to_owned(), rows, extra, extra_fields, capacity, runs, spilled: 0 }
    }

    /// Bytes of the buffers.
    pub(crate) fn memory_bytes(&self) -> usize {
        let ahead = if self.spilled > 0 { READ_AHEAD } else { 0 };
        self.rows.capacity() * size_of::<Row>() + self.extra.capacity() * size_of::<f64>() + ahead
    }

    /// Adds a row; `ranks` orders the symbols seen so far by name.
    pub(crate) fn push(&mut self, row: Row, extra: &[f64], names: &[String]) -> Result<()> {
        if self.rows.len() >= self.capacity {
            self.spill(&ranks(names))?;
        }
        let slot = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(Row { slot, ..row });
        self.extra.extend_from_slice(extra);
        Ok(())
    }

    fn sort(&mut self, ranks: &[u32]) {
        let rank = |row: &Row| ranks.get(row.symbol as usize).copied();
        self.rows.sort_unstable_by_key(|row| (rank(row), row.time, row.line));
    }

    fn spill(&mut self, ranks: &[u32]) -> Result<()> {
        self.sort(ranks);
        let path = self.next_run();
        let mut file = BufWriter::with_capacity(1 << 20, create(&path)?);
        for row in &self.rows {
            let extra = slice_of(&self.extra, row.slot, self.extra_fields);
            write_row(&mut file, row, extra).map_err(io_at("write", &path))?;
        }
        file.flush().map_err(io_at("write", &path))?;
        self.runs.push(path);
        self.rows.clear();
        self.extra.clear();
        if self.runs.len() >= RUNS_MAX { self.compact(ranks) } else { Ok(()) }
    }

    fn next_run(&mut self) -> PathBuf {
        self.spilled += 1;
        self.dir.join(format!("run-{:06}", self.spilled))
    }

    /// Many runs become one.
    fn compact(&mut self, ranks: &[u32]) -> Result<()> {
        let path = self.next_run();
        let mut file = BufWriter::with_capacity(1 << 20, create(&path)?);
        let runs = std::mem::take(&mut self.runs);
        merge(&runs, self.extra_fields, ranks, &mut |row, extra| {
            write_row(&mut file, row, extra).map_err(io_at("write", &path))
        })?;
        file.flush().map_err(io_at("write", &path))?;
        self.runs.push(path);
        Ok(())
    }

    /// Visits every row in order of symbol name, time and line; leaves no run behind.
    pub(crate) fn drain(mut self, names: &[String], visit: &mut Visit<'_>) -> Result<()> {
        let ranks = ranks(names);
        if self.runs.is_empty() {
            self.sort(&ranks);
            for row in &self.rows {
                visit(row, slice_of(&self.extra, row.slot, self.extra_fields))?;
            }
            return Ok(());
        }
        if !self.rows.is_empty() {
            self.spill(&ranks)?;
        }
        (self.rows, self.extra) = (Vec::new(), Vec::new());
        merge(&self.runs, self.extra_fields, &ranks, visit)
    }
}

fn slice_of(extra: &[f64], slot: u32, fields: usize) -> &[f64] {
    let start = slot as usize * fields;
    extra.get(start..start + fields).unwrap_or(&[])
}

/// The place of every symbol in name order. Names only ever join, so the order of any two stays.
fn ranks(names: &[String]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|i| names.get(*i));
    let mut ranks = vec![0; names.len()];
    for (rank, i) in (0..).zip(order) {
        if let Some(slot) = ranks.get_mut(i) {
            *slot = rank;
        }
    }
    ranks
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(io_at("make", path))
}

fn write_row(to: &mut impl Write, row: &Row, extra: &[f64]) -> io::Result<()> {
    to.write_all(&row.symbol.to_le_bytes())?;
    to.write_all(&row.line.to_le_bytes())?;
    to.write_all(&row.time.to_le_bytes())?;
    for price in row.prices {
        to.write_all(&price.to_le_bytes())?;
    }
    to.write_all(&row.volume.to_le_bytes())?;
    extra.iter().try_for_each(|value| to.write_all(&value.to_bits().to_le_bytes()))
}

/// One run being read.
struct Run<'a> {
    path: &'a Path,
    file: BufReader<File>,
    row: Row,
    extra: Vec<f64>,
}

fn take<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

impl<'a> Run<'a> {
    fn open(path: &'a Path, fields: usize, ahead: usize) -> Result<Self> {
        let file = File::open(path).map_err(io_at("open", path))?;
        let file = BufReader::with_capacity(ahead, file);
        Ok(Self { path, file, row: Row::new(0, 0, 0), extra: vec![0.0; fields] })
    }

    /// The next row, or `false` at the end.
    fn advance(&mut self) -> Result<bool> {
        let path = self.path;
        self.read().map_err(io_at("read", path))
    }

    fn read(&mut self) -> io::Result<bool> {
        if io::BufRead::fill_buf(&mut self.file)?.is_empty() {
            return Ok(false);
        }
        let from = &mut self.file;
        self.row.symbol = u32::from_le_bytes(take(from)?);
        self.row.line = u64::from_le_bytes(take(from)?);
        self.row.time = i64::from_le_bytes(take(from)?);
        for price in &mut self.row.prices {
            *price = i64::from_le_bytes(take(from)?);
        }
        self.row.volume = u128::from_le_bytes(take(from)?);
        for value in &mut self.extra {
            *value = f64::from_bits(u64::from_le_bytes(take(from)?));
        }
        Ok(true)
    }
}

/// Visits the rows of all runs in order and removes the runs.
fn merge(paths: &[PathBuf], fields: usize, ranks: &[u32], visit: &mut Visit<'_>) -> Result<()> {
    let ahead = (READ_AHEAD / paths.len().max(1)).clamp(1 << 14, 1 << 20);
    let mut runs = Vec::with_capacity(paths.len());
    let mut heap = BinaryHeap::with_capacity(paths.len());
    let key = |row: &Row| (ranks.get(row.symbol as usize).copied(), row.time, row.line);
    for path in paths {
        let mut run = Run::open(path, fields, ahead)?;
        if run.advance()? {
            heap.push(Reverse((key(&run.row), runs.len())));
        }
        runs.push(run);
    }
    while let Some(mut top) = heap.peek_mut() {
        let Some(run) = runs.get_mut(top.0.1) else { break };
        visit(&run.row, &run.extra)?;
        if run.advance()? {
            top.0.0 = key(&run.row);
        } else {
            std::collections::binary_heap::PeekMut::pop(top);
        }
    }
    for path in paths {
        fs::remove_file(path).map_err(io_at("remove", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the buffer's size, every row comes back once, in order, with its extras.
        #[test]
        fn rows_come_out_in_order(
            input in proptest::collection::vec((0_u32..5, -50_i64..50), 0..400),
            capacity in 16_usize..600,
        ) {
            let dir = tempfile::tempdir().expect("a directory");
            let names: Vec<String> = ["d", "a", "e", "b", "c"].map(str::to_owned).into();
            let mut spool = Spool::new(dir.path(), 1, capacity);
            for (line, (symbol, time)) in (0_u32..).zip(&input) {
                let row = Row::new(u64::from(line), *symbol, *time);
                spool.push(row, &[f64::from(line)], &names).expect("is kept");
            }
            let mut want: Vec<(&str, i64, u64)> = (0..).zip(&input)
                .map(|(line, (symbol, time))| (names[*symbol as usize].as_str(), *time, line))
                .collect();
            want.sort_unstable();
            let mut seen = Vec::new();
            spool.drain(&names, &mut |row, extra| {
                assert_eq!(extra[0].to_bits(), f64::from(u32::try_from(row.line).expect("small")).to_bits());
                seen.push((names[row.symbol as usize].as_str(), row.time, row.line));
                Ok(())
            }).expect("drains");
            prop_assert_eq!(seen, want);
            prop_assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 0);
        }
    }
}

//! Runs a plan over a panel: chunk after chunk of rows, each through all nodes while it is in the
//! cache; threads follow one another down the nodes, a chunk apart.
//!
//! A node that looks back keeps what it needs in its [`Stage`], so a chunk is all that is held. The
//! thread with chunk k + 1 waits at such a node until chunk k has passed it: every stage sees its rows
//! in order, whatever thread brings them, and no result depends on the number of threads.

use crate::machine::{Chunk, Machine, Program};
use crate::{Error, Plan, Run};
use market::{Column, Panel, Timestamp};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cells of one column's chunk: with those that are read beside it, it stays in the cache.
const CHUNK_CELLS: usize = 1 << 13;

/// Rows that go through the nodes together.
pub(crate) const fn chunk_rows(stride: usize) -> usize {
    let rows = CHUNK_CELLS / stride;
    if rows == 0 { 1 } else { rows }
}

/// The rows of each result that one chunk writes, until a thread takes them.
type Slot<'a> = Mutex<Vec<&'a mut [f64]>>;

/// Evaluates a plan whose cost was found bearable over the first rows of a panel.
pub(crate) fn evaluate(
    plan: &Plan,
    panel: &Panel,
    (rows, run): (usize, &Run<'_>),
) -> Result<Vec<(String, Column)>, Error> {
    let program = Program::new(plan, panel.stride(), panel.symbols().len());
    let source = Source::of(&program, panel, rows)?;
    let stride = panel.stride();
    let chunk = chunk_rows(stride);
    let results = program.results();
    let mut columns: Vec<Vec<f64>> = (0..results).map(|_| vec![0.0; rows * stride]).collect();
    let mut parts: Vec<_> = columns.iter_mut().map(|c| c.chunks_mut(chunk * stride)).collect();
    let slots: Vec<Slot<'_>> = (0..rows.div_ceil(chunk))
        .map(|_| Mutex::new(parts.iter_mut().filter_map(Iterator::next).collect()))
        .collect();
    drop(parts);
    let work = Work { program: &program, source, slots, next: AtomicUsize::new(0), run };
    work.run()?;
    drop(work);
    let column = |values| Column::from_values(values, stride).expect("whole rows were allocated");
    let columns = columns.into_iter().map(column);
    Ok(plan.outputs.iter().map(|(name, _)| name.clone()).zip(columns).collect())
}

/// The columns of a panel that a program reads.
struct Source<'a> {
    times: &'a [Timestamp],
    fields: Vec<&'a [f64]>,
    labels: Vec<&'a [u32]>,
}

impl<'a> Source<'a> {
    fn of(program: &Program, panel: &'a Panel, rows: usize) -> Result<Self, Error> {
        let missing = |name: &str| Error::Field { name: name.to_owned() };
        let fields = program
            .fields
            .iter()
            .map(|name| panel.field(name).map(market::Column::values).ok_or_else(|| missing(name)));
        let labels = program
            .groups
            .iter()
            .map(|name| panel.group(name).map(market::Labels::codes).ok_or_else(|| missing(name)));
        Ok(Self {
            times: panel.times().get(..rows).unwrap_or(&[]),
            fields: fields.collect::<Result<_, _>>()?,
            labels: labels.collect::<Result<_, _>>()?,
        })
    }
}

/// A run that several threads share.
struct Work<'a> {
    program: &'a Program,
    source: Source<'a>,
    slots: Vec<Slot<'a>>,
    /// The next chunk that no thread has taken.
    next: AtomicUsize,
    run: &'a Run<'a>,
}

impl Work<'_> {
    fn run(&self) -> Result<(), Error> {
        let threads = self.run.threads.get().min(self.slots.len().max(1));
        if threads == 1 {
            return self.thread();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        // One task for each thread: none waits for a task that has no thread.
        let ends = pool.map_err(|_| Error::Threads { threads })?.broadcast(|_| self.thread());
        ends.into_iter().collect()
    }

    /// Takes chunk after chunk, in order, until none is left.
    fn thread(&self) -> Result<(), Error> {
        let rows = chunk_rows(self.program.stride);
        let mut machine = Machine::new(self.program, rows);
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = self.slots.get(at) else { return Ok(()) };
            let results = std::mem::take(&mut *slot.lock().expect("no thread panics with it"));
            let first = at * rows;
            let last = (first + rows).min(self.source.times.len());
            let cells = first * self.program.stride..last * self.program.stride;
            let chunk = Chunk {
                at,
                times: self.source.times.get(first..last).unwrap_or(&[]),
                fields: self.source.fields.iter().filter_map(|f| f.get(cells.clone())).collect(),
                labels: self.source.labels.iter().filter_map(|l| l.get(cells.clone())).collect(),
                cancel: self.run.cancel,
            };
            machine.run(&chunk, results)?;
        }
    }
}

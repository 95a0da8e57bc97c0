//! Runs a plan over a panel: chunk after chunk of rows, each through all nodes while it is in the
//! cache; threads follow one another down the nodes, a chunk apart.
//!
//! A node that looks back keeps what it needs in its [`Stage`], so a chunk is all that is held. The
//! thread with chunk k + 1 waits at such a node until chunk k has passed it: every stage sees its rows
//! in order, whatever thread brings them, and no result depends on the number of threads.

use crate::machine::{Cells, Chunk, Machine, Program, Target};
use crate::{Error, Plan, Run};
use market::{Column, Labels, NarrowColumn, NarrowPanel, Panel, Timestamp};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Cells of one column's chunk: with those that are read beside it, it stays in the cache.
const CHUNK_CELLS: usize = 1 << 14;

/// Rows that go through the nodes together.
pub(crate) const fn chunk_rows(stride: usize) -> usize {
    let rows = CHUNK_CELLS / stride;
    if rows == 0 { 1 } else { rows }
}

/// The rows of each result that one chunk writes, until a thread takes them.
type Slot<'a> = Mutex<Vec<Target<'a>>>;

/// Evaluates a plan whose cost was found bearable over the first rows of a panel.
///
/// Columns of the right shape are written again; others are made anew.
pub(crate) fn evaluate(
    plan: &Plan,
    panel: &Panel,
    (rows, run): (usize, &Run<'_>),
    results: &mut Vec<Column>,
) -> Result<(), Error> {
    let (stride, names) = (panel.stride(), panel.symbols().len());
    let program = Program::new(plan, stride, names);
    let field = |name: &str| Some(Cells::Wide(panel.field(name)?.values()));
    let times = panel.times().get(..rows).unwrap_or(&[]);
    let source = Source::of(&program, times, (field, |name| panel.group(name)))?;
    results.truncate(program.results());
    results.retain(|column| column.stride() == stride && column.values().len() == rows * stride);
    let missing = program.results() - results.len();
    let made = zeroed(rows * stride, missing).into_iter();
    results.extend(made.map(|cells| Column::from_values(cells, stride).expect("whole rows")));
    let columns = results.iter_mut().map(Column::values_mut);
    source.fill(&program, run, slots(columns, stride, Target::Wide))
}

/// The same over a panel stored as `f32`, and into such columns; arithmetic is that of `f64`.
pub(crate) fn evaluate_narrow(
    plan: &Plan,
    panel: &NarrowPanel,
    run: &Run<'_>,
) -> Result<Vec<(String, NarrowColumn)>, Error> {
    let program = Program::new(plan, panel.stride(), panel.symbols().len());
    let field = |name: &str| Some(Cells::Narrow(panel.field(name)?.values()));
    let source = Source::of(&program, panel.times(), (field, |name| panel.group(name)))?;
    let mut columns = zeroed(panel.rows() * panel.stride(), program.results());
    let cells = columns.iter_mut().map(Vec::as_mut_slice);
    source.fill(&program, run, slots(cells, panel.stride(), Target::Narrow))?;
    let column = |values| NarrowColumn::from_values(values, panel.stride()).expect("whole rows");
    let names = plan.outputs.iter().map(|(name, _)| name.clone());
    Ok(names.zip(columns.into_iter().map(column)).collect())
}

/// Columns that the system has not yet given pages: cloning one would touch them all.
fn zeroed<T: Clone + Default>(cells: usize, columns: usize) -> Vec<Vec<T>> {
    (0..columns).map(|_| vec![T::default(); cells]).collect()
}

/// For each chunk its rows of every result.
fn slots<'a, T: 'static>(
    columns: impl Iterator<Item = &'a mut [T]>,
    stride: usize,
    target: impl Fn(&'a mut [T]) -> Target<'a>,
) -> Vec<Slot<'a>> {
    let mut slots: Vec<Slot<'a>> = Vec::new();
    for column in columns {
        let parts = column.chunks_mut(chunk_rows(stride) * stride);
        slots.resize_with(parts.len(), Slot::default);
        for (slot, part) in slots.iter_mut().zip(parts) {
            slot.get_mut().expect("no thread has it yet").push(target(part));
        }
    }
    slots
}

/// The columns of a panel that a program reads.
struct Source<'a> {
    times: &'a [Timestamp],
    fields: Vec<Cells<'a>>,
    labels: Vec<&'a [u32]>,
}

impl<'a> Source<'a> {
    fn of(
        program: &Program,
        times: &'a [Timestamp],
        (field, group): (impl Fn(&str) -> Option<Cells<'a>>, impl Fn(&str) -> Option<&'a Labels>),
    ) -> Result<Self, Error> {
        let missing = |name: &str| Error::Field { name: name.to_owned() };
        let fields = program.fields.iter().map(|name| field(name).ok_or_else(|| missing(name)));
        let labels = program
            .groups
            .iter()
            .map(|name| group(name).map(Labels::codes).ok_or_else(|| missing(name)));
        let fields = fields.collect::<Result<_, _>>()?;
        Ok(Self { times, fields, labels: labels.collect::<Result<_, _>>()? })
    }

    fn fill(
        self,
        program: &'a Program,
        run: &'a Run<'a>,
        slots: Vec<Slot<'_>>,
    ) -> Result<(), Error> {
        let (next, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
        Work { program, source: self, slots, next, run, broken }.run()
    }
}

/// A run that several threads share.
struct Work<'a, 's> {
    program: &'a Program,
    source: Source<'a>,
    slots: Vec<Slot<'s>>,
    /// The next chunk that no thread has taken.
    next: AtomicUsize,
    run: &'a Run<'a>,
    /// Raised when a thread panics: the others stop to wait for its chunk.
    broken: AtomicBool,
}

/// Tells the other threads of a panic.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Work<'_, '_> {
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
        let _alarm = Alarm(&self.broken);
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
                fields: self.source.fields.iter().filter_map(|f| f.part(cells.clone())).collect(),
                labels: self.source.labels.iter().filter_map(|l| l.get(cells.clone())).collect(),
                cancel: self.run.cancel,
                broken: &self.broken,
            };
            machine.run(&chunk, results)?;
        }
    }
}

//! One chunk of rows through all nodes of a plan.

use crate::dag::{NodeId, Op};
use crate::kernels::{
    Operand, Rows, Stage, binary, bounded, fill, is_cancelled, select, stage, unary,
};
use crate::operators::Kernel;
use crate::scalar::finite;
use crate::{Error, Plan};
use market::{Labels, Panel, Timestamp, narrow};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A plan made ready for panels of one width, with the state of every node that looks back.
pub(crate) struct Program {
    steps: Vec<Step>,
    /// How often each node is read, by other nodes and as a result.
    uses: Vec<usize>,
    /// For each result its node, and for each node the result that it writes in place.
    results: Vec<NodeId>,
    in_place: Vec<Option<usize>>,
    pub(crate) fields: Vec<Arc<str>>,
    pub(crate) groups: Vec<Arc<str>>,
    pub(crate) stride: usize,
    /// Cells of a row as stages take them: whole lanes.
    lanes: usize,
    names: usize,
}

/// What is done for one node.
enum Step {
    Constant(f64),
    /// A field by its place in [`Program::fields`].
    Field(usize),
    /// A group label by its place in [`Program::groups`].
    Group(usize),
    /// Cell by cell.
    Cells {
        kernel: Kernel,
        inputs: Vec<NodeId>,
    },
    Staged {
        turn: Turn,
        inputs: Vec<NodeId>,
    },
}

/// A stage, and the number of chunks that have passed it.
struct Turn {
    state: Mutex<(usize, Box<dyn Stage>)>,
    passed: Condvar,
}

/// How long a waiting thread sleeps before it looks at the caller's flag.
const NAP: Duration = Duration::from_millis(5);

impl Program {
    /// Rows have `stride` cells: whole lanes, or one for a single name, whose cells then lie side by
    /// side, and are spread over lanes for stages only.
    pub(crate) fn new(plan: &Plan, stride: usize, names: usize) -> Self {
        let lanes = stride.next_multiple_of(Panel::LANES);
        let (mut fields, mut groups): (Vec<Arc<str>>, Vec<Arc<str>>) = (Vec::new(), Vec::new());
        let add = |list: &mut Vec<Arc<str>>, name: &Arc<str>| {
            list.push(Arc::clone(name));
            list.len() - 1
        };
        let nodes = plan.dag.nodes();
        let steps = nodes.iter().map(|node| match &node.op {
            Op::Constant(bits) => Step::Constant(f64::from_bits(*bits)),
            Op::Field(name) => Step::Field(add(&mut fields, name)),
            Op::Group(name) => Step::Group(add(&mut groups, name)),
            Op::Apply { .. } => {
                let kernel = node.op.kernel().expect("an operator of the table");
                let inputs = node.inputs.clone();
                match stage(kernel, &node.op.constants(), lanes) {
                    Some(stage) => Step::Staged { turn: Turn::new(stage), inputs },
                    None => Step::Cells { kernel, inputs },
                }
            }
        });
        let steps = steps.collect();
        let results: Vec<NodeId> = plan.outputs.iter().map(|(_, node)| *node).collect();
        let mut in_place = vec![None; nodes.len()];
        for (result, node) in results.iter().enumerate() {
            let computed = nodes.get(*node).is_some_and(|node| node.op.operator().is_some());
            if let Some(slot @ None) = in_place.get_mut(*node)
                && computed
            {
                *slot = Some(result);
            }
        }
        Self { steps, uses: plan.uses(), results, in_place, fields, groups, stride, lanes, names }
    }

    /// Number of results.
    pub(crate) fn results(&self) -> usize {
        self.results.len()
    }
}

impl Turn {
    fn new(stage: Box<dyn Stage>) -> Self {
        Self { state: Mutex::new((0, stage)), passed: Condvar::new() }
    }

    /// Computes chunk `at` when the chunks before it have passed.
    fn advance(&self, chunk: &Chunk<'_>, rows: &Rows<'_>, out: &mut [f64]) -> Result<(), Error> {
        let mut state = self.state.lock().map_err(|_| Error::Cancelled)?;
        while state.0 != chunk.at {
            if is_cancelled(chunk.cancel) || is_cancelled(chunk.broken) {
                return Err(Error::Cancelled);
            }
            state = self.passed.wait_timeout(state, NAP).map_err(|_| Error::Cancelled)?.0;
        }
        state.1.advance(rows, out);
        state.0 += 1;
        drop(state);
        self.passed.notify_all();
        Ok(())
    }
}

/// Consecutive rows of the fields and labels that a program reads.
pub(crate) struct Chunk<'a> {
    /// Its place among the chunks, from 0.
    pub(crate) at: usize,
    pub(crate) times: &'a [Timestamp],
    pub(crate) fields: Vec<Cells<'a>>,
    pub(crate) labels: Vec<&'a [u32]>,
    pub(crate) cancel: &'a AtomicBool,
    /// Raised when another thread of the run has panicked: its chunk never comes.
    pub(crate) broken: &'a AtomicBool,
}

/// Cells of a field, as they are stored; arithmetic is always that of `f64`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cells<'a> {
    Wide(&'a [f64]),
    Narrow(&'a [f32]),
}

impl<'a> Cells<'a> {
    pub(crate) fn part(self, cells: Range<usize>) -> Option<Cells<'a>> {
        match self {
            Self::Wide(all) => all.get(cells).map(Cells::Wide),
            Self::Narrow(all) => all.get(cells).map(Cells::Narrow),
        }
    }
}

/// Where the rows of a result are to be stored.
pub(crate) enum Target<'a> {
    Wide(&'a mut [f64]),
    Narrow(&'a mut [f32]),
}

/// Whether no cell is infinite.
fn is_bounded(x: &[f64]) -> bool {
    let mut all = true;
    bounded(x, &mut all);
    all
}

/// What a node's value is while others still read it.
enum Value<'a> {
    Scalar(f64),
    Borrowed(&'a [f64]),
    Labels(&'a [u32]),
    Own(Vec<f64>),
    /// The rows of a result.
    Result(&'a mut [f64]),
    /// Not computed yet, or read for the last time.
    Gone,
}

/// The working memory of one thread.
pub(crate) struct Machine<'p> {
    program: &'p Program,
    /// Columns of a chunk that nobody reads any more, to be written again.
    spare: Vec<Vec<f64>>,
    /// Constants spread over a chunk, for stages.
    spread: BTreeMap<u64, Vec<f64>>,
    cells_max: usize,
    lanes: Lanes,
}

/// The rows of a single name, spread over the first of all lanes.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    inputs: Vec<Vec<f64>>,
    labels: Vec<u32>,
    out: Vec<f64>,
}

impl Lanes {
    /// Spreads columns; what lies in the other lanes is missing.
    fn spread<'l>(&'l mut self, columns: &mut [&'l [f64]], cells: usize) -> &'l mut [f64] {
        self.inputs.resize_with(self.inputs.len().max(columns.len()), Vec::new);
        for (lanes, column) in self.inputs.iter_mut().zip(columns.iter()) {
            // A constant was spread before.
            if column.len() < cells {
                lanes.resize(cells.max(lanes.len()), f64::NAN);
                for (row, x) in lanes.chunks_exact_mut(Panel::LANES).zip(*column) {
                    if let Some(cell) = row.first_mut() {
                        *cell = *x;
                    }
                }
            }
        }
        for (lanes, column) in self.inputs.iter().zip(columns) {
            if column.len() < cells {
                *column = lanes.get(..cells).unwrap_or(&[]);
            }
        }
        self.out.resize(cells.max(self.out.len()), f64::NAN);
        self.out.get_mut(..cells).unwrap_or(&mut [])
    }
}

impl<'p> Machine<'p> {
    /// For chunks of at most so many rows.
    pub(crate) fn new(program: &'p Program, rows_max: usize) -> Self {
        Self::with(program, rows_max, Lanes::default())
    }

    /// The same, with the memory of an earlier one.
    pub(crate) fn with(program: &'p Program, rows_max: usize, lanes: Lanes) -> Self {
        let cells_max = rows_max * program.stride;
        let mut spread = BTreeMap::new();
        for step in &program.steps {
            let Step::Staged { inputs, .. } = step else { continue };
            for input in inputs {
                if let Some(Step::Constant(value)) = program.steps.get(*input) {
                    spread
                        .entry(value.to_bits())
                        .or_insert_with(|| vec![*value; rows_max * program.lanes]);
                }
            }
        }
        Self { program, spare: Vec::new(), spread, cells_max, lanes }
    }

    /// Memory for another one.
    pub(crate) fn into_lanes(self) -> Lanes {
        self.lanes
    }

    /// Computes every result for the rows of a chunk, one slice of `results` for each.
    pub(crate) fn run(&mut self, chunk: &Chunk<'_>, results: Vec<Target<'_>>) -> Result<(), Error> {
        let program = self.program;
        let cells = chunk.times.len() * program.stride;
        let mut results: Vec<Option<Target<'_>>> = results.into_iter().map(Some).collect();
        let mut values: Vec<Value<'_>> = Vec::with_capacity(program.steps.len());
        let mut uses = program.uses.clone();
        for (at, step) in program.steps.iter().enumerate() {
            if is_cancelled(chunk.cancel) {
                return Err(Error::Cancelled);
            }
            let target = program.in_place.get(at).copied().flatten();
            let (wide, small) = match target.and_then(|result| results.get_mut(result)?.take()) {
                Some(Target::Wide(out)) => (Some(out), None),
                Some(Target::Narrow(out)) => (None, Some(out)),
                None => (None, None),
            };
            let value = match step {
                Step::Constant(value) => Value::Scalar(*value),
                Step::Field(place) => self.field(chunk.fields.get(*place)),
                Step::Group(place) => {
                    Value::Labels(chunk.labels.get(*place).copied().unwrap_or(&[]))
                }
                Step::Cells { kernel, inputs } => {
                    let mut out = wide.map_or_else(|| self.own(cells), Value::Result);
                    apply(*kernel, inputs, &values, out.cells_mut());
                    out
                }
                Step::Staged { turn, inputs } => {
                    let mut out = wide.map_or_else(|| self.own(cells), Value::Result);
                    self.staged((turn, inputs), &values, chunk, out.cells_mut())?;
                    out
                }
            };
            values.push(value);
            if let Step::Cells { inputs, .. } | Step::Staged { inputs, .. } = step {
                self.release(inputs, &mut values, &mut uses);
            }
            if let Some(out) = small {
                self.round(values.get(at), out);
                self.release(&[at], &mut values, &mut uses);
            }
        }
        // A kernel that sees the flag leaves its rows half done.
        if is_cancelled(chunk.cancel) {
            return Err(Error::Cancelled);
        }
        self.finish(values, results);
        Ok(())
    }

    /// The chunk of a field, or a copy of it: widened, and missing where it is infinite.
    fn field<'a>(&mut self, x: Option<&Cells<'a>>) -> Value<'a> {
        match x {
            Some(Cells::Wide(x)) if is_bounded(x) => Value::Borrowed(x),
            Some(Cells::Wide(x)) => self.copy(x.iter().copied()),
            Some(Cells::Narrow(x)) => self.copy(x.iter().copied().map(f64::from)),
            None => Value::Borrowed(&[]),
        }
    }

    fn copy(&mut self, x: impl ExactSizeIterator<Item = f64>) -> Value<'static> {
        let mut copy = self.own(x.len());
        for (copy, x) in copy.cells_mut().iter_mut().zip(x) {
            *copy = finite(x);
        }
        copy
    }

    /// Stores a result as `f32`; padding is made missing.
    fn round(&self, value: Option<&Value<'_>>, out: &mut [f32]) {
        match value {
            Some(Value::Scalar(value)) => out.fill(narrow(*value)),
            Some(value) => {
                for (out, x) in out.iter_mut().zip(value.cells()) {
                    *out = narrow(*x);
                }
            }
            None => {}
        }
        pad(out, f32::NAN, (self.program.stride, self.program.names));
    }

    fn own(&mut self, cells: usize) -> Value<'static> {
        let mut column = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(self.cells_max));
        column.resize(cells, 0.0);
        Value::Own(column)
    }

    fn staged(
        &mut self,
        (turn, inputs): (&Turn, &[NodeId]),
        values: &[Value<'_>],
        chunk: &Chunk<'_>,
        out: &mut [f64],
    ) -> Result<(), Error> {
        let cells = chunk.times.len() * self.program.lanes;
        let mut columns: [&[f64]; INPUTS_MAX] = [&[]; INPUTS_MAX];
        let mut labels: &[u32] = &[];
        let mut count = 0;
        for value in inputs.iter().filter_map(|input| values.get(*input)) {
            let column = match value {
                Value::Labels(codes) => {
                    labels = codes;
                    continue;
                }
                Value::Scalar(value) => self
                    .spread
                    .get(&value.to_bits())
                    .map_or(&[][..], |spread| spread.get(..cells).unwrap_or(&[])),
                other => other.cells(),
            };
            *columns.get_mut(count).expect("the table has no operator with more") = column;
            count += 1;
        }
        let (stride, names) = (self.program.lanes, self.program.names);
        let (times, cancel) = (chunk.times, chunk.cancel);
        if self.program.stride == stride {
            let inputs = columns.get(..count).unwrap_or(&[]);
            let rows = Rows { inputs, labels, times, stride, names, cancel };
            return turn.advance(chunk, &rows, out);
        }
        let mut codes = std::mem::take(&mut self.lanes.labels);
        codes.clear();
        for code in labels {
            codes.push(*code);
            codes.extend([Labels::NONE; Panel::LANES - 1]);
        }
        let wide = self.lanes.spread(columns.get_mut(..count).unwrap_or(&mut []), cells);
        let inputs = columns.get(..count).unwrap_or(&[]);
        let rows = Rows { inputs, labels: &codes, times, stride, names, cancel };
        turn.advance(chunk, &rows, wide)?;
        for (out, row) in out.iter_mut().zip(wide.chunks_exact(stride)) {
            *out = row.first().copied().unwrap_or(f64::NAN);
        }
        self.lanes.labels = codes;
        Ok(())
    }

    /// Counts one reader less; after the last one the column can be written again.
    fn release(&mut self, inputs: &[NodeId], values: &mut [Value<'_>], uses: &mut [usize]) {
        for input in inputs {
            let Some(uses) = uses.get_mut(*input) else { continue };
            *uses -= 1;
            if *uses == 0
                && let Some(value) = values.get_mut(*input)
                && let Value::Own(column) = std::mem::replace(value, Value::Gone)
            {
                self.spare.push(column);
            }
        }
    }

    /// Results that share a node, or are a field or a constant, are copied; padding is made missing.
    fn finish(&mut self, mut values: Vec<Value<'_>>, results: Vec<Option<Target<'_>>>) {
        let shape = (self.program.stride, self.program.names);
        for (node, result) in self.program.results.iter().zip(results) {
            match (result, values.get(*node)) {
                (Some(Target::Narrow(out)), value) => self.round(value, out),
                (Some(Target::Wide(out)), Some(Value::Scalar(value))) => {
                    out.fill(*value);
                    pad(out, f64::NAN, shape);
                }
                (Some(Target::Wide(out)), Some(value)) => {
                    out.copy_from_slice(value.cells());
                    pad(out, f64::NAN, shape);
                }
                _ => {}
            }
        }
        for value in &mut values {
            match std::mem::replace(value, Value::Gone) {
                Value::Own(column) => self.spare.push(column),
                Value::Result(out) => pad(out, f64::NAN, shape),
                _ => {}
            }
        }
    }
}

/// Series that one operator takes.
const INPUTS_MAX: usize = 8;

/// Makes the cells after the names missing: they are in the last lanes of each row.
fn pad<T: Copy>(out: &mut [T], missing: T, (stride, names): (usize, usize)) {
    if names == stride {
        return;
    }
    let kept = (names + Panel::LANES).saturating_sub(stride);
    for row in out.chunks_exact_mut(stride) {
        if let Some(lanes) = row.last_chunk_mut::<{ Panel::LANES }>() {
            for (lane, cell) in lanes.iter_mut().enumerate() {
                *cell = if lane < kept { *cell } else { missing };
            }
        }
    }
}

impl Value<'_> {
    fn cells(&self) -> &[f64] {
        match self {
            Self::Borrowed(cells) => cells,
            Self::Own(cells) => cells,
            Self::Result(cells) => cells,
            Self::Scalar(_) | Self::Labels(_) | Self::Gone => &[],
        }
    }

    fn cells_mut(&mut self) -> &mut [f64] {
        match self {
            Self::Own(cells) => cells,
            Self::Result(cells) => cells,
            _ => &mut [],
        }
    }
}

/// An operator that works cell by cell.
fn apply(kernel: Kernel, inputs: &[NodeId], values: &[Value<'_>], out: &mut [f64]) {
    let operand = |at: usize| match inputs.get(at).and_then(|input| values.get(*input)) {
        Some(Value::Scalar(value)) => Operand::Scalar(*value),
        Some(value) => Operand::Column(value.cells()),
        None => Operand::Scalar(f64::NAN),
    };
    match kernel {
        Kernel::Unary(op) => match operand(0) {
            Operand::Column(x) => unary(op, out, x),
            Operand::Scalar(x) => out.fill(op.apply(x)),
        },
        Kernel::Binary(op) => binary(op, out, operand(0), operand(1)),
        Kernel::Where => select(out, [operand(0), operand(1), operand(2)]),
        Kernel::Fill => fill(out, operand(0), operand(1)),
        _ => out.fill(f64::NAN),
    }
}

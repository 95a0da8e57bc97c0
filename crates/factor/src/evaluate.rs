//! Runs a plan: node after node, each over row blocks, memory freed after its last use.

use crate::dag::{Node, NodeId, Op};
use crate::kernels::{
    Across, Lagged, Operand, Span, across, binary, exponential, fill, is_cancelled, lagged,
    rolling, select, unary,
};
use crate::operators::{Kernel, Window};
use crate::{Error, Plan, Run};
use market::{Column, Panel};
use rayon::prelude::*;
use std::sync::atomic::AtomicBool;

/// Cells of a row block: small enough for the cache and for a quick answer to a cancellation.
const BLOCK_CELLS: usize = 1 << 16;

/// What a node's value is while others still read it.
enum Value<'a> {
    Scalar(f64),
    Field(&'a [f64]),
    Own(Vec<f64>),
    /// Not computed yet, or read for the last time.
    Gone,
}

impl Value<'_> {
    fn operand(&self) -> Operand<'_> {
        match self {
            Self::Scalar(value) => Operand::Scalar(*value),
            Self::Field(column) => Operand::Column(column),
            Self::Own(column) => Operand::Column(column),
            Self::Gone => Operand::Scalar(f64::NAN),
        }
    }
}

/// Evaluates a plan whose cost was found bearable.
pub(crate) fn evaluate(
    plan: &Plan,
    panel: &Panel,
    run: &Run<'_>,
) -> Result<Vec<(String, Column)>, Error> {
    let threads = run.threads.get();
    let work = || Evaluation::new(plan, panel, run).run(plan);
    if threads == 1 {
        return work();
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|_| Error::Threads { threads })?.install(work)
}

struct Evaluation<'a> {
    panel: &'a Panel,
    cancel: &'a AtomicBool,
    threads: usize,
    rows: usize,
    names: usize,
    stride: usize,
    values: Vec<Value<'a>>,
    uses: Vec<usize>,
    /// Columns that nobody reads any more, to be written again.
    spare: Vec<Vec<f64>>,
}

impl<'a> Evaluation<'a> {
    fn new(plan: &Plan, panel: &'a Panel, run: &Run<'a>) -> Self {
        Self {
            panel,
            cancel: run.cancel,
            threads: run.threads.get(),
            rows: panel.rows(),
            names: panel.symbols().len(),
            stride: panel.stride(),
            values: plan.dag.nodes().iter().map(|_| Value::Gone).collect(),
            uses: plan.uses(),
            spare: Vec::new(),
        }
    }

    fn run(mut self, plan: &Plan) -> Result<Vec<(String, Column)>, Error> {
        for (at, node) in plan.dag.nodes().iter().enumerate() {
            let value = self.node(node)?;
            if let Some(slot) = self.values.get_mut(at) {
                *slot = value;
            }
            for input in &node.inputs {
                self.release(*input);
            }
        }
        plan.outputs.iter().map(|(name, node)| Ok((name.clone(), self.output(*node)?))).collect()
    }

    /// Counts one reader less; after the last one the column can be written again.
    fn release(&mut self, node: NodeId) {
        let Some(uses) = self.uses.get_mut(node) else { return };
        *uses -= 1;
        if *uses == 0
            && let Some(slot) = self.values.get_mut(node)
            && let Value::Own(column) = std::mem::replace(slot, Value::Gone)
        {
            self.spare.push(column);
        }
    }

    fn column(&mut self) -> Vec<f64> {
        self.spare.pop().unwrap_or_else(|| vec![0.0; self.rows * self.stride])
    }

    fn operand(&self, node: &Node, at: usize) -> Operand<'_> {
        let value = node.inputs.get(at).and_then(|input| self.values.get(*input));
        value.map_or(Operand::Scalar(f64::NAN), Value::operand)
    }

    fn node(&mut self, node: &Node) -> Result<Value<'a>, Error> {
        let (kernel, rows, extra) = match &node.op {
            Op::Constant(bits) => return Ok(Value::Scalar(f64::from_bits(*bits))),
            Op::Field(name) => return self.field(name),
            Op::Apply { rows, extra, .. } => (node.op.kernel(), *rows, *extra),
        };
        let mut out = self.column();
        match kernel {
            Some(Kernel::Unary(op)) => {
                self.by_rows(&mut out, 0, |cells, out| match self.operand(node, 0).part(cells) {
                    Operand::Column(x) => unary(op, out, x),
                    Operand::Scalar(x) => out.fill(op.apply(x)),
                })?;
            }
            Some(Kernel::Binary(op)) => self.by_rows(&mut out, 0, |cells, out| {
                let (a, b) = (self.operand(node, 0), self.operand(node, 1));
                binary(op, out, a.part(cells.clone()), b.part(cells));
            })?,
            Some(Kernel::Fill) => self.by_rows(&mut out, 0, |cells, out| {
                let (x, c) = (self.operand(node, 0), self.operand(node, 1));
                fill(out, x.part(cells.clone()), c.part(cells));
            })?,
            Some(Kernel::Where) => self.by_rows(&mut out, 0, |cells, out| {
                let three = [0, 1, 2].map(|at| self.operand(node, at).part(cells.clone()));
                select(out, three);
            })?,
            Some(kernel) => self.over_columns(kernel, node, (rows, extra), &mut out)?,
            None => {}
        }
        Ok(Value::Own(out))
    }

    /// Operators that read other cells than their own: constants become columns first.
    fn over_columns(
        &self,
        kernel: Kernel,
        node: &Node,
        (rows, extra): (usize, u64),
        out: &mut [f64],
    ) -> Result<(), Error> {
        let mut spread = Vec::new();
        let first = self.operand(node, 0);
        let second = if node.inputs.len() > 1 { self.operand(node, 1) } else { first };
        for operand in [first, second] {
            spread.push(match operand {
                Operand::Scalar(value) => vec![value; self.rows * self.stride],
                Operand::Column(_) => Vec::new(),
            });
        }
        let [spread_x, spread_y] = spread.as_slice() else { return Ok(()) };
        let of = |operand, spread| match operand {
            Operand::Column(column) => column,
            Operand::Scalar(_) => spread,
        };
        let (x, y): (&[f64], &[f64]) = (of(first, spread_x), of(second, spread_y));
        match kernel {
            Kernel::Delay => self.lag(Lagged::Delay, x, rows, out),
            Kernel::Delta => self.lag(Lagged::Delta, x, rows, out),
            Kernel::Returns => self.lag(Lagged::Returns, x, rows, out),
            Kernel::Window(kind) => {
                let least = usize::try_from(extra).unwrap_or(rows);
                self.window(kind, (x, y), (rows, least), out)
            }
            Kernel::Ema => self.ema(x, rows, out),
            Kernel::Rank => self.across(Across::Rank, x, out),
            Kernel::Zscore => self.across(Across::Zscore, x, out),
            Kernel::Demean => self.across(Across::Demean, x, out),
            Kernel::Scale => self.across(Across::Scale(f64::from_bits(extra)), x, out),
            Kernel::Top => self.across(Across::Top(rows), x, out),
            Kernel::Unary(_) | Kernel::Binary(_) | Kernel::Where | Kernel::Fill => Ok(()),
        }
    }

    /// The panel's column, or a copy of it with missing values for infinite ones.
    fn field(&mut self, name: &str) -> Result<Value<'a>, Error> {
        let missing = || Error::Field { name: name.to_owned() };
        let column = self.panel.field(name).ok_or_else(missing)?.values();
        let finite = column.iter().fold(true, |all, x| all & !x.is_infinite());
        if finite {
            return Ok(Value::Field(column));
        }
        let mut copy = self.column();
        for (copy, x) in copy.iter_mut().zip(column) {
            *copy = crate::scalar::finite(*x);
        }
        Ok(Value::Own(copy))
    }

    /// Calls `f` for blocks of rows, with the range of cells and the block to write.
    ///
    /// Blocks have at least `rows_min` rows. Where they begin does not show in any result.
    fn by_rows(
        &self,
        out: &mut [f64],
        rows_min: usize,
        f: impl Fn(std::ops::Range<usize>, &mut [f64]) + Sync,
    ) -> Result<(), Error> {
        let block = (BLOCK_CELLS / self.stride).max(rows_min).max(1) * self.stride;
        let one = |(i, out): (usize, &mut [f64])| {
            if is_cancelled(self.cancel) {
                return Err(Error::Cancelled);
            }
            f(i * block..i * block + out.len(), out);
            Ok(())
        };
        if self.threads == 1 {
            out.chunks_mut(block).enumerate().try_for_each(one)?;
        } else {
            out.par_chunks_mut(block).enumerate().try_for_each(one)?;
        }
        // A block may have been left half-way.
        if is_cancelled(self.cancel) { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn lag(&self, op: Lagged, x: &[f64], rows: usize, out: &mut [f64]) -> Result<(), Error> {
        let back = rows.min(self.rows) * self.stride;
        self.by_rows(out, 0, |cells, out| lagged(op, out, x, cells.start, back))
    }

    fn window(
        &self,
        kind: Window,
        (x, y): (&[f64], &[f64]),
        (n, least): (usize, usize),
        out: &mut [f64],
    ) -> Result<(), Error> {
        let (stride, cancel) = (self.stride, self.cancel);
        // Blocks well longer than the window, since each reads the window before it again.
        let rows_min = (2 * n).clamp(64, 4096);
        self.by_rows(out, rows_min, |cells, out| {
            let first = cells.start / stride;
            rolling(kind, &Span { x, y, stride, first, n, least, cancel }, out);
        })
    }

    fn across(&self, op: Across, x: &[f64], out: &mut [f64]) -> Result<(), Error> {
        let at = (self.stride, self.names);
        self.by_rows(out, 0, |cells, out| {
            across(op, out, x.get(cells).unwrap_or(&[]), at, self.cancel);
        })
    }

    /// Every thread takes some neighbouring names through all of history.
    fn ema(&self, x: &[f64], n: usize, out: &mut [f64]) -> Result<(), Error> {
        let lanes = Panel::LANES;
        let width = (self.stride / lanes).div_ceil(self.threads).max(1) * lanes;
        let mut tiles: Vec<Vec<&mut [f64]>> = Vec::new();
        tiles.resize_with(self.stride.div_ceil(width), || Vec::with_capacity(self.rows));
        for row in out.chunks_mut(self.stride) {
            for (tile, cells) in tiles.iter_mut().zip(row.chunks_mut(width)) {
                tile.push(cells);
            }
        }
        let one = |(i, mut tile): (usize, Vec<&mut [f64]>)| {
            exponential(&mut tile, x, (i * width, self.stride), n, self.cancel);
        };
        if self.threads == 1 {
            tiles.into_iter().enumerate().for_each(one);
        } else {
            tiles.into_par_iter().enumerate().for_each(one);
        }
        if is_cancelled(self.cancel) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The column of a result: the last reader takes it, an earlier one copies it.
    fn output(&mut self, node: NodeId) -> Result<Column, Error> {
        let left = self.uses.get_mut(node).map_or(0, |uses| {
            *uses -= 1;
            *uses
        });
        let size = self.rows * self.stride;
        let mut values = match self.values.get_mut(node) {
            Some(Value::Own(column)) if left == 0 => std::mem::take(column),
            Some(Value::Own(column)) => column.clone(),
            Some(Value::Field(column)) => column.to_vec(),
            Some(Value::Scalar(value)) => vec![*value; size],
            Some(Value::Gone) | None => vec![f64::NAN; size],
        };
        for row in values.chunks_exact_mut(self.stride) {
            row.iter_mut().skip(self.names).for_each(|cell| *cell = f64::NAN);
        }
        Column::from_values(values, self.stride).map_err(|_| Error::Cancelled)
    }
}

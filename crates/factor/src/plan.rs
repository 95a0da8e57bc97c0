//! A set of expressions made ready to run together: what they share is there once.

use crate::dag::{Dag, Node, NodeId, Op};
use crate::kernels::TILE;
use crate::operators::{Kernel, Operator, ParameterKind, Steps};
use crate::{Error, Expression, Limits, Schema, Stream, evaluate, rewrite};
use market::{Column, NarrowColumn, NarrowPanel, Panel};
use std::{collections::BTreeSet, num::NonZeroUsize, sync::atomic::AtomicBool};

/// What a run takes, known before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Cells written, all nodes together, padding included.
    pub cells: u64,
    /// Elementary steps, about one addition on one cell each.
    pub work: u64,
    /// Bytes held at the peak, an upper estimate for one thread: results, working rows and what is
    /// kept from earlier rows; the panel not.
    pub bytes: u64,
}

/// How a run is carried out; the result does not depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Threads to use.
    pub threads: NonZeroUsize,
    /// Raised by the caller to stop the run; looked at every few milliseconds.
    pub cancel: &'a AtomicBool,
    /// Bytes of columns the run may hold at its peak, see [`Cost::bytes`].
    pub memory_bytes_max: u64,
}

/// Expressions made ready to run together: what they share is computed once.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) dag: Dag,
    /// Names and nodes, in the order given.
    pub(crate) outputs: Vec<(String, NodeId)>,
    work_max: u64,
}

impl Plan {
    /// Joins named expressions, folds constants and finds what they share.
    ///
    /// Fails if a name comes twice, a field is not in the schema, or there are too many nodes.
    pub fn new(
        set: &[(String, Expression)],
        schema: &Schema,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let mut plan = Self { dag: Dag::default(), outputs: Vec::new(), work_max: limits.work };
        let mut names = BTreeSet::new();
        for (name, expression) in set {
            if !names.insert(name) {
                return Err(Error::Duplicate { name: name.clone() });
            }
            let fields = expression.fields().find(|field| !schema.fields.contains(*field));
            let groups = expression.groups().find(|group| !schema.groups.contains(*group));
            if let Some(field) = fields.or(groups) {
                return Err(Error::Field { name: field.to_owned() });
            }
            let root = plan.join(expression);
            plan.outputs.push((name.clone(), root));
            let found = plan.dag.nodes().len();
            if found > limits.plan_nodes {
                return Err(Error::Nodes { found, limit: limits.plan_nodes });
            }
        }
        plan.prune();
        Ok(plan)
    }

    /// Leaves out what rewriting has made needless.
    fn prune(&mut self) {
        let roots: Vec<NodeId> = self.outputs.iter().map(|(_, node)| *node).collect();
        let (dag, roots) = self.dag.pruned(&roots);
        self.dag = dag;
        for ((_, node), root) in self.outputs.iter_mut().zip(roots) {
            *node = root;
        }
    }

    /// Distinct nodes, fields and constants among them.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.dag.nodes().len()
    }

    /// Adds the nodes that an expression's result needs; gives the place of the result.
    fn join(&mut self, expression: &Expression) -> NodeId {
        let nodes = expression.dag().nodes();
        let values = folded(nodes);
        let mut places: Vec<Option<NodeId>> = vec![None; nodes.len()];
        for at in needed(nodes, &values, expression.root()) {
            let Some(node) = nodes.get(at) else { continue };
            let added = if let Some(value) = values.get(at).copied().flatten() {
                self.dag.add(Node { op: Op::constant(value), inputs: Vec::new() })
            } else {
                let inputs = node.inputs.iter();
                let inputs = inputs.filter_map(|input| places.get(*input).copied().flatten());
                let moved = Node { op: node.op.clone(), inputs: inputs.collect() };
                rewrite::add(&mut self.dag, moved)
            };
            if let Some(place) = places.get_mut(at) {
                *place = Some(added);
            }
        }
        places.get(expression.root()).copied().flatten().unwrap_or(0)
    }

    /// What a run over a panel of this size takes.
    #[must_use]
    pub fn cost(&self, rows: usize, names: usize) -> Cost {
        let stride = Panel::stride_of(names) as u64;
        let cells = (rows as u64).saturating_mul(stride);
        let mut cost = Cost { cells: 0, work: 0, bytes: 0 };
        let mut uses = self.uses();
        let (mut live, mut peak, mut kept) = (0_u64, 0_u64, 0_u64);
        for node in self.dag.nodes() {
            let Some(operator) = node.op.operator() else { continue };
            cost.cells = cost.cells.saturating_add(cells);
            let steps = steps(operator, &node.op);
            cost.work = cost.work.saturating_add(cells.saturating_mul(steps));
            kept = kept.saturating_add(kept_rows(operator, &node.op, stride));
            live += 1;
            peak = peak.max(live);
            for input in &node.inputs {
                let Some(left) = uses.get_mut(*input) else { continue };
                *left -= 1;
                live -= u64::from(*left == 0 && self.is_computed(*input));
            }
        }
        let chunk = evaluate::chunk_rows(Panel::stride_of(names)).min(rows) as u64;
        let working = (peak + self.leaves()).saturating_mul(chunk).saturating_add(kept);
        let results = (self.outputs.len() as u64).saturating_mul(rows as u64);
        cost.bytes = results.saturating_add(working).saturating_mul(stride).saturating_mul(8);
        cost
    }

    fn is_computed(&self, node: NodeId) -> bool {
        self.dag.nodes().get(node).is_some_and(|node| node.op.operator().is_some())
    }

    /// Fields and constants: one may need a copy for each chunk.
    fn leaves(&self) -> u64 {
        self.dag.nodes().iter().filter(|node| node.op.operator().is_none()).count() as u64
    }

    /// How often each node is read, by other nodes and as a result.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.dag.nodes().len()];
        let reads = self.dag.nodes().iter().flat_map(|node| node.inputs.iter());
        for read in reads.chain(self.outputs.iter().map(|(_, node)| node)) {
            if let Some(uses) = uses.get_mut(*read) {
                *uses += 1;
            }
        }
        uses
    }

    /// Computes every expression over the panel, in the order given to [`Plan::new`].
    ///
    /// Truths are 1 and 0, missing is NaN, an infinite value of the panel counts as missing. The
    /// result has the same bits for any number of threads.
    pub fn evaluate(&self, panel: &Panel, run: &Run<'_>) -> Result<Vec<(String, Column)>, Error> {
        let mut columns = Vec::new();
        self.evaluate_into(panel, run, &mut columns)?;
        Ok(self.outputs.iter().map(|(name, _)| name.clone()).zip(columns).collect())
    }

    /// As [`Plan::evaluate`], into columns of an earlier run: of the same shape, they are written
    /// again, so that the system need not find new memory for each run. After an error they hold
    /// anything.
    pub fn evaluate_into(
        &self,
        panel: &Panel,
        run: &Run<'_>,
        results: &mut Vec<Column>,
    ) -> Result<(), Error> {
        self.afford(self.cost(panel.rows(), panel.symbols().len()), run)?;
        evaluate::evaluate(self, panel, (panel.rows(), run), results)
    }

    /// As [`Plan::evaluate`], over a panel stored as `f32` and into such columns.
    ///
    /// Arithmetic is that of `f64` throughout; only what is stored is rounded.
    pub fn evaluate_narrow(
        &self,
        panel: &NarrowPanel,
        run: &Run<'_>,
    ) -> Result<Vec<(String, NarrowColumn)>, Error> {
        self.afford(self.cost(panel.rows(), panel.symbols().len()), run)?;
        evaluate::evaluate_narrow(self, panel, run)
    }

    fn afford(&self, cost: Cost, run: &Run<'_>) -> Result<(), Error> {
        if cost.work > self.work_max {
            return Err(Error::Work { needed: cost.work, limit: self.work_max });
        }
        if cost.bytes > run.memory_bytes_max {
            return Err(Error::Memory { needed: cost.bytes, limit: run.memory_bytes_max });
        }
        Ok(())
    }

    /// Ready to compute every expression row after row, for so many names, before the first row.
    #[must_use]
    pub fn stream(&self, names: usize) -> Stream {
        Stream::new(self, names)
    }

    /// The same for a single name, whose rows are one cell each, without padding: operators that
    /// work cell by cell do an eighth of the work, and no bit of a result changes.
    #[must_use]
    pub fn lone_stream(&self) -> Stream {
        Stream::lone(self)
    }

    /// The fields that the expressions read, sorted.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        self.leaves_by(|op| match op {
            Op::Field(name) => Some(name),
            _ => None,
        })
    }

    /// The group labels that the expressions read, sorted.
    #[must_use]
    pub fn groups(&self) -> Vec<&str> {
        self.leaves_by(|op| match op {
            Op::Group(name) => Some(name),
            _ => None,
        })
    }

    fn leaves_by<'s>(
        &'s self,
        of: impl Fn(&'s Op) -> Option<&'s std::sync::Arc<str>>,
    ) -> Vec<&'s str> {
        let nodes = self.dag.nodes().iter();
        let mut names: Vec<&str> =
            nodes.filter_map(|node| of(&node.op)).map(|name| &**name).collect();
        names.sort_unstable();
        names
    }
}

/// The values of constants and of elementwise operators on constants.
fn folded(nodes: &[Node]) -> Vec<Option<f64>> {
    let mut values: Vec<Option<f64>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let input = |at: usize| values.get(*node.inputs.get(at)?).copied().flatten();
        let value = match (&node.op, node.op.kernel()) {
            (Op::Constant(bits), _) => Some(f64::from_bits(*bits)),
            (_, Some(Kernel::Unary(op))) => input(0).map(|x| op.apply(x)),
            (_, Some(Kernel::Binary(op))) => input(0).zip(input(1)).map(|(a, b)| op.apply(a, b)),
            _ => None,
        };
        values.push(value);
    }
    values
}

/// The nodes that the root needs where constants are folded, in order.
fn needed(nodes: &[Node], values: &[Option<f64>], root: NodeId) -> Vec<NodeId> {
    let mut needed = vec![false; nodes.len()];
    if let Some(root) = needed.get_mut(root) {
        *root = true;
    }
    for (at, node) in nodes.iter().enumerate().rev() {
        let folded = values.get(at).is_some_and(Option::is_some);
        if folded || needed.get(at) != Some(&true) {
            continue;
        }
        for input in &node.inputs {
            if let Some(input) = needed.get_mut(*input) {
                *input = true;
            }
        }
    }
    (0..nodes.len()).filter(|at| needed.get(*at) == Some(&true)).collect()
}

/// The first two constants as counts: a window and its `min`, most often.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "only whole numbers are read so; a cast saturates"
)]
fn counts(op: &Op) -> (u64, u64) {
    let constants = op.constants();
    let count = |at: usize| constants.get(at).map_or(0, |count| *count as u64);
    (count(0), count(1))
}

/// Steps that one cell of an operator takes.
fn steps(operator: &Operator, op: &Op) -> u64 {
    let (rows, least) = counts(op);
    let gaps =
        operator.parameters.iter().any(|one| one.kind == ParameterKind::Minimum) && least < rows;
    match operator.steps {
        Steps::Flat(each) => each,
        Steps::Doubling(each) => {
            let each = if gaps { 2 * each } else { each };
            each.saturating_mul(u64::from(u64::BITS - rows.leading_zeros()))
        }
        Steps::Linear(each) => each.saturating_mul(rows),
    }
}

/// Rows that a node keeps from chunk to chunk, at most.
fn kept_rows(operator: &Operator, op: &Op, stride: u64) -> u64 {
    match operator.kernel {
        // Merged blocks hold up to six numbers a cell, for whole tiles of names.
        Kernel::Window(_) => {
            let cells = counts(op).0.saturating_mul(6 * stride.next_multiple_of(TILE as u64));
            cells.div_ceil(stride.max(1))
        }
        Kernel::Lagged(_) => counts(op).0.saturating_mul(2),
        Kernel::Scan(_) => counts(op).0.saturating_mul(4).saturating_add(16),
        _ => 0,
    }
}

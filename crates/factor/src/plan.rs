//! A set of expressions made ready to run together: what they share is there once.

use crate::dag::{Dag, Node, NodeId, Op};
use crate::operators::{Kernel, Operator, ParameterKind, Steps};
use crate::{Error, Expression, Limits, Schema, evaluate};
use market::{Column, Panel};
use std::{collections::BTreeSet, num::NonZeroUsize, sync::atomic::AtomicBool};

/// What a run takes, known before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Cells written, all nodes together, padding included.
    pub cells: u64,
    /// Elementary steps, about one addition on one cell each.
    pub work: u64,
    /// Bytes of columns held at the peak, results included, the panel not.
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
            if let Some(field) = expression.fields().find(|field| !schema.fields.contains(*field)) {
                return Err(Error::Field { name: field.to_owned() });
            }
            let root = plan.join(expression);
            plan.outputs.push((name.clone(), root));
            let found = plan.dag.nodes().len();
            if found > limits.plan_nodes {
                return Err(Error::Nodes { found, limit: limits.plan_nodes });
            }
        }
        Ok(plan)
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
        let mut needed = vec![false; nodes.len()];
        if let Some(root) = needed.get_mut(expression.root()) {
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
        let mut places = vec![0; nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            if needed.get(at) != Some(&true) {
                continue;
            }
            let node = match values.get(at).copied().flatten() {
                Some(value) => Node { op: Op::constant(value), inputs: Vec::new() },
                None => moved(node, &places),
            };
            let added = self.dag.add(node);
            if let Some(place) = places.get_mut(at) {
                *place = added;
            }
        }
        places.get(expression.root()).copied().unwrap_or(0)
    }

    /// What a run over a panel of this size takes.
    #[must_use]
    pub fn cost(&self, rows: usize, names: usize) -> Cost {
        let cells = (rows as u64).saturating_mul(Panel::stride_of(names) as u64);
        let mut cost = Cost { cells: 0, work: 0, bytes: 0 };
        let mut uses = self.uses();
        let mut live = 0_u64;
        let mut peak = 0_u64;
        for (at, node) in self.dag.nodes().iter().enumerate() {
            let Some(operator) = node.op.operator() else { continue };
            cost.cells = cost.cells.saturating_add(cells);
            let steps = steps(operator, &node.op);
            cost.work = cost.work.saturating_add(cells.saturating_mul(steps));
            live += 1;
            // A constant that an operator over time or names reads becomes a column for a while.
            let spread = u64::from(node.inputs.iter().any(|input| self.is_constant(*input)));
            peak = peak.max(live + spread);
            for input in node.inputs.iter().chain(std::iter::once(&at)) {
                let Some(left) = uses.get_mut(*input) else { continue };
                *left -= usize::from(*input != at);
                if *left == 0
                    && self.dag.nodes().get(*input).is_some_and(|n| n.op.kernel().is_some())
                {
                    live -= 1;
                }
            }
        }
        // Results that are fields, constants or the same node again are copies.
        let distinct: BTreeSet<NodeId> = self.outputs.iter().map(|(_, node)| *node).collect();
        let computed = distinct.iter().filter(|node| self.is_computed(**node)).count();
        let copies = self.outputs.len() - computed;
        cost.bytes =
            peak.max(live).saturating_add(copies as u64).saturating_mul(cells).saturating_mul(8);
        cost
    }

    fn is_constant(&self, node: NodeId) -> bool {
        matches!(self.dag.nodes().get(node).map(|node| &node.op), Some(Op::Constant(_)))
    }

    fn is_computed(&self, node: NodeId) -> bool {
        self.dag.nodes().get(node).is_some_and(|node| node.op.kernel().is_some())
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
        let cost = self.cost(panel.rows(), panel.symbols().len());
        if cost.work > self.work_max {
            return Err(Error::Work { needed: cost.work, limit: self.work_max });
        }
        if cost.bytes > run.memory_bytes_max {
            return Err(Error::Memory { needed: cost.bytes, limit: run.memory_bytes_max });
        }
        evaluate::evaluate(self, panel, run)
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

/// The node with its inputs at their new places, in one order where they may change theirs.
fn moved(node: &Node, places: &[NodeId]) -> Node {
    let moved = node.inputs.iter().filter_map(|input| places.get(*input).copied());
    let mut inputs: Vec<NodeId> = moved.collect();
    if let Some(Kernel::Binary(binary)) = node.op.kernel()
        && binary.is_symmetric()
    {
        inputs.sort_unstable();
    }
    Node { op: node.op.clone(), inputs }
}

/// Steps that one cell of an operator takes.
fn steps(operator: &Operator, op: &Op) -> u64 {
    let Op::Apply { rows, extra, .. } = *op else { return 0 };
    let gaps =
        operator.keywords().any(|one| one.kind == ParameterKind::Minimum) && extra < rows as u64;
    match operator.steps {
        Steps::Flat(each) => each,
        Steps::Doubling(each) if gaps => each.saturating_mul(rows as u64),
        Steps::Doubling(each) => each * u64::from(usize::BITS - rows.leading_zeros()),
        Steps::Linear(each) => each.saturating_mul(rows as u64),
    }
}

//! Algebra on nodes. A rule holds bit for bit, missing values included, or it is not here.

use crate::dag::{Dag, Node, NodeId, Op};
use crate::operators::{Across, Kernel, Lagged, Operator, Window};
use crate::scalar::{Binary, Unary};

/// Adds a node, or what it is equal to.
pub(crate) fn add(dag: &mut Dag, node: Node) -> NodeId {
    let Some(kernel) = node.op.kernel() else { return dag.add(node) };
    match (kernel, node.inputs.as_slice()) {
        (Kernel::Unary(Unary::Negate), &[x]) => add_negate(dag, node, x),
        (Kernel::Binary(op), &[a, b]) => add_binary(dag, node, op, (a, b)),
        // The ranks of ranks are the same ranks.
        (Kernel::Across(Across::Rank), &[x]) if dag.op(x).kernel() == Some(kernel) => x,
        (Kernel::Lagged(Lagged::Delay), &[x]) => add_delay(dag, node, x),
        // A window of one row holds the row itself.
        (Kernel::Window(Window::Sum | Window::Mean | Window::Min | Window::Max), &[x])
            if node.op.constants().first() == Some(&1.0) =>
        {
            x
        }
        _ => dag.add(node),
    }
}

/// −(−x) = x.
fn add_negate(dag: &mut Dag, node: Node, x: NodeId) -> NodeId {
    match (dag.op(x).kernel(), dag.inputs(x)) {
        (Some(Kernel::Unary(Unary::Negate)), &[inner]) => inner,
        _ => dag.add(node),
    }
}

/// x·1 = x/1 = x^1 = x − 0 = x, and −1·x = −x.
fn add_binary(dag: &mut Dag, mut node: Node, op: Binary, (a, b): (NodeId, NodeId)) -> NodeId {
    let is = |node: NodeId, value: f64| dag.op(node) == &Op::constant(value);
    match op {
        Binary::Multiply | Binary::Divide | Binary::Power if is(b, 1.0) => return a,
        Binary::Multiply if is(a, 1.0) => return b,
        Binary::Subtract if is(b, 0.0) => return a,
        Binary::Multiply | Binary::Divide if is(b, -1.0) => return negated(dag, a),
        Binary::Multiply if is(a, -1.0) => return negated(dag, b),
        _ => {}
    }
    if op.is_symmetric() {
        node.inputs.sort_unstable();
    }
    dag.add(node)
}

fn negated(dag: &mut Dag, x: NodeId) -> NodeId {
    let operator = Operator::place("negate").expect("the table has it");
    add(dag, Node { op: Op::Apply { operator, constants: Vec::new() }, inputs: vec![x] })
}

/// delay(x, 0) = x, and delay(delay(x, a), b) = delay(x, a + b).
fn add_delay(dag: &mut Dag, mut node: Node, x: NodeId) -> NodeId {
    let rows = node.op.constants().first().copied().unwrap_or(0.0);
    if rows == 0.0 {
        return x;
    }
    if let (Some(Kernel::Lagged(Lagged::Delay)), &[inner]) = (dag.op(x).kernel(), dag.inputs(x)) {
        let before = dag.op(x).constants().first().copied().unwrap_or(0.0);
        if let Op::Apply { constants, .. } = &mut node.op {
            *constants = vec![(rows + before).to_bits()];
        }
        node.inputs = vec![inner];
    }
    dag.add(node)
}

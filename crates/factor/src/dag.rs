//! Nodes, each there once: two equal sub-expressions are one node.

use crate::operators::{Kernel, Operator, operators};
use std::{collections::BTreeMap, sync::Arc};

/// A node's place in its [`Dag`]; inputs come before their users.
pub(crate) type NodeId = usize;

/// What a node computes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    /// A number, by its bits, so that nodes can be ordered.
    Constant(u64),
    Field(Arc<str>),
    /// The labels of that name.
    Group(Arc<str>),
    /// An operator by its place in the table.
    Apply {
        operator: usize,
        /// The bits of its constant parameters, in the table's order.
        constants: Vec<u64>,
    },
}

/// One computation on earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) inputs: Vec<NodeId>,
}

/// Nodes in an order in which they can be computed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Dag {
    nodes: Vec<Node>,
    places: BTreeMap<Node, NodeId>,
}

impl Op {
    pub(crate) const fn constant(value: f64) -> Self {
        Self::Constant(value.to_bits())
    }

    /// The operator, unless it is a leaf.
    pub(crate) fn operator(&self) -> Option<&'static Operator> {
        match self {
            Self::Apply { operator, .. } => operators().get(*operator),
            _ => None,
        }
    }

    /// The constant parameters of an operator, in the table's order.
    pub(crate) fn constants(&self) -> Vec<f64> {
        match self {
            Self::Apply { constants, .. } => {
                constants.iter().copied().map(f64::from_bits).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn kernel(&self) -> Option<Kernel> {
        self.operator().map(|operator| operator.kernel)
    }
}

impl Dag {
    /// The node's place, the old one if it is already there.
    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        if let Some(&place) = self.places.get(&node) {
            return place;
        }
        let place = self.nodes.len();
        self.nodes.push(node.clone());
        self.places.insert(node, place);
        place
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the node at a place computes.
    pub(crate) fn op(&self, place: NodeId) -> &Op {
        self.nodes.get(place).map_or(&Op::Constant(0), |node| &node.op)
    }

    /// The inputs of the node at a place.
    pub(crate) fn inputs(&self, place: NodeId) -> &[NodeId] {
        self.nodes.get(place).map_or(&[], |node| &node.inputs)
    }

    /// The nodes that some of them need, in their order, and the places of these among them.
    pub(crate) fn pruned(&self, roots: &[NodeId]) -> (Self, Vec<NodeId>) {
        let mut needed = vec![false; self.nodes.len()];
        for root in roots {
            if let Some(root) = needed.get_mut(*root) {
                *root = true;
            }
        }
        for (at, node) in self.nodes.iter().enumerate().rev() {
            if needed.get(at) == Some(&true) {
                for input in &node.inputs {
                    if let Some(input) = needed.get_mut(*input) {
                        *input = true;
                    }
                }
            }
        }
        let mut dag = Self::default();
        let mut places = vec![0; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            if needed.get(at) != Some(&true) {
                continue;
            }
            let inputs = node.inputs.iter().filter_map(|input| places.get(*input).copied());
            let moved = Node { op: node.op.clone(), inputs: inputs.collect() };
            if let Some(place) = places.get_mut(at) {
                *place = dag.add(moved);
            }
        }
        let roots = roots.iter().map(|root| places.get(*root).copied().unwrap_or(0)).collect();
        (dag, roots)
    }
}

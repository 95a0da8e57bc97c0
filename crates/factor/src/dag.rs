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
    /// An operator by its place in the table.
    Apply {
        operator: usize,
        /// Its window, delay or count; else 0.
        rows: usize,
        /// Its `min`, or the bits of its `k`; else 0.
        extra: u64,
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
}

//! An expression taken apart: what stands in it, each part as a text of its own.

use crate::Expression;
use crate::dag::{NodeId, Op};

/// A part of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// How many others it is a part of: 0 for the whole.
    pub depth: usize,
    /// Its canonical text, which reads back as the part.
    pub text: String,
}

impl Expression {
    /// The whole and its parts, each behind what it is a part of, at most `most` of them. Numbers are
    /// left out, labels too, and what stands in several places comes where it stands first.
    #[must_use]
    pub fn parts(&self, most: usize) -> Vec<Part> {
        let mut seen = vec![false; self.dag().nodes().len()];
        let mut stack = vec![(self.root(), 0)];
        let mut parts = Vec::new();
        while let Some((place, depth)) = stack.pop() {
            let Some(node) = self.dag().nodes().get(place) else { continue };
            let is_new = seen.get_mut(place).is_some_and(|seen| !std::mem::replace(seen, true));
            if !is_new || matches!(node.op, Op::Constant(_) | Op::Group(_)) {
                continue;
            }
            if parts.len() >= most {
                break;
            }
            parts.push(Part { depth, text: self.part(place).to_string() });
            stack.extend(node.inputs.iter().rev().map(|input| (*input, depth + 1)));
        }
        parts
    }

    /// The expression that ends at a node; what it declares is the whole's, which is enough for a text.
    fn part(&self, place: NodeId) -> Self {
        let (dag, roots) = self.dag().pruned(&[place]);
        self.ending(dag, roots.first().copied().unwrap_or(0))
    }
}

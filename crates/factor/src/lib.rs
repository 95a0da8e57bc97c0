//! Knows: expression text, its types and its look-back, the plan, and how columns are computed.
//! Never knows: files, orders, users, the clock.

// One module calls loops compiled for wide registers, `kernels::wide`; everything else is safe.
#![deny(unsafe_code)]

mod check;
mod complete;
mod conformance;
mod dag;
mod diagnostic;
mod evaluate;
mod expression;
mod kernels;
mod lexer;
mod library;
mod limits;
mod machine;
mod memory;
mod operators;
mod parts;
mod plan;
mod rewrite;
mod scalar;
mod stream;
mod syntax;
mod truncation;

pub use complete::{Completion, CompletionKind, complete};
pub use conformance::{RuleOutcome, conformance};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use expression::{Expression, Type, parameters};
pub use library::{Entry, library, library_schema};
pub use limits::{Limits, Schema};
pub use memory::Memory;
pub use operators::{Family, Operator, Outcome, Parameter, ParameterKind, operators};
pub use parts::Part;
pub use plan::{Cost, Plan, Run};
pub use stream::Stream;
pub use truncation::{Leak, Truncation, truncate_check};

/// Everything that can be wrong with a plan or its run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two expressions of one plan have the same name.
    #[error("two expressions are named {name:?}: give each its own name")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// The panel or the schema lacks a field that an expression reads.
    #[error("there is no field {name:?}: the expression was written for other data")]
    Field {
        /// The field's name.
        name: String,
    },
    /// The expressions together have too many distinct nodes.
    #[error(
        "the expressions have {found} distinct nodes, {limit} are allowed: evaluate them in smaller sets"
    )]
    Nodes {
        /// How many there are.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// The run would take too many steps.
    #[error(
        "the run would take {needed} steps, {limit} are allowed: shorten windows, or use fewer names or rows"
    )]
    Work {
        /// Steps it would take.
        needed: u64,
        /// Steps it may take.
        limit: u64,
    },
    /// The run would take too much memory.
    #[error(
        "the run would hold {needed} bytes, {limit} are allowed: evaluate fewer expressions at once"
    )]
    Memory {
        /// Bytes it would hold at its peak.
        needed: u64,
        /// Bytes it may hold.
        limit: u64,
    },
    /// Rows were pushed whose fields are not those of the plan, or not of one length.
    #[error("the rows do not fit: each field and label of the plan needs {cells} cells")]
    Shape {
        /// Cells that each needs.
        cells: usize,
    },
    /// The caller's flag went up.
    #[error("the run was cancelled")]
    Cancelled,
    /// The operating system gave no threads.
    #[error("{threads} threads could not be started: ask for fewer")]
    Threads {
        /// How many were asked for.
        threads: usize,
    },
}

//! Rows that arrive one at a time: what a run needs that has only what has happened.

mod evaluator;
mod paper;
mod parts;

pub use evaluator::RowEvaluator;
pub use paper::PaperRun;
pub use parts::{PartEvaluator, PartValue};

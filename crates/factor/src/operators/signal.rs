//! Signals: crossings, held values, runs.

use super::Operator;

pub(super) const OPERATORS: &[Operator] = &[];

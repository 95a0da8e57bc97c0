//! Within groups of one day.

use super::Operator;

pub(super) const OPERATORS: &[Operator] = &[];

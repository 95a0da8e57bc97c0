//! The calendar of the row, UTC.

use super::Operator;

/// What is read off a row's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Calendar {
    Year,
}

pub(super) const OPERATORS: &[Operator] = &[];

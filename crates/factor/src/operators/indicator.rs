//! Indicators that carry a state through history.

use super::parameter::X_N;
use super::{Family, Kernel, Operator, Reach, Steps, unary};
use crate::scalar::Unary;

/// What a name's state machine computes, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scan {
    Ema,
}

pub(super) const OPERATORS: &[Operator] = &[Operator {
    parameters: X_N,
    missing: "missing where x is; the state is held meanwhile",
    source: "pandas ewm(span=n, adjust=False), state held over missing values",
    family: Family::Indicator,
    kernel: Kernel::Scan(Scan::Ema),
    reach: Reach::Window,
    steps: Steps::Flat(3),
    ..unary(
        "ema",
        "ema(x, n)",
        "Exponential mean, weight 2/(n+1) on x, seeded with the first valid value",
        Unary::Abs,
    )
}];

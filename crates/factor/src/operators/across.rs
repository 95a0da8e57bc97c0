//! Across the names of one day.

use super::ParameterKind::{Constant, Count, Number};
use super::parameter::{optional, parameter};
use super::{Family, Kernel, Operator, Outcome, Steps, unary};
use crate::scalar::Unary;

/// What is made of a day's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Across {
    Rank,
    Zscore,
    Demean,
    Scale,
    Top,
}

const fn across(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    kind: Across,
) -> Operator {
    Operator {
        family: Family::Across,
        kernel: Kernel::Across(kind),
        steps: Steps::Flat(4),
        source: "within one day, over the names with a value",
        ..unary(name, signature, summary, Unary::Abs)
    }
}

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        steps: Steps::Flat(20),
        ..across(
            "rank",
            "rank(x)",
            "Average rank among the day's names / their number, in (0, 1]",
            Across::Rank,
        )
    },
    Operator {
        missing: "missing where x is, or if the day has one name or all are equal",
        ..across(
            "cs_zscore",
            "cs_zscore(x)",
            "(x − the day's mean) / the day's standard deviation, divisor count − 1",
            Across::Zscore,
        )
    },
    across("cs_demean", "cs_demean(x)", "x − the day's mean", Across::Demean),
    Operator {
        parameters: &[parameter("x", Number), optional("k", Constant, 1.0)],
        missing: "missing where x is, or if the day's values are all 0",
        ..across("scale", "scale(x, k=1)", "k · x / the day's sum of |x|", Across::Scale)
    },
    Operator {
        parameters: &[parameter("x", Number), parameter("k", Count)],
        result: Outcome::Truth,
        steps: Steps::Flat(20),
        ..across(
            "top",
            "top(x, k)",
            "1 for the day's k largest (of equals the earlier column), 0 for the others",
            Across::Top,
        )
    },
];

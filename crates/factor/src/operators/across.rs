//! Across the names of one day.

use super::ParameterKind::{Constant, Count, Number};
use super::parameter::{optional, parameter};
use super::{Family, Kernel, Operator, Outcome, Parameter, Steps, unary};
use crate::scalar::Unary;

/// What is made of a day's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Across {
    Rank,
    Zscore,
    Demean,
    Scale,
    Winsorize,
    Resid,
    Mean,
    Std,
    Sum,
    Count,
    Median,
    Top,
    Bottom,
    Buckets,
    GroupRank,
    GroupZscore,
    GroupDemean,
    GroupMean,
    GroupSum,
    GroupCount,
}

const X_K: &[Parameter] = &[parameter("x", Number), parameter("k", Count)];
const EVERY: &str = "missing if no name has a value";

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

/// One figure of the day, which every name gets.
const fn figure(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    kind: Across,
) -> Operator {
    Operator { missing: EVERY, ..across(name, signature, summary, kind) }
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
        parameters: &[parameter("x", Number), parameter("k", Constant)],
        missing: "missing where x is, or if the day has one name, or k is below 0",
        ..across(
            "winsorize",
            "winsorize(x, k)",
            "x, but at least the day's mean − k · its standard deviation and at most the mean + k of them",
            Across::Winsorize,
        )
    },
    Operator {
        parameters: &[parameter("y", Number), parameter("x", Number)],
        missing: "missing where y or x is, or if fewer than 3 names have both, or the day's x are all equal",
        source: "least squares within one day, over the names with both values",
        steps: Steps::Flat(10),
        ..across(
            "cs_resid",
            "cs_resid(y, x)",
            "What the day's least-squares line over x leaves of y",
            Across::Resid,
        )
    },
    figure("cs_mean", "cs_mean(x)", "The day's mean, for every name", Across::Mean),
    Operator {
        missing: "missing if fewer than two names have a value",
        ..figure(
            "cs_std",
            "cs_std(x)",
            "The day's standard deviation, divisor count − 1, for every name",
            Across::Std,
        )
    },
    figure("cs_sum", "cs_sum(x)", "The day's sum, for every name", Across::Sum),
    Operator {
        missing: "never missing",
        ..figure(
            "cs_count",
            "cs_count(x)",
            "How many names have a value that day, for every name",
            Across::Count,
        )
    },
    Operator {
        steps: Steps::Flat(12),
        ..figure(
            "cs_median",
            "cs_median(x)",
            "The day's median, for every name; of an even number the mean of the middle two",
            Across::Median,
        )
    },
    Operator {
        parameters: X_K,
        result: Outcome::Truth,
        steps: Steps::Flat(12),
        ..across(
            "top",
            "top(x, k)",
            "1 for the day's k largest (of equals the earlier column), 0 for the others",
            Across::Top,
        )
    },
    Operator {
        parameters: X_K,
        result: Outcome::Truth,
        steps: Steps::Flat(12),
        ..across(
            "bottom",
            "bottom(x, k)",
            "1 for the day's k smallest (of equals the earlier column), 0 for the others",
            Across::Bottom,
        )
    },
    Operator {
        parameters: X_K,
        source: "SAS PROC RANK, GROUPS=k, TIES=MEAN, counted from 1",
        steps: Steps::Flat(20),
        ..across(
            "buckets",
            "buckets(x, k)",
            "1 to k from the smallest to the largest: ⌊k · average rank / (count + 1)⌋ + 1; equals stay together",
            Across::Buckets,
        )
    },
];

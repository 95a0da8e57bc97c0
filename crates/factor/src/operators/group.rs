//! Within groups of one day.

use super::ParameterKind::{Group, Number};
use super::parameter::parameter;
use super::{Across, Family, Kernel, Operator, Parameter, Steps, unary};
use crate::scalar::Unary;

const X_G: &[Parameter] = &[parameter("x", Number), parameter("g", Group)];
const EVERY: &str = "missing where the name has no group, or if no name of the group has a value";

const fn within(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    kind: Across,
) -> Operator {
    Operator {
        family: Family::Group,
        parameters: X_G,
        kernel: Kernel::Across(kind),
        missing: "missing where x is, or the name has no group",
        source: "within one day and group, over the names with a value",
        steps: Steps::Flat(8),
        ..unary(name, signature, summary, Unary::Abs)
    }
}

/// Another name of `group_demean`.
const fn neutral(name: &'static str, signature: &'static str, source: &'static str) -> Operator {
    Operator {
        kernel: Kernel::Text("group_demean(x, g)"),
        source,
        ..within(name, signature, "x − the mean of its group", Across::GroupDemean)
    }
}

pub(super) const OPERATORS: &[Operator] = &[
    within("group_demean", "group_demean(x, g)", "x − the mean of its group", Across::GroupDemean),
    Operator {
        steps: Steps::Flat(20),
        ..within(
            "group_rank",
            "group_rank(x, g)",
            "Average rank in its group / number of values there, in (0, 1]; alone 1",
            Across::GroupRank,
        )
    },
    Operator {
        missing: "missing where x is, or the name has no group, or is alone there, or all there are equal",
        steps: Steps::Flat(12),
        ..within(
            "group_zscore",
            "group_zscore(x, g)",
            "(x − the mean of its group) / the standard deviation there, divisor count − 1",
            Across::GroupZscore,
        )
    },
    Operator {
        missing: EVERY,
        ..within(
            "group_mean",
            "group_mean(x, g)",
            "The mean of the group, for each of its names",
            Across::GroupMean,
        )
    },
    Operator {
        missing: EVERY,
        ..within(
            "group_sum",
            "group_sum(x, g)",
            "The sum over the group, for each of its names",
            Across::GroupSum,
        )
    },
    Operator {
        missing: "missing where the name has no group",
        ..within(
            "group_count",
            "group_count(x, g)",
            "How many names of the group have a value, for each of its names",
            Across::GroupCount,
        )
    },
    neutral("group_neutralize", "group_neutralize(x, g)", "WorldQuant BRAIN: group_neutralize"),
    neutral(
        "indneutralize",
        "indneutralize(x, g)",
        "Kakushadze, 101 Formulaic Alphas (2016): demeaned within each industry",
    ),
];

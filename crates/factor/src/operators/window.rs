//! Windows over the last rows of one name.

use super::parameter::{PAIRED, ROLLING};
use super::{Family, Kernel, Operator, Reach, Steps, unary};
use crate::scalar::Unary;

/// What is made of a window's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Window {
    Sum,
    Mean,
    Std,
    Min,
    Max,
    Rank,
    Corr,
}

const PANDAS: &str = "pandas rolling, over calendar rows";
const NOT_FULL: &str = "missing if the window has fewer valid values than it has rows, or than min";

const fn rolling(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    window: Window,
) -> Operator {
    Operator {
        family: Family::Window,
        missing: NOT_FULL,
        source: PANDAS,
        parameters: ROLLING,
        kernel: Kernel::Window(window),
        reach: Reach::Window,
        steps: Steps::Doubling(2),
        ..unary(name, signature, summary, Unary::Abs)
    }
}

pub(super) const OPERATORS: &[Operator] = &[
    rolling("ts_sum", "ts_sum(x, n, min=n)", "Sum of the last n rows", Window::Sum),
    rolling("ts_mean", "ts_mean(x, n, min=n)", "Mean of the last n rows", Window::Mean),
    Operator {
        missing: "missing if the window has fewer valid values than it has rows, or than min, or only one",
        steps: Steps::Doubling(6),
        ..rolling(
            "ts_std",
            "ts_std(x, n, min=n)",
            "Standard deviation of the last n rows, divisor count − 1",
            Window::Std,
        )
    },
    rolling("ts_min", "ts_min(x, n, min=n)", "Smallest of the last n rows", Window::Min),
    rolling("ts_max", "ts_max(x, n, min=n)", "Largest of the last n rows", Window::Max),
    Operator {
        missing: "missing if x is, or the window has fewer valid values than it has rows, or than min",
        steps: Steps::Linear(4),
        ..rolling(
            "ts_rank",
            "ts_rank(x, n, min=n)",
            "Average rank of x among the last n rows / number of valid ones",
            Window::Rank,
        )
    },
    Operator {
        missing: "missing if the window has fewer complete pairs than it has rows, or than min, or one side is constant",
        parameters: PAIRED,
        steps: Steps::Doubling(18),
        ..rolling(
            "ts_corr",
            "ts_corr(x, y, n, min=n)",
            "Pearson correlation of the last n rows, within −1 to 1",
            Window::Corr,
        )
    },
];

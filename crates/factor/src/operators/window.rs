//! Windows over the last rows of one name.

use super::ParameterKind::{Minimum, Number, Share, Window as Rows};
use super::parameter::{PAIRED, ROLLING, parameter};
use super::{Family, Kernel, Operator, Parameter, Reach, Steps, unary};
use crate::scalar::Unary;

/// What is made of a window's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Window {
    Sum,
    Mean,
    Var,
    Std,
    Zscore,
    Skew,
    Kurt,
    Cov,
    Corr,
    Slope,
    Rsquare,
    Resi,
    Min,
    Max,
    Argmin,
    Argmax,
    Product,
    Decay,
    Count,
    Rank,
    Median,
    Quantile,
}

const PANDAS: &str = "pandas rolling, over calendar rows";
const QLIB: &str = "least squares on the row numbers 0..n−1, as Qlib's Slope, Rsquare and Resi";
const ALPHAS: &str = "101 Formulaic Alphas (Kakushadze 2016)";
const JOANES: &str = "Joanes and Gill (1998)";
const HYNDMAN: &str = "type 7 of Hyndman and Fan (1996): h = (count − 1) · q";

const NOT_FULL: &str = "missing if the window has fewer valid values than it has rows, or than min";
const ONE: &str =
    "missing if the window has fewer valid values than it has rows, or than min, or only one";
const NOW: &str =
    "missing if x is, or the window has fewer valid values than it has rows, or than min";

/// `q` stands behind the window, so `min` is the last constant here too.
const QUANTILE: &[Parameter] = &[
    parameter("x", Number),
    parameter("n", Rows),
    parameter("q", Share),
    parameter("min", Minimum),
];
const COUNTED: &[Parameter] = super::parameter::X_N;

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
        missing: ONE,
        steps: Steps::Doubling(6),
        ..rolling(
            "ts_std",
            "ts_std(x, n, min=n)",
            "Standard deviation of the last n rows, divisor count − 1",
            Window::Std,
        )
    },
    Operator {
        missing: ONE,
        steps: Steps::Doubling(6),
        ..rolling(
            "ts_var",
            "ts_var(x, n, min=n)",
            "Variance of the last n rows, divisor count − 1; exactly 0 if all are equal",
            Window::Var,
        )
    },
    Operator {
        missing: "missing if x is, or the window has fewer valid values than it has rows, or than min, or all are equal",
        source: ALPHAS,
        steps: Steps::Doubling(7),
        ..rolling(
            "ts_zscore",
            "ts_zscore(x, n, min=n)",
            "(x − mean of the last n rows) / their standard deviation, divisor count − 1",
            Window::Zscore,
        )
    },
    Operator {
        missing: "missing if the window has fewer valid values than it has rows, or than min, or than 3, or all are equal",
        source: JOANES,
        steps: Steps::Doubling(16),
        ..rolling(
            "ts_skew",
            "ts_skew(x, n, min=n)",
            "Skewness of the last n rows, bias-corrected (G1)",
            Window::Skew,
        )
    },
    Operator {
        missing: "missing if the window has fewer valid values than it has rows, or than min, or than 4, or all are equal",
        source: JOANES,
        steps: Steps::Doubling(34),
        ..rolling(
            "ts_kurt",
            "ts_kurt(x, n, min=n)",
            "Excess kurtosis of the last n rows, bias-corrected (G2)",
            Window::Kurt,
        )
    },
    Operator {
        missing: "missing if the window has fewer complete pairs than it has rows, or than min, or only one",
        parameters: PAIRED,
        steps: Steps::Doubling(10),
        ..rolling(
            "ts_cov",
            "ts_cov(x, y, n, min=n)",
            "Covariance of the last n rows, divisor count − 1",
            Window::Cov,
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
    rolling("ts_min", "ts_min(x, n, min=n)", "Smallest of the last n rows", Window::Min),
    rolling("ts_max", "ts_max(x, n, min=n)", "Largest of the last n rows", Window::Max),
    Operator {
        source: ALPHAS,
        steps: Steps::Doubling(4),
        ..rolling(
            "ts_argmin",
            "ts_argmin(x, n, min=n)",
            "Row of the smallest of the last n, the oldest row 1, the current one n; of equals the oldest",
            Window::Argmin,
        )
    },
    Operator {
        source: ALPHAS,
        steps: Steps::Doubling(4),
        ..rolling(
            "ts_argmax",
            "ts_argmax(x, n, min=n)",
            "Row of the largest of the last n, the oldest row 1, the current one n; of equals the oldest",
            Window::Argmax,
        )
    },
    Operator {
        missing: NOW,
        source: ALPHAS,
        steps: Steps::Linear(4),
        ..rolling(
            "ts_rank",
            "ts_rank(x, n, min=n)",
            "Average rank of x among the last n rows / number of valid ones",
            Window::Rank,
        )
    },
    Operator {
        source: HYNDMAN,
        steps: Steps::Linear(4),
        ..rolling(
            "ts_median",
            "ts_median(x, n, min=n)",
            "Median of the last n rows",
            Window::Median,
        )
    },
    Operator {
        source: HYNDMAN,
        parameters: QUANTILE,
        steps: Steps::Linear(4),
        ..rolling(
            "ts_quantile",
            "ts_quantile(x, n, q, min=n)",
            "Quantile q of the last n rows, on a line between the two sorted values next to it",
            Window::Quantile,
        )
    },
    Operator {
        source: ALPHAS,
        ..rolling(
            "ts_product",
            "ts_product(x, n, min=n)",
            "Product of the last n rows",
            Window::Product,
        )
    },
    Operator {
        missing: "never missing",
        parameters: COUNTED,
        ..rolling("ts_count", "ts_count(x, n)", "Valid values in the last n rows", Window::Count)
    },
    Operator {
        source: ALPHAS,
        steps: Steps::Doubling(8),
        ..rolling(
            "decay_linear",
            "decay_linear(x, n, min=n)",
            "Mean of the last n rows weighted 1 to n, the newest heaviest; by the weights used",
            Window::Decay,
        )
    },
    Operator {
        source: QLIB,
        steps: Steps::Doubling(13),
        ..rolling(
            "ts_slope",
            "ts_slope(x, n, min=n)",
            "Slope of the line of least squares through the last n rows; 0 if all are equal",
            Window::Slope,
        )
    },
    Operator {
        missing: "missing if the window has fewer valid values than it has rows, or than min, or all are equal",
        source: QLIB,
        steps: Steps::Doubling(18),
        ..rolling(
            "ts_rsquare",
            "ts_rsquare(x, n, min=n)",
            "Share of the last n rows' variance that the line of least squares explains",
            Window::Rsquare,
        )
    },
    Operator {
        missing: NOW,
        source: QLIB,
        steps: Steps::Doubling(13),
        ..rolling(
            "ts_resi",
            "ts_resi(x, n, min=n)",
            "x − the line of least squares through the last n rows, at the newest; 0 if all are equal",
            Window::Resi,
        )
    },
];

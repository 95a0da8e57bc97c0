//! Signals: crossings, held values, runs.

use super::ParameterKind::{Any, Constant, Number, Truth};
use super::parameter::{A_B, optional, parameter};
use super::{Family, Kernel, Operator, Outcome, Parameter, Reach, Scan, Steps, unary};
use crate::scalar::Unary;

const C: &[Parameter] = &[parameter("c", Truth)];

const fn signal(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    kernel: Kernel,
) -> Operator {
    Operator {
        source: "Stockade",
        family: Family::Signal,
        parameters: C,
        kernel,
        reach: Reach::Warm(|_| 0),
        steps: Steps::Flat(4),
        ..unary(name, signature, summary, Unary::Abs)
    }
}

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        parameters: A_B,
        result: Outcome::Truth,
        missing: "missing if an operand is or was in the row before, and in the first row",
        ..signal(
            "crosses_above",
            "crosses_above(a, b)",
            "1 if a is above b and was not in the row before",
            Kernel::Text("a > b and delay(a <= b, 1)"),
        )
    },
    Operator {
        parameters: A_B,
        result: Outcome::Truth,
        missing: "missing if an operand is or was in the row before, and in the first row",
        ..signal(
            "crosses_below",
            "crosses_below(a, b)",
            "1 if a is below b and was not in the row before",
            Kernel::Text("a < b and delay(a >= b, 1)"),
        )
    },
    Operator {
        missing: "missing where c or e is, where nothing is held, and while a missing a is held",
        source: "WorldQuant BRAIN, trade_when",
        parameters: &[parameter("c", Truth), parameter("a", Any), parameter("e", Truth)],
        ..signal(
            "trade_when",
            "trade_when(c, a, e)",
            "Takes a where c is 1 and holds it until e is 1; e comes before c",
            Kernel::Scan(Scan::TradeWhen),
        )
    },
    Operator {
        missing: "missing where x is; the value is held meanwhile",
        source: "WorldQuant BRAIN, hump",
        parameters: &[parameter("x", Number), optional("h", Constant, 0.01)],
        ..signal(
            "hump",
            "hump(x, h=0.01)",
            "x, held where it changes by no more than h · the day's sum of |x|, else moved by that much",
            Kernel::Scan(Scan::Hump),
        )
    },
    Operator {
        missing: "missing where c is, and before c was first 1",
        ..signal(
            "since",
            "since(c)",
            "Rows since c was last 1, 0 where it is; missing rows count",
            Kernel::Scan(Scan::Since),
        )
    },
    Operator {
        missing: "missing where c is; the count is held meanwhile",
        ..signal(
            "streak",
            "streak(c)",
            "How many values of c in a row are 1, this one included",
            Kernel::Scan(Scan::Streak),
        )
    },
    Operator {
        missing: "missing where x is, and at its first value",
        parameters: super::parameter::X,
        reach: Reach::Warm(|_| 1),
        steps: Steps::Flat(2),
        ..signal(
            "prior",
            "prior(x)",
            "The last value of x before this row, missing rows passed over",
            Kernel::Scan(Scan::Prior),
        )
    },
    Operator {
        missing: "missing where x is; the sum is held meanwhile",
        parameters: super::parameter::X,
        steps: Steps::Flat(2),
        ..signal(
            "cumulative",
            "cumulative(x)",
            "Sum of all values of x so far",
            Kernel::Scan(Scan::Cumulative),
        )
    },
];

//! The rows of the table.

use super::{COMPARISON, Form, Kernel, Operator, Outcome, Parameter, ParameterKind, Steps, Window};
use crate::scalar::{Binary, Unary};

const fn parameter(name: &'static str, kind: ParameterKind) -> Parameter {
    Parameter { name, kind }
}

use ParameterKind::{Any, Count, Factor, Lag, Minimum, Number, Truth};
const X: &[Parameter] = &[parameter("x", Number)];
const A_B: &[Parameter] = &[parameter("a", Number), parameter("b", Number)];
const X_P: &[Parameter] = &[parameter("x", Number), parameter("p", Number)];
const TRUTHS: &[Parameter] = &[parameter("a", Truth), parameter("b", Truth)];
const X_D: &[Parameter] = &[parameter("x", Number), parameter("d", Lag)];
const ROLLING: &[Parameter] =
    &[parameter("x", Number), parameter("n", ParameterKind::Window), parameter("min", Minimum)];
const PAIRED: &[Parameter] = &[
    parameter("x", Number),
    parameter("y", Number),
    parameter("n", ParameterKind::Window),
    parameter("min", Minimum),
];

const STATED: &str = "IEEE 754; a non-finite result is missing";
const PANDAS: &str = "pandas rolling, over calendar rows";
const EITHER: &str = "missing if an operand is";
const NOT_FULL: &str = "missing if the window has fewer valid values than it has rows, or than min";

const fn unary(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    op: Unary,
) -> Operator {
    Operator {
        name,
        signature,
        summary,
        missing: "missing where x is",
        source: STATED,
        parameters: X,
        result: Outcome::Number,
        form: Form::Call,
        kernel: Kernel::Unary(op),
        steps: Steps::Flat(1),
    }
}

const fn infix(name: &'static str, symbol: &'static str, binds: (u8, u8), op: Binary) -> Operator {
    Operator {
        name,
        signature: symbol,
        summary: "",
        missing: EITHER,
        source: STATED,
        parameters: A_B,
        result: Outcome::Number,
        form: Form::Infix { symbol, left: binds.0, right: binds.1 },
        kernel: Kernel::Binary(op),
        steps: Steps::Flat(1),
    }
}

const fn compare(name: &'static str, symbol: &'static str, op: Binary) -> Operator {
    let result = Outcome::Truth;
    Operator { result, ..infix(name, symbol, (COMPARISON, COMPARISON + 1), op) }
}

const fn rolling(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    window: Window,
) -> Operator {
    Operator {
        missing: NOT_FULL,
        source: PANDAS,
        parameters: ROLLING,
        kernel: Kernel::Window(window),
        steps: Steps::Doubling(2),
        ..unary(name, signature, summary, Unary::Abs)
    }
}

const fn across(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    kernel: Kernel,
) -> Operator {
    Operator {
        kernel,
        steps: Steps::Flat(4),
        source: "within one day, over the names with a value",
        ..unary(name, signature, summary, Unary::Abs)
    }
}

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        signature: "a or b",
        summary: "1 if a or b is 1",
        parameters: TRUTHS,
        result: Outcome::Truth,
        ..infix("or", "or", (1, 2), Binary::Or)
    },
    Operator {
        signature: "a and b",
        summary: "1 if a and b are 1",
        parameters: TRUTHS,
        result: Outcome::Truth,
        ..infix("and", "and", (3, 4), Binary::And)
    },
    Operator {
        result: Outcome::Truth,
        parameters: &[parameter("a", Truth)],
        missing: "missing where a is",
        form: Form::Prefix { symbol: "not ", right: 5 },
        ..unary("not", "not a", "1 if a is 0", Unary::Not)
    },
    Operator {
        signature: "a < b",
        summary: "1 if a is below b",
        ..compare("less", "<", Binary::Less)
    },
    Operator {
        signature: "a <= b",
        summary: "1 if a is not above b",
        ..compare("less_equal", "<=", Binary::LessEqual)
    },
    Operator {
        signature: "a > b",
        summary: "1 if a is above b",
        ..compare("greater", ">", Binary::Greater)
    },
    Operator {
        signature: "a >= b",
        summary: "1 if a is not below b",
        ..compare("greater_equal", ">=", Binary::GreaterEqual)
    },
    Operator {
        signature: "a == b",
        summary: "1 if a equals b",
        ..compare("equal", "==", Binary::Equal)
    },
    Operator {
        signature: "a != b",
        summary: "1 if a differs from b",
        ..compare("not_equal", "!=", Binary::NotEqual)
    },
    Operator { signature: "a + b", summary: "Sum", ..infix("add", "+", (9, 10), Binary::Add) },
    Operator {
        signature: "a - b",
        summary: "Difference",
        ..infix("subtract", "-", (9, 10), Binary::Subtract)
    },
    Operator {
        signature: "a * b",
        summary: "Product",
        ..infix("multiply", "*", (11, 12), Binary::Multiply)
    },
    Operator {
        signature: "a / b",
        summary: "Quotient",
        missing: "missing if an operand is, or b is 0",
        ..infix("divide", "/", (11, 12), Binary::Divide)
    },
    Operator {
        form: Form::Prefix { symbol: "-", right: 13 },
        ..unary("negate", "-x", "The number with the other sign", Unary::Negate)
    },
    Operator {
        signature: "x ^ p",
        summary: "x to the power p; binds tighter than a sign before x, and to the right",
        missing: "missing if an operand is, for a negative x and a fraction p, for 0 and a negative p",
        parameters: X_P,
        steps: Steps::Flat(30),
        ..infix("power", "^", (16, 15), Binary::Power)
    },
    Operator {
        missing: "missing if c or the chosen branch is; the other branch does not matter",
        parameters: &[parameter("c", Truth), parameter("a", Any), parameter("b", Any)],
        result: Outcome::Same,
        kernel: Kernel::Where,
        ..unary("where", "where(c, a, b)", "a where c is 1, b where it is 0", Unary::Abs)
    },
    Operator {
        result: Outcome::Truth,
        missing: "never missing",
        ..unary("is_nan", "is_nan(x)", "1 where x is missing, else 0", Unary::IsNan)
    },
    Operator {
        missing: "missing if both are",
        parameters: &[parameter("x", Any), parameter("c", Any)],
        result: Outcome::Same,
        kernel: Kernel::Fill,
        ..unary("fill", "fill(x, c)", "x, or c where x is missing", Unary::Abs)
    },
    unary("abs", "abs(x)", "Absolute value", Unary::Abs),
    unary("sign", "sign(x)", "−1, 0 or 1", Unary::Sign),
    Operator {
        missing: "missing where x is, or is not above 0",
        steps: Steps::Flat(10),
        ..unary("log", "log(x)", "Natural logarithm", Unary::Log)
    },
    Operator {
        missing: "missing where x is, or is below 0",
        ..unary("sqrt", "sqrt(x)", "Square root", Unary::Sqrt)
    },
    Operator {
        signature: "signed_power(x, p)",
        summary: "sign(x) · |x|^p",
        missing: "missing if an operand is, or for 0 and a negative p",
        parameters: X_P,
        form: Form::Call,
        steps: Steps::Flat(30),
        source: "Kakushadze, 101 Formulaic Alphas (2016)",
        ..infix("signed_power", "", (0, 0), Binary::SignedPower)
    },
    Operator {
        signature: "min(a, b)",
        summary: "The smaller one",
        form: Form::Call,
        ..infix("min", "", (0, 0), Binary::Min)
    },
    Operator {
        signature: "max(a, b)",
        summary: "The larger one",
        form: Form::Call,
        ..infix("max", "", (0, 0), Binary::Max)
    },
    Operator {
        parameters: &[parameter("x", Any), parameter("d", Lag)],
        result: Outcome::Same,
        missing: "missing if x was, or for the first d rows",
        kernel: Kernel::Delay,
        ..unary("delay", "delay(x, d)", "x as it was d rows earlier", Unary::Abs)
    },
    Operator {
        parameters: X_D,
        missing: "missing if x is or was, or for the first d rows",
        kernel: Kernel::Delta,
        ..unary("delta", "delta(x, d)", "x − delay(x, d)", Unary::Abs)
    },
    Operator {
        parameters: X_D,
        missing: "missing if x is or was, or was 0, or for the first d rows",
        kernel: Kernel::Returns,
        ..unary("returns", "returns(x, d)", "x / delay(x, d) − 1", Unary::Abs)
    },
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
    Operator {
        parameters: &[parameter("x", Number), parameter("n", ParameterKind::Window)],
        missing: "missing where x is; the state is held meanwhile",
        source: "pandas ewm(span=n, adjust=False), state held over missing values",
        kernel: Kernel::Ema,
        steps: Steps::Flat(3),
        ..unary(
            "ema",
            "ema(x, n)",
            "Exponential mean, weight 2/(n+1) on x, seeded with the first valid value",
            Unary::Abs,
        )
    },
    Operator {
        steps: Steps::Flat(20),
        ..across(
            "rank",
            "rank(x)",
            "Average rank among the day's names / their number, in (0, 1]",
            Kernel::Rank,
        )
    },
    Operator {
        missing: "missing where x is, or if the day has one name or all are equal",
        ..across(
            "cs_zscore",
            "cs_zscore(x)",
            "(x − the day's mean) / the day's standard deviation, divisor count − 1",
            Kernel::Zscore,
        )
    },
    across("cs_demean", "cs_demean(x)", "x − the day's mean", Kernel::Demean),
    Operator {
        parameters: &[parameter("x", Number), parameter("k", Factor)],
        missing: "missing where x is, or if the day's values are all 0",
        ..across("scale", "scale(x, k=1)", "k · x / the day's sum of |x|", Kernel::Scale)
    },
    Operator {
        parameters: &[parameter("x", Number), parameter("k", Count)],
        result: Outcome::Truth,
        steps: Steps::Flat(20),
        ..across(
            "top",
            "top(x, k)",
            "1 for the day's k largest (of equals the earlier column), 0 for the others",
            Kernel::Top,
        )
    },
];

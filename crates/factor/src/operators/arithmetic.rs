//! Arithmetic, comparison, choice, and earlier rows.

use super::ParameterKind::{Any, Lag, Truth};
use super::parameter::{A_B, TRUTHS, X_D, X_P, parameter};
use super::{COMPARISON, Family, Form, Kernel, Lagged, Operator, Outcome, Reach, Steps, unary};
use crate::scalar::{Binary, Unary};

const EITHER: &str = "missing if an operand is";

const fn infix(name: &'static str, symbol: &'static str, binds: (u8, u8), op: Binary) -> Operator {
    Operator {
        name,
        signature: symbol,
        summary: "",
        missing: EITHER,
        source: super::STATED,
        family: Family::Arithmetic,
        parameters: A_B,
        result: Outcome::Number,
        form: Form::Infix { symbol, left: binds.0, right: binds.1 },
        kernel: Kernel::Binary(op),
        reach: Reach::Now,
        steps: Steps::Flat(1),
    }
}

const fn compare(name: &'static str, symbol: &'static str, op: Binary) -> Operator {
    let result = Outcome::Truth;
    Operator { result, ..infix(name, symbol, (COMPARISON, COMPARISON + 1), op) }
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
        kernel: Kernel::Lagged(Lagged::Delay),
        reach: Reach::Lag,
        ..unary("delay", "delay(x, d)", "x as it was d rows earlier", Unary::Abs)
    },
    Operator {
        parameters: X_D,
        missing: "missing if x is or was, or for the first d rows",
        kernel: Kernel::Lagged(Lagged::Delta),
        reach: Reach::Since,
        ..unary("delta", "delta(x, d)", "x − delay(x, d)", Unary::Abs)
    },
    Operator {
        parameters: X_D,
        missing: "missing if x is or was, or was 0, or for the first d rows",
        kernel: Kernel::Lagged(Lagged::Returns),
        reach: Reach::Since,
        ..unary("returns", "returns(x, d)", "x / delay(x, d) − 1", Unary::Abs)
    },
];

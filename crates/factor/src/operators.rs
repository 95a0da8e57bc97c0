//! The one table of operators: parser, type check, evaluator, documentation and completion read it.

use crate::scalar::{Binary, Unary};
use std::{collections::BTreeMap, sync::LazyLock};

mod across;
mod arithmetic;
mod calendar;
mod candle;
mod channel;
mod group;
mod indicator;
mod parameter;
mod pattern;
mod signal;
mod window;

pub(crate) use across::Across;
pub(crate) use calendar::Calendar;
pub(crate) use indicator::{Direction, Line, Scan};
pub(crate) use window::Window;

/// One operator of the language.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// Its name in calls; every operator can be called.
    pub name: &'static str,
    /// How it is written.
    pub signature: &'static str,
    /// What it computes, one line.
    pub summary: &'static str,
    /// When its value is missing.
    pub missing: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// What it belongs to.
    pub family: Family,
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
    /// What it gives.
    pub result: Outcome,
    pub(crate) form: Form,
    pub(crate) kernel: Kernel,
    pub(crate) reach: Reach,
    pub(crate) steps: Steps,
}

/// What an operator belongs to; documentation is ordered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Arithmetic, comparison, choice, earlier rows.
    Arithmetic,
    /// Windows over the last rows of a name.
    Window,
    /// Across the names of one day.
    Across,
    /// Within groups of one day.
    Group,
    /// Indicators of technical analysis.
    Indicator,
    /// Candlestick patterns.
    Candle,
    /// Crossings, held values, runs.
    Signal,
    /// The calendar of the row.
    Calendar,
}

/// One parameter of an operator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name; the keyword, if it is given by keyword.
    pub name: &'static str,
    /// What it takes.
    pub kind: ParameterKind,
    /// What it is if left out; `min` is then the window.
    pub default: Option<f64>,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A number series, a truth series (as 1 and 0) or a constant.
    Number,
    /// A truth series, or the constant 1 or 0.
    Truth,
    /// A number or a truth series, or a constant.
    Any,
    /// A group label.
    Group,
    /// A whole number of rows, 0 or more.
    Lag,
    /// A whole number of rows, 1 or more, the current one included.
    Window,
    /// A whole number, 1 or more.
    Count,
    /// Keyword `min`: the fewest values a window may have, 1 to its length; else all of them.
    Minimum,
    /// A constant.
    Constant,
    /// A constant from 0 to 1.
    Share,
}

impl Parameter {
    /// Whether it may be left out; then it may be given by keyword too.
    #[must_use]
    pub const fn is_optional(&self) -> bool {
        self.default.is_some() || matches!(self.kind, ParameterKind::Minimum)
    }
}

impl ParameterKind {
    /// Whether it is a series or a label, evaluated row by row.
    #[must_use]
    pub const fn is_series(self) -> bool {
        matches!(self, Self::Number | Self::Truth | Self::Any | Self::Group)
    }
}

/// What an operator gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A number series.
    Number,
    /// A truth series.
    Truth,
    /// A truth series if all its [`ParameterKind::Any`] arguments are, else a number series.
    Same,
}

/// How an operator may be written beside its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Call,
    /// Between two operands; the higher number binds tighter on that side.
    Infix {
        symbol: &'static str,
        left: u8,
        right: u8,
    },
    /// Before an operand.
    Prefix {
        symbol: &'static str,
        right: u8,
    },
}

/// Which loop computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kernel {
    Unary(Unary),
    Binary(Binary),
    Where,
    Fill,
    Lagged(Lagged),
    Window(Window),
    Across(Across),
    Scan(Scan),
    Calendar(Calendar),
    /// None: it is written in the language, over the names of its parameters.
    Text(&'static str),
}

/// What is made of a value and an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lagged {
    Delay,
    Delta,
    Returns,
}

/// Which rows an operator reads. Rows count from its first constant; none lies ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reach {
    /// The current row.
    Now,
    /// One row so many back, and no later one.
    Lag,
    /// The current row and the one so many back.
    Since,
    /// So many rows, the current one included.
    Window,
    /// All of history; it declares so many rows before the current one to warm up.
    Warm(fn(&[f64]) -> usize),
}

/// Elementary steps for one cell; rows are the first constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steps {
    Flat(u64),
    /// So many for each doubling of the window; twice as many with `min=`.
    Doubling(u64),
    /// So many for each row of the window.
    Linear(u64),
}

const STATED: &str = "IEEE 754; a non-finite result is missing";

/// An operator on one number series, the ground of the other rows.
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
        family: Family::Arithmetic,
        parameters: parameter::X,
        result: Outcome::Number,
        form: Form::Call,
        kernel: Kernel::Unary(op),
        reach: Reach::Now,
        steps: Steps::Flat(1),
    }
}

/// All rows, and the place of each name.
struct Table {
    rows: Vec<Operator>,
    places: BTreeMap<&'static str, usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let families = [
        arithmetic::OPERATORS,
        window::OPERATORS,
        across::OPERATORS,
        group::OPERATORS,
        indicator::MEANS,
        indicator::OSCILLATORS,
        channel::RANGES,
        channel::CHANNELS,
        channel::FLOWS,
        candle::OPERATORS,
        pattern::PATTERNS,
        signal::OPERATORS,
        calendar::OPERATORS,
    ];
    let rows = families.concat();
    let places = rows.iter().enumerate().map(|(at, operator)| (operator.name, at)).collect();
    Table { rows, places }
});

impl Operator {
    /// The operator of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::place(name).and_then(|at| TABLE.rows.get(at))
    }

    /// The place in [`operators`] of the operator of that name.
    pub(crate) fn place(name: &str) -> Option<usize> {
        TABLE.places.get(name).copied()
    }

    pub(crate) fn infix(symbol: &str) -> Option<(&'static Self, u8, u8)> {
        TABLE.rows.iter().find_map(|operator| match operator.form {
            Form::Infix { symbol: own, left, right } if own == symbol => {
                Some((operator, left, right))
            }
            _ => None,
        })
    }

    /// The parameters that may be left out, and given by keyword.
    pub fn keywords(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(|parameter| parameter.is_optional())
    }

    /// The parameters that must be given.
    pub fn positional(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(|parameter| !parameter.is_optional())
    }

    /// What one cell takes, in elementary steps, for people.
    #[must_use]
    pub fn cost(&self) -> String {
        let steps = |each: u64| if each == 1 { "step" } else { "steps" };
        match self.steps {
            _ if self.definition().is_some() => "that of its definition".to_owned(),
            Steps::Flat(each) => format!("{each} {}", steps(each)),
            Steps::Doubling(each) => {
                let each = format!("{each} {}", steps(each));
                format!("{each} for each doubling of the window; with min, twice as many")
            }
            Steps::Linear(each) => format!("{each} {} for each row of the window", steps(each)),
        }
    }

    /// The text that defines it, if it is written in the language itself.
    #[must_use]
    pub const fn definition(&self) -> Option<&'static str> {
        match self.kernel {
            Kernel::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// All operators, in the order in which documentation shows them.
#[must_use]
pub fn operators() -> &'static [Operator] {
    &TABLE.rows
}

/// The binding of a comparison; comparisons do not chain.
pub(crate) const COMPARISON: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_whole_and_its_own() {
        assert_eq!(TABLE.places.len(), operators().len(), "a name comes twice");
        for operator in operators() {
            assert!(
                !operator.summary.is_empty() && !operator.signature.is_empty(),
                "{}",
                operator.name
            );
            let part = |parameter: &Parameter| match parameter.default {
                Some(default) => format!("{}={default}", parameter.name),
                None if parameter.is_optional() => format!("{}=n", parameter.name),
                None => parameter.name.to_owned(),
            };
            let parts: Vec<String> = operator.parameters.iter().map(part).collect();
            let expected = match operator.form {
                Form::Infix { symbol, .. } => parts.join(&format!(" {symbol} ")),
                Form::Prefix { symbol, .. } => format!("{symbol}{}", parts.concat()),
                Form::Call => format!("{}({})", operator.name, parts.join(", ")),
            };
            assert_eq!(operator.signature, expected);
        }
    }
}

//! The one table of operators: parser, type check, evaluator, documentation and completion read it.

use crate::scalar::{Binary, Unary};
use table::OPERATORS;

mod table;

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
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
    /// What it gives.
    pub result: Outcome,
    pub(crate) form: Form,
    pub(crate) kernel: Kernel,
    pub(crate) steps: Steps,
}

/// One parameter of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; the keyword, if it is a keyword argument.
    pub name: &'static str,
    /// What it takes.
    pub kind: ParameterKind,
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
    /// A whole number of rows, 0 or more.
    Lag,
    /// A whole number of rows, 1 or more, the current one included.
    Window,
    /// A whole number, 1 or more.
    Count,
    /// Optional keyword: the fewest values a window may have, 1 to its length; else all of them.
    Minimum,
    /// Optional keyword: a constant, 1 if left out.
    Factor,
}

impl ParameterKind {
    /// Whether it is given by keyword and may be left out.
    #[must_use]
    pub const fn is_keyword(self) -> bool {
        matches!(self, Self::Minimum | Self::Factor)
    }

    /// Whether it is a series, evaluated row by row.
    pub(crate) const fn is_series(self) -> bool {
        matches!(self, Self::Number | Self::Truth | Self::Any)
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
    Delay,
    Delta,
    Returns,
    Window(Window),
    Ema,
    Rank,
    Zscore,
    Demean,
    Scale,
    Top,
}

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

/// Elementary steps for one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steps {
    Flat(u64),
    /// So many for each doubling of the window; for each of its rows with `min=`.
    Doubling(u64),
    /// So many for each row of the window.
    Linear(u64),
}

impl Operator {
    /// The operator of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        OPERATORS.iter().find(|operator| operator.name == name)
    }

    pub(crate) fn infix(symbol: &str) -> Option<(&'static Self, u8, u8)> {
        OPERATORS.iter().find_map(|operator| match operator.form {
            Form::Infix { symbol: own, left, right } if own == symbol => {
                Some((operator, left, right))
            }
            _ => None,
        })
    }

    /// The keyword parameters.
    pub fn keywords(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(|parameter| parameter.kind.is_keyword())
    }

    /// The positional parameters.
    pub fn positional(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(|parameter| !parameter.kind.is_keyword())
    }
}

/// All operators, in the order in which documentation shows them.
#[must_use]
pub fn operators() -> &'static [Operator] {
    OPERATORS
}

/// The binding of a comparison; comparisons do not chain.
pub(crate) const COMPARISON: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_whole_and_its_own() {
        for (i, operator) in OPERATORS.iter().enumerate() {
            assert!(OPERATORS.iter().skip(i + 1).all(|other| other.name != operator.name));
            assert!(
                !operator.summary.is_empty() && !operator.signature.is_empty(),
                "{}",
                operator.name
            );
            let parts: Vec<&str> =
                operator.parameters.iter().map(|parameter| parameter.name).collect();
            let expected = match operator.form {
                Form::Infix { symbol, .. } => parts.join(&format!(" {symbol} ")),
                Form::Prefix { symbol, .. } => format!("{symbol}{}", parts.concat()),
                Form::Call => format!("{}({})", operator.name, parts.join(", ")),
            };
            let written = operator.signature.replace("min=n", "min").replace("k=1", "k");
            assert_eq!(written, expected);
        }
    }
}

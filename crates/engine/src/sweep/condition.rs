//! What the values of a set must satisfy.

use super::Error;
use crate::strategy::{is_parameter_name, plain_decimal};
use market::Money;
use std::{fmt, str::FromStr};

/// A comparison between parameters or numbers, such as `fast < slow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub(super) left: Operand,
    comparison: Comparison,
    pub(super) right: Operand,
}

/// One side of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Parameter(String),
    Number(Money),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Whether it holds for two values.
    pub(super) fn holds(&self, left: Money, right: Money) -> bool {
        match self.comparison {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }
}

impl FromStr for Condition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let signs = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let read = || {
            let (left, comparison, right) = signs.iter().find_map(|(sign, comparison)| {
                let (left, right) = text.split_once(sign)?;
                Some((left, *comparison, right))
            })?;
            Some(Self { left: operand(left)?, comparison, right: operand(right)? })
        };
        read().ok_or_else(|| Error::Condition { text: text.chars().take(80).collect() })
    }
}

fn operand(text: &str) -> Option<Operand> {
    let text = text.trim();
    if is_parameter_name(text) {
        return Some(Operand::Parameter(text.to_owned()));
    }
    Money::parse(text).ok().map(Operand::Number)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.comparison {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        };
        write!(f, "{} {sign} {}", self.left, self.right)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => f.write_str(name),
            Self::Number(number) => f.write_str(&plain_decimal(*number)),
        }
    }
}

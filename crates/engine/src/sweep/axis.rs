//! The values that one parameter takes.

use super::{AXIS_VALUES_MAX, Error};
use crate::strategy::{is_parameter_name, plain_decimal};
use market::Money;
use std::{fmt, str::FromStr};

/// A parameter and the values it takes, in their order. Reads `fast=5..50:5` (both ends included)
/// or `fast=5,10,20`, and displays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    name: String,
    span: Span,
    values: Vec<Money>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    List,
    Steps { from: Money, to: Money, step: Money },
}

impl Axis {
    /// The parameter.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its values, in units of 1e-8; at least one, none twice.
    #[must_use]
    pub fn values(&self) -> &[Money] {
        &self.values
    }
}

impl FromStr for Axis {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason| {
            let text = text.chars().take(80).collect();
            Err(Error::Axis { text, reason })
        };
        let Some((name, rest)) = text.split_once('=') else { return wrong("there is no `=`") };
        let (name, rest) = (name.trim().to_owned(), rest.trim());
        if !is_parameter_name(&name) {
            return wrong("a parameter's name stands before the `=`");
        }
        let number = |text: &str| Money::parse(text.trim()).ok();
        let Some((from, rest)) = rest.split_once("..") else {
            let Some(values) = rest.split(',').map(number).collect::<Option<Vec<_>>>() else {
                return wrong("its values are plain numbers");
            };
            return Self::list(name, values).unwrap_or_else(|| wrong("a value is there twice"));
        };
        let Some((to, step)) = rest.split_once(':') else {
            return wrong("a range has its step after a `:`");
        };
        let (Some(from), Some(to), Some(step)) = (number(from), number(to), number(step)) else {
            return wrong("the ends and the step of a range are plain numbers");
        };
        if step <= Money::ZERO {
            return wrong("the step is not above 0");
        }
        if to < from {
            return wrong("the range ends before it begins");
        }
        Self::steps(name, (from, to, step))
    }
}

impl Axis {
    /// `None` if a value is there twice.
    fn list(name: String, values: Vec<Money>) -> Option<Result<Self, Error>> {
        if values.len() > AXIS_VALUES_MAX {
            return Some(Err(Error::AxisValues { name }));
        }
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let single = sorted.windows(2).all(|pair| pair.first() != pair.last());
        single.then_some(Ok(Self { name, span: Span::List, values }))
    }

    fn steps(name: String, (from, to, step): (Money, Money, Money)) -> Result<Self, Error> {
        let more = to.0.checked_sub(from.0).and_then(|width| usize::try_from(width / step.0).ok());
        let Some(more) = more.filter(|more| *more < AXIS_VALUES_MAX) else {
            return Err(Error::AxisValues { name });
        };
        let values = (0_i128..).take(more + 1).map(|n| Money(from.0 + n * step.0)).collect();
        Ok(Self { name, span: Span::Steps { from, to, step }, values })
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |money: &Money| plain_decimal(*money);
        match &self.span {
            Span::Steps { from, to, step } => {
                write!(f, "{}={}..{}:{}", self.name, plain(from), plain(to), plain(step))
            }
            Span::List => {
                let values: Vec<String> = self.values.iter().map(plain).collect();
                write!(f, "{}={}", self.name, values.join(","))
            }
        }
    }
}

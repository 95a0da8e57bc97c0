//! What can be wrong with a sweep.

use super::{AXIS_VALUES_MAX, SETS_MAX};
use crate::Problem;

/// Everything that can be wrong with a sweep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An axis is not written as one.
    #[error("`{text}` is no axis: {reason}; write `fast=5..50:5` or `fast=5,10,20`")]
    Axis {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An axis has too many values.
    #[error("the axis of `{name}` has more than {AXIS_VALUES_MAX} values: take larger steps")]
    AxisValues {
        /// Its parameter.
        name: String,
    },
    /// Two axes are of one parameter.
    #[error("`{name}` has two axes: give each parameter one")]
    AxisTwice {
        /// The parameter.
        name: String,
    },
    /// There is no axis.
    #[error("a sweep needs an axis: add one, such as `fast=5..50:5`")]
    NoAxis,
    /// The strategy has no such parameter.
    #[error("the strategy has no parameter `{name}`: {known}")]
    Parameter {
        /// What was named.
        name: String,
        /// What there is, in words.
        known: String,
    },
    /// A condition is not written as one.
    #[error(
        "`{text}` is no condition: write `fast < slow`, with <, <=, > or >= \
         between parameters or numbers"
    )]
    Condition {
        /// What was written.
        text: String,
    },
    /// The axes together have too many sets.
    #[error(
        "the axes make {sets} sets, {limit} are allowed: take larger steps, or split the sweep"
    )]
    Sets {
        /// How many there are.
        sets: u128,
        /// How many may be.
        limit: u64,
    },
    /// No set is left.
    #[error("no set satisfies all conditions: widen the axes, or drop a condition")]
    Empty,
    /// A shard is not written as one.
    #[error("`{text}` is no shard: write `2/5` for the second of five, 1 to 65536")]
    Shard {
        /// What was written.
        text: String,
    },
    /// A set was asked for that the grid does not have.
    #[error("there is no set {number}: the sweep has {sets}, numbered from 0")]
    Number {
        /// What was asked for.
        number: u64,
        /// How many there are.
        sets: u64,
    },
    /// The values of a set make no strategy.
    #[error("{set} makes no strategy: {}", first(.problems))]
    Strategy {
        /// The set's values, as a person would write them.
        set: String,
        /// What is wrong, with its place in the strategy's text.
        problems: Vec<Problem>,
    },
    /// A set could not be run.
    #[error("{set}: {source}")]
    Run {
        /// The set's values, as a person would write them.
        set: String,
        /// What is wrong.
        source: crate::Error,
    },
    /// Series are not in symbol order.
    #[error("the series of {symbol} comes after a later symbol's: sort the series by symbol")]
    Unsorted {
        /// The first symbol that is out of order.
        symbol: String,
    },
    /// Nothing could be run.
    #[error(transparent)]
    Engine(#[from] crate::Error),
}

const _: () = assert!(SETS_MAX == 1_000_000, "the manual names it");

fn first(problems: &[Problem]) -> String {
    problems.first().map_or_else(String::new, ToString::to_string)
}

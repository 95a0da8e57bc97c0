//! Knows: how a factor relates to later returns: information, quantiles, turnover, capacity, luck.
//! Never knows: how the factor was computed, orders, files, users, the clock.

#![forbid(unsafe_code)]

mod capacity;
mod compare;
mod cross;
mod deflate;
mod figures;
#[cfg(test)]
mod fixture;
mod forward;
mod groups;
mod horizon;
mod notes;
mod overfit;
mod quantile;
mod settings;
mod statistics;
mod stop;
mod study;
mod survivorship;

pub use compare::{Correlations, correlations};
pub use figures::{
    Capacity, Coverage, Deflated, Exposure, Fate, GroupInformation, Horizon, Information,
    LabelCounts, Lag, Quantile, Sensitivity, Series, Spread, Study, Summary, Survivorship,
    YearMonths,
};
pub use forward::{End, Forward, forward};
pub use notes::{Note, notes};
pub use overfit::{Overfitting, overfitting};
pub use settings::{Participation, Settings, Trials};
pub use study::study;

/// Everything that can be wrong with a study.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The factor was computed over another panel.
    #[error("the factor has {found} cells, the panel {expected}: compute it over this panel")]
    Shape {
        /// Cells of the factor.
        found: usize,
        /// Cells of the panel.
        expected: usize,
    },
    /// The panel lacks a numeric field that the settings name.
    #[error("the panel has no field {name:?}: {purpose} needs one of [{known}]")]
    Field {
        /// The field's name.
        name: String,
        /// What it is for.
        purpose: &'static str,
        /// The fields there are.
        known: String,
    },
    /// The panel lacks the labels that the settings name.
    #[error("the panel has no labels {name:?}: there are [{known}]")]
    Group {
        /// The labels' name.
        name: String,
        /// The labels there are.
        known: String,
    },
    /// A count is out of range.
    #[error("{what} is {found}: {least} to {most} are allowed")]
    Range {
        /// What is counted.
        what: &'static str,
        /// The count.
        found: usize,
        /// The least allowed.
        least: usize,
        /// The most allowed.
        most: usize,
    },
    /// A number is out of range.
    #[error("{what} is {value}: it must be {rule}")]
    Number {
        /// What the number is.
        what: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A list of rows has an entry twice.
    #[error("{rows} rows stand twice in the {what}: leave one out")]
    Twice {
        /// The list.
        what: &'static str,
        /// The entry.
        rows: usize,
    },
    /// The entry comes before the factor is known.
    #[error(
        "a factor is known at the close, the open of the same row comes before: set a delay of 1 or more"
    )]
    Early,
    /// Two factors have the same name.
    #[error("two factors are named {name:?}: give each its own name")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Series to be compared differ in length.
    #[error("series {at} has {found} rows, the first has {expected}: cut them to the same dates")]
    Length {
        /// Which series, from 0.
        at: usize,
        /// Its rows.
        found: usize,
        /// Rows of the first.
        expected: usize,
    },
    /// An expression was read although none was tried.
    #[error("the number of trials is 0: at least 1 is needed")]
    Trials,
    /// The caller's flag went up.
    #[error("the study was cancelled")]
    Cancelled,
}

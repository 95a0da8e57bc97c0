//! Plans that cannot be meant.

use super::Capabilities;
use market::{Price, Quantity};

/// A plan that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to trade.
    #[error("a plan of 0 lots: give it a size")]
    Nothing,
    /// A stop that is no stop, or a target that is none.
    #[error("{what} cannot be a {kind} order")]
    Kind {
        /// Which child.
        what: &'static str,
        /// The kind it has.
        kind: &'static str,
    },
    /// Stop, entry and target of a bracket do not lie in this order towards profit.
    #[error("the {what} at {} lies on the wrong side of {}", .price.0, .other.0)]
    WrongSide {
        /// Which child.
        what: &'static str,
        /// Its price.
        price: Price,
        /// What it lies on the wrong side of.
        other: Price,
    },
    /// An entry that must not open anything.
    #[error("a reduce-only order cannot enter: leave the restriction out, or the children")]
    Entry,
    /// Too few or too many children.
    #[error("{found} orders: a group has {least} to {most}")]
    Children {
        /// How many came.
        found: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A slice would be smaller or larger than the venue takes, or off its step.
    #[error("{} lots in {slices} slices of {} to {} lots in steps of {step}: change one of them",
        .size.0, .min.0, .max.0)]
    Slices {
        /// What is to be traded.
        size: Quantity,
        /// In so many parts.
        slices: u32,
        /// The least of one.
        min: Quantity,
        /// The most of one.
        max: Quantity,
        /// Sizes are multiples of this.
        step: u64,
    },
    /// A duration that cannot be divided so often.
    #[error("{slices} slices do not fit: give 1 to {most}, and a duration of as many nanoseconds")]
    Duration {
        /// How many slices were asked.
        slices: u32,
        /// The most.
        most: u32,
    },
    /// Nothing outside the venue can do this for it.
    #[error("the venue lacks what nobody can do for it: {}", .lacks.names())]
    NotEmulated {
        /// What is lacking.
        lacks: Capabilities,
    },
}

//! The loops over columns.
//!
//! Columns are time-major and padded to [`market::Panel::LANES`], so a loop across names is a loop
//! over whole registers. A sum is taken in an order that the window or the row fixes, never the
//! machine: results have the same bits for any thread count, register width and length of history.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::inline_always,
    clippy::needless_bitwise_bool,
    clippy::needless_range_loop,
    reason = "numeric kernels: indices stem from the shapes that the evaluator checks, counts are far below 2^52, \
              and a lazy `&&` keeps a loop from being vectorised"
)]

mod across;
mod elementwise;
mod exponential;
mod partial;
mod rank;
mod wide;
mod window;

pub(crate) use across::{Across, across};
pub(crate) use elementwise::{Lagged, binary, fill, lagged, select, unary};
pub(crate) use exponential::exponential;
pub(crate) use window::{Span, rolling};

use std::sync::atomic::{AtomicBool, Ordering};

/// A column or one number for all of its cells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    Column(&'a [f64]),
    Scalar(f64),
}

impl<'a> Operand<'a> {
    /// The same operand for some cells only.
    pub(crate) fn part(self, cells: std::ops::Range<usize>) -> Operand<'a> {
        match self {
            Self::Column(column) => Operand::Column(&column[cells]),
            Self::Scalar(value) => Self::Scalar(value),
        }
    }
}

/// Whether the caller wants the run to end; loops ask at least every few milliseconds.
pub(crate) fn is_cancelled(cancel: &AtomicBool) -> bool {
    cancel.load(Ordering::Relaxed)
}

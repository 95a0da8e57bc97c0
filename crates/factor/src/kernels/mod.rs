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
mod calendar;
mod elementwise;
mod history;
mod lagged;
mod rank;
mod scan;
mod wide;
mod window;

pub(crate) use elementwise::{binary, bounded, fill, raise, select, unary};
pub(crate) use history::History;
pub(crate) use window::W as TILE;

use crate::operators::Kernel;
use market::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};

/// A column or one number for all of its cells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    Column(&'a [f64]),
    Scalar(f64),
}

/// Consecutive rows of a node's inputs, the same rows that its result has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// One slice for each series, `stride` cells a row; missing is NaN, none is infinite.
    pub(crate) inputs: &'a [&'a [f64]],
    /// The codes of the group label; empty if the operator takes none.
    pub(crate) labels: &'a [u32],
    /// The time of each row.
    pub(crate) times: &'a [Timestamp],
    /// Cells of a row: the names, padded to whole lanes. Padding holds anything.
    pub(crate) stride: usize,
    pub(crate) names: usize,
    /// Raised to stop the run; what is computed then is thrown away.
    pub(crate) cancel: &'a AtomicBool,
}

impl<'a> Rows<'a> {
    /// One of the inputs.
    pub(crate) fn input(&self, at: usize) -> &'a [f64] {
        self.inputs[at]
    }
}

/// A node that looks at other rows or names, with what it remembers of earlier rows.
pub(crate) trait Stage: Send {
    /// Computes whole rows of `out`; rows come in order, in chunks of any size.
    ///
    /// Where chunks are cut does not show in any result.
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]);
}

/// A fresh stage before the first row; `None` for what works cell by cell.
pub(crate) fn stage(kernel: Kernel, constants: &[f64], stride: usize) -> Option<Box<dyn Stage>> {
    match kernel {
        Kernel::Unary(_) | Kernel::Binary(_) | Kernel::Where | Kernel::Fill | Kernel::Text(_) => {
            None
        }
        Kernel::Lagged(kind) => Some(lagged::stage(kind, constants, stride)),
        Kernel::Window(kind) => Some(window::stage(kind, constants, stride)),
        Kernel::Across(kind) => Some(across::stage(kind, constants, stride)),
        Kernel::Scan(kind) => Some(scan::stage(kind, constants, stride)),
        Kernel::Calendar(kind) => Some(calendar::stage(kind, constants, stride)),
    }
}

/// Whether the caller wants the run to end; loops ask at least every few milliseconds.
pub(crate) fn is_cancelled(cancel: &AtomicBool) -> bool {
    cancel.load(Ordering::Relaxed)
}

/// A constant that counts rows or names.
#[expect(clippy::cast_sign_loss, reason = "the checker lets only whole numbers of at least 0 pass")]
pub(crate) fn count(constants: &[f64], at: usize) -> usize {
    constants.get(at).map_or(0, |count| *count as usize)
}

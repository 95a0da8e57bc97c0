//! State machines that walk down history, one for each name.

mod exponential;

use super::Stage;
use crate::operators::Scan;

/// A fresh state for every name.
pub(super) fn stage(kind: Scan, constants: &[f64], stride: usize) -> Box<dyn Stage> {
    match kind {
        Scan::Ema => Box::new(exponential::Mean::new(constants, stride)),
    }
}

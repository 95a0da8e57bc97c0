//! The exponential mean: a recursion over all of history.

use crate::kernels::wide::wide;
use crate::kernels::{Rows, Stage};

/// The mean of each name so far.
pub(super) struct Mean {
    state: Vec<f64>,
    weight: f64,
}

impl Mean {
    pub(super) fn new(constants: &[f64], stride: usize) -> Self {
        let n = constants.first().copied().unwrap_or(1.0);
        Self { state: vec![f64::NAN; stride], weight: 2.0 / (n + 1.0) }
    }
}

impl Stage for Mean {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let days = out.chunks_exact_mut(rows.stride).zip(rows.input(0).chunks_exact(rows.stride));
        for (out, x) in days {
            step(out, x, &mut self.state, self.weight);
        }
    }
}

wide! {
    /// e = a·x + (1 − a)·e, seeded with the first valid value; a missing one holds the state.
    fn step(out: &mut [f64], x: &[f64], state: &mut [f64], weight: f64) {
        let rest = 1.0 - weight;
        for ((out, x), e) in out.iter_mut().zip(x).zip(state) {
            let next = weight * *x + rest * *e;
            let seeded = if e.is_nan() { *x } else { next };
            *out = if x.is_nan() { f64::NAN } else { seeded };
            *e = if x.is_nan() { *e } else { seeded };
        }
    }
}

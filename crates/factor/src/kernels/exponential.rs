//! The exponential mean: a recursion over all of history.

use super::is_cancelled;
use super::wide::wide;
use std::sync::atomic::AtomicBool;

/// Rows between two looks at the caller's flag.
const ROWS: usize = 256;

/// Some neighbouring names of a column: one slice of cells for each row, `first` the first name.
pub(crate) fn exponential(
    rows: &mut [&mut [f64]],
    x: &[f64],
    at: (usize, usize),
    n: usize,
    cancel: &AtomicBool,
) {
    let width = rows.first().map_or(0, |row| row.len());
    let mut state = vec![f64::NAN; width];
    let weight = 2.0 / (n as f64 + 1.0);
    let (first, stride) = at;
    for (i, block) in rows.chunks_mut(ROWS).enumerate() {
        if is_cancelled(cancel) {
            return;
        }
        for (t, out) in block.iter_mut().enumerate() {
            let from = (i * ROWS + t) * stride + first;
            step(out, &x[from..from + width], &mut state, weight);
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

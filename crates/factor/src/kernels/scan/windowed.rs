//! Windows that only indicators need: mean deviation, and how long ago an extreme was.

use crate::kernels::wide::wide;
use crate::kernels::{History, Rows, Stage, is_cancelled};
use crate::operators::Scan;
use market::Panel;

/// The last rows of an input, the current one included.
pub(super) struct Windowed {
    kind: Scan,
    rows: usize,
    history: History,
}

impl Windowed {
    pub(super) fn new(kind: Scan, n: usize, stride: usize) -> Self {
        let rows = if kind == Scan::AvgDev { n } else { n + 1 };
        Self { kind, rows, history: History::new(rows - 1, stride) }
    }
}

impl Stage for Windowed {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let stride = rows.stride;
        let (x, first) = self.history.push(rows.input(0));
        for (t, out) in out.chunks_exact_mut(stride).enumerate() {
            if is_cancelled(rows.cancel) {
                return;
            }
            let end = first + (t + 1) * stride;
            let Some(from) = end.checked_sub(self.rows * stride) else {
                out.fill(f64::NAN);
                continue;
            };
            match self.kind {
                Scan::AvgDev => deviation(out, &x[from..end], stride),
                Scan::AroonUp => newest_extreme(out, &x[from..end], stride, 1.0),
                _ => newest_extreme(out, &x[from..end], stride, -1.0),
            }
        }
    }
}

const LANES: usize = Panel::LANES;

wide! {
    /// Mean of |x − mean|, the oldest row first; exactly 0 where all are equal.
    fn deviation(out: &mut [f64], x: &[f64], stride: usize) {
        let n = (x.len() / stride) as f64;
        for (block, out) in out.chunks_exact_mut(LANES).enumerate() {
            let cells = |row: &[f64]| -> [f64; LANES] {
                std::array::from_fn(|k| row[block * LANES + k])
            };
            let (mut sum, mut apart, first) = ([0.0; LANES], [0.0; LANES], cells(x));
            for row in x.chunks_exact(stride) {
                let row = cells(row);
                for k in 0..LANES {
                    sum[k] += row[k];
                    apart[k] += (row[k] - first[k]).abs();
                }
            }
            let mut off = [0.0; LANES];
            for row in x.chunks_exact(stride) {
                let row = cells(row);
                for k in 0..LANES {
                    off[k] += (row[k] - sum[k] / n).abs();
                }
            }
            for k in 0..LANES {
                let mean = off[k] / n;
                let mean = if mean.is_infinite() { f64::NAN } else { mean };
                out[k] = if apart[k] == 0.0 { 0.0 } else { mean };
            }
        }
    }
}

wide! {
    /// 100 · the place of the newest largest value / the last place; `sign` −1 for the smallest.
    fn newest_extreme(out: &mut [f64], x: &[f64], stride: usize, sign: f64) {
        let last = (x.len() / stride - 1) as f64;
        for (block, out) in out.chunks_exact_mut(LANES).enumerate() {
            let (mut best, mut place) = ([f64::NEG_INFINITY; LANES], [0.0; LANES]);
            let (mut missing, mut at) = ([0.0; LANES], 0.0);
            for row in x.chunks_exact(stride) {
                for k in 0..LANES {
                    let value = sign * row[block * LANES + k];
                    let better = value >= best[k];
                    best[k] = if better { value } else { best[k] };
                    place[k] = if better { at } else { place[k] };
                    missing[k] += value * 0.0;
                }
                at += 1.0;
            }
            for k in 0..LANES {
                out[k] = if missing[k].is_nan() { f64::NAN } else { 100.0 * (place[k] / last) };
            }
        }
    }
}

//! Across the names of one day: means, deviations, shares, ranks, the largest.

use super::is_cancelled;
use super::rank::Ranking;
use super::wide::wide;
use crate::scalar::finite;
use std::sync::atomic::AtomicBool;

/// What is made of a day's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Across {
    Rank,
    Zscore,
    Demean,
    Scale(f64),
    Top(usize),
}

/// Rows between two looks at the caller's flag.
const ROWS: usize = 16;
const L: usize = 8;
type Lanes = [f64; L];

/// Computes whole rows of `out` from the same rows of `x`; cells after the names stay as they are.
pub(crate) fn across(
    op: Across,
    out: &mut [f64],
    x: &[f64],
    at: (usize, usize),
    cancel: &AtomicBool,
) {
    let (stride, names) = at;
    let mut ranking = Ranking::default();
    let blocks = out.chunks_mut(ROWS * stride).zip(x.chunks(ROWS * stride));
    for (out, x) in blocks {
        if is_cancelled(cancel) {
            return;
        }
        for (out, x) in out.chunks_exact_mut(stride).zip(x.chunks_exact(stride)) {
            let (out, x) = (&mut out[..names], &x[..names]);
            match op {
                Across::Rank => ranking.rank(out, x),
                Across::Top(k) => ranking.top(out, x, k),
                Across::Zscore => zscore(out, x),
                Across::Demean => demean(out, x),
                Across::Scale(k) => scale(out, x, k),
            }
        }
    }
}

wide! {
    fn zscore(out: &mut [f64], x: &[f64]) {
        let (count, mean) = mean(x);
        let squares = total(x, |x| (x - mean) * (x - mean));
        let std = (squares / (count - 1.0)).sqrt();
        let std = if std > 0.0 && std < f64::INFINITY { std } else { f64::NAN };
        for (out, x) in out.iter_mut().zip(x) {
            *out = finite((*x - mean) / std);
        }
    }
}

wide! {
    fn demean(out: &mut [f64], x: &[f64]) {
        let (_, mean) = mean(x);
        for (out, x) in out.iter_mut().zip(x) {
            *out = finite(*x - mean);
        }
    }
}

wide! {
    fn scale(out: &mut [f64], x: &[f64], k: f64) {
        let whole = total(x, f64::abs);
        let whole = if whole > 0.0 && whole < f64::INFINITY { whole } else { f64::NAN };
        for (out, x) in out.iter_mut().zip(x) {
            *out = finite(k * *x / whole);
        }
    }
}

/// The number of values and their mean, taken about the first value: equal values give exactly it.
#[inline(always)]
fn mean(x: &[f64]) -> (f64, f64) {
    let origin = x.iter().copied().find(|x| !x.is_nan()).unwrap_or(f64::NAN);
    let count = total(x, |_| 1.0);
    (count, origin + total(x, |x| x - origin) / count)
}

/// The sum of `f` over the values, in eight lanes that are added pairwise at the end.
#[inline(always)]
fn total(x: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes: Lanes = [0.0; L];
    let (whole, rest) = x.as_chunks::<L>();
    for x in whole {
        for j in 0..L {
            lanes[j] += if x[j].is_nan() { 0.0 } else { f(x[j]) };
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += if x.is_nan() { 0.0 } else { f(*x) };
    }
    let mut width = L / 2;
    while width > 0 {
        for j in 0..width {
            lanes[j] += lanes[j + width];
        }
        width /= 2;
    }
    lanes[0]
}

//! Across the names of one day: means, deviations, shares, ranks, the largest.

use super::rank::Ranking;
use super::wide::wide;
use super::{Rows, Stage, count, is_cancelled};
use crate::operators::Across;
use crate::scalar::finite;

/// One day after the other; what it keeps is room to work in.
struct Day {
    kind: Across,
    constant: f64,
    ranking: Ranking,
}

/// `constants` are the operator's `k`, if it has one.
pub(super) fn stage(kind: Across, constants: &[f64], _stride: usize) -> Box<dyn Stage> {
    let constant = constants.first().copied().unwrap_or(0.0);
    Box::new(Day { kind, constant, ranking: Ranking::default() })
}

impl Stage for Day {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let (stride, names) = (rows.stride, rows.names);
        let days = out.chunks_exact_mut(stride).zip(rows.input(0).chunks_exact(stride));
        for (i, (out, x)) in days.enumerate() {
            if i % ROWS == 0 && is_cancelled(rows.cancel) {
                return;
            }
            let (out, x) = (&mut out[..names], &x[..names]);
            match self.kind {
                Across::Rank => self.ranking.rank(out, x),
                Across::Top => self.ranking.top(out, x, count(&[self.constant], 0)),
                Across::Zscore => zscore(out, x),
                Across::Demean => demean(out, x),
                Across::Scale => scale(out, x, self.constant),
            }
        }
    }
}

/// Rows between two looks at the caller's flag.
const ROWS: usize = 16;
const L: usize = 8;
type Lanes = [f64; L];

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

//! Across the names of one day: means, deviations, shares, a line through two series.

mod extreme;
mod group;

use super::rank::Ranking;
use super::wide::wide;
use super::{Rows, Stage, count, is_cancelled};
use crate::operators::Across;
use crate::scalar::finite;
use extreme::{Extremes, Side};
use group::Groups;

/// One day after the other; what it keeps is room to work in.
struct Day {
    kind: Across,
    constant: f64,
    ranking: Ranking,
    extremes: Extremes,
    groups: Groups,
}

/// `constants` are the operator's `k`, if it has one.
pub(super) fn stage(kind: Across, constants: &[f64], _stride: usize) -> Box<dyn Stage> {
    let constant = constants.first().copied().unwrap_or(0.0);
    Box::new(Day {
        kind,
        constant,
        ranking: Ranking::default(),
        extremes: Extremes::default(),
        groups: Groups::default(),
    })
}

impl Stage for Day {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let (stride, names) = (rows.stride, rows.names);
        for (i, out) in out.chunks_exact_mut(stride).enumerate() {
            if i % ROWS == 0 && is_cancelled(rows.cancel) {
                return;
            }
            let cells = i * stride..i * stride + names;
            let (out, x) = (&mut out[..names], &rows.input(0)[cells.clone()]);
            match self.kind {
                Across::Resid => resid(out, x, &rows.input(1)[cells]),
                _ if rows.labels.is_empty() => self.day(out, x),
                Across::GroupRank => {
                    self.groups.rank(out, x, &rows.labels[cells], &mut self.ranking);
                }
                kind => self.groups.day(kind, out, x, &rows.labels[cells]),
            }
        }
    }
}

/// Rows between two looks at the caller's flag.
const ROWS: usize = 16;

impl Day {
    fn day(&mut self, out: &mut [f64], x: &[f64]) {
        let k = count(&[self.constant], 0);
        match self.kind {
            Across::Rank => self.ranking.rank(out, x),
            Across::Buckets => {
                self.ranking.rank(out, x);
                buckets(out, self.constant);
            }
            Across::Top => self.extremes.mark(out, x, k, Side::Largest),
            Across::Bottom => self.extremes.mark(out, x, k, Side::Smallest),
            Across::Median => out.fill(self.extremes.median(x)),
            Across::Zscore => zscore(out, x),
            Across::Demean => demean(out, x),
            Across::Scale => scale(out, x, self.constant),
            Across::Winsorize => winsorize(out, x, self.constant),
            Across::Mean => average(out, x),
            Across::Std => std(out, x),
            Across::Sum => sum(out, x),
            Across::Count => number(out, x),
            _ => {}
        }
    }
}

wide! {
    fn zscore(out: &mut [f64], x: &[f64]) {
        let (_, mean, std) = moments(x);
        let std = positive(std);
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
        let whole = positive(total(x, f64::abs));
        for (out, x) in out.iter_mut().zip(x) {
            *out = finite(k * *x / whole);
        }
    }
}

wide! {
    fn winsorize(out: &mut [f64], x: &[f64], k: f64) {
        let (_, mean, std) = moments(x);
        let reach = if k >= 0.0 { finite(k * finite(std)) } else { f64::NAN };
        let (low, high) = (mean - reach, mean + reach);
        let known = !(low.is_nan() | high.is_nan());
        for (out, x) in out.iter_mut().zip(x) {
            let clamped = if *x < low { low } else if *x > high { high } else { *x };
            *out = if known { finite(clamped) } else { f64::NAN };
        }
    }
}

wide! {
    fn average(out: &mut [f64], x: &[f64]) {
        let (_, mean) = mean(x);
        out.fill(finite(mean));
    }
}

wide! {
    fn std(out: &mut [f64], x: &[f64]) {
        let (_, _, std) = moments(x);
        out.fill(finite(std));
    }
}

wide! {
    fn sum(out: &mut [f64], x: &[f64]) {
        let count = total(x, |_| 1.0);
        let sum = total(x, |x| x);
        out.fill(if count > 0.0 { finite(sum) } else { f64::NAN });
    }
}

wide! {
    fn number(out: &mut [f64], x: &[f64]) {
        out.fill(total(x, |_| 1.0));
    }
}

wide! {
    /// Ranks in (0, 1] become buckets. Twice a rank is a whole number, and so found exactly.
    fn buckets(ranks: &mut [f64], k: f64) {
        let count = total(ranks, |_| 1.0);
        for rank in ranks {
            let twice = (*rank * (2.0 * count) + 0.5).floor();
            *rank = (twice * k / (2.0 * (count + 1.0))).floor() + 1.0;
        }
    }
}

wide! {
    fn resid(out: &mut [f64], y: &[f64], x: &[f64]) {
        let first = x.iter().zip(y).find(|(x, y)| !(x.is_nan() | y.is_nan()));
        let (origin_x, origin_y) = first.map_or((f64::NAN, f64::NAN), |(x, y)| (*x, *y));
        let count = both(x, y, |_, _| 1.0);
        let mean_x = origin_x + both(x, y, |x, _| x - origin_x) / count;
        let mean_y = origin_y + both(x, y, |_, y| y - origin_y) / count;
        let squares = positive(both(x, y, |x, _| (x - mean_x) * (x - mean_x)));
        let products = both(x, y, |x, y| (x - mean_x) * (y - mean_y));
        let slope = if count >= 3.0 { finite(products / squares) } else { f64::NAN };
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            *out = finite(*y - mean_y - slope * (*x - mean_x));
        }
    }
}

/// A divisor: itself if it is above 0 and finite.
#[inline(always)]
pub(super) fn positive(x: f64) -> f64 {
    if x > 0.0 && x < f64::INFINITY { x } else { f64::NAN }
}

/// The number of values, their mean and their standard deviation.
#[inline(always)]
fn moments(x: &[f64]) -> (f64, f64, f64) {
    let (count, mean) = mean(x);
    let squares = total(x, |x| (x - mean) * (x - mean));
    let std = if count > 1.0 { (squares / (count - 1.0)).sqrt() } else { f64::NAN };
    (count, mean, std)
}

/// The number of values and their mean, taken about the first value: equal values give exactly it.
#[inline(always)]
fn mean(x: &[f64]) -> (f64, f64) {
    let origin = x.iter().copied().find(|x| !x.is_nan()).unwrap_or(f64::NAN);
    let count = total(x, |_| 1.0);
    (count, origin + total(x, |x| x - origin) / count)
}

/// The sum of `f` over the values.
#[inline(always)]
fn total(x: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    both(x, x, |x, _| f(x))
}

const L: usize = 8;

/// The sum of `f` where both have a value, in eight lanes that are added pairwise at the end.
#[inline(always)]
fn both(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; L];
    let ((whole_x, rest_x), (whole_y, rest_y)) = (x.as_chunks::<L>(), y.as_chunks::<L>());
    for (x, y) in whole_x.iter().zip(whole_y) {
        for j in 0..L {
            lanes[j] += if x[j].is_nan() | y[j].is_nan() { 0.0 } else { f(x[j], y[j]) };
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(rest_x).zip(rest_y) {
        *lane += if x.is_nan() | y.is_nan() { 0.0 } else { f(*x, *y) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::wide::{Width, narrowed};
    use market::Labels;
    use std::sync::atomic::AtomicBool;

    const KINDS: [Across; 20] = [
        Across::Rank,
        Across::Zscore,
        Across::Demean,
        Across::Scale,
        Across::Winsorize,
        Across::Resid,
        Across::Mean,
        Across::Std,
        Across::Sum,
        Across::Count,
        Across::Median,
        Across::Top,
        Across::Bottom,
        Across::Buckets,
        Across::GroupRank,
        Across::GroupZscore,
        Across::GroupDemean,
        Across::GroupMean,
        Across::GroupSum,
        Across::GroupCount,
    ];

    /// The bits of all rows, when so many are computed at a time.
    fn run(kind: Across, (names, stride): (usize, usize), chunk: usize) -> Vec<u64> {
        let rows = 40;
        let value = |i: usize| match (i / stride % 4, i * 7919 % 1009) {
            (_, v) if v % 17 == 3 => f64::NAN,
            (0, v) => (v as f64 / 30.0).exp(),
            (1, v) => (v % 5) as f64,
            (_, v) => v as f64 / 7.0 - 60.0,
        };
        let x: Vec<f64> = (0..rows * stride).map(value).collect();
        let y: Vec<f64> = (0..rows * stride).map(|i| value(i + 5)).collect();
        let group = |i: usize| if i % 13 == 5 { Labels::NONE } else { (i * 31 % 7) as u32 };
        let labels: Vec<u32> = if kind as u32 >= Across::GroupRank as u32 {
            (0..rows * stride).map(group).collect()
        } else {
            Vec::new()
        };
        let cancel = AtomicBool::new(false);
        let mut stage = stage(kind, &[3.0], stride);
        let mut out = vec![0.0; rows * stride];
        for (i, out) in out.chunks_mut(chunk * stride).enumerate() {
            let cells = i * chunk * stride..i * chunk * stride + out.len();
            let inputs: &[&[f64]] = &[&x[cells.clone()], &y[cells.clone()]];
            let labels = labels.get(cells).unwrap_or(&[]);
            let rows = Rows { inputs, labels, times: &[], stride, names, cancel: &cancel };
            stage.advance(&rows, out);
        }
        let cells = out.chunks(stride).flat_map(|row| &row[..names]);
        cells.map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect()
    }

    #[test]
    fn cuts_and_widths_leave_no_trace() {
        for shape in [(37, 40), (131, 136)] {
            for kind in KINDS {
                let whole = run(kind, shape, 40);
                assert!(whole.iter().any(|bits| *bits != whole[0]), "{kind:?} says something");
                for chunk in [1, 7, 16] {
                    assert!(run(kind, shape, chunk) == whole, "{kind:?} in chunks of {chunk}");
                }
                for width in [Width::Baseline, Width::Avx2] {
                    let narrow = narrowed(width, || run(kind, shape, 40));
                    assert!(narrow == whole, "{kind:?} at {width:?}");
                }
            }
        }
    }
}

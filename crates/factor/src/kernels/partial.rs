//! Windows that may have gaps (`min=k`), and the rank inside a window: row by row, exact.
//!
//! Sums are taken from the oldest row on, about the oldest valid value, so a constant window has a
//! variance of exactly 0 here too.

use super::is_cancelled;
use super::wide::wide;
use super::window::{Span, pearson};
use crate::operators::Window;
use crate::scalar::finite;

const L: usize = 8;
type Lanes = [f64; L];

/// Steps after which the caller's flag is looked at again.
const STEPS: usize = 1 << 18;

wide! {
    /// All kinds but the rank.
    pub(super) fn partial(kind: Window, span: &Span<'_>, out: &mut [f64]) {
        match kind {
            Window::Sum => each::<Sum>(span, out),
            Window::Mean => each::<Mean>(span, out),
            Window::Std => each::<Std>(span, out),
            Window::Min => each::<Smallest>(span, out),
            Window::Max => each::<Largest>(span, out),
            Window::Corr => each::<Corr>(span, out),
            Window::Rank => each::<RankOfLast>(span, out),
        }
    }
}

wide! {
    /// The average rank of the newest value among the valid ones, divided by their number.
    pub(super) fn rank(span: &Span<'_>, out: &mut [f64]) {
        each::<RankOfLast>(span, out);
    }
}

/// The rows of a window, oldest first, for `L` names side by side.
type Rows<'a> = (&'a [Lanes], &'a [Lanes]);

/// What is made of a window that may have gaps.
trait Gapped {
    /// Missing where fewer than `least` values are valid.
    fn of(rows: Rows<'_>, least: f64) -> Lanes;
}

/// Every window, cut where history begins.
#[inline(always)]
fn each<K: Gapped>(span: &Span<'_>, out: &mut [f64]) {
    let Span { stride, n, least, first, .. } = *span;
    let rows = out.len() / stride;
    let halo = (n - 1).min(first);
    let paired = !std::ptr::eq(span.x, span.y);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let mut steps = 0;
    for at in (0..stride).step_by(L) {
        gather(&mut x, span.x, (first - halo)..(first + rows), (stride, at));
        if paired {
            gather(&mut y, span.y, (first - halo)..(first + rows), (stride, at));
        }
        for (i, row) in out.chunks_exact_mut(stride).enumerate() {
            let window = (halo + i + 1).saturating_sub(n)..halo + i + 1;
            steps += window.len() * L;
            if steps > STEPS {
                steps = 0;
                if is_cancelled(span.cancel) {
                    return;
                }
            }
            let second = if paired { &y } else { &x };
            let value = K::of((&x[window.clone()], &second[window]), least as f64);
            row[at..at + L].copy_from_slice(&value);
        }
    }
}

#[inline(always)]
fn gather(
    into: &mut Vec<Lanes>,
    column: &[f64],
    rows: std::ops::Range<usize>,
    (stride, at): (usize, usize),
) {
    into.clear();
    into.extend(rows.map(|t| {
        *column[t * stride + at..].first_chunk::<L>().expect("rows are padded to whole lanes")
    }));
}

struct RankOfLast;

impl Gapped for RankOfLast {
    #[inline(always)]
    fn of(rows: Rows<'_>, least: f64) -> Lanes {
        let mut out = [f64::NAN; L];
        let rows = rows.0;
        let Some(now) = rows.last() else { return out };
        // Twice the values below plus once the equal ones: 2·rank − 1 of the average rank.
        let (mut twice, mut count) = ([0.0; L], [0.0; L]);
        for row in rows {
            for j in 0..L {
                let below = if row[j] < now[j] { 1.0 } else { 0.0 };
                let not_above = if row[j] <= now[j] { 1.0 } else { 0.0 };
                twice[j] += below + not_above;
                count[j] += if row[j].is_nan() { 0.0 } else { 1.0 };
            }
        }
        for j in 0..L {
            let value = (twice[j] + 1.0) * 0.5 / count[j];
            out[j] = if now[j].is_nan() | (count[j] < least) { f64::NAN } else { value };
        }
        out
    }
}

/// How many values are valid, and the oldest of them.
#[inline(always)]
fn seen(rows: Rows<'_>) -> (Lanes, Lanes, Lanes) {
    let (mut count, mut x0, mut y0) = ([0.0; L], [f64::NAN; L], [f64::NAN; L]);
    for (x, y) in rows.0.iter().zip(rows.1) {
        for j in 0..L {
            let valid = !(x[j].is_nan() | y[j].is_nan());
            count[j] += if valid { 1.0 } else { 0.0 };
            x0[j] = if valid & x0[j].is_nan() { x[j] } else { x0[j] };
            y0[j] = if valid & y0[j].is_nan() { y[j] } else { y0[j] };
        }
    }
    (count, x0, y0)
}

/// Missing where too few values are valid.
#[inline(always)]
fn enough(value: Lanes, count: Lanes, least: f64) -> Lanes {
    let mut out = value.map(finite);
    for j in 0..L {
        out[j] = if count[j] < least { f64::NAN } else { out[j] };
    }
    out
}

struct Sum;

impl Gapped for Sum {
    #[inline(always)]
    fn of(rows: Rows<'_>, least: f64) -> Lanes {
        let (count, ..) = seen(rows);
        let mut total = [0.0; L];
        for x in rows.0 {
            for j in 0..L {
                total[j] += if x[j].is_nan() { 0.0 } else { x[j] };
            }
        }
        enough(total, count, least)
    }
}

/// The number of valid pairs and their means.
#[inline(always)]
fn means(rows: Rows<'_>) -> (Lanes, Lanes, Lanes) {
    let (count, mut x0, mut y0) = seen(rows);
    let (mut dx, mut dy) = ([0.0; L], [0.0; L]);
    for (x, y) in rows.0.iter().zip(rows.1) {
        for j in 0..L {
            let valid = !(x[j].is_nan() | y[j].is_nan());
            dx[j] += if valid { x[j] - x0[j] } else { 0.0 };
            dy[j] += if valid { y[j] - y0[j] } else { 0.0 };
        }
    }
    for j in 0..L {
        x0[j] += dx[j] / count[j];
        y0[j] += dy[j] / count[j];
    }
    (count, x0, y0)
}

struct Mean;

impl Gapped for Mean {
    #[inline(always)]
    fn of(rows: Rows<'_>, least: f64) -> Lanes {
        let (count, mean, _) = means(rows);
        enough(mean, count, least)
    }
}

/// The number of valid pairs and the sums of squares and products about their means.
#[inline(always)]
fn moments(rows: Rows<'_>) -> (Lanes, Lanes, Lanes, Lanes) {
    let (count, mx, my) = means(rows);
    let (mut xx, mut yy, mut xy) = ([0.0; L], [0.0; L], [0.0; L]);
    for (x, y) in rows.0.iter().zip(rows.1) {
        for j in 0..L {
            let valid = !(x[j].is_nan() | y[j].is_nan());
            let dx = if valid { x[j] - mx[j] } else { 0.0 };
            let dy = if valid { y[j] - my[j] } else { 0.0 };
            xx[j] += dx * dx;
            yy[j] += dy * dy;
            xy[j] += dx * dy;
        }
    }
    (count, xx, yy, xy)
}

struct Std;

impl Gapped for Std {
    #[inline(always)]
    fn of(rows: Rows<'_>, least: f64) -> Lanes {
        let (count, squares, ..) = moments(rows);
        let mut out = [f64::NAN; L];
        for j in 0..L {
            out[j] = (squares[j] / (count[j] - 1.0)).sqrt();
        }
        enough(out, count, least.max(2.0))
    }
}

struct Corr;

impl Gapped for Corr {
    #[inline(always)]
    fn of(rows: Rows<'_>, least: f64) -> Lanes {
        let (count, xx, yy, xy) = moments(rows);
        let mut out = [f64::NAN; L];
        for j in 0..L {
            out[j] = pearson(xy[j], xx[j].sqrt() * yy[j].sqrt());
        }
        enough(out, count, least.max(2.0))
    }
}

#[inline(always)]
fn extreme(rows: Rows<'_>, least: f64, beats: impl Fn(f64, f64) -> bool) -> Lanes {
    let (count, mut best, _) = seen(rows);
    for x in rows.0 {
        for j in 0..L {
            best[j] = if beats(x[j], best[j]) { x[j] } else { best[j] };
        }
    }
    enough(best, count, least)
}

struct Smallest;

impl Gapped for Smallest {
    #[inline(always)]
    fn of(rows: Rows<'_>, least: f64) -> Lanes {
        extreme(rows, least, |a, b| a < b)
    }
}

struct Largest;

impl Gapped for Largest {
    #[inline(always)]
    fn of(rows: Rows<'_>, least: f64) -> Lanes {
        extreme(rows, least, |a, b| a > b)
    }
}

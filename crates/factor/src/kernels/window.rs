//! Windows over time, exact: a value depends on the rows of its window alone.
//!
//! A window of n rows is put together from blocks of 1, 2, 4, … rows, each made of two of half its
//! size: log2(n) merges for a cell instead of n, in an order that only the place inside the window
//! fixes. No running sum drifts, and the history before the window leaves no trace. Variance and
//! covariance are merged as (mean, sum of squares about it), after Chan, Golub and LeVeque (1979);
//! equal means add exactly 0, so a constant window has a variance of exactly 0.

use super::wide::wide;
use super::{is_cancelled, partial};
use crate::operators::Window;
use crate::scalar::finite;
use std::sync::atomic::AtomicBool;

/// Rows of a column to be computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) x: &'a [f64],
    /// The second column of `ts_corr`; else the first again.
    pub(crate) y: &'a [f64],
    pub(crate) stride: usize,
    /// The first row to compute.
    pub(crate) first: usize,
    /// Rows of a window.
    pub(crate) n: usize,
    /// Fewest valid values of a window.
    pub(crate) least: usize,
    pub(crate) cancel: &'a AtomicBool,
}

/// Computes the rows of `out`, which start at `span.first`.
pub(crate) fn rolling(kind: Window, span: &Span<'_>, out: &mut [f64]) {
    match kind {
        Window::Rank => partial::rank(span, out),
        _ if span.least < span.n => partial::partial(kind, span, out),
        Window::Sum => sum(span, out),
        Window::Mean => mean(span, out),
        Window::Std => std(span, out),
        Window::Min => min(span, out),
        Window::Max => max(span, out),
        Window::Corr => corr(span, out),
    }
}

wide! { fn sum(span: &Span<'_>, out: &mut [f64]) { tiles::<Sum<32>, Sum<8>, 32>(span, out); } }
wide! { fn mean(span: &Span<'_>, out: &mut [f64]) { tiles::<Mean<32>, Mean<8>, 32>(span, out); } }
wide! { fn std(span: &Span<'_>, out: &mut [f64]) { tiles::<Std<16>, Std<8>, 16>(span, out); } }
wide! { fn min(span: &Span<'_>, out: &mut [f64]) { tiles::<Min<32>, Min<8>, 32>(span, out); } }
wide! { fn max(span: &Span<'_>, out: &mut [f64]) { tiles::<Max<32>, Max<8>, 32>(span, out); } }
wide! { fn corr(span: &Span<'_>, out: &mut [f64]) { tiles::<Corr<8>, Corr<8>, 8>(span, out); } }

/// How much the older of two blocks weighs.
#[derive(Debug, Clone, Copy)]
struct Weights {
    /// older / (newer + older)
    share: f64,
    /// newer · older / (newer + older)
    cross: f64,
}

impl Weights {
    fn of(newer: usize, older: usize) -> Self {
        let (newer, older) = (newer as f64, older as f64);
        let share = older / (newer + older);
        Self { share, cross: newer * share }
    }
}

/// What is known of a block of rows, for `L` names side by side.
trait Block<const L: usize>: Copy {
    /// Two blocks that overlap merge as well as two that do not.
    const IDEMPOTENT: bool = false;
    fn load(x: &[f64; L], y: &[f64; L]) -> Self;
    fn merge(&mut self, older: &Self, weights: Weights);
    fn finish(&self, n: usize) -> [f64; L];
}

/// All names, `W` at a time and the rest 8 at a time.
#[inline(always)]
fn tiles<A: Block<W>, B: Block<8>, const W: usize>(span: &Span<'_>, out: &mut [f64]) {
    let mut at = 0;
    let mut buffers = (Vec::new(), Vec::new());
    while at + W <= span.stride && !is_cancelled(span.cancel) {
        tile::<A, W>(span, at, out, &mut buffers);
        at += W;
    }
    let mut buffers = (Vec::new(), Vec::new());
    while at + 8 <= span.stride && !is_cancelled(span.cancel) {
        tile::<B, 8>(span, at, out, &mut buffers);
        at += 8;
    }
}

#[inline(always)]
fn lanes<const L: usize>(column: &[f64], at: usize) -> &[f64; L] {
    column[at..].first_chunk::<L>().expect("rows are padded to whole lanes")
}

#[inline(always)]
fn tile<S: Block<L>, const L: usize>(
    span: &Span<'_>,
    at: usize,
    out: &mut [f64],
    (blocks, part): &mut (Vec<S>, Vec<S>),
) {
    let Span { stride, n, .. } = *span;
    let rows = out.len() / stride;
    let halo = (n - 1).min(span.first);
    let base = span.first - halo;
    blocks.clear();
    blocks.extend(
        (base..span.first + rows)
            .map(|t| S::load(lanes(span.x, t * stride + at), lanes(span.y, t * stride + at))),
    );
    // `blocks[t]` covers `size` rows up to t; `part[t]` the newest `covered` rows of the window.
    let (mut size, mut covered) = (1, 0);
    while size * 2 <= n {
        if !S::IDEMPOTENT && n & size != 0 {
            extend(part, blocks, covered, size);
            covered += size;
        }
        let weights = Weights::of(size, size);
        for t in (size..blocks.len()).rev() {
            let (older, newer) = blocks.split_at_mut(t);
            newer[0].merge(&older[t - size], weights);
        }
        size *= 2;
    }
    let back = n - size;
    let weights = Weights::of(back.max(1), size);
    for (i, row) in out.chunks_exact_mut(stride).enumerate() {
        let t = halo + i;
        let value = if base + t + 1 < n {
            [f64::NAN; L]
        } else if back == 0 {
            blocks[t].finish(n)
        } else {
            let mut whole = if S::IDEMPOTENT { blocks[t] } else { part[t] };
            whole.merge(&blocks[t - back], weights);
            whole.finish(n)
        };
        row[at..at + L].copy_from_slice(&value);
    }
}

/// Puts a block before the newest `covered` rows of every window.
#[inline(always)]
fn extend<S: Block<L>, const L: usize>(
    part: &mut Vec<S>,
    blocks: &[S],
    covered: usize,
    size: usize,
) {
    if covered == 0 {
        part.clear();
        part.extend_from_slice(blocks);
        return;
    }
    let weights = Weights::of(covered, size);
    for (part, older) in part.iter_mut().skip(covered).zip(blocks) {
        part.merge(older, weights);
    }
}

#[derive(Clone, Copy)]
struct Sum<const L: usize>([f64; L]);
#[derive(Clone, Copy)]
struct Mean<const L: usize>([f64; L]);
#[derive(Clone, Copy)]
struct Min<const L: usize>([f64; L]);
#[derive(Clone, Copy)]
struct Max<const L: usize>([f64; L]);
#[derive(Clone, Copy)]
struct Std<const L: usize> {
    mean: [f64; L],
    squares: [f64; L],
}
#[derive(Clone, Copy)]
struct Corr<const L: usize> {
    x: [f64; L],
    y: [f64; L],
    xx: [f64; L],
    yy: [f64; L],
    xy: [f64; L],
}

impl<const L: usize> Block<L> for Sum<L> {
    #[inline(always)]
    fn load(x: &[f64; L], _: &[f64; L]) -> Self {
        Self(*x)
    }
    #[inline(always)]
    fn merge(&mut self, older: &Self, _: Weights) {
        for j in 0..L {
            self.0[j] += older.0[j];
        }
    }
    #[inline(always)]
    fn finish(&self, _: usize) -> [f64; L] {
        self.0.map(finite)
    }
}

impl<const L: usize> Block<L> for Mean<L> {
    #[inline(always)]
    fn load(x: &[f64; L], _: &[f64; L]) -> Self {
        Self(*x)
    }
    #[inline(always)]
    fn merge(&mut self, older: &Self, weights: Weights) {
        for j in 0..L {
            self.0[j] += (older.0[j] - self.0[j]) * weights.share;
        }
    }
    #[inline(always)]
    fn finish(&self, _: usize) -> [f64; L] {
        self.0.map(finite)
    }
}

/// The other value if it is smaller; missing if either is.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if b < a || b.is_nan() { b } else { a }
}

impl<const L: usize> Block<L> for Min<L> {
    const IDEMPOTENT: bool = true;
    #[inline(always)]
    fn load(x: &[f64; L], _: &[f64; L]) -> Self {
        Self(*x)
    }
    #[inline(always)]
    fn merge(&mut self, older: &Self, _: Weights) {
        for j in 0..L {
            self.0[j] = smaller(self.0[j], older.0[j]);
        }
    }
    #[inline(always)]
    fn finish(&self, _: usize) -> [f64; L] {
        self.0
    }
}

impl<const L: usize> Block<L> for Max<L> {
    const IDEMPOTENT: bool = true;
    #[inline(always)]
    fn load(x: &[f64; L], _: &[f64; L]) -> Self {
        Self(*x)
    }
    #[inline(always)]
    fn merge(&mut self, older: &Self, _: Weights) {
        for j in 0..L {
            let (a, b) = (self.0[j], older.0[j]);
            self.0[j] = if b > a || b.is_nan() { b } else { a };
        }
    }
    #[inline(always)]
    fn finish(&self, _: usize) -> [f64; L] {
        self.0
    }
}

impl<const L: usize> Block<L> for Std<L> {
    #[inline(always)]
    fn load(x: &[f64; L], _: &[f64; L]) -> Self {
        // A missing value makes the sum of squares missing too, through the mean.
        Self { mean: *x, squares: [0.0; L] }
    }
    #[inline(always)]
    fn merge(&mut self, older: &Self, weights: Weights) {
        for j in 0..L {
            let d = older.mean[j] - self.mean[j];
            self.squares[j] += older.squares[j] + d * d * weights.cross;
            self.mean[j] += d * weights.share;
        }
    }
    #[inline(always)]
    fn finish(&self, n: usize) -> [f64; L] {
        let divisor = if n > 1 { (n - 1) as f64 } else { f64::NAN };
        self.squares.map(|squares| finite((squares / divisor).sqrt()))
    }
}

impl<const L: usize> Block<L> for Corr<L> {
    #[inline(always)]
    fn load(x: &[f64; L], y: &[f64; L]) -> Self {
        Self { x: *x, y: *y, xx: [0.0; L], yy: [0.0; L], xy: [0.0; L] }
    }
    #[inline(always)]
    fn merge(&mut self, older: &Self, weights: Weights) {
        for j in 0..L {
            let (dx, dy) = (older.x[j] - self.x[j], older.y[j] - self.y[j]);
            let crossed = dx * weights.cross;
            self.xx[j] += older.xx[j] + crossed * dx;
            self.xy[j] += older.xy[j] + crossed * dy;
            self.yy[j] += older.yy[j] + dy * weights.cross * dy;
            self.x[j] += dx * weights.share;
            self.y[j] += dy * weights.share;
        }
    }
    #[inline(always)]
    fn finish(&self, n: usize) -> [f64; L] {
        let mut out = [f64::NAN; L];
        for j in 0..L {
            out[j] = pearson(self.xx[j], self.yy[j], self.xy[j]);
        }
        if n > 1 { out } else { [f64::NAN; L] }
    }
}

/// Pearson's r from sums about the means, within −1 to 1; missing if a side is constant.
#[inline(always)]
pub(super) fn pearson(xx: f64, yy: f64, xy: f64) -> f64 {
    let r = xy / (xx.sqrt() * yy.sqrt());
    let clamped = r.clamp(-1.0, 1.0);
    let varies = xx > 0.0 && yy > 0.0 && xx < f64::INFINITY && yy < f64::INFINITY;
    if varies && xy.abs() < f64::INFINITY { clamped } else { f64::NAN }
}

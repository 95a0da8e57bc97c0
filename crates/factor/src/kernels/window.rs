//! Windows over time, exact: a value depends on the rows of its window alone.
//!
//! A window of n rows is put together from blocks of 1, 2, 4, … rows, each made of two of half its
//! size: log2(n) merges for a cell instead of n, in an order that only the place inside the window
//! fixes. No running sum drifts, and the history before the window leaves no trace. Variance and
//! covariance are merged as (mean, sum of squares about it), after Chan, Golub and `LeVeque` (1979);
//! equal means add exactly 0, so a constant window has a variance of exactly 0.

use super::wide::wide;
use super::{History, Rows, Stage, count, is_cancelled, partial};
use crate::operators::Window;
use crate::scalar::finite;
use std::sync::atomic::AtomicBool;

/// A window and the rows before the current ones that it reads.
struct Rolling {
    kind: Window,
    n: usize,
    least: usize,
    x: History,
    y: History,
}

/// `constants` are the rows of the window and the fewest valid values in it.
pub(super) fn stage(kind: Window, constants: &[f64], stride: usize) -> Box<dyn Stage> {
    let (n, least) = (count(constants, 0), count(constants, 1));
    let kept = n.saturating_sub(1);
    let (x, y) = (History::new(kept, stride), History::new(kept, stride));
    Box::new(Rolling { kind, n, least, x, y })
}

impl Stage for Rolling {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let stride = rows.stride;
        let (x, first) = self.x.push(rows.input(0));
        let y = rows.inputs.get(1).map_or(x, |y| self.y.push(y).0);
        let (first, n, least) = (first / stride, self.n, self.least);
        rolling(self.kind, &Span { x, y, stride, first, n, least, cancel: rows.cancel }, out);
    }
}

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

wide! { fn sum(span: &Span<'_>, out: &mut [f64]) { tiles::<Sum<16>, Sum<8>, 16>(span, out); } }
wide! { fn mean(span: &Span<'_>, out: &mut [f64]) { tiles::<Mean<16>, Mean<8>, 16>(span, out); } }
wide! { fn std(span: &Span<'_>, out: &mut [f64]) { tiles::<Std<16>, Std<8>, 16>(span, out); } }
wide! { fn min(span: &Span<'_>, out: &mut [f64]) { tiles::<Min<16>, Min<8>, 16>(span, out); } }
wide! { fn max(span: &Span<'_>, out: &mut [f64]) { tiles::<Max<16>, Max<8>, 16>(span, out); } }
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
    let levels = Level::of(span.n, A::IDEMPOTENT);
    let mut at = 0;
    let mut rings = Vec::new();
    while at + W <= span.stride && !is_cancelled(span.cancel) {
        tile::<A, W>(span, at, (&levels, &mut rings), out);
        at += W;
    }
    let mut rings = Vec::new();
    while at + 8 <= span.stride && !is_cancelled(span.cancel) {
        tile::<B, 8>(span, at, (&levels, &mut rings), out);
        at += 8;
    }
}

/// One size of blocks: `size` rows each, a power of two.
#[derive(Debug, Clone, Copy)]
struct Level {
    size: usize,
    /// Where its ring begins: the blocks that end at the last `size` rows.
    ring: usize,
    /// How a window takes a block of this size, if it does.
    part: Part,
    /// Of two blocks of this size that make one of twice the size.
    half: Weights,
}

/// A window's use of a block.
#[derive(Debug, Clone, Copy)]
enum Part {
    None,
    /// The window begins with the newest block.
    Newest,
    /// The block before the newest so many rows is put before them.
    Before(usize, Weights),
}

impl Level {
    /// The sizes that make up a window of n rows, from 1 to the largest power of two in it.
    fn of(n: usize, idempotent: bool) -> Vec<Self> {
        let (mut levels, mut size, mut covered) = (Vec::new(), 1, 0);
        while size <= n {
            let last = size * 2 > n;
            let part = if idempotent && last && n > size {
                Part::Before(n - size, Weights::of(1, 1))
            } else if (idempotent && !last) || n & size == 0 {
                Part::None
            } else if covered == 0 {
                Part::Newest
            } else {
                Part::Before(covered, Weights::of(covered, size))
            };
            covered += n & size;
            levels.push(Self { size, ring: size - 1, part, half: Weights::of(size, size) });
            size *= 2;
        }
        levels
    }
}

#[inline(always)]
fn lanes<const L: usize>(column: &[f64], at: usize) -> &[f64; L] {
    column[at..].first_chunk::<L>().expect("rows are padded to whole lanes")
}

/// Walks down the rows of `L` names; the newest block of each size stays in registers.
#[inline(always)]
fn tile<S: Block<L>, const L: usize>(
    span: &Span<'_>,
    at: usize,
    (levels, rings): (&[Level], &mut Vec<S>),
    out: &mut [f64],
) {
    let Span { stride, n, first, .. } = *span;
    let rows = out.len() / stride;
    let base = first - (n - 1).min(first);
    let Some((largest, smaller)) = levels.split_last() else { return };
    rings.clear();
    rings.resize(largest.size * 2, S::load(&[0.0; L], &[0.0; L]));
    for t in base..first + rows {
        let mut block = S::load(lanes(span.x, t * stride + at), lanes(span.y, t * stride + at));
        let mut whole = block;
        for level in smaller {
            let ring = &mut rings[level.ring..level.ring + level.size];
            take(&mut whole, &block, (ring, level), t);
            let older = std::mem::replace(&mut ring[t & (level.size - 1)], block);
            block.merge(&older, level.half);
        }
        let ring = &mut rings[largest.ring..largest.ring + largest.size];
        take(&mut whole, &block, (ring, largest), t);
        ring[t & (largest.size - 1)] = block;
        if t >= first {
            let value = if t + 1 < n { [f64::NAN; L] } else { whole.finish(n) };
            let from = (t - first) * stride + at;
            out[from..from + L].copy_from_slice(&value);
        }
    }
}

/// Puts a block into the window that ends at row `t`, where the window has one of this size.
#[inline(always)]
fn take<S: Block<L>, const L: usize>(
    whole: &mut S,
    block: &S,
    (ring, level): (&[S], &Level),
    t: usize,
) {
    match level.part {
        Part::None => {}
        Part::Newest => *whole = *block,
        Part::Before(covered, weights) => {
            if S::IDEMPOTENT {
                *whole = *block;
            }
            whole.merge(&ring[t.wrapping_sub(covered) & (level.size - 1)], weights);
        }
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

#[inline(always)]
fn pairs<const L: usize>(a: &[f64; L], b: &[f64; L], f: impl Fn(f64, f64) -> f64) -> [f64; L] {
    let mut out = [0.0; L];
    for j in 0..L {
        out[j] = f(a[j], b[j]);
    }
    out
}

#[inline(always)]
fn add(a: f64, b: f64) -> f64 {
    a + b
}

#[inline(always)]
fn multiply(a: f64, b: f64) -> f64 {
    a * b
}

/// The other value if it is smaller; missing if either is.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if (b < a) | b.is_nan() { b } else { a }
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
            self.0[j] = if (b > a) | b.is_nan() { b } else { a };
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
        // One loop for each line: the compiler keeps a whole array in one or two registers.
        let Weights { share, cross } = weights;
        let dx = pairs(&older.x, &self.x, |older, newer| older - newer);
        let dy = pairs(&older.y, &self.y, |older, newer| older - newer);
        let scaled = dx.map(|dx| dx * cross);
        self.xx = pairs(&pairs(&self.xx, &older.xx, add), &pairs(&scaled, &dx, multiply), add);
        self.xy = pairs(&pairs(&self.xy, &older.xy, add), &pairs(&scaled, &dy, multiply), add);
        let scaled = dy.map(|dy| dy * cross);
        self.yy = pairs(&pairs(&self.yy, &older.yy, add), &pairs(&scaled, &dy, multiply), add);
        self.x = pairs(&self.x, &dx, |x, dx| x + dx * share);
        self.y = pairs(&self.y, &dy, |y, dy| y + dy * share);
    }
    #[inline(always)]
    fn finish(&self, n: usize) -> [f64; L] {
        let scale = pairs(&self.xx, &self.yy, |xx, yy| xx.sqrt() * yy.sqrt());
        let out = pairs(&self.xy, &scale, pearson);
        if n > 1 { out } else { [f64::NAN; L] }
    }
}

/// Pearson's r, within −1 to 1, from the sum of products about the means and the root of the
/// product of the sums of squares; missing if a side is constant.
#[inline(always)]
pub(super) fn pearson(xy: f64, scale: f64) -> f64 {
    let r = xy / scale;
    let r = if r > 1.0 { 1.0 } else { r };
    let r = if r < -1.0 { -1.0 } else { r };
    if (scale > 0.0) & (scale < f64::INFINITY) { r } else { f64::NAN }
}

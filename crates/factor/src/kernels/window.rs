//! Windows over time, exact: a value depends on the rows of its window alone.
//!
//! Names go through in tiles of [`W`], row after row. A tile keeps what it needs of earlier rows, so
//! no chunk computes a row again. No running sum drifts: history before the window leaves no trace.

mod blocks;
mod extremes;
mod line;
mod moments;
mod rank;
mod sorted;
mod sums;
#[cfg(test)]
mod tests;

use super::wide::wide;
use super::{Rows, Stage, count, is_cancelled};
use crate::operators::Window;
use blocks::{Blocks, Merge};
use std::ops::{Deref, DerefMut};

/// Names that are computed side by side: enough for a loop over them to be vectorised as one.
pub(crate) const W: usize = 32;

/// One number for each name of a tile, in cache lines of its own.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Lanes([f64; W]);

impl Deref for Lanes {
    type Target = [f64; W];

    #[inline(always)]
    fn deref(&self) -> &[f64; W] {
        &self.0
    }
}

impl DerefMut for Lanes {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f64; W] {
        &mut self.0
    }
}

/// Steps on one cell after which the caller's flag is looked at again.
const STEPS: usize = 1 << 17;

/// What is made of a window.
trait Kind: Send {
    /// What is kept of the earlier rows of `W` names.
    type Tile: Send;

    /// Before the first row.
    fn fresh(&self) -> Self::Tile;

    /// Takes the next row of one input, or of two, and gives the values of the windows that end there.
    fn row(&self, tile: &mut Self::Tile, x: &Lanes, y: &Lanes, out: &mut Lanes);

    /// Steps that one cell takes, about.
    fn steps(&self) -> usize;
}

/// A window of all names.
struct Rolling<K: Kind> {
    kind: K,
    tiles: Vec<K::Tile>,
}

/// `constants` are the rows of the window, for a quantile its share, and the fewest valid values.
pub(super) fn stage(kind: Window, constants: &[f64], stride: usize) -> Box<dyn Stage> {
    let (n, least) = (count(constants, 0), count(constants, constants.len().saturating_sub(1)));
    let share = constants.get(1).copied().unwrap_or(0.5);
    let window = Shape { n, least, stride };
    match kind {
        Window::Sum => merged::<sums::Sum, 1>(window),
        Window::Mean => merged::<moments::Mean, 1>(window),
        Window::Var => merged::<moments::Var, 2>(window),
        Window::Std => merged::<moments::Std, 2>(window),
        Window::Zscore => merged::<moments::Zscore, 2>(window),
        Window::Skew => merged::<moments::Skew, 3>(window),
        Window::Kurt => merged::<moments::Kurt, 4>(window),
        Window::Cov => merged::<line::Cov, 3>(window),
        Window::Corr => merged::<line::Corr, 5>(window),
        Window::Slope => merged::<line::Slope, 4>(window),
        Window::Rsquare => merged::<line::Rsquare, 5>(window),
        Window::Resi => merged::<line::Resi, 4>(window),
        Window::Min => merged::<extremes::Min, 1>(window),
        Window::Max => merged::<extremes::Max, 1>(window),
        Window::Argmin => merged::<extremes::Argmin, 2>(window),
        Window::Argmax => merged::<extremes::Argmax, 2>(window),
        Window::Product => merged::<sums::Product, 1>(window),
        Window::Decay => merged::<sums::Decay, 3>(window),
        Window::Count => rolling(Blocks::<sums::Count, 0, true>::new(n, 0), stride),
        Window::Rank => rolling(rank::Rank { n, least }, stride),
        Window::Median => rolling(sorted::Quantile { n, least, share: 0.5 }, stride),
        Window::Quantile => rolling(sorted::Quantile { n, least, share }, stride),
    }
}

/// The size of a window and of a row.
#[derive(Debug, Clone, Copy)]
struct Shape {
    n: usize,
    least: usize,
    stride: usize,
}

/// A window put together from blocks, with or without gaps.
fn merged<M: Merge<K>, const K: usize>(Shape { n, least, stride }: Shape) -> Box<dyn Stage> {
    if least < n {
        rolling(Blocks::<M, K, true>::new(n, least), stride)
    } else {
        rolling(Blocks::<M, K, false>::new(n, n), stride)
    }
}

fn rolling<K: Kind + 'static>(kind: K, stride: usize) -> Box<dyn Stage> {
    let tiles = (0..stride.div_ceil(W)).map(|_| kind.fresh()).collect();
    Box::new(Rolling { kind, tiles })
}

impl<K: Kind> Stage for Rolling<K> {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        widest(self, rows, out);
    }
}

wide! {
    fn widest<K: Kind>(rolling: &mut Rolling<K>, rows: &Rows<'_>, out: &mut [f64]) {
        let stride = rows.stride;
        let x = rows.input(0);
        let y = rows.inputs.get(1).copied().unwrap_or(x);
        let mut steps = 0;
        for (i, tile) in rolling.tiles.iter_mut().enumerate() {
            let at = i * W;
            let width = W.min(stride - at);
            for start in (at..out.len()).step_by(stride) {
                steps += rolling.kind.steps() * W;
                if steps > STEPS {
                    steps = 0;
                    if is_cancelled(rows.cancel) {
                        return;
                    }
                }
                let mut value = Lanes([0.0; W]);
                rolling.kind.row(tile, &lanes(x, start, width), &lanes(y, start, width), &mut value);
                out[start..start + width].copy_from_slice(&value[..width]);
            }
        }
    }
}

/// The cells of a tile; the last one may have fewer.
#[inline(always)]
fn lanes(column: &[f64], start: usize, width: usize) -> Lanes {
    if width == W {
        return Lanes(*column[start..].first_chunk().expect("a whole tile"));
    }
    let mut lanes = Lanes([f64::NAN; W]);
    lanes[..width].copy_from_slice(&column[start..start + width]);
    lanes
}

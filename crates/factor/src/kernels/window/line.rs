//! Two series, or a series and its rows: covariance, correlation, the line of least squares.

use super::blocks::{Ending, Merge, Weights};

pub(super) struct Cov;
pub(super) struct Corr;
pub(super) struct Slope;
pub(super) struct Rsquare;
pub(super) struct Resi;

/// Both means and the sum of products about them.
impl Merge<3> for Cov {
    const EMPTY: [f64; 3] = [0.0; 3];

    #[inline(always)]
    fn of(x: f64, y: f64) -> [f64; 3] {
        [x, y, 0.0]
    }

    #[inline(always)]
    fn merge([x, y, xy]: [f64; 3], older: [f64; 3], weights: Weights) -> [f64; 3] {
        let (dx, dy) = (older[0] - x, older[1] - y);
        [x + dx * weights.share, y + dy * weights.share, xy + older[2] + dx * weights.cross * dy]
    }

    #[inline(always)]
    fn value([_, _, xy]: [f64; 3], window: Ending) -> f64 {
        if window.count > 1.0 { xy / (window.count - 1.0) } else { f64::NAN }
    }
}

/// Both means and the sums of squares and products about them: x, y, xx, yy, xy.
#[inline(always)]
fn products(newer: [f64; 5], older: [f64; 5], weights: Weights) -> [f64; 5] {
    let (dx, dy) = (older[0] - newer[0], older[1] - newer[1]);
    let (wx, wy) = (dx * weights.cross, dy * weights.cross);
    [
        newer[0] + dx * weights.share,
        newer[1] + dy * weights.share,
        newer[2] + older[2] + wx * dx,
        newer[3] + older[3] + wy * dy,
        newer[4] + older[4] + wx * dy,
    ]
}

/// Pearson's r, within −1 to 1, from the sum of products about the means and the root of the
/// product of the sums of squares; missing if a side is constant.
#[inline(always)]
fn pearson(xy: f64, xx: f64, yy: f64) -> f64 {
    let scale = xx.sqrt() * yy.sqrt();
    let r = xy / scale;
    let r = if r > 1.0 { 1.0 } else { r };
    let r = if r < -1.0 { -1.0 } else { r };
    if (scale > 0.0) & (scale < f64::INFINITY) { r } else { f64::NAN }
}

impl Merge<5> for Corr {
    const EMPTY: [f64; 5] = [0.0; 5];

    #[inline(always)]
    fn of(x: f64, y: f64) -> [f64; 5] {
        [x, y, 0.0, 0.0, 0.0]
    }

    #[inline(always)]
    fn merge(newer: [f64; 5], older: [f64; 5], weights: Weights) -> [f64; 5] {
        products(newer, older, weights)
    }

    #[inline(always)]
    fn value([_, _, xx, yy, xy]: [f64; 5], _: Ending) -> f64 {
        pearson(xy, xx, yy)
    }
}

/// The same of the values and their rows, these counted from the block's newest one, at 0.
impl Merge<5> for Rsquare {
    const EMPTY: [f64; 5] = [0.0; 5];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 5] {
        [x, 0.0, 0.0, 0.0, 0.0]
    }

    #[inline(always)]
    fn merge(newer: [f64; 5], mut older: [f64; 5], weights: Weights) -> [f64; 5] {
        older[1] -= weights.rows;
        products(newer, older, weights)
    }

    #[inline(always)]
    fn value([_, _, xx, tt, xt]: [f64; 5], _: Ending) -> f64 {
        let r = pearson(xt, xx, tt);
        r * r
    }
}

/// As of [`Rsquare`], without the squares of the values: x, t, tt, xt.
#[inline(always)]
fn line(newer: [f64; 4], older: [f64; 4], weights: Weights) -> [f64; 4] {
    let (dx, dt) = (older[0] - newer[0], older[1] - weights.rows - newer[1]);
    let wt = dt * weights.cross;
    [
        newer[0] + dx * weights.share,
        newer[1] + dt * weights.share,
        newer[2] + older[2] + wt * dt,
        newer[3] + older[3] + wt * dx,
    ]
}

/// A single row of [`line`]; its product is 0, or missing with the value.
#[inline(always)]
fn dot(x: f64) -> [f64; 4] {
    [x, 0.0, 0.0, x * 0.0]
}

/// 0 for a constant window, one value included.
#[inline(always)]
fn slope(tt: f64, xt: f64) -> f64 {
    let slope = xt / tt;
    if xt.abs() > 0.0 || xt.is_nan() { slope } else { 0.0 }
}

impl Merge<4> for Slope {
    const EMPTY: [f64; 4] = [0.0; 4];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 4] {
        dot(x)
    }

    #[inline(always)]
    fn merge(newer: [f64; 4], older: [f64; 4], weights: Weights) -> [f64; 4] {
        line(newer, older, weights)
    }

    #[inline(always)]
    fn value([_, _, tt, xt]: [f64; 4], _: Ending) -> f64 {
        slope(tt, xt)
    }
}

impl Merge<4> for Resi {
    const EMPTY: [f64; 4] = [0.0; 4];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 4] {
        dot(x)
    }

    #[inline(always)]
    fn merge(newer: [f64; 4], older: [f64; 4], weights: Weights) -> [f64; 4] {
        line(newer, older, weights)
    }

    #[inline(always)]
    fn value([mean, t, tt, xt]: [f64; 4], window: Ending) -> f64 {
        window.now - mean + slope(tt, xt) * t
    }
}

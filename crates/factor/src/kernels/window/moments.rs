//! Means and the sums of squares, cubes and fourth powers about them.
//!
//! Two blocks merge after Chan, Golub and `LeVeque` (1979), the higher powers after Pébay (2008).
//! Equal means add exactly 0, so a constant window has a variance of exactly 0.

use super::blocks::{Ending, Merge, Weights};

pub(super) struct Mean;
pub(super) struct Var;
pub(super) struct Std;
pub(super) struct Zscore;
pub(super) struct Skew;
pub(super) struct Kurt;

impl Merge<1> for Mean {
    const EMPTY: [f64; 1] = [0.0];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 1] {
        [x]
    }

    #[inline(always)]
    fn merge([newer]: [f64; 1], [older]: [f64; 1], weights: Weights) -> [f64; 1] {
        [newer + (older - newer) * weights.share]
    }

    #[inline(always)]
    fn value([mean]: [f64; 1], _: Ending) -> f64 {
        mean
    }
}

/// The mean and the sum of squares about it, of two blocks together.
#[inline(always)]
fn squares(newer: [f64; 2], older: [f64; 2], weights: Weights) -> [f64; 2] {
    let apart = older[0] - newer[0];
    let between = apart * weights.cross * apart;
    [newer[0] + apart * weights.share, newer[1] + older[1] + between]
}

/// The sum of squares by the count less one; missing for one value.
#[inline(always)]
fn variance(squares: f64, count: f64) -> f64 {
    if count > 1.0 { squares / (count - 1.0) } else { f64::NAN }
}

/// Implements an operator on the mean and the sum of squares.
macro_rules! of_squares {
    ($name:ident, $mean:pat, $squares:ident, $window:ident, $value:expr) => {
        impl Merge<2> for $name {
            const EMPTY: [f64; 2] = [0.0; 2];

            #[inline(always)]
            fn of(x: f64, _: f64) -> [f64; 2] {
                [x, 0.0]
            }

            #[inline(always)]
            fn merge(newer: [f64; 2], older: [f64; 2], weights: Weights) -> [f64; 2] {
                squares(newer, older, weights)
            }

            #[inline(always)]
            fn value([$mean, $squares]: [f64; 2], $window: Ending) -> f64 {
                $value
            }
        }
    };
}

of_squares!(Var, _, squares, window, variance(squares, window.count));
of_squares!(Std, _, squares, window, variance(squares, window.count).sqrt());
// Where the deviation is 0 the quotient is 0/0 or infinite: missing either way.
of_squares!(
    Zscore,
    mean,
    squares,
    window,
    (window.now - mean) / variance(squares, window.count).sqrt()
);

/// As [`squares`], and the sum of cubes.
#[inline(always)]
fn cubes(newer: [f64; 3], older: [f64; 3], weights: Weights) -> [f64; 3] {
    let [mean, square] = squares([newer[0], newer[1]], [older[0], older[1]], weights);
    let (share, rest) = (weights.share, 1.0 - weights.share);
    let apart = older[0] - newer[0];
    let between = apart * weights.cross * apart * apart * (rest - share);
    let within = 3.0 * apart * (rest * older[1] - share * newer[1]);
    [mean, square, newer[2] + older[2] + (between + within)]
}

/// G1 of Joanes and Gill (1998).
impl Merge<3> for Skew {
    const EMPTY: [f64; 3] = [0.0; 3];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 3] {
        [x, 0.0, 0.0]
    }

    #[inline(always)]
    fn merge(newer: [f64; 3], older: [f64; 3], weights: Weights) -> [f64; 3] {
        cubes(newer, older, weights)
    }

    #[inline(always)]
    fn value([_, squares, cubes]: [f64; 3], window: Ending) -> f64 {
        let n = window.count;
        let value = n * (n - 1.0).sqrt() / (n - 2.0) * (cubes / squares / squares.sqrt());
        if (n > 2.0) & (squares > 0.0) { value } else { f64::NAN }
    }
}

/// G2 of Joanes and Gill (1998), in excess of the normal distribution.
impl Merge<4> for Kurt {
    const EMPTY: [f64; 4] = [0.0; 4];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 4] {
        [x, 0.0, 0.0, 0.0]
    }

    #[inline(always)]
    fn merge(newer: [f64; 4], older: [f64; 4], weights: Weights) -> [f64; 4] {
        let three = |of: [f64; 4]| [of[0], of[1], of[2]];
        let [mean, square, cube] = cubes(three(newer), three(older), weights);
        let (share, rest) = (weights.share, 1.0 - weights.share);
        let apart = older[0] - newer[0];
        let square_apart = apart * apart;
        let between = apart
            * weights.cross
            * apart
            * square_apart
            * (rest * rest - rest * share + share * share);
        let within = 6.0 * square_apart * (rest * rest * older[1] + share * share * newer[1])
            + 4.0 * apart * (rest * older[2] - share * newer[2]);
        [mean, square, cube, newer[3] + older[3] + (between + within)]
    }

    #[inline(always)]
    fn value([_, squares, _, fourths]: [f64; 4], window: Ending) -> f64 {
        let n = window.count;
        let g2 = n * (fourths / squares / squares) - 3.0;
        let value = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0);
        if (n > 3.0) & (squares > 0.0) { value } else { f64::NAN }
    }
}

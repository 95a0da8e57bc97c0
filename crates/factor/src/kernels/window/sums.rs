//! Sums, products, counts and weighted means of blocks.

use super::blocks::{Ending, Merge, Weights};

pub(super) struct Sum;
pub(super) struct Product;
pub(super) struct Count;
pub(super) struct Decay;

impl Merge<1> for Sum {
    const EMPTY: [f64; 1] = [0.0];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 1] {
        [x]
    }

    #[inline(always)]
    fn merge([newer]: [f64; 1], [older]: [f64; 1], _: Weights) -> [f64; 1] {
        [newer + older]
    }

    #[inline(always)]
    fn value([sum]: [f64; 1], _: Ending) -> f64 {
        sum
    }
}

impl Merge<1> for Product {
    const EMPTY: [f64; 1] = [1.0];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 1] {
        [x]
    }

    #[inline(always)]
    fn merge([newer]: [f64; 1], [older]: [f64; 1], _: Weights) -> [f64; 1] {
        [newer * older]
    }

    #[inline(always)]
    fn value([product]: [f64; 1], _: Ending) -> f64 {
        product
    }
}

/// Nothing but the count that a window with gaps keeps anyway.
impl Merge<0> for Count {
    const EMPTY: [f64; 0] = [];

    #[inline(always)]
    fn of(_: f64, _: f64) -> [f64; 0] {
        []
    }

    #[inline(always)]
    fn merge(_: [f64; 0], _: [f64; 0], _: Weights) -> [f64; 0] {
        []
    }

    #[inline(always)]
    fn value(_: [f64; 0], window: Ending) -> f64 {
        window.count
    }
}

/// The sum, the sum weighted by 1 for the block's oldest row, 2 for the next and so on, and the sum
/// of the weights used.
impl Merge<3> for Decay {
    const EMPTY: [f64; 3] = [0.0; 3];

    #[inline(always)]
    fn of(x: f64, _: f64) -> [f64; 3] {
        [x, x, 1.0]
    }

    #[inline(always)]
    fn merge(newer: [f64; 3], older: [f64; 3], weights: Weights) -> [f64; 3] {
        // The newer rows come after all rows of the older block, so each weighs that much more.
        let [sum, weighted, used] = newer;
        let before = weights.before;
        [
            sum + older[0],
            weighted + before * sum + older[1],
            used + before * weights.newer + older[2],
        ]
    }

    #[inline(always)]
    fn value([_, weighted, used]: [f64; 3], _: Ending) -> f64 {
        weighted / used
    }
}

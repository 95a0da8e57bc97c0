//! The smallest and the largest value, and their places.

use super::blocks::{Ending, Merge, Weights};

pub(super) struct Min;
pub(super) struct Max;
pub(super) struct Argmin;
pub(super) struct Argmax;

/// Implements an extreme and its place for a value that no other one exceeds.
macro_rules! extreme {
    ($name:ident, $place:ident, $beyond:expr, $beats:tt, $equals:tt) => {
        impl Merge<1> for $name {
            const IDEMPOTENT: bool = true;
            const EMPTY: [f64; 1] = [$beyond];

            #[inline(always)]
            fn of(x: f64, _: f64) -> [f64; 1] {
                [x]
            }

            #[inline(always)]
            fn merge([newer]: [f64; 1], [older]: [f64; 1], _: Weights) -> [f64; 1] {
                [if (older $beats newer) | older.is_nan() { older } else { newer }]
            }

            #[inline(always)]
            fn value([best]: [f64; 1], _: Ending) -> f64 {
                best
            }
        }

        /// The value and how many rows back it stands; of equal ones the oldest.
        impl Merge<2> for $place {
            const IDEMPOTENT: bool = true;
            const EMPTY: [f64; 2] = [$beyond, 0.0];

            #[inline(always)]
            fn of(x: f64, _: f64) -> [f64; 2] {
                [x, 0.0]
            }

            #[inline(always)]
            fn merge(newer: [f64; 2], older: [f64; 2], weights: Weights) -> [f64; 2] {
                let takes = (older[0] $equals newer[0]) | older[0].is_nan();
                let back = older[1] + weights.rows;
                [
                    if takes { older[0] } else { newer[0] },
                    if takes { back } else { newer[1] },
                ]
            }

            #[inline(always)]
            fn value([best, back]: [f64; 2], window: Ending) -> f64 {
                if best.is_nan() { f64::NAN } else { window.rows - back }
            }
        }
    };
}

extreme!(Min, Argmin, f64::INFINITY, <, <=);
extreme!(Max, Argmax, f64::NEG_INFINITY, >, >=);

//! Windows kept in order, for what lies between the sorted values.
//!
//! A row takes the oldest value out and puts the newest one in, in one pass over the sorted values
//! without a branch. Missing ones stand at the end, as infinities.

use super::{Kind, Lanes, W};
use crate::scalar::finite;

/// The value at h = (count − 1) · share among the sorted ones, between two of them on a line.
pub(super) struct Quantile {
    pub(super) n: usize,
    pub(super) least: usize,
    pub(super) share: f64,
}

/// The same values twice: as they came, in a ring, and in order.
pub(super) struct Sorted {
    ring: Vec<Lanes>,
    at: usize,
    values: Vec<Lanes>,
    /// Valid values.
    counts: Lanes,
}

/// Values that are moved while what is to be put in stays in registers.
const GROUP: usize = 4;

impl Kind for Quantile {
    type Tile = Sorted;

    fn fresh(&self) -> Sorted {
        let none = vec![Lanes([f64::INFINITY; W]); self.n];
        Sorted { ring: none.clone(), at: 0, values: none, counts: Lanes([0.0; W]) }
    }

    #[inline(always)]
    fn row(&self, tile: &mut Sorted, x: &Lanes, _: &Lanes, out: &mut Lanes) {
        tile.replace(x);
        let full = self.n as f64;
        let all = tile.counts.iter().fold(true, |all, count| all & (*count >= full));
        if all {
            let (low, high, weight) = place(full, self.share);
            let (low, high) = (&tile.values[low], &tile.values[high]);
            for j in 0..W {
                out[j] = between(low[j], high[j], weight);
            }
            return;
        }
        let least = self.least as f64;
        for j in 0..W {
            let count = tile.counts[j];
            out[j] = if count < least {
                f64::NAN
            } else {
                let (low, high, weight) = place(count, self.share);
                between(tile.values[low][j], tile.values[high][j], weight)
            };
        }
    }

    fn steps(&self) -> usize {
        self.n * 4
    }
}

/// The two places that h lies between, and how far it is from the lower one.
#[expect(clippy::cast_sign_loss, reason = "a count of at least 1, and a share from 0 to 1")]
#[inline(always)]
fn place(count: f64, share: f64) -> (usize, usize, f64) {
    let h = (count - 1.0) * share;
    let low = h as usize;
    let weight = h - low as f64;
    (low, low + usize::from(weight > 0.0), weight)
}

#[inline(always)]
fn between(low: f64, high: f64, weight: f64) -> f64 {
    finite(low + weight * (high - low))
}

impl Sorted {
    #[inline(always)]
    fn replace(&mut self, x: &Lanes) {
        let mut new = Lanes([0.0; W]);
        for j in 0..W {
            // Both zeros are the same value: adding 0 leaves one of them.
            new[j] = if x[j].is_nan() { f64::INFINITY } else { x[j] + 0.0 };
        }
        let old = std::mem::replace(&mut self.ring[self.at], new);
        self.at = if self.at + 1 < self.ring.len() { self.at + 1 } else { 0 };
        for j in 0..W {
            let comes = if new[j] < f64::INFINITY { 1.0 } else { 0.0 };
            let goes = if old[j] < f64::INFINITY { 1.0 } else { 0.0 };
            self.counts[j] += comes - goes;
        }
        let mut at = 0;
        while let Some(values) = self.values[at..].first_chunk_mut::<{ GROUP + 1 }>() {
            shift(values, &old, &mut new);
            at += GROUP;
        }
        while let Some(values) = self.values[at..].first_chunk_mut::<2>() {
            shift(values, &old, &mut new);
            at += 1;
        }
        self.values[at] = new;
    }
}

/// Closes the gap that the old value leaves and carries the new one up to its place.
#[inline(always)]
fn shift<const G: usize>(values: &mut [Lanes; G], old: &Lanes, carry: &mut Lanes) {
    for j in 0..W {
        let mut up = carry[j];
        for k in 0..G - 1 {
            let (here, next) = (values[k][j], values[k + 1][j]);
            let kept = if here >= old[j] { next } else { here };
            values[k][j] = if kept < up { kept } else { up };
            up = if kept < up { up } else { kept };
        }
        carry[j] = up;
    }
}

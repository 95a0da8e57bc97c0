//! The largest and the smallest of a day, and its middle, by selection.

use crate::kernels::rank::key;
use crate::kernels::wide::wide;

/// Room for one day.
#[derive(Debug, Default)]
pub(super) struct Extremes {
    /// What is selected by, for every name.
    keys: Vec<u64>,
    /// The keys of the names with a value.
    valid: Vec<u64>,
}

/// Which end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Largest,
    Smallest,
}

/// No value has this key on either side: those are of NaN.
const MISSING: u64 = u64::MAX;

wide! {
    fn keys_of(keys: &mut [u64], x: &[f64], turn: u64) {
        for (key_of, x) in keys.iter_mut().zip(x) {
            *key_of = if x.is_nan() { MISSING } else { key(*x) ^ turn };
        }
    }
}

wide! {
    /// Marks the keys up to the last one that belongs; counts those and the ones equal to it.
    fn mark(out: &mut [f64], keys: &[u64], last: u64, marked: &mut u64) {
        let mut count = 0;
        for (out, key) in out.iter_mut().zip(keys) {
            let inside = *key <= last;
            count += u64::from(inside);
            *out = if inside { 1.0 } else { 0.0 };
            *out = if *key == MISSING { f64::NAN } else { *out };
        }
        *marked = count;
    }
}

impl Extremes {
    /// 1 for the `k` outermost, of equals the earlier; 0 for the others; missing where `x` is.
    pub(super) fn mark(&mut self, out: &mut [f64], x: &[f64], k: usize, side: Side) {
        self.collect(x, if side == Side::Largest { u64::MAX } else { 0 });
        let last = match k.checked_sub(1) {
            Some(k) if k < self.valid.len() => *self.valid.select_nth_unstable(k).1,
            _ => MISSING - 1,
        };
        let mut marked = 0;
        mark(out, &self.keys, last, &mut marked);
        // Equals of the last one that have no place any more: those of the latest columns.
        let mut over = (marked as usize).saturating_sub(k);
        for (out, key) in out.iter_mut().zip(&self.keys).rev() {
            if over == 0 {
                break;
            }
            if *key == last {
                *out = 0.0;
                over -= 1;
            }
        }
    }

    /// The middle value, or the mean of the middle two; missing if there is none.
    pub(super) fn median(&mut self, x: &[f64]) -> f64 {
        self.collect(x, 0);
        let count = self.valid.len();
        if count == 0 {
            return f64::NAN;
        }
        let (below, middle, _) = self.valid.select_nth_unstable(count / 2);
        let high = value(*middle);
        if count % 2 == 1 {
            return high;
        }
        let low = below.iter().max().map_or(high, |key| value(*key));
        // Halves first: the sum of two values can be too large.
        low * 0.5 + high * 0.5
    }

    /// The keys, each with the bits of `turn` changed.
    fn collect(&mut self, x: &[f64], turn: u64) {
        self.keys.resize(x.len(), 0);
        keys_of(&mut self.keys, x, turn);
        self.valid.clear();
        self.valid.extend(self.keys.iter().copied().filter(|key| *key != MISSING));
    }
}

/// The value that has the key.
fn value(key: u64) -> f64 {
    let sign = if key >> 63 == 1 { 1 << 63 } else { u64::MAX };
    f64::from_bits(key ^ sign)
}

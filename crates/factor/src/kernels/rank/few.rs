//! Ranks of a few names, by comparing each with all.

use crate::kernels::wide::wide;

/// Up to so many names this is faster than sorting.
pub(super) const NAMES_MAX: usize = 56;

wide! {
    /// Average rank / number of values; missing where `x` is.
    pub(super) fn rank(out: &mut [f64], x: &[f64]) {
        let count = x.iter().fold(0.0, |count, x| if x.is_nan() { count } else { count + 1.0 });
        if x.len() <= 8 {
            blocks::<8>(out, x, 2.0 * count);
        } else {
            blocks::<16>(out, x, 2.0 * count);
        }
    }
}

/// As many names at a time as have room in registers.
#[inline(always)]
fn blocks<const L: usize>(out: &mut [f64], x: &[f64], whole: f64) {
    for (out, own) in out.chunks_mut(L).zip(x.chunks(L)) {
        let mut own_padded = [f64::NAN; L];
        own_padded[..own.len()].copy_from_slice(own);
        let own = own_padded;
        // Names below, and names not above: their sum and 1 is twice the average rank.
        let (mut below, mut up_to) = ([1.0; L], [0.0; L]);
        for x in x {
            for j in 0..L {
                below[j] += if *x < own[j] { 1.0 } else { 0.0 };
            }
            for j in 0..L {
                up_to[j] += if *x <= own[j] { 1.0 } else { 0.0 };
            }
        }
        let mut ranks = [f64::NAN; L];
        for j in 0..L {
            let rank = (below[j] + up_to[j]) / whole;
            ranks[j] = if own[j].is_nan() { f64::NAN } else { rank };
        }
        out.copy_from_slice(&ranks[..out.len()]);
    }
}

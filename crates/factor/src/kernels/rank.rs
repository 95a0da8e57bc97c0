//! The rank of every name among the names of its day.
//!
//! Three ways give the same bits: comparing all with all, spreading over buckets, a radix sort.
//! Which one is tried follows from the number of names and from how earlier days went.

mod few;
mod radix;
mod spread;

use radix::Radix;
use spread::Spread;

/// Room for one day, kept from day to day.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    radix: Radix,
    spread: Spread,
    /// Days that go to the radix sort at once, and how many it will be after the next failure.
    wait: u32,
    patience: u32,
}

/// The longest time until buckets are tried again.
const WAIT_MAX: u32 = 31;

impl Ranking {
    /// Average rank / number of values; missing where `x` is.
    pub(super) fn rank(&mut self, out: &mut [f64], x: &[f64]) {
        if x.len() <= few::NAMES_MAX {
            few::rank(out, x);
            return;
        }
        if x.len() <= spread::NAMES_MAX && self.wait == 0 {
            spread::rank(&mut self.spread, out, x);
            if self.spread.done {
                self.patience = 0;
                return;
            }
            self.wait = self.patience;
            self.patience = (2 * self.patience + 1).min(WAIT_MAX);
        } else {
            self.wait = self.wait.saturating_sub(1);
        }
        self.radix.rank(out, x);
    }
}

/// An integer that orders as the value does; both zeros alike.
#[inline(always)]
pub(super) fn key(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    let sign = (bits.cast_signed() >> 63).cast_unsigned() | (1 << 63);
    bits ^ sign
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::wide::{Width, narrowed};

    const NAN: f64 = f64::NAN;

    /// A number between 0 and 1 that looks like chance.
    fn chance(i: usize) -> f64 {
        let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    const DAYS: [fn(usize) -> f64; 15] = [
        chance,
        |i| (chance(i) * 5.0).floor(),
        |i| (30.0 * chance(i)).exp(),
        |i| (chance(i) - 0.5) / (chance(i + 999) - 0.5),
        |i| if chance(i) < 0.5 { 0.0 } else { chance(i + 9) },
        |i| if chance(i) < 0.5 { NAN } else { chance(i + 9) - 0.5 },
        |i| if i == 3 { 1e300 } else { chance(i) },
        |i| f64::from_bits(i as u64 / 2),
        |i| (chance(i) - 0.5) * f64::MAX,
        |i| if i.is_multiple_of(2) { 0.0 } else { -0.0 },
        |_| NAN,
        |_| -7.0,
        |i| i as f64,
        |i| if i < 17 { 1.0 } else { 2.0 + chance(i) },
        |i| f64::from_bits(chance(i).to_bits() ^ ((i as u64 % 3) << 63)),
    ];

    fn bits(ranks: &[f64]) -> Vec<u64> {
        ranks.iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect()
    }

    #[test]
    fn all_ways_and_widths_give_the_same_bits_whatever_came_before() {
        let mut ranking = Ranking::default();
        let mut spread_days = 0;
        for names in [1, 8, 57, 200, 500, 260, 1030, 2100] {
            for (t, day) in DAYS.iter().chain(DAYS.iter().rev()).enumerate() {
                let x: Vec<f64> = (0..names).map(day).collect();
                let mut one = vec![0.0; names];
                few::rank(&mut one, &x);
                for width in [Width::Baseline, Width::Avx2, Width::Avx512] {
                    narrowed(width, || {
                        let mut other = vec![0.0; names];
                        ranking.radix.rank(&mut other, &x);
                        assert_eq!(bits(&other), bits(&one), "radix, names {names}, day {t}");
                        other.fill(0.0);
                        spread::rank(&mut ranking.spread, &mut other, &x);
                        if ranking.spread.done {
                            spread_days += 1;
                            assert_eq!(bits(&other), bits(&one), "spread, names {names}, day {t}");
                        }
                        ranking.rank(&mut other, &x);
                        assert_eq!(bits(&other), bits(&one), "names {names}, day {t}");
                    });
                }
            }
        }
        assert!(spread_days > 500, "buckets are used: {spread_days}");
    }
}

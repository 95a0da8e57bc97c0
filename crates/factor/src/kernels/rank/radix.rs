//! Ranks of any day, by a radix sort.
//!
//! Values become integers that order as they do. A radix sort on the highest bits in which the
//! day's values differ brings them close to order in three passes; the few that agree in those
//! bits are then sorted in full. Equal values share their average rank.

use super::key;
use crate::kernels::wide::wide;

/// Room for one day, kept from day to day.
#[derive(Debug, Default)]
pub(super) struct Radix {
    /// The key of every name; [`MISSING`] where it has no value.
    keys: Vec<u64>,
    /// Names with a value: the sorted bits of the key above, the name's place below.
    items: Vec<u64>,
    spare: Vec<u64>,
    counts: Box<Counts>,
}

/// How often each digit occurs, for each of the passes.
#[derive(Debug)]
struct Counts([[u32; DIGITS]; PASSES]);

const BITS: u32 = 8;
const DIGITS: usize = 1 << BITS;
const PASSES: usize = 3;
/// No value has this key: it is that of a NaN.
const MISSING: u64 = u64::MAX;

impl Default for Counts {
    fn default() -> Self {
        Self([[0; DIGITS]; PASSES])
    }
}

wide! {
    fn keys_of(keys: &mut [u64], x: &[f64]) {
        for (key_of, x) in keys.iter_mut().zip(x) {
            *key_of = if x.is_nan() { MISSING } else { key(*x) };
        }
    }
}

wide! {
    /// The bits in which the valid keys differ from the first one.
    fn differing(keys: &[u64], first: u64, bits: &mut u64) {
        let mut all = 0;
        for key in keys {
            all |= if *key == MISSING { 0 } else { *key ^ first };
        }
        *bits = all;
    }
}

impl Radix {
    /// Average rank / number of values; missing where `x` is.
    pub(super) fn rank(&mut self, out: &mut [f64], x: &[f64]) {
        let Some(valid) = self.sort(x) else {
            out.fill(f64::NAN);
            return;
        };
        if valid < x.len() {
            out.fill(f64::NAN);
        }
        let count = valid as f64;
        let mut at = 0;
        while at < valid {
            let value = self.keys[place(self.items[at])];
            let mut end = at + 1;
            while end < valid && self.keys[place(self.items[end])] == value {
                end += 1;
            }
            // Ranks at + 1 to end, on average (at + 1 + end) / 2.
            let rank = (at + 1 + end) as f64 * 0.5 / count;
            for item in &self.items[at..end] {
                out[place(*item)] = rank;
            }
            at = end;
        }
    }

    /// Sorts `items` by key, of equals the earlier first; gives their number, unless there is none.
    fn sort(&mut self, x: &[f64]) -> Option<usize> {
        let names = x.len();
        self.keys.resize(names, MISSING);
        self.items.resize(names, 0);
        self.spare.resize(names, 0);
        keys_of(&mut self.keys, x);
        let first = self.keys.iter().copied().find(|key| *key != MISSING)?;
        let mut bits = 0;
        differing(&self.keys, first, &mut bits);
        let high = 64 - bits.leading_zeros();
        let shift = high.saturating_sub(BITS * PASSES as u32);
        let valid = self.collect(shift, high);
        self.distribute(valid);
        if shift > 0 {
            self.settle(valid);
        }
        Some(valid)
    }

    /// Packs the sorted bits of each valid key with its place, and counts their digits.
    fn collect(&mut self, shift: u32, high: u32) -> usize {
        let Counts(counts) = &mut *self.counts;
        for pass in counts.iter_mut() {
            pass.fill(0);
        }
        let mask = if high >= 64 { u64::MAX } else { (1 << high) - 1 };
        let mut valid = 0;
        for (j, key) in self.keys.iter().enumerate() {
            let part = (key & mask) >> shift;
            self.items[valid] = (part << 32) | j as u64;
            let there = u32::from(*key != MISSING);
            valid += there as usize;
            counts[0][digit(part, 0)] += there;
            counts[1][digit(part, 1)] += there;
            counts[2][digit(part, 2)] += there;
        }
        valid
    }

    /// The radix passes, lowest digit first; a pass in which all digits agree is left out.
    fn distribute(&mut self, valid: usize) {
        let Counts(counts) = &mut *self.counts;
        for (pass, counts) in counts.iter_mut().enumerate() {
            let Some(first) = self.items.first() else { return };
            if counts[digit(first >> 32, pass)] as usize == valid {
                continue;
            }
            let mut sum = 0;
            for count in counts.iter_mut() {
                let here = *count;
                *count = sum;
                sum += here;
            }
            for item in &self.items[..valid] {
                let slot = &mut counts[digit(item >> 32, pass)];
                self.spare[*slot as usize] = *item;
                *slot += 1;
            }
            std::mem::swap(&mut self.items, &mut self.spare);
        }
    }

    /// Sorts runs of equal parts by the whole key.
    fn settle(&mut self, valid: usize) {
        let keys = &self.keys;
        let items = &mut self.items[..valid];
        let mut at = 0;
        while at < valid {
            let part = items[at] >> 32;
            let mut end = at + 1;
            while end < valid && items[end] >> 32 == part {
                end += 1;
            }
            if end - at > 1 {
                items[at..end].sort_unstable_by_key(|item| (keys[place(*item)], *item));
            }
            at = end;
        }
    }
}

#[inline(always)]
fn digit(part: u64, pass: usize) -> usize {
    (part >> (BITS * pass as u32)) as usize & (DIGITS - 1)
}

/// The name's place.
#[inline(always)]
fn place(item: u64) -> usize {
    (item & u64::from(u32::MAX)) as usize
}

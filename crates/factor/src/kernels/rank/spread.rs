//! Ranks by spreading a day's values over buckets, in order.
//!
//! A map that never decreases sends the values to buckets, several for each name: a value's
//! place among the others is then known up to its own bucket. If no bucket holds many, each value
//! is compared with those near it, all in the same few steps and without a branch; if all buckets
//! hold equal values, the bucket gives the rank. A day that is neither is left to the radix sort.

use super::key;
use crate::kernels::wide::wide;

/// Room for one day.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// The values, and missing ones up to whole registers.
    x: Vec<f64>,
    /// The bucket of every name, the last one if it has no value.
    buckets: Vec<u16>,
    /// How many earlier names are in its bucket, and then where it stands among all.
    places: Vec<u16>,
    counts: Vec<u16>,
    starts: Vec<u16>,
    /// The values in the order of buckets, with [`NEAR`] missing ones on both sides.
    ordered: Vec<f64>,
    ranks: Vec<f64>,
    map: Map,
    /// Whether the last day was ranked.
    pub(super) done: bool,
}

/// What sends values to buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Map {
    /// In proportion to the value: for values that are spread evenly or around a middle.
    #[default]
    Even,
    /// In proportion to the bits, nearly the logarithm: for sizes, volumes.
    Scale,
}

/// More names than this have places that do not fit in 16 bits.
pub(super) const NAMES_MAX: usize = 1 << 15;
/// Values of one bucket that are compared with each other; if there are more, the day is left.
const NEAR: usize = 16;
/// Names are padded to so many.
const BLOCK: usize = 32;
/// Counters that are summed side by side: bucket `b` of `B` is counter `b % rows` of lane `b / rows`.
const LANES: usize = 128;
const L: usize = 8;

wide! {
    /// Average rank / number of values, and missing where `x` is, if `room.done` says so.
    pub(super) fn rank(room: &mut Spread, out: &mut [f64], x: &[f64]) {
        room.take(x);
        for _ in 0..2 {
            room.done = room.with(out);
            if room.done {
                break;
            }
            room.map = if room.map == Map::Even { Map::Scale } else { Map::Even };
        }
    }
}

impl Spread {
    /// Makes room for a day and takes its values.
    #[inline(always)]
    fn take(&mut self, x: &[f64]) {
        let padded = x.len().next_multiple_of(BLOCK);
        self.x.clear();
        self.x.extend_from_slice(x);
        self.x.resize(padded, f64::NAN);
        self.buckets.resize(padded, 0);
        self.places.resize(padded, 0);
        self.ranks.resize(padded, 0.0);
        self.ordered.resize(padded + 2 * NEAR, f64::NAN);
    }

    /// Ranks by the current map, if it spreads the day well.
    #[inline(always)]
    fn with(&mut self, out: &mut [f64]) -> bool {
        let rows_bits = match self.x.len() {
            ..=256 => 3,
            257..=1024 => 4,
            1025..=2048 => 6,
            _ => 7,
        };
        let buckets = LANES << rows_bits;
        let spread = match self.map {
            Map::Even => evenly(&mut self.buckets, &self.x, rows_bits),
            Map::Scale => by_bits(&mut self.buckets, &self.x, rows_bits),
        };
        if !spread {
            return false;
        }
        self.count(buckets);
        let valid = self.x.len() - usize::from(self.counts[buckets]);
        let most = self.begin(buckets, valid);
        if most <= NEAR {
            self.order(valid);
            self.compare(valid, most);
            for (out, place) in out.iter_mut().zip(&self.places) {
                *out = self.ranks[usize::from(*place)];
            }
            return true;
        }
        self.level(out, valid)
    }

    #[inline(always)]
    fn count(&mut self, buckets: usize) {
        self.counts.clear();
        self.counts.resize(buckets + 1, 0);
        let counts = &mut self.counts[..];
        for (bucket, place) in self.buckets.iter().zip(&mut self.places) {
            let count = &mut counts[usize::from(*bucket)];
            *place = *count;
            *count += 1;
        }
    }

    /// Where each bucket begins; the most values that one holds.
    #[inline(always)]
    fn begin(&mut self, buckets: usize, valid: usize) -> usize {
        self.starts.resize(buckets + 1, 0);
        let (counts, _) = self.counts[..buckets].as_chunks::<LANES>();
        let (starts, _) = self.starts[..buckets].as_chunks_mut::<LANES>();
        let (mut sums, mut most) = ([0_u16; LANES], [0_u16; LANES]);
        for (start, count) in starts.iter_mut().zip(counts) {
            for j in 0..LANES {
                start[j] = sums[j];
                sums[j] += count[j];
                most[j] = most[j].max(count[j]);
            }
        }
        let mut before = 0;
        for sum in &mut sums {
            before += std::mem::replace(sum, before);
        }
        for start in starts {
            for j in 0..LANES {
                start[j] += sums[j];
            }
        }
        self.starts[buckets] = valid as u16;
        usize::from(most.into_iter().max().unwrap_or(0))
    }

    /// Puts the values in the order of their buckets, the missing ones last.
    #[inline(always)]
    fn order(&mut self, valid: usize) {
        self.ordered[NEAR + valid..].fill(f64::NAN);
        let ordered = &mut self.ordered[NEAR..];
        let starts = &self.starts[..];
        for ((bucket, place), x) in self.buckets.iter().zip(&mut self.places).zip(&self.x) {
            *place += starts[usize::from(*bucket)];
            ordered[usize::from(*place)] = *x;
        }
    }

    /// Ranks in the order of buckets: the place, put right by the values less than `most` away.
    #[inline(always)]
    fn compare(&mut self, valid: usize, most: usize) {
        let whole = (2 * valid) as f64;
        let (ranks, _) = self.ranks.as_chunks_mut::<L>();
        for (i, rank) in ranks.iter_mut().enumerate() {
            let at = i * L + NEAR;
            let chunk = |at: usize| self.ordered[at..].first_chunk::<L>().expect("padded by NEAR");
            let own = chunk(at);
            let (mut once, mut twice) = ([0.0; L], [0.0; L]);
            for far in 1..most {
                let (before, after) = (chunk(at - far), chunk(at + far));
                for j in 0..L {
                    once[j] += if after[j] <= own[j] { 1.0 } else { 0.0 };
                }
                for j in 0..L {
                    twice[j] += if after[j] < own[j] { 1.0 } else { 0.0 };
                }
                for j in 0..L {
                    once[j] -= if before[j] >= own[j] { 1.0 } else { 0.0 };
                }
                for j in 0..L {
                    twice[j] -= if before[j] > own[j] { 1.0 } else { 0.0 };
                }
            }
            let first = (2 * i * L + 2) as f64;
            for j in 0..L {
                let double = first + (2 * j) as f64 + (once[j] + twice[j]);
                rank[j] = if own[j].is_nan() { f64::NAN } else { double / whole };
            }
        }
    }

    /// Ranks by bucket, if the values of each are equal.
    #[inline(always)]
    fn level(&mut self, out: &mut [f64], valid: usize) -> bool {
        self.ordered.resize(self.ordered.len().max(self.starts.len()), f64::NAN);
        let values = &mut self.ordered[..];
        for (bucket, x) in self.buckets.iter().zip(&self.x) {
            values[usize::from(*bucket)] = *x;
        }
        let mut differ = false;
        for (bucket, x) in self.buckets.iter().zip(&self.x) {
            let value = values[usize::from(*bucket)];
            differ |= (value < *x) | (value > *x);
        }
        // What surrounds the ordered values is missing again.
        values.fill(f64::NAN);
        let whole = (2 * valid) as f64;
        for ((out, bucket), x) in out.iter_mut().zip(&self.buckets).zip(&self.x) {
            let (start, count) =
                (self.starts[usize::from(*bucket)], self.counts[usize::from(*bucket)]);
            let double = f64::from(2 * u32::from(start) + u32::from(count) + 1);
            *out = if x.is_nan() { f64::NAN } else { double / whole };
        }
        !differ
    }
}

/// The counter of a bucket.
#[inline(always)]
fn counter(bucket: u32, rows_bits: u32) -> u32 {
    let last = ((LANES as u32) << rows_bits) - 1;
    ((bucket << LANES.ilog2()) | (bucket >> rows_bits)) & last
}

/// Buckets in proportion to the value; none if the range is nothing or beyond numbers.
///
/// Subtracting, multiplying and rounding never change an order to its opposite.
#[inline(always)]
fn evenly(buckets: &mut [u16], x: &[f64], rows_bits: u32) -> bool {
    /// Added to a number from 0 to 2^52, it leaves the nearest whole one in the low bits.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    let last = (LANES << rows_bits) as u32 - 1;
    let (low, high) = bounds(x);
    let scale = f64::from(last) / (high - low);
    for (bucket, x) in buckets.as_chunks_mut::<BLOCK>().0.iter_mut().zip(x.as_chunks::<BLOCK>().0) {
        for j in 0..BLOCK {
            let part = ((x[j] - low) * scale + WHOLE).to_bits() as u32 & last;
            let part = counter(part, rows_bits);
            bucket[j] = if x[j].is_nan() { last + 1 } else { part } as u16;
        }
    }
    scale > 0.0 && scale < f64::INFINITY
}

/// Buckets by the highest bits in which the day's values differ.
#[inline(always)]
fn by_bits(buckets: &mut [u16], x: &[f64], rows_bits: u32) -> bool {
    let last = (LANES << rows_bits) as u32 - 1;
    let (low, high) = bounds(x);
    let (low, range) = (key(low), key(high).wrapping_sub(key(low)));
    let shift = (range.checked_ilog2().unwrap_or(0) + 1).saturating_sub((last + 1).ilog2());
    for (bucket, x) in buckets.as_chunks_mut::<BLOCK>().0.iter_mut().zip(x.as_chunks::<BLOCK>().0) {
        for j in 0..BLOCK {
            let part = (key(x[j]).wrapping_sub(low) >> shift) as u32 & last;
            let part = counter(part, rows_bits);
            bucket[j] = if x[j].is_nan() { last + 1 } else { part } as u16;
        }
    }
    true
}

/// The smallest and the largest value.
#[inline(always)]
fn bounds(x: &[f64]) -> (f64, f64) {
    let low = fold(x, f64::INFINITY, |low, x| if x < low { x } else { low });
    (low, fold(x, f64::NEG_INFINITY, |high, x| if x > high { x } else { high }))
}

/// One number of all, in lanes.
#[inline(always)]
fn fold(x: &[f64], start: f64, f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [start; BLOCK];
    for x in x.as_chunks::<BLOCK>().0 {
        for j in 0..BLOCK {
            lanes[j] = f(lanes[j], x[j]);
        }
    }
    let mut width = BLOCK / 2;
    while width > 0 {
        for j in 0..width {
            lanes[j] = f(lanes[j], lanes[j + width]);
        }
        width /= 2;
    }
    lanes[0]
}

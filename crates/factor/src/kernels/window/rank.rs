//! The place of the newest value among those of its window.

use super::{Kind, Lanes, W};

/// The average rank of the newest value, divided by the number of valid ones.
pub(super) struct Rank {
    pub(super) n: usize,
    pub(super) least: usize,
}

/// The rows of the window in a ring; a rank does not ask for their order.
pub(super) struct Ring {
    rows: Vec<Lanes>,
    at: usize,
    /// Valid values.
    counts: Lanes,
}

/// Rows that are compared while the sums stay in registers.
const GROUP: usize = 4;

impl Kind for Rank {
    type Tile = Ring;

    fn fresh(&self) -> Ring {
        let none = Lanes([f64::NAN; W]);
        Ring { rows: vec![none; self.n], at: 0, counts: Lanes([0.0; W]) }
    }

    #[inline(always)]
    fn row(&self, ring: &mut Ring, x: &Lanes, _: &Lanes, out: &mut Lanes) {
        let old = std::mem::replace(&mut ring.rows[ring.at], *x);
        ring.at = if ring.at + 1 < self.n { ring.at + 1 } else { 0 };
        let mut twice = Lanes([0.0; W]);
        let (groups, rest) = ring.rows.as_chunks::<GROUP>();
        for group in groups {
            compare(&mut twice, group, x);
        }
        for row in rest {
            compare(&mut twice, &[*row], x);
        }
        let least = self.least as f64;
        for j in 0..W {
            let comes = if x[j].is_nan() { 0.0 } else { 1.0 };
            let goes = if old[j].is_nan() { 0.0 } else { 1.0 };
            let count = ring.counts[j] + (comes - goes);
            ring.counts[j] = count;
            // 2·rank of the average rank is twice the values below, the equal ones and 1.
            let value = (twice[j] + 1.0) * 0.5 / count;
            out[j] = if x[j].is_nan() | (count < least) { f64::NAN } else { value };
        }
    }

    fn steps(&self) -> usize {
        self.n * 4
    }
}

/// Adds for each name twice the values below the newest and once the equal ones.
#[inline(always)]
fn compare<const G: usize>(twice: &mut Lanes, rows: &[Lanes; G], now: &Lanes) {
    for j in 0..W {
        let mut sum = twice[j];
        for row in rows {
            sum += if row[j] < now[j] { 1.0 } else { 0.0 };
            sum += if row[j] <= now[j] { 1.0 } else { 0.0 };
        }
        twice[j] = sum;
    }
}

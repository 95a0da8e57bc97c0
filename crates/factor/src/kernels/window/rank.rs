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
}

/// Rows that are compared while the counts stay in registers.
const GROUP: usize = 4;

/// For each name twice the values below the newest plus once the equal ones, and all valid ones.
struct Counts {
    twice: Lanes,
    valid: Lanes,
}

impl Kind for Rank {
    type Tile = Ring;

    fn fresh(&self) -> Ring {
        Ring { rows: vec![Lanes([f64::NAN; W]); self.n], at: 0 }
    }

    #[inline(always)]
    fn row(&self, ring: &mut Ring, x: &Lanes, _: &Lanes, out: &mut Lanes) {
        ring.rows[ring.at] = *x;
        ring.at = if ring.at + 1 < self.n { ring.at + 1 } else { 0 };
        let mut counts = Counts { twice: Lanes([0.0; W]), valid: Lanes([0.0; W]) };
        let (groups, rest) = ring.rows.as_chunks::<GROUP>();
        for group in groups {
            counts.add(group, x);
        }
        for row in rest {
            counts.add(&[*row], x);
        }
        let least = self.least as f64;
        for j in 0..W {
            // 2·rank of the average rank is twice the values below, the equal ones and 1.
            let value = (counts.twice[j] + 1.0) * 0.5 / counts.valid[j];
            out[j] = if x[j].is_nan() | (counts.valid[j] < least) { f64::NAN } else { value };
        }
    }

    fn steps(&self) -> usize {
        self.n * 4
    }
}

impl Counts {
    #[inline(always)]
    fn add<const G: usize>(&mut self, rows: &[Lanes; G], now: &Lanes) {
        for j in 0..W {
            let (mut twice, mut valid) = (self.twice[j], self.valid[j]);
            for row in rows {
                twice += if row[j] < now[j] { 1.0 } else { 0.0 };
                twice += if row[j] <= now[j] { 1.0 } else { 0.0 };
                valid += if row[j].is_nan() { 0.0 } else { 1.0 };
            }
            self.twice[j] = twice;
            self.valid[j] = valid;
        }
    }
}

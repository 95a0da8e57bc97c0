//! The panels that `tests/data/record.py` draws, from the same numbers.

use market::{Column, Labels, Panel, Timestamp};

pub const ROWS: usize = 100;
pub const NAMES: usize = 40;

/// Knuth's linear congruential generator, its upper 53 bits.
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / 9_007_199_254_740_992.0
    }
}

/// What is left out of a panel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// Gaps, ties, names that come late or leave early.
    Rough,
}

/// A panel of days without fields.
pub fn bare(rows: usize, names: usize) -> Panel {
    // The first of January 2024.
    let day = |t: usize| Timestamp::from_nanos(86_400_000_000_000 * (19_723 + t as i64));
    let symbols = (0..names).map(|j| format!("N{j}").parse().expect("a symbol"));
    Panel::new((0..rows).map(day).collect(), symbols.collect())
}

/// Closes, volumes and sectors; a factor and another one.
pub fn seeded(kind: Kind) -> (Panel, Column, Column) {
    let mut u = Draw(7);
    let mut price = [100.0; NAMES];
    let [mut close, mut factor, mut other, mut volume] =
        std::array::from_fn(|_| Column::missing(ROWS, NAMES));
    let mut sector = Labels::missing(ROWS, NAMES);
    sector.names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let rough = kind == Kind::Rough;
    for t in 0..ROWS {
        for (j, price) in price.iter_mut().enumerate() {
            let lead = j as f64 / NAMES as f64;
            *price *= 1.0 + 0.04 * (u.next() - 0.5 + 0.2 * (lead - 0.5));
            let mut value = u.next() + lead;
            let [second, units, gap, still] = std::array::from_fn(|_| u.next());
            if rough {
                value = (value * 20.0).floor();
            }
            if !(rough && gap < 0.05) {
                factor.set(t, j, value);
            }
            other.set(t, j, second + 0.2 * value);
            volume.set(t, j, 1000.0 * (1.0 + units));
            let dead = ([3, 17].contains(&j) && t > 60) || (j == 5 && t < 20);
            if !(rough && (still < 0.03 || dead)) {
                close.set(t, j, *price);
            }
            sector.set(t, j, (j % 4) as u32);
        }
    }
    let mut panel = bare(ROWS, NAMES);
    panel.insert("close", close).expect("fits");
    panel.insert("volume", volume).expect("fits");
    panel.insert_labels("sector", sector).expect("fits");
    (panel, factor, other)
}

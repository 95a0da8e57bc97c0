//! Choices drawn from bytes: the same bytes give the same panel and text, fewer bytes simpler ones.

use market::{Column, Labels, Panel, Timestamp};

/// Bytes to draw from, shown in hexadecimal digits.
#[derive(Clone)]
pub struct Seed(pub Vec<u8>);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Bytes that choices are read from; after the last one every choice is the first.
pub struct Draw<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Draw<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        let wide = count > 256;
        let high = if wide { usize::from(self.byte()) << 8 } else { 0 };
        (high + usize::from(self.byte())) % count.max(1)
    }

    /// True in `share` of 256 cases; false when the bytes are used up.
    pub fn chance(&mut self, share: u8) -> bool {
        let byte = self.byte();
        byte > 0 && byte <= share
    }

    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// What the fields of a panel hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Quarters between −8 and 8: their sums and small products are exact.
    Quarters,
    /// Few whole numbers, so that ties are everywhere.
    Ties,
    /// Walks in cents around 100.
    Prices,
    /// The ends of the number range, signed zeros, infinities.
    Wild,
}

/// Numbers that look random, from a seed: Vigna's splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() >> 11) as usize % count.max(1)
    }

    /// True in so many of 100 cases.
    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

const DAY: i64 = 86_400_000_000_000;
const WILD: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e300,
    -1e300,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    1e-300,
    0.1,
    3.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    1e15,
    1.000_000_000_000_000_2,
];

/// A panel with fields `x y z` and groups `sector industry`, and what its fields hold.
pub fn panel(draw: &mut Draw<'_>) -> (Panel, Values) {
    use Values::{Prices, Quarters, Ties, Wild};
    let values = draw.one_of(&[Quarters, Ties, Quarters, Prices, Wild, Quarters]);
    let names = draw.one_of(&[1, 2, 3, 8, 9, 5, 0, 17, 33, 70]);
    let rows = match draw.below(16) {
        0 => 0,
        1 => 1,
        wide if wide < 12 => 2 + draw.below(40),
        _ => 2 + draw.below(100),
    };
    (shaped(draw, values, (rows, names)), values)
}

/// A panel of so many rows and names.
pub fn shaped(draw: &mut Draw<'_>, values: Values, (rows, names): (usize, usize)) -> Panel {
    let seed = u64::from_le_bytes(std::array::from_fn(|_| draw.byte()));
    let mut dice = Dice(seed);
    let mut panel = Panel::new(times(rows, draw, &mut dice), symbols(names));
    for field in ["x", "y", "z"] {
        let mut column = Column::missing(rows, names);
        for j in 0..names {
            life(&mut column, (j, rows), values, &mut dice);
        }
        panel.insert(field, column).expect("fits");
    }
    for (group, count) in [("sector", 3), ("industry", 9)] {
        panel.insert_labels(group, labels((rows, names), count, &mut dice)).expect("fits");
    }
    panel
}

fn symbols(names: usize) -> Vec<market::Symbol> {
    (0..names).map(|j| format!("S{j:04}").parse().expect("a symbol")).collect()
}

/// Working days, or bars of some minutes, with holes between them.
fn times(rows: usize, draw: &mut Draw<'_>, dice: &mut Dice) -> Vec<Timestamp> {
    let step = draw.one_of(&[DAY, DAY, 300_000_000_000, 3_600_000_000_000]);
    let mut time = 19_000 * DAY + dice.below(3000) as i64 * DAY;
    let mut times = Vec::new();
    for _ in 0..rows {
        times.push(Timestamp::from_nanos(time));
        time += step * if dice.percent(15) { 1 + dice.below(30) as i64 } else { 1 };
    }
    times
}

/// One name's field: listed late or delisted, suspended, with gaps, standing still.
fn life(column: &mut Column, (j, rows): (usize, usize), values: Values, dice: &mut Dice) {
    let listed = if dice.percent(25) { dice.below(rows) } else { 0 };
    let delisted = if dice.percent(20) { listed + dice.below(rows - listed + 1) } else { rows };
    let gaps = [0, 0, 10, 40][dice.below(4)];
    let still = [0, 0, 30, 100][dice.below(4)];
    let (mut value, mut suspended) = (one(values, 100.0, dice), 0);
    for t in listed..delisted {
        if !dice.percent(still) {
            value = one(values, value, dice);
        }
        if suspended == 0 && dice.percent(2) {
            suspended = 1 + dice.below(12);
        }
        if suspended > 0 {
            suspended -= 1;
        } else if !dice.percent(gaps) {
            column.set(t, j, value);
        }
        if values != Values::Wild && dice.percent(1) {
            column.set(t, j, if dice.percent(50) { f64::INFINITY } else { f64::NEG_INFINITY });
        }
    }
}

fn one(values: Values, before: f64, dice: &mut Dice) -> f64 {
    match values {
        Values::Quarters => (dice.below(65) as f64 - 32.0) / 4.0,
        Values::Ties => dice.below(4) as f64 - 1.0,
        Values::Prices => {
            let cents = (before * 100.0).round() + dice.below(401) as f64 - 200.0;
            cents.max(1.0) / 100.0
        }
        Values::Wild => WILD[dice.below(WILD.len())],
    }
}

/// Labels that a name mostly keeps; some are missing.
fn labels((rows, names): (usize, usize), count: usize, dice: &mut Dice) -> Labels {
    let mut labels = Labels::missing(rows, names);
    labels.names = (0..count).map(|code| format!("G{code}")).collect();
    for j in 0..names {
        let (mut code, missing) = (dice.below(count), [0, 0, 20, 100][dice.below(4)]);
        for t in 0..rows {
            if dice.percent(3) {
                code = dice.below(count);
            }
            if !dice.percent(missing) {
                labels.set(t, j, code as u32);
            }
        }
    }
    labels
}

//! Wilder's directional movement, with TA-Lib's seeding (Wilder, New Concepts, 1978).

use super::Machine;
use crate::kernels::wide::wide;
use crate::kernels::{Rows, Stage, is_cancelled};
use crate::operators::Direction;
use crate::scalar::finite;
use market::Panel;

/// Below this TA-Lib takes a sum for 0.
const NOTHING: f64 = 1e-14;

/// The smoothed sums of upward and downward moves.
#[derive(Debug, Clone)]
pub(super) struct Moves {
    kind: Direction,
    n: f64,
    last: Option<[f64; 2]>,
    seen: f64,
    plus: f64,
    minus: f64,
}

impl Moves {
    #[expect(clippy::cast_precision_loss, reason = "a window is far below 2^52")]
    pub(super) fn new(kind: Direction, n: usize) -> Self {
        Self { kind, n: n as f64, last: None, seen: 0.0, plus: 0.0, minus: 0.0 }
    }

    /// Takes a row; `None` for the first one.
    fn take(&mut self, high: f64, low: f64) -> Option<()> {
        let [last_high, last_low] = self.last.replace([high, low])?;
        let (up, down) = (high - last_high, last_low - low);
        self.seen += 1.0;
        let plus = if up > 0.0 && up > down { up } else { 0.0 };
        let minus = if down > 0.0 && down > up { down } else { 0.0 };
        self.plus = self.smoothed(self.plus, plus);
        self.minus = self.smoothed(self.minus, minus);
        Some(())
    }

    /// A plain sum of the first n − 1, then s − s/n + x.
    fn smoothed(&self, sum: f64, x: f64) -> f64 {
        if self.seen < self.n { sum + x } else { sum - sum / self.n + x }
    }
}

impl Machine<2> for Moves {
    fn step(&mut self, [high, low]: [f64; 2]) -> f64 {
        if self.take(high, low).is_none() || self.seen < self.n - 1.0 {
            return f64::NAN;
        }
        if self.kind == Direction::Plus { self.plus } else { self.minus }
    }
}

const LANES: usize = Panel::LANES;

/// The moves of some names as shares of the true range, their contrast, and its mean.
#[derive(Debug, Clone)]
struct Lanes {
    high: [f64; LANES],
    low: [f64; LANES],
    close: [f64; LANES],
    /// Moves so far.
    seen: [f64; LANES],
    plus: [f64; LANES],
    minus: [f64; LANES],
    range: [f64; LANES],
    contrast: [f64; LANES],
    /// A sum until there are n contrasts.
    mean: [f64; LANES],
}

impl Lanes {
    fn new() -> Self {
        let (none, zero) = ([f64::NAN; LANES], [0.0; LANES]);
        Self {
            high: none,
            low: none,
            close: none,
            seen: zero,
            plus: zero,
            minus: zero,
            range: zero,
            contrast: zero,
            mean: zero,
        }
    }
}

/// Lanes of names, and which line is shown.
pub(super) struct Directional {
    kind: Direction,
    n: f64,
    lanes: Vec<Lanes>,
}

impl Directional {
    pub(super) fn new(kind: Direction, n: f64, stride: usize) -> Self {
        Self { kind, n, lanes: vec![Lanes::new(); stride / LANES] }
    }
}

impl Stage for Directional {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let cells = |k: usize| rows.input(k).chunks_exact(rows.stride);
        let bars = cells(0).zip(cells(1)).zip(cells(2));
        for (out, ((high, low), close)) in out.chunks_exact_mut(rows.stride).zip(bars) {
            if is_cancelled(rows.cancel) {
                return;
            }
            step(out, [high, low, close], &mut self.lanes, (self.kind, self.n));
        }
    }
}

/// A plain sum of the first n − 1, then s − s/n + x; as it was where nothing moved.
#[inline(always)]
fn smoothed(sum: f64, x: f64, (n, seen, moved): (f64, f64, bool)) -> f64 {
    let next = if seen < n { sum + x } else { sum - sum / n + x };
    if moved { next } else { sum }
}

wide! {
    /// One row; where an input is missing the result is missing and the state is held.
    fn step(out: &mut [f64], bar: [&[f64]; 3], lanes: &mut [Lanes], shown: (Direction, f64)) {
        let (kind, n) = shown;
        for (block, (out, lane)) in out.chunks_exact_mut(LANES).zip(lanes).enumerate() {
            let cells = |k: usize| -> [f64; LANES] {
                std::array::from_fn(|j| bar[k][block * LANES + j])
            };
            let (high, low, close) = (cells(0), cells(1), cells(2));
            let (mut plus, mut minus, mut moved) = ([0.0; LANES], [0.0; LANES], [false; LANES]);
            for j in 0..LANES {
                let there = !(high[j].is_nan() | low[j].is_nan() | close[j].is_nan());
                let before = lane.close[j];
                let goes = there & !before.is_nan();
                let (up, down) = (high[j] - lane.high[j], lane.low[j] - low[j]);
                let rise = if (up > 0.0) & (up > down) { up } else { 0.0 };
                let fall = if (down > 0.0) & (down > up) { down } else { 0.0 };
                let top = if before > high[j] { before } else { high[j] };
                let bottom = if before < low[j] { before } else { low[j] };
                lane.seen[j] += f64::from(u8::from(goes));
                let state = (n, lane.seen[j], goes);
                lane.plus[j] = smoothed(lane.plus[j], rise, state);
                lane.minus[j] = smoothed(lane.minus[j], fall, state);
                lane.range[j] = smoothed(lane.range[j], top - bottom, state);
                lane.high[j] = if there { high[j] } else { lane.high[j] };
                lane.low[j] = if there { low[j] } else { lane.low[j] };
                lane.close[j] = if there { close[j] } else { before };
                let still = lane.range[j].abs() < NOTHING;
                plus[j] = if still { 0.0 } else { 100.0 * (lane.plus[j] / lane.range[j]) };
                minus[j] = if still { 0.0 } else { 100.0 * (lane.minus[j] / lane.range[j]) };
                moved[j] = goes & (lane.seen[j] >= n);
            }
            match kind {
                Direction::Plus => show(out, &plus, &moved),
                Direction::Minus => show(out, &minus, &moved),
                Direction::Dx | Direction::Adx => contrast(out, (&plus, &minus, &moved), lane, shown),
            }
        }
    }
}

#[inline(always)]
fn show(out: &mut [f64], x: &[f64; LANES], there: &[bool; LANES]) {
    for j in 0..LANES {
        out[j] = if there[j] { finite(x[j]) } else { f64::NAN };
    }
}

/// The contrast of the two shares, held where nothing moves, or its mean: a plain one of the first
/// n, then Wilder's; rows where nothing moves are passed over.
#[inline(always)]
fn contrast(
    out: &mut [f64],
    (plus, minus, moved): (&[f64; LANES], &[f64; LANES], &[bool; LANES]),
    lane: &mut Lanes,
    (kind, n): (Direction, f64),
) {
    let mut warm = [false; LANES];
    for j in 0..LANES {
        let sum = plus[j] + minus[j];
        let told = moved[j] & (sum.abs() >= NOTHING);
        let now = 100.0 * ((minus[j] - plus[j]).abs() / sum);
        lane.contrast[j] = if told { now } else { lane.contrast[j] };
        let (seen, mean) = (lane.seen[j], lane.mean[j]);
        let gathered = if told { mean + now } else { mean };
        let whole = if moved[j] & (seen == 2.0 * n - 1.0) { gathered / n } else { gathered };
        let later = if told { (mean * (n - 1.0) + now) / n } else { mean };
        lane.mean[j] = if seen < 2.0 * n { whole } else { later };
        warm[j] = moved[j] & (seen >= 2.0 * n - 1.0);
    }
    if kind == Direction::Dx {
        show(out, &lane.contrast, moved);
    } else {
        show(out, &lane.mean, &warm);
    }
}

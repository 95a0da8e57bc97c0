//! Wilder's directional movement, with TA-Lib's seeding (Wilder, New Concepts, 1978).

use super::Machine;
use crate::operators::Direction;

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

/// The moves as shares of the true range, their contrast, and its mean.
#[derive(Debug, Clone)]
pub(super) struct Directional {
    kind: Direction,
    moves: Moves,
    close: f64,
    range: f64,
    contrast: f64,
    mean: f64,
}

impl Directional {
    pub(super) fn new(kind: Direction, n: usize) -> Self {
        let moves = Moves::new(kind, n);
        Self { kind, moves, close: f64::NAN, range: 0.0, contrast: 0.0, mean: 0.0 }
    }

    /// The contrast of the two shares, 0 to 100; `None` where nothing moved.
    fn contrast(plus: f64, minus: f64) -> Option<f64> {
        let sum = plus + minus;
        (sum.abs() >= NOTHING).then(|| 100.0 * ((minus - plus).abs() / sum))
    }

    /// A plain mean of the first n contrasts, then Wilder's; rows without one are passed over.
    fn average(&mut self, contrast: Option<f64>) {
        let (n, seen) = (self.moves.n, self.moves.seen);
        let Some(contrast) = contrast else {
            if seen == 2.0 * n - 1.0 {
                self.mean /= n;
            }
            return;
        };
        if seen < 2.0 * n {
            self.mean += contrast;
            if seen == 2.0 * n - 1.0 {
                self.mean /= n;
            }
        } else {
            self.mean = (self.mean * (n - 1.0) + contrast) / n;
        }
    }
}

impl Machine<3> for Directional {
    fn step(&mut self, [high, low, close]: [f64; 3]) -> f64 {
        let before = std::mem::replace(&mut self.close, close);
        if self.moves.take(high, low).is_none() {
            return f64::NAN;
        }
        self.range = self.moves.smoothed(self.range, high.max(before) - low.min(before));
        let (n, seen) = (self.moves.n, self.moves.seen);
        if seen < n {
            return f64::NAN;
        }
        let share = |sum: f64| 100.0 * (sum / self.range);
        let still = self.range.abs() < NOTHING;
        let (plus, minus) =
            if still { (0.0, 0.0) } else { (share(self.moves.plus), share(self.moves.minus)) };
        match self.kind {
            Direction::Plus => plus,
            Direction::Minus => minus,
            Direction::Dx => {
                self.contrast = Self::contrast(plus, minus).unwrap_or(self.contrast);
                self.contrast
            }
            Direction::Adx => {
                self.average(Self::contrast(plus, minus));
                if seen < 2.0 * n - 1.0 { f64::NAN } else { self.mean }
            }
        }
    }
}

//! Levels that follow a price and change sides when it breaks through.

use super::Machine;
use crate::kernels::wide::wide;
use crate::kernels::{Rows, Stage, is_cancelled};
use crate::operators::Line;
use crate::scalar::finite;
use market::Panel;

/// Wilder's parabolic stop and reverse, with TA-Lib's start: long, unless the second row moved
/// down more than up, from the first row's extreme.
#[derive(Debug, Clone)]
pub(super) struct Sar {
    pace: f64,
    fastest: f64,
    last: Option<[f64; 2]>,
    open: Option<Stop>,
}

/// An open side: the level for the next row, the extreme since the side was taken, its pace.
#[derive(Debug, Clone, Copy)]
struct Stop {
    /// 1 above the level, −1 below it; prices are multiplied by it, so one rule serves both.
    side: f64,
    level: f64,
    extreme: f64,
    pace: f64,
}

impl Sar {
    pub(super) fn new(pace: f64, fastest: f64) -> Self {
        Self { pace: pace.min(fastest), fastest, last: None, open: None }
    }

    fn start(&self, [high, low]: [f64; 2], [last_high, last_low]: [f64; 2]) -> Stop {
        let (up, down) = (high - last_high, last_low - low);
        let pace = self.pace;
        if down > 0.0 && down > up {
            Stop { side: -1.0, level: last_high, extreme: low, pace }
        } else {
            Stop { side: 1.0, level: last_low, extreme: high, pace }
        }
    }
}

impl Machine<2> for Sar {
    fn step(&mut self, now: [f64; 2]) -> f64 {
        let Some(before) = self.last.replace(now) else { return f64::NAN };
        // The first row with a side counts as its own predecessor.
        let (stop, before) = match self.open {
            Some(stop) => (stop, before),
            None => (self.start(now, before), now),
        };
        let (shown, next) = stop.next(now, before, (self.pace, self.fastest));
        self.open = Some(next);
        shown
    }
}

impl Stop {
    /// The level shown for a row, and the stop after it.
    fn next(self, now: [f64; 2], before: [f64; 2], (pace, fastest): (f64, f64)) -> (f64, Self) {
        let Self { side, level, extreme, .. } = self;
        // The row's edges seen from a side: the far one first.
        let edges =
            |side: f64, [high, low]: [f64; 2]| if side > 0.0 { (high, low) } else { (-low, -high) };
        let held = |side: f64, level: f64| {
            let ((_, now), (_, before)) = (edges(side, now), edges(side, before));
            side * (side * level).min(before).min(now)
        };
        let (far, near) = edges(side, now);
        if near <= side * level {
            let level = held(-side, extreme);
            let extreme = side * near;
            let next = held(-side, level + pace * (extreme - level));
            return (level, Self { side: -side, level: next, extreme, pace });
        }
        let further = far > side * extreme;
        let extreme = if further { side * far } else { extreme };
        let pace = if further { (self.pace + pace).min(fastest) } else { self.pace };
        let next = held(side, level + pace * (extreme - level));
        (level, Self { side, level: next, extreme, pace })
    }
}

const LANES: usize = Panel::LANES;

/// Bands of k mean true ranges around the middle that follow the price, and the side it is on.
///
/// As in TA-Lib the first side is up and the mean true range is Wilder's.
pub(super) struct Supertrend {
    shown: Line,
    n: f64,
    k: f64,
    lanes: Vec<Bands>,
}

/// What some names remember.
#[derive(Debug, Clone)]
struct Bands {
    close: [f64; LANES],
    /// True ranges so far.
    seen: [f64; LANES],
    /// Their sum until there are n, then their mean.
    range: [f64; LANES],
    upper: [f64; LANES],
    lower: [f64; LANES],
    /// 1 where the price is above the lower band, −1 where it is below the upper one.
    side: [f64; LANES],
}

impl Supertrend {
    pub(super) fn new(shown: Line, (n, k): (f64, f64), stride: usize) -> Self {
        let (none, zero) = ([f64::NAN; LANES], [0.0; LANES]);
        let fresh = Bands {
            close: none,
            seen: zero,
            range: zero,
            upper: none,
            lower: none,
            side: [1.0; LANES],
        };
        Self { shown, n, k, lanes: vec![fresh; stride / LANES] }
    }
}

impl Stage for Supertrend {
    fn advance(&mut self, rows: &Rows<'_>, out: &mut [f64]) {
        let cells = |k: usize| rows.input(k).chunks_exact(rows.stride);
        let bars = cells(0).zip(cells(1)).zip(cells(2));
        for (out, ((high, low), close)) in out.chunks_exact_mut(rows.stride).zip(bars) {
            if is_cancelled(rows.cancel) {
                return;
            }
            follow(out, [high, low, close], &mut self.lanes, (self.shown, self.n, self.k));
        }
    }
}

wide! {
    /// One row; where an input is missing the result is missing and the state is held.
    fn follow(out: &mut [f64], bar: [&[f64]; 3], lanes: &mut [Bands], rule: (Line, f64, f64)) {
        let (shown, n, k) = rule;
        for (block, (out, lane)) in out.chunks_exact_mut(LANES).zip(lanes).enumerate() {
            let cells = |of: usize| -> [f64; LANES] {
                std::array::from_fn(|j| bar[of][block * LANES + j])
            };
            let (high, low, close) = (cells(0), cells(1), cells(2));
            for j in 0..LANES {
                let (high, low, close, before) = (high[j], low[j], close[j], lane.close[j]);
                let there = !(high.is_nan() | low.is_nan() | close.is_nan());
                let moved = there & !before.is_nan();
                let top = if before > high { before } else { high };
                let bottom = if before < low { before } else { low };
                let range = top - bottom;
                let seen = lane.seen[j] + f64::from(u8::from(moved));
                let gathered = lane.range[j] + range;
                let whole = if seen == n { gathered / n } else { gathered };
                let later = (lane.range[j] * (n - 1.0) + range) / n;
                let range = if seen <= n { whole } else { later };
                let (middle, reach) = (0.5 * (high + low), k * range);
                let (upper, lower) = (middle + reach, middle - reach);
                // Before there are bands all comparisons with them are false.
                let keep_upper = (upper >= lane.upper[j]) & (before <= lane.upper[j]);
                let keep_lower = (lower <= lane.lower[j]) & (before >= lane.lower[j]);
                let upper = if keep_upper { lane.upper[j] } else { upper };
                let lower = if keep_lower { lane.lower[j] } else { lower };
                let down = if close < lower { -1.0 } else { 1.0 };
                let up = if close > upper { 1.0 } else { -1.0 };
                let side = if lane.side[j] > 0.0 { down } else { up };
                let warm = moved & (seen >= n);
                // The first bands stand, and their side is up, wherever the close is.
                let side = if seen == n { 1.0 } else { side };
                let level = if side > 0.0 { lower } else { upper };
                let value = if shown == Line::Level { finite(level) } else { side };
                out[j] = if warm { value } else { f64::NAN };
                lane.close[j] = if there { close } else { before };
                lane.seen[j] = seen;
                lane.range[j] = if moved { range } else { lane.range[j] };
                lane.upper[j] = if warm { upper } else { lane.upper[j] };
                lane.lower[j] = if warm { lower } else { lane.lower[j] };
                lane.side[j] = if warm { side } else { lane.side[j] };
            }
        }
    }
}

//! Levels that follow a price and change sides when it breaks through.

use super::Machine;
use crate::operators::Line;

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

/// Bands of k mean true ranges around the middle that follow the price, and the side it is on.
///
/// As in TA-Lib the first side is up and the mean true range is Wilder's.
#[derive(Debug, Clone)]
pub(super) struct Supertrend {
    shown: Line,
    n: f64,
    k: f64,
    close: Option<f64>,
    seen: f64,
    range: f64,
    bands: Option<Bands>,
}

#[derive(Debug, Clone, Copy)]
struct Bands {
    upper: f64,
    lower: f64,
    up: bool,
}

impl Supertrend {
    pub(super) fn new(shown: Line, n: f64, k: f64) -> Self {
        Self { shown, n, k, close: None, seen: 0.0, range: 0.0, bands: None }
    }
}

impl Machine<3> for Supertrend {
    fn step(&mut self, [high, low, close]: [f64; 3]) -> f64 {
        let Some(before) = self.close.replace(close) else { return f64::NAN };
        self.seen += 1.0;
        let range = high.max(before) - low.min(before);
        if self.seen < self.n {
            self.range += range;
            return f64::NAN;
        }
        self.range = if self.seen == self.n {
            (self.range + range) / self.n
        } else {
            (self.range * (self.n - 1.0) + range) / self.n
        };
        let (middle, reach) = (f64::midpoint(high, low), self.k * self.range);
        let (upper, lower) = (middle + reach, middle - reach);
        let bands = self.bands.map_or(Bands { upper, lower, up: true }, |last| {
            let keep_upper = upper >= last.upper && before <= last.upper;
            let keep_lower = lower <= last.lower && before >= last.lower;
            let upper = if keep_upper { last.upper } else { upper };
            let lower = if keep_lower { last.lower } else { lower };
            let up = if last.up { close >= lower } else { close > upper };
            Bands { upper, lower, up }
        });
        self.bands = Some(bands);
        match (self.shown, bands.up) {
            (Line::Level, true) => bands.lower,
            (Line::Level, false) => bands.upper,
            (Line::Direction, true) => 1.0,
            (Line::Direction, false) => -1.0,
        }
    }
}

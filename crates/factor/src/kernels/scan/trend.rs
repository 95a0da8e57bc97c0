//! Adaptive means and oscillators over the last valid values of a name.

use super::Machine;
use std::collections::VecDeque;

/// The last so many valid values, the oldest first.
#[derive(Debug, Clone)]
struct Last {
    values: VecDeque<f64>,
    most: usize,
}

impl Last {
    fn new(most: usize) -> Self {
        Self { values: VecDeque::new(), most }
    }

    /// Takes a value; whether there are enough now.
    fn push(&mut self, x: f64) -> bool {
        if self.values.len() == self.most {
            self.values.pop_front();
        }
        self.values.push_back(x);
        self.values.len() == self.most
    }
}

/// Kaufman's adaptive mean, as TA-Lib starts it: from the value before the first full window.
#[derive(Debug, Clone)]
pub(super) struct Kama {
    last: Last,
    mean: Option<f64>,
}

impl Kama {
    pub(super) fn new(n: usize) -> Self {
        Self { last: Last::new(n + 1), mean: None }
    }
}

/// Kaufman's weights of an exponential mean over 2 and over 30 rows.
const FAST: f64 = 2.0 / 3.0;
const SLOW: f64 = 2.0 / 31.0;

impl Machine<1> for Kama {
    fn step(&mut self, [x]: [f64; 1]) -> f64 {
        let before = self.last.values.back().copied().unwrap_or(x);
        if !self.last.push(x) {
            return f64::NAN;
        }
        let values = &self.last.values;
        let way: f64 = values.iter().zip(values.iter().skip(1)).map(|(a, b)| (b - a).abs()).sum();
        let gone = x - values.front().copied().unwrap_or(x);
        let efficiency = if way <= gone || way == 0.0 { 1.0 } else { (gone / way).abs() };
        let root = efficiency * (FAST - SLOW) + SLOW;
        let mean = self.mean.unwrap_or(before);
        let next = mean + root * root * (x - mean);
        self.mean = Some(next);
        next
    }
}

/// The largest of the last so many values, by those that a later one can still leave the largest.
#[derive(Debug, Clone)]
struct Largest {
    most: u64,
    seen: u64,
    /// Values that fall, with the places at which they came.
    falling: VecDeque<(u64, f64)>,
}

impl Largest {
    fn new(most: usize) -> Self {
        Self { most: most as u64, seen: 0, falling: VecDeque::new() }
    }

    /// Takes a value; the largest, if there are enough now.
    fn push(&mut self, x: f64) -> Option<f64> {
        while self.falling.back().is_some_and(|(_, last)| *last <= x) {
            self.falling.pop_back();
        }
        self.falling.push_back((self.seen, x));
        self.seen += 1;
        while self.falling.front().is_some_and(|(at, _)| at + self.most < self.seen) {
            self.falling.pop_front();
        }
        let front = self.falling.front().map(|(_, x)| *x);
        front.filter(|_| self.seen >= self.most)
    }
}

/// Ehlers' Fisher transform of where the price stands in its range (S&C, November 2002).
#[derive(Debug, Clone)]
pub(super) struct Fisher {
    top: Largest,
    /// The bottom, with the other sign.
    bottom: Largest,
    place: f64,
    value: f64,
}

impl Fisher {
    pub(super) fn new(n: usize) -> Self {
        Self { top: Largest::new(n), bottom: Largest::new(n), place: 0.0, value: 0.0 }
    }
}

impl Machine<2> for Fisher {
    fn step(&mut self, [high, low]: [f64; 2]) -> f64 {
        let price = f64::midpoint(high, low);
        let (Some(top), Some(bottom)) = (self.top.push(price), self.bottom.push(-price)) else {
            return f64::NAN;
        };
        let range = top + bottom;
        let place = if range > 0.0 { (price + bottom) / range - 0.5 } else { 0.0 };
        let moved = 0.66 * place + 0.67 * self.place;
        self.place = if moved.abs() > 0.99 { 0.999_f64.copysign(moved) } else { moved };
        self.value = 0.5 * libm::log((1.0 + self.place) / (1.0 - self.place)) + 0.5 * self.value;
        self.value
    }
}

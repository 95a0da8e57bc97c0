//! The sets of a sweep: every combination of its axes' values that satisfies its conditions.

use super::{Axis, Condition, Error, condition::Operand};
use crate::strategy::{Parameter, Template, plain_decimal};
use market::Money;
use std::{fmt, str::FromStr};

/// Sets that a sweep may have.
pub const SETS_MAX: u64 = 1_000_000;
/// Values that one axis may have.
pub const AXIS_VALUES_MAX: usize = 100_000;
/// Combinations that are looked at before conditions.
const COMBINATIONS_MAX: u64 = 16_000_000;

/// Numbered sets of values. Number 0 has the first value of every axis; the last axis runs fastest;
/// sets that fail a condition have no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    axes: Vec<Axis>,
    conditions: Vec<Condition>,
    /// The place of each set among all combinations; empty where there are no conditions.
    places: Vec<u32>,
    sets: u64,
}

/// One side of a condition, found.
#[derive(Clone, Copy)]
enum Side {
    Axis(usize),
    Fixed(Money),
}

impl Grid {
    /// The grid over a strategy's parameters; one without an axis keeps the value of the text.
    pub fn new(
        template: &Template,
        axes: Vec<Axis>,
        conditions: Vec<Condition>,
    ) -> Result<Self, Error> {
        if axes.is_empty() {
            return Err(Error::NoAxis);
        }
        let parameters = template.parameters();
        for (place, axis) in axes.iter().enumerate() {
            known(parameters, axis.name())?;
            if axes.iter().take(place).any(|other| other.name() == axis.name()) {
                return Err(Error::AxisTwice { name: axis.name().to_owned() });
            }
        }
        let combinations = axes
            .iter()
            .map(|axis| axis.values().len() as u128)
            .try_fold(1_u128, u128::checked_mul)
            .unwrap_or(u128::MAX);
        let limit = if conditions.is_empty() { SETS_MAX } else { COMBINATIONS_MAX };
        let combinations = u64::try_from(combinations).ok().filter(|sets| *sets <= limit);
        let Some(combinations) = combinations else {
            let sizes = axes.iter().map(|axis| axis.values().len() as u128);
            let sets = sizes.fold(1_u128, u128::saturating_mul);
            return Err(Error::Sets { sets, limit });
        };
        let mut grid = Self { axes, conditions, places: Vec::new(), sets: combinations };
        if !grid.conditions.is_empty() {
            grid.sift(parameters, combinations)?;
        }
        Ok(grid)
    }

    /// Keeps the combinations that satisfy every condition.
    fn sift(&mut self, parameters: &[Parameter], combinations: u64) -> Result<(), Error> {
        let side = |operand: &Operand| match operand {
            Operand::Number(number) => Ok::<_, Error>(Side::Fixed(*number)),
            Operand::Parameter(name) => {
                let axis = self.axes.iter().position(|axis| axis.name() == name);
                let fixed = known(parameters, name)?.default;
                Ok(axis.map_or(Side::Fixed(fixed), Side::Axis))
            }
        };
        let sides: Vec<(Side, Side)> = self
            .conditions
            .iter()
            .map(|one| Ok((side(&one.left)?, side(&one.right)?)))
            .collect::<Result<_, Error>>()?;
        let mut places = Vec::new();
        let mut values = Vec::new();
        for place in 0..u32::try_from(combinations).unwrap_or(u32::MAX) {
            self.combination(u64::from(place), &mut values);
            let value = |side: Side| match side {
                Side::Axis(axis) => values.get(axis).copied().unwrap_or_default(),
                Side::Fixed(value) => value,
            };
            let mut all = self.conditions.iter().zip(&sides);
            if all.all(|(one, (left, right))| one.holds(value(*left), value(*right))) {
                places.push(place);
            }
        }
        self.sets = places.len() as u64;
        if places.is_empty() {
            return Err(Error::Empty);
        }
        if self.sets > SETS_MAX {
            return Err(Error::Sets { sets: u128::from(self.sets), limit: SETS_MAX });
        }
        self.places = places;
        Ok(())
    }

    /// The values of a combination, in the axes' order.
    fn combination(&self, mut place: u64, values: &mut Vec<Money>) {
        values.clear();
        values.resize(self.axes.len(), Money::ZERO);
        for (value, axis) in values.iter_mut().zip(&self.axes).rev() {
            let count = axis.values().len().max(1) as u64;
            let here = usize::try_from(place % count).unwrap_or(0);
            *value = axis.values().get(here).copied().unwrap_or_default();
            place /= count;
        }
    }

    /// How many sets there are; at least one.
    #[must_use]
    pub const fn sets(&self) -> u64 {
        self.sets
    }

    /// The axes, in the order in which they were given.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The conditions.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The values of a set, in the axes' order.
    pub fn values(&self, number: u64) -> Result<Vec<Money>, Error> {
        let unknown = Error::Number { number, sets: self.sets };
        if number >= self.sets {
            return Err(unknown);
        }
        let place = if self.conditions.is_empty() {
            number
        } else {
            let place = usize::try_from(number).ok().and_then(|at| self.places.get(at));
            u64::from(*place.ok_or(unknown)?)
        };
        let mut values = Vec::new();
        self.combination(place, &mut values);
        Ok(values)
    }

    /// Values with their parameters' names.
    #[must_use]
    pub fn named<'g>(&'g self, values: &[Money]) -> Vec<(&'g str, Money)> {
        self.axes.iter().map(Axis::name).zip(values.iter().copied()).collect()
    }

    /// A set as a person would write it: `fast=5 slow=20`.
    #[must_use]
    pub fn shown(&self, values: &[Money]) -> String {
        let one = |(name, value): (&str, Money)| format!("{name}={}", plain_decimal(value));
        self.named(values).into_iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

fn known<'p>(parameters: &'p [Parameter], name: &str) -> Result<&'p Parameter, Error> {
    parameters.iter().find(|one| one.name == name).ok_or_else(|| {
        let names: Vec<&str> = parameters.iter().map(|one| one.name.as_str()).collect();
        let known = if names.is_empty() {
            "give it one under `parameters:`, and write `$name` where it belongs".to_owned()
        } else {
            format!("it has {}", names.join(", "))
        };
        Error::Parameter { name: name.to_owned(), known }
    })
}

/// A part of a sweep that is done elsewhere: `2/5` is the second of five. It has the sets whose
/// number leaves `index - 1` when divided by the number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

/// Shards that a sweep may be divided into.
const SHARDS_MAX: u64 = 65_536;

impl Shard {
    /// All sets.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// Which one, from 1.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// Of how many.
    #[must_use]
    pub const fn of(self) -> u64 {
        self.of
    }

    /// Whether it has a set.
    #[must_use]
    pub const fn has(self, number: u64) -> bool {
        number % self.of == self.index - 1
    }

    /// Its sets of so many, in order.
    pub fn numbers(self, sets: u64) -> impl Iterator<Item = u64> {
        let step = usize::try_from(self.of).unwrap_or(usize::MAX);
        (self.index - 1..sets).step_by(step)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (index, of) = text.split_once('/')?;
            let (index, of) = (index.trim().parse().ok()?, of.trim().parse().ok()?);
            ((1..=of).contains(&index) && of <= SHARDS_MAX).then_some(Self { index, of })
        };
        read().ok_or_else(|| Error::Shard { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

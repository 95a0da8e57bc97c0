//! Within the groups of one day.
//!
//! Values are added up in the order of the names, about the first value of their group, so that
//! equal values have exactly their mean and no deviation.

use super::positive;
use crate::kernels::rank::Ranking;
use crate::kernels::wide::wide;
use crate::operators::Across;
use crate::scalar::finite;
use market::Labels;

/// Room for one day.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The group of every name, counted from 0; the number of groups where it has none.
    slots: Vec<u32>,
    /// The same, and the number of groups for every name without a value too.
    homes: Vec<u32>,
    /// The codes of the day, in order, if they are too far apart to be slots.
    codes: Vec<u32>,
    tallies: Vec<Tally>,
    /// For ranks: where each group begins, the names and the values in the order of groups.
    starts: Vec<usize>,
    members: Vec<u32>,
    values: Vec<f64>,
    ranks: Vec<f64>,
}

/// What is known of one group; what it becomes, `level` and `scale`, depends on the operator.
#[derive(Debug, Clone, Copy)]
struct Tally {
    count: f64,
    origin: f64,
    sum: f64,
    level: f64,
    scale: f64,
}

const EMPTY: Tally =
    Tally { count: 0.0, origin: f64::NAN, sum: 0.0, level: f64::NAN, scale: f64::NAN };

wide! {
    fn apart(level: &mut [f64], x: &[f64]) {
        for (level, x) in level.iter_mut().zip(x) {
            *level = finite(*x - *level);
        }
    }
}

wide! {
    fn standardise(level: &mut [f64], x: &[f64], scale: &[f64]) {
        for ((level, x), scale) in level.iter_mut().zip(x).zip(scale) {
            *level = finite((*x - *level) / *scale);
        }
    }
}

impl Groups {
    /// One day of `kind`.
    pub(super) fn day(&mut self, kind: Across, out: &mut [f64], x: &[f64], labels: &[u32]) {
        let groups = self.assign(labels);
        self.homes.clear();
        let home = |(slot, x): (&u32, &f64)| if x.is_nan() { groups as u32 } else { *slot };
        self.homes.extend(self.slots.iter().zip(x).map(home));
        self.tallies.clear();
        self.tallies.resize(groups + 1, EMPTY);
        self.add(x, if kind == Across::GroupSum { Some(0.0) } else { None });
        if kind == Across::GroupZscore {
            self.deviate(x);
        }
        for tally in &mut self.tallies {
            tally.settle(kind);
        }
        // Where the names without a group are.
        if let Some(tally) = self.tallies.last_mut() {
            (tally.level, tally.scale) = (f64::NAN, f64::NAN);
        }
        for (out, slot) in out.iter_mut().zip(&self.slots) {
            *out = self.tallies[*slot as usize].level;
        }
        if kind == Across::GroupDemean {
            apart(out, x);
        }
        if kind == Across::GroupZscore {
            self.values.clear();
            let tallies = &self.tallies;
            self.values.extend(self.slots.iter().map(|slot| tallies[*slot as usize].scale));
            standardise(out, x, &self.values);
        }
    }

    /// Gives every name the slot of its group; the number of slots.
    ///
    /// Codes are the slots, unless they are far more than the names.
    fn assign(&mut self, labels: &[u32]) -> usize {
        self.slots.clear();
        let above = labels.iter().map(|code| code.wrapping_add(1)).max().unwrap_or(0) as usize;
        if above <= 4 * labels.len() + 64 {
            self.slots.extend(labels.iter().map(|code| (*code).min(above as u32)));
            return above;
        }
        self.codes.clear();
        self.codes.extend(labels.iter().filter(|code| **code != Labels::NONE));
        self.codes.sort_unstable();
        self.codes.dedup();
        let none = self.codes.len();
        let slot = |code| self.codes.binary_search(code).unwrap_or(none) as u32;
        self.slots.extend(labels.iter().map(slot));
        none
    }

    /// Counts and sums, about `origin` or else the first value of the group.
    fn add(&mut self, x: &[f64], origin: Option<f64>) {
        for (x, home) in x.iter().zip(&self.homes) {
            let tally = &mut self.tallies[*home as usize];
            if tally.count == 0.0 {
                tally.origin = origin.unwrap_or(*x);
            }
            tally.count += 1.0;
            tally.sum += *x - tally.origin;
        }
    }

    /// The squares about the mean, as scale.
    fn deviate(&mut self, x: &[f64]) {
        for tally in &mut self.tallies {
            (tally.level, tally.scale) = (tally.mean(), 0.0);
        }
        for (x, home) in x.iter().zip(&self.homes) {
            let tally = &mut self.tallies[*home as usize];
            let apart = *x - tally.level;
            tally.scale += apart * apart;
        }
    }

    /// The names are put in the order of their groups, and each group ranked alone.
    pub(super) fn rank(
        &mut self,
        out: &mut [f64],
        x: &[f64],
        labels: &[u32],
        ranking: &mut Ranking,
    ) {
        let groups = self.assign(labels);
        self.starts.clear();
        self.starts.resize(groups + 2, 0);
        for slot in &self.slots {
            self.starts[*slot as usize + 1] += 1;
        }
        for group in 0..=groups {
            self.starts[group + 1] += self.starts[group];
        }
        self.members.resize(x.len(), 0);
        self.values.resize(x.len(), 0.0);
        self.ranks.resize(x.len(), 0.0);
        for (j, (x, slot)) in x.iter().zip(&self.slots).enumerate() {
            let at = &mut self.starts[*slot as usize];
            (self.members[*at], self.values[*at]) = (j as u32, *x);
            *at += 1;
        }
        // Each start has moved to the end of its group.
        let mut start = 0;
        for end in &self.starts[..groups] {
            if start < *end {
                ranking.rank(&mut self.ranks[start..*end], &self.values[start..*end]);
            }
            start = *end;
        }
        self.ranks[start..].fill(f64::NAN);
        for (name, rank) in self.members.iter().zip(&self.ranks) {
            out[*name as usize] = *rank;
        }
    }
}

impl Tally {
    fn mean(&self) -> f64 {
        self.origin + self.sum / self.count
    }

    fn settle(&mut self, kind: Across) {
        match kind {
            Across::GroupZscore => {
                let std = (self.scale / (self.count - 1.0)).sqrt();
                self.scale = positive(std);
            }
            Across::GroupCount => self.level = self.count,
            Across::GroupSum if self.count > 0.0 => self.level = finite(self.sum),
            Across::GroupDemean | Across::GroupMean => self.level = finite(self.mean()),
            _ => {}
        }
    }
}

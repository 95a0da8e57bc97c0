//! What of the factor is left within groups, and how its ends spread over them.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "numeric kernel: codes are checked against the number of groups where they enter, \
              and several tables share the row"
)]

use crate::cross::{NAMES_MIN, Place, Ranks, Side, Sorter, pearson};
use crate::statistics::{Mean, count, finite, mean, summary};
use crate::study::Reading;
use crate::{Error, Exposure, GroupInformation, Series, Settings};
use market::{Labels, Panel};

/// The labels that names are grouped by.
#[derive(Debug)]
pub(crate) struct Grouping<'a> {
    labels: &'a Labels,
}

impl<'a> Grouping<'a> {
    pub(crate) fn of(panel: &'a Panel, name: Option<&str>) -> Result<Option<Self>, Error> {
        let Some(name) = name else { return Ok(None) };
        let labels = panel.group(name).ok_or_else(|| Error::Group {
            name: name.to_owned(),
            known: panel.group_names().collect::<Vec<_>>().join(", "),
        })?;
        let (found, most) = (labels.names.len(), Settings::GROUPS_MAX);
        if found > most {
            return Err(Error::Range { what: "the number of groups", found, least: 0, most });
        }
        Ok(Some(Self { labels }))
    }

    pub(crate) fn number(&self) -> usize {
        self.labels.names.len()
    }

    /// The groups of row `t`; the number of groups stands for none.
    fn row(&self, t: usize) -> impl Iterator<Item = usize> {
        let none = self.number();
        self.labels.row(t).iter().map(move |code| {
            usize::try_from(*code).ok().filter(|code| *code < none).unwrap_or(none)
        })
    }
}

/// The figures of groups, date by date.
#[derive(Debug)]
pub(crate) struct Within {
    pub(crate) ic: Series,
    pub(crate) rank_ic: Series,
    by_group: Vec<(Series, Mean)>,
    members: Vec<(Vec<f64>, Vec<f64>)>,
    left: Vec<f64>,
    /// Forward returns less the mean of date and group; NaN in groups of one.
    pub(crate) right: Vec<f64>,
    sorter: Sorter,
    ranks: Ranks,
}

impl Within {
    pub(crate) fn new(reading: &Reading<'_>, groups: &Grouping<'_>) -> Self {
        let none = || vec![None; reading.rows];
        Self {
            ic: none(),
            rank_ic: none(),
            by_group: (0..groups.number()).map(|_| (none(), Mean::default())).collect(),
            members: vec![(Vec::new(), Vec::new()); groups.number() + 1],
            left: vec![f64::NAN; reading.names],
            right: vec![f64::NAN; reading.names],
            sorter: Sorter::default(),
            ranks: Ranks::new(reading.names),
        }
    }

    /// Takes in a date: its factor values and forward returns.
    pub(crate) fn date(&mut self, t: usize, groups: &Grouping<'_>, x: &[f64], y: &[f64]) {
        self.gather(t, groups, x, y);
        let sums: Vec<(f64, f64, f64)> = self
            .members
            .iter()
            .map(|(x, y)| (count(x.len()), x.iter().sum(), y.iter().sum()))
            .collect();
        let none = groups.number();
        self.left.fill(f64::NAN);
        self.right.fill(f64::NAN);
        for (j, group) in groups.row(t).take(x.len()).enumerate() {
            let (number, sum_x, sum_y) = sums[group];
            if group < none && number > 1.0 && x[j].is_finite() && y[j].is_finite() {
                // Of whole numbers only the quotient is rounded, so that what is equal stays equal
                // in groups of different sizes.
                self.left[j] = (number * x[j] - sum_x) / number;
                self.right[j] = (number * y[j] - sum_y) / number;
            }
        }
        self.ic[t] = pearson(&self.left, &self.right);
        let (left, right) = (&self.left, &self.right);
        self.rank_ic[t] = ranked(left, right, &mut self.sorter, &mut self.ranks);
        for (group, (series, names)) in self.by_group.iter_mut().enumerate() {
            let (x, y) = &self.members[group];
            if x.len() >= NAMES_MIN {
                series[t] = ranked(x, y, &mut self.sorter, &mut self.ranks);
                if series[t].is_some() {
                    names.add(count(x.len()));
                }
            }
        }
    }

    fn gather(&mut self, t: usize, groups: &Grouping<'_>, x: &[f64], y: &[f64]) {
        for (x, y) in &mut self.members {
            x.clear();
            y.clear();
        }
        for ((group, x), y) in groups.row(t).zip(x).zip(y) {
            if x.is_finite() && y.is_finite() {
                self.members[group].0.push(*x);
                self.members[group].1.push(*y);
            }
        }
    }

    /// The groups' figures, in the order of the labels.
    pub(crate) fn groups(&self, groups: &Grouping<'_>, overlap: usize) -> Vec<GroupInformation> {
        let named = groups.labels.names.iter().zip(&self.by_group);
        let one = |(group, (series, names)): (&String, &(Series, Mean))| GroupInformation {
            group: group.clone(),
            names: names.value(),
            summary: summary(series, overlap),
        };
        named.map(one).collect()
    }
}

fn ranked(x: &[f64], y: &[f64], sorter: &mut Sorter, ranks: &mut Ranks) -> Option<f64> {
    let mut order = |row: &[f64]| {
        let mut places: Vec<Place> = Vec::with_capacity(row.len());
        sorter.sort(row, &mut places);
        places
    };
    let (left, right) = (order(x), order(y));
    ranks.correlation(Side { values: x, order: &left }, Side { values: y, order: &right })
}

/// Shares of the groups in the top and the bottom quantile.
pub(crate) fn exposures(reading: &Reading<'_>) -> Result<Vec<Exposure>, Error> {
    let Some(groups) = &reading.groups else { return Ok(Vec::new()) };
    let number = groups.number();
    let mut shares: Vec<[Series; 2]> =
        (0..=number).map(|_| [vec![None; reading.rows], vec![None; reading.rows]]).collect();
    let mut all = vec![Mean::default(); number + 1];
    let ends = [reading.book.quantiles() - 1, 0];
    for t in 0..reading.rows {
        reading.stop.check()?;
        let mut counts = vec![[0_usize; 3]; number + 1];
        for (group, code) in groups.row(t).zip(reading.book.codes(t)) {
            let code = usize::from(*code);
            counts[group][2] += usize::from(code < reading.book.quantiles());
            for (end, wanted) in ends.iter().enumerate() {
                counts[group][end] += usize::from(code == *wanted);
            }
        }
        let valued: usize = counts.iter().map(|of| of[2]).sum();
        for (group, of) in counts.iter().enumerate() {
            for (end, wanted) in ends.iter().enumerate() {
                shares[group][end][t] = share(of[end], reading.book.members(t, *wanted));
            }
            if let Some(share) = share(of[2], valued) {
                all[group].add(share);
            }
        }
    }
    let names = groups.labels.names.iter().cloned().map(Some).chain([None]);
    let exposure =
        |(group, ([top, bottom], all)): (Option<String>, ([Series; 2], Mean))| Exposure {
            group,
            top_mean: mean(top.iter().flatten().copied()),
            bottom_mean: mean(bottom.iter().flatten().copied()),
            all_mean: all.value(),
            top,
            bottom,
        };
    Ok(names.zip(shares.into_iter().zip(all)).map(exposure).collect())
}

fn share(part: usize, whole: usize) -> Option<f64> {
    finite(count(part) / count(whole))
}

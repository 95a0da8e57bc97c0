//! One holding period: information, quantiles, spread, and what they rest on.
#![allow(
    clippy::indexing_slicing,
    reason = "numeric kernel: every table here is rows × names or as long as the quantiles"
)]

use crate::cross::{Place, Ranks, Side, Sorter, pearson};
use crate::forward::{End, Forward};
use crate::groups::Within;
use crate::quantile::{Tranches, tranches};
use crate::statistics::{Mean, count, finite, mean, monthly, ratio, summary};
use crate::study::Reading;
use crate::{Error, Horizon, Information, LabelCounts, Quantile, Sensitivity, Series};
use crate::{capacity, deflate};

pub(crate) fn read(
    reading: &Reading<'_>,
    rows: usize,
    held: &[f64],
    traded: Option<&[f64]>,
) -> Result<Horizon, Error> {
    let stop = reading.stop;
    let forward = reading.prices.forward(reading.settings.delay, rows, stop)?;
    let orders = reading.orders_of(&forward)?;
    let mut dates = Dates::new(reading);
    for t in 0..reading.rows {
        stop.check()?;
        dates.take(t, reading, Side { values: forward.row(t), order: orders.row(t) });
    }
    let without_delisted = without_delisted(reading, &forward, &dates, rows)?;
    let mut tranches = tranches(reading, rows, held)?;
    let growth = std::mem::take(&mut tranches.growth);
    let turnover = |q| reading.book.turnover(q, rows, stop);
    Ok(dates.figures(Parts {
        reading,
        rows,
        tranches,
        turnover: (0..growth.len()).map(turnover).collect::<Result<_, _>>()?,
        labels: labels(reading, &forward)?,
        without_delisted,
        capacity: traded.map(|traded| capacity::capacity(reading, rows, traded)).transpose()?,
        growth,
    }))
}

/// What is gathered date by date.
struct Dates {
    ic: Series,
    rank_ic: Series,
    spread: Series,
    within: Option<Within>,
    /// By quantile: mean forward return by row, and the means of what is demeaned.
    quantiles: Vec<(Series, Mean, Mean)>,
    ranks: Ranks,
    sums: Vec<(f64, usize)>,
}

struct Parts<'a> {
    reading: &'a Reading<'a>,
    rows: usize,
    growth: Vec<Series>,
    turnover: Vec<Option<f64>>,
    tranches: Tranches,
    labels: LabelCounts,
    without_delisted: Sensitivity,
    capacity: Option<crate::Capacity>,
}

impl Dates {
    fn new(reading: &Reading<'_>) -> Self {
        let none = || vec![None; reading.rows];
        let quantiles = reading.book.quantiles();
        Self {
            ic: none(),
            rank_ic: none(),
            spread: none(),
            within: reading.groups.as_ref().map(|groups| Within::new(reading, groups)),
            quantiles: vec![(none(), Mean::default(), Mean::default()); quantiles],
            ranks: Ranks::new(reading.names),
            sums: vec![(0.0, 0); quantiles],
        }
    }

    fn take(&mut self, t: usize, reading: &Reading<'_>, later: Side<'_>) {
        let (x, y) = (reading.row(t), later.values);
        if later.order.is_empty() {
            return;
        }
        self.ic[t] = pearson(x, y);
        self.rank_ic[t] = self.ranks.correlation(reading.side(t), later);
        let codes = reading.book.codes(t);
        average(codes, y, &mut self.sums);
        let all =
            mean(x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()).map(|p| *p.1));
        for ((series, demeaned, _), sum) in self.quantiles.iter_mut().zip(&self.sums) {
            series[t] = value(*sum);
            if let Some((value, all)) = series[t].zip(all) {
                demeaned.add(value - all);
            }
        }
        self.spread[t] = spread(&self.sums);
        if let Some((within, groups)) = self.within.as_mut().zip(reading.groups.as_ref()) {
            within.date(t, groups, x, y);
            average(codes, &within.right, &mut self.sums);
            for ((_, _, demeaned), sum) in self.quantiles.iter_mut().zip(&self.sums) {
                if let Some(value) = value(*sum) {
                    demeaned.add(value);
                }
            }
        }
    }

    fn figures(self, parts: Parts<'_>) -> Horizon {
        let Parts { reading, rows, growth, tranches, .. } = parts;
        let settings = reading.settings;
        let information = |series: Series| Information {
            summary: summary(&series, rows),
            monthly: monthly(reading.panel.times(), &series),
            series,
        };
        let quantiles = self.quantiles.iter().zip(growth).zip(parts.turnover).enumerate();
        let quantiles =
            quantiles.map(|(q, (((series, demeaned, within), growth), turnover))| Quantile {
                names: size(reading, q),
                mean: summary(series, rows),
                demeaned: demeaned.value(),
                group_demeaned: within.value(),
                turnover,
                growth,
            });
        let quantiles = quantiles.collect();
        let within = self.within.as_ref().zip(reading.groups.as_ref());
        let groups = within.map_or(Vec::new(), |(within, groups)| within.groups(groups, rows));
        let (neutral_ic, neutral_rank_ic) =
            self.within.map(|within| (within.ic, within.rank_ic)).unzip();
        let summary = summary(&self.spread, rows);
        let spread = tranches.spread(self.spread, summary, settings.periods_per_year);
        Horizon {
            rows,
            ic: information(self.ic),
            rank_ic: information(self.rank_ic),
            neutral_ic: neutral_ic.map(information),
            neutral_rank_ic: neutral_rank_ic.map(information),
            groups,
            quantiles,
            deflated: deflate::deflated(&spread.returns, settings),
            spread,
            labels: parts.labels,
            without_delisted: parts.without_delisted,
            capacity: parts.capacity,
        }
    }
}

/// Mean number of names in a quantile, over the rows where it has any.
fn size(reading: &Reading<'_>, q: usize) -> Option<f64> {
    let sizes = (0..reading.rows).map(|t| reading.book.members(t, q)).filter(|size| *size > 0);
    mean(sizes.map(count))
}

/// Sums and numbers of the values in each quantile.
fn average(codes: &[u8], values: &[f64], sums: &mut [(f64, usize)]) {
    sums.fill((0.0, 0));
    for (code, value) in codes.iter().zip(values).filter(|(_, value)| value.is_finite()) {
        if let Some((sum, number)) = sums.get_mut(usize::from(*code)) {
            *sum += value;
            *number += 1;
        }
    }
}

fn value((sum, number): (f64, usize)) -> Option<f64> {
    finite(sum / count(number))
}

fn spread(sums: &[(f64, usize)]) -> Option<f64> {
    let (bottom, top) = sums.first().zip(sums.last())?;
    value(*top).zip(value(*bottom)).and_then(|(top, bottom)| finite(top - bottom))
}

fn labels(reading: &Reading<'_>, forward: &Forward) -> Result<LabelCounts, Error> {
    let mut counts = LabelCounts::default();
    for t in 0..reading.rows {
        reading.stop.check()?;
        let cells = reading.row(t).iter().zip(forward.ends_of(t)).zip(forward.row(t));
        for ((_, end), value) in cells.filter(|((x, _), _)| x.is_finite()) {
            counts.values += 1;
            counts.known += usize::from(value.is_finite());
            match end {
                End::Traded => {}
                End::Suspended => counts.suspended += 1,
                End::Delisted => counts.delisted += 1,
                End::Beyond => counts.beyond += 1,
                End::NoEntry => counts.no_entry += 1,
            }
        }
    }
    counts.missing_share = ratio(count(counts.values - counts.known), count(counts.values));
    Ok(counts)
}

/// The figures again on the dates where a label ends in a delisting, without those labels.
fn without_delisted(
    reading: &Reading<'_>,
    forward: &Forward,
    dates: &Dates,
    overlap: usize,
) -> Result<Sensitivity, Error> {
    let (mut ic, mut rank_ic, mut spreads) =
        (dates.ic.clone(), dates.rank_ic.clone(), dates.spread.clone());
    let mut later = vec![f64::NAN; reading.names];
    let (mut sorter, mut ranks) = (Sorter::default(), Ranks::new(reading.names));
    let mut sums = dates.sums.clone();
    for t in 0..reading.rows {
        reading.stop.check()?;
        let ends = forward.ends_of(t);
        if !ends.contains(&End::Delisted) {
            continue;
        }
        for ((kept, value), end) in later.iter_mut().zip(forward.row(t)).zip(ends) {
            *kept = if *end == End::Delisted { f64::NAN } else { *value };
        }
        let mut order: Vec<Place> = Vec::with_capacity(reading.names);
        sorter.sort(&later, &mut order);
        ic[t] = pearson(reading.row(t), &later);
        rank_ic[t] = ranks.correlation(reading.side(t), Side { values: &later, order: &order });
        average(reading.book.codes(t), &later, &mut sums);
        spreads[t] = spread(&sums);
    }
    Ok(Sensitivity {
        ic: summary(&ic, overlap),
        rank_ic: summary(&rank_ic, overlap),
        spread: summary(&spreads, overlap),
    })
}

//! Quantiles, the tranches that hold them, and the long-short book of top less bottom.
#![allow(
    clippy::indexing_slicing,
    reason = "numeric kernel: every table here is rows × names or rows × quantiles"
)]

use crate::cross::{Orders, positions};
use crate::forward::Prices;
use crate::statistics::{Mean, count, deviation, finite, ratio};
use crate::stop::Stop;
use crate::study::Reading;
use crate::{Error, Series, Settings, Spread, Summary};

/// No quantile.
const NONE: u8 = u8::MAX;

/// Which quantile each name is in, row by row.
#[derive(Debug)]
pub(crate) struct Book {
    /// By cell; all names with a factor value.
    codes: Vec<u8>,
    /// By cell; those that have a price at the entry.
    entered: Vec<u8>,
    /// Number of `codes` by row and quantile.
    members: Vec<usize>,
    /// Number of `entered` by row and quantile.
    sizes: Vec<usize>,
    names: usize,
    rows: usize,
    quantiles: usize,
}

impl Book {
    /// Quantile ⌊quantiles × (average rank − ½) / number⌋: equal values are never parted.
    pub(crate) fn of(
        orders: &Orders,
        prices: &Prices,
        settings: &Settings,
        stop: Stop<'_>,
    ) -> Result<Self, Error> {
        let (rows, names, quantiles) = (prices.rows, prices.names, settings.quantiles);
        let mut book = Self {
            codes: vec![NONE; rows * names],
            entered: vec![NONE; rows * names],
            members: vec![0; rows * quantiles],
            sizes: vec![0; rows * quantiles],
            names,
            rows,
            quantiles,
        };
        let mut places = vec![f64::NAN; names];
        for t in 0..rows {
            stop.check()?;
            places.fill(f64::NAN);
            positions(orders.row(t), &mut places);
            let entries = prices.row(t + settings.delay);
            for (j, place) in places.iter().enumerate().filter(|(_, place)| place.is_finite()) {
                let code = code(*place, quantiles);
                book.codes[t * names + j] = code;
                book.members[t * quantiles + usize::from(code)] += 1;
                if entries.get(j).is_some_and(|price| price.is_finite()) {
                    book.entered[t * names + j] = code;
                    book.sizes[t * quantiles + usize::from(code)] += 1;
                }
            }
        }
        Ok(book)
    }

    /// Quantile of each name at row `t`, at least [`Book::quantiles`] for none.
    pub(crate) fn codes(&self, t: usize) -> &[u8] {
        &self.codes[t * self.names..(t + 1) * self.names]
    }

    pub(crate) fn quantiles(&self) -> usize {
        self.quantiles
    }

    /// Names of quantile `q` at row `t`.
    pub(crate) fn members(&self, t: usize, q: usize) -> usize {
        self.members[t * self.quantiles + q]
    }

    fn entered(&self, t: usize) -> &[u8] {
        &self.entered[t * self.names..(t + 1) * self.names]
    }

    fn size(&self, t: usize, q: usize) -> usize {
        self.sizes[t * self.quantiles + q]
    }

    /// The long-short tranche of row `t`; `None` unless top and bottom both have names.
    pub(crate) fn weights(&self, t: usize) -> Option<Weights<'_>> {
        let top = self.quantiles - 1;
        let (low, high) = (self.size(t, 0), self.size(t, top));
        let (low, high, codes) = (1.0 / count(low), 1.0 / count(high), self.entered(t));
        (low.is_finite() && high.is_finite()).then_some(Weights { codes, low, high, top })
    }

    /// Σ |weight − weight `rows` before|, a missing tranche counting as cash.
    fn traded(&self, t: usize, rows: usize) -> f64 {
        let now = self.weights(t);
        let before = t.checked_sub(rows).and_then(|t| self.weights(t));
        match (now, before) {
            (None, None) => 0.0,
            (Some(only), None) | (None, Some(only)) => {
                (0..self.names).map(|j| only.of(j).abs()).sum()
            }
            (Some(now), Some(before)) => {
                (0..self.names).map(|j| (now.of(j) - before.of(j)).abs()).sum()
            }
        }
    }

    /// Mean share of a quantile's names that were not in it `rows` rows before.
    pub(crate) fn turnover(
        &self,
        q: usize,
        rows: usize,
        stop: Stop<'_>,
    ) -> Result<Option<f64>, Error> {
        let mut mean = Mean::default();
        for t in rows..self.rows {
            stop.check()?;
            let (now, before) = (self.codes(t), self.codes(t - rows));
            if self.members(t, q) == 0 || self.members(t - rows, q) == 0 {
                continue;
            }
            let pairs = now.iter().zip(before);
            let new = pairs.filter(|(a, b)| usize::from(**a) == q && usize::from(**b) != q);
            mean.add(count(new.count()) / count(self.members(t, q)));
        }
        Ok(mean.value())
    }
}

/// Weights of a tranche: +1 spread over the top, −1 over the bottom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a> {
    codes: &'a [u8],
    low: f64,
    high: f64,
    top: usize,
}

impl Weights<'_> {
    /// The weight of name `j`.
    pub(crate) fn of(&self, j: usize) -> f64 {
        match usize::from(self.codes[j]) {
            0 => -self.low,
            code if code == self.top => self.high,
            _ => 0.0,
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place below 1 times at most 100"
)]
fn code(place: f64, quantiles: usize) -> u8 {
    (place * count(quantiles)).floor() as u8
}

/// Returns by row of quantiles and of the long-short book held in tranches.
pub(crate) struct Tranches {
    /// By quantile.
    pub(crate) growth: Vec<Series>,
    returns: Series,
    costs: Vec<f64>,
    turnover: Series,
}

/// Each row opens one tranche with 1 / `rows` of the capital and closes the one opened `rows` rows
/// before (N. Jegadeesh and S. Titman, Returns to Buying Winners and Selling Losers, Journal of
/// Finance 48(1), 1993). A tranche holds its names with equal weights restored each row; one that
/// is not open, or has no name, is cash.
pub(crate) fn tranches(
    reading: &Reading<'_>,
    rows: usize,
    held: &[f64],
) -> Result<Tranches, Error> {
    let (book, delay) = (&reading.book, reading.settings.delay);
    let (quantiles, names) = (book.quantiles, book.names);
    let starts = starts(book, delay);
    let both = (0..book.rows).find(|t| book.weights(*t).is_some()).map(|t| t + delay);
    let mut tranches = Tranches {
        growth: vec![vec![None; book.rows]; quantiles],
        returns: vec![None; book.rows],
        costs: vec![0.0; book.rows],
        turnover: vec![None; book.rows],
    };
    let mut capital = vec![1.0; quantiles];
    // One place more than quantiles, for the names that are in none.
    let mut sums = vec![0.0; quantiles + 1];
    for s in 0..book.rows {
        reading.stop.check()?;
        let now = &held[s * names..(s + 1) * names];
        let mut returns = vec![0.0; quantiles];
        let mut spread = 0.0;
        let first = s.saturating_sub(delay + rows);
        for t in first..s.saturating_sub(delay) {
            means(book, t, now, &mut sums);
            for (q, value) in returns.iter_mut().enumerate() {
                *value += sums[q] / count(rows);
            }
            if book.weights(t).is_some() {
                spread += (sums[quantiles - 1] - sums[0]) / count(rows);
            }
        }
        for (q, start) in starts.iter().enumerate() {
            if start.is_some_and(|start| s >= start) {
                capital[q] *= 1.0 + returns[q];
                tranches.growth[q][s] = finite(capital[q]);
            }
        }
        if both.is_some_and(|start| s > start) {
            tranches.returns[s] = finite(spread);
        }
        tranches.trade(book, s, delay, rows);
    }
    tranches.settle(reading.settings.cost);
    Ok(tranches)
}

/// The row at which the first tranche of each quantile is opened.
fn starts(book: &Book, delay: usize) -> Vec<Option<usize>> {
    let first = |q| (0..book.rows).find(|t| book.size(*t, q) > 0).map(|t| t + delay);
    (0..book.quantiles).map(first).collect()
}

/// Mean of the row's returns in each quantile of the tranche of row `t`; 0 in an empty one.
fn means(book: &Book, t: usize, returns: &[f64], sums: &mut [f64]) {
    sums.fill(0.0);
    let none = sums.len() - 1;
    for (code, value) in book.entered(t).iter().zip(returns) {
        let place = usize::from(*code).min(none);
        sums[place] += value;
    }
    for (q, sum) in sums[..none].iter_mut().enumerate() {
        let size = book.size(t, q);
        *sum = if size == 0 { 0.0 } else { *sum / count(size) };
    }
}

impl Tranches {
    /// What is traded at row `s − 1`, for the decision `delay` rows before it.
    fn trade(&mut self, book: &Book, s: usize, delay: usize, rows: usize) {
        let Some(t) = s.checked_sub(delay + 1) else { return };
        let traded = book.traded(t, rows);
        self.costs[s] = traded / count(rows);
        let both = t.checked_sub(rows).is_some_and(|t| book.weights(t).is_some());
        if both && book.weights(t).is_some() {
            // A tranche that is replaced whole sells 2 and buys 2.
            self.turnover[t] = finite(traded / (4.0 * count(rows)));
        }
    }

    fn settle(&mut self, cost: f64) {
        self.costs.iter_mut().for_each(|traded| *traded *= cost);
    }

    /// The long-short book's figures.
    pub(crate) fn spread(self, series: Series, summary: Summary, annual: f64) -> Spread {
        let gross: Vec<f64> = self.returns.iter().flatten().copied().collect();
        let after = self.returns.iter().zip(&self.costs).map(|(r, cost)| r.map(|r| r - cost));
        let net: Series = after.collect();
        let growth = compounded(&self.returns);
        let mean = |values: &[f64]| crate::statistics::mean(values.iter().copied());
        Spread {
            series,
            summary,
            annual_return: mean(&gross).and_then(|mean| finite(mean * annual)),
            annual_volatility: deviation(&gross).and_then(|std| finite(std * annual.sqrt())),
            sharpe: sharpe(&gross, annual),
            sharpe_net: sharpe(&net.iter().flatten().copied().collect::<Vec<_>>(), annual),
            drawdown: drawdown(&growth),
            growth,
            growth_net: compounded(&net),
            turnover_mean: crate::statistics::mean(self.turnover.iter().flatten().copied()),
            turnover: self.turnover,
            returns: self.returns,
        }
    }
}

/// Growth of 1 from the row before the first return to the last one that is a number; what is lost
/// is never more than everything.
fn compounded(returns: &Series) -> Series {
    let mut growth: Series = vec![None; returns.len()];
    let first = returns.iter().position(Option::is_some);
    let Some(before) = first.and_then(|first| first.checked_sub(1)) else { return growth };
    let mut capital = Some(1.0_f64);
    growth[before] = capital;
    for (cell, value) in growth.iter_mut().zip(returns).skip(before + 1) {
        let step = |(capital, value): (f64, f64)| finite((capital * (1.0 + value)).max(0.0));
        capital = capital.zip(*value).and_then(step);
        *cell = capital;
    }
    growth
}

fn drawdown(growth: &Series) -> Option<f64> {
    let mut peak = 0.0_f64;
    let mut deepest = None;
    for value in growth.iter().flatten() {
        peak = peak.max(*value);
        let fall = value / peak - 1.0;
        deepest = Some(deepest.map_or(fall, |deepest: f64| deepest.min(fall)));
    }
    deepest.and_then(finite)
}

/// Mean ÷ deviation × √periods; `None` where the deviation is 0.
fn sharpe(returns: &[f64], annual: f64) -> Option<f64> {
    let std = deviation(returns).filter(|std| *std > 0.0)?;
    ratio(crate::statistics::mean(returns.iter().copied())? * annual.sqrt(), std)
}

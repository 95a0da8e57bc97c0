//! The study: one pass over the panel for what all horizons share, one for each horizon.

use crate::cross::{Orders, Ranks, Side};
use crate::forward::{Forward, Prices, dense};
use crate::groups::Grouping;
use crate::quantile::Book;
use crate::settings::check_shape;
use crate::statistics::{count, ratio, summary};
use crate::stop::Stop;
use crate::{
    Coverage, Error, Lag, Series, Settings, Study, capacity, groups, horizon, survivorship,
};
use market::{Column, Panel};
use std::sync::atomic::AtomicBool;

/// Reads a factor against the returns that follow it.
///
/// The value of row `t` is taken as known at the close of row `t`; see [`Settings::delay`] for when
/// a position is opened. Infinite values count as missing. The result has the same bits on every
/// machine and depends on nothing but the arguments. What each figure means: [`crate::notes`].
pub fn study(
    factor: &Column,
    panel: &Panel,
    settings: &Settings,
    cancel: &AtomicBool,
) -> Result<Study, Error> {
    settings.check()?;
    let reading = Reading::new(factor, panel, settings, cancel)?;
    let held = reading.prices.held(reading.stop)?;
    let traded = capacity::traded_value(&reading)?;
    let mut horizons = Vec::with_capacity(settings.horizons.len());
    for rows in &settings.horizons {
        horizons.push(horizon::read(&reading, *rows, &held, traded.as_deref())?);
    }
    Ok(Study {
        settings: settings.clone(),
        times: panel.times().to_vec(),
        coverage: coverage(&reading)?,
        horizons,
        autocorrelation: autocorrelation(&reading)?,
        decay: decay(&reading)?,
        survivorship: survivorship::survivorship(&reading)?,
        exposures: groups::exposures(&reading)?,
    })
}

/// What every part of a study reads.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) panel: &'a Panel,
    pub(crate) settings: &'a Settings,
    pub(crate) stop: Stop<'a>,
    pub(crate) rows: usize,
    pub(crate) names: usize,
    /// Time-major without padding, NaN where missing.
    pub(crate) factor: Vec<f64>,
    pub(crate) orders: Orders,
    pub(crate) prices: Prices,
    pub(crate) book: Book,
    pub(crate) groups: Option<Grouping<'a>>,
}

impl<'a> Reading<'a> {
    fn new(
        factor: &Column,
        panel: &'a Panel,
        settings: &'a Settings,
        cancel: &'a AtomicBool,
    ) -> Result<Self, Error> {
        check_shape(factor, panel)?;
        let stop = Stop(cancel);
        let (rows, names) = (panel.rows(), panel.symbols().len());
        let groups = Grouping::of(panel, settings.group.as_deref())?;
        let prices = Prices::of(panel, &settings.price, stop)?;
        let factor = dense(factor, names, f64::is_finite, stop)?;
        let orders = Orders::of(&factor, names, stop)?;
        let book = Book::of(&orders, &prices, settings, stop)?;
        Ok(Self { panel, settings, stop, rows, names, factor, orders, prices, book, groups })
    }

    /// Row `t` of the factor.
    pub(crate) fn row(&self, t: usize) -> &[f64] {
        self.factor.get(t * self.names..(t + 1) * self.names).unwrap_or(&[])
    }

    pub(crate) fn side(&self, t: usize) -> Side<'_> {
        Side { values: self.row(t), order: self.orders.row(t) }
    }

    pub(crate) fn orders_of(&self, forward: &Forward) -> Result<Orders, Error> {
        Orders::of(forward.values(), self.names, self.stop)
    }
}

fn coverage(reading: &Reading<'_>) -> Result<Coverage, Error> {
    let mut coverage = Coverage::default();
    let valid = |row: &[f64]| row.iter().filter(|x| x.is_finite()).count();
    for t in 0..reading.rows {
        reading.stop.check()?;
        let (prices, values) = (reading.prices.row(t), reading.row(t));
        let both = prices.iter().zip(values).filter(|(p, x)| p.is_finite() && x.is_finite());
        coverage.priced.push(valid(prices));
        coverage.valued.push(valid(values));
        coverage.both.push(both.count());
    }
    let total = |list: &[usize]| count(list.iter().sum());
    coverage.share = ratio(total(&coverage.both), total(&coverage.priced));
    Ok(coverage)
}

fn autocorrelation(reading: &Reading<'_>) -> Result<Vec<Lag>, Error> {
    let mut ranks = Ranks::new(reading.names);
    let mut lags = Vec::new();
    for rows in &reading.settings.lags {
        let mut series: Series = vec![None; reading.rows];
        for (t, cell) in series.iter_mut().enumerate().skip(*rows) {
            reading.stop.check()?;
            *cell = ranks.correlation(reading.side(t), reading.side(t - rows));
        }
        lags.push(Lag { rows: *rows, summary: summary(&series, 1) });
    }
    Ok(lags)
}

/// Every row's one-row return is ranked once and met by the factor of each lag before it.
fn decay(reading: &Reading<'_>) -> Result<Vec<Lag>, Error> {
    let forward = reading.prices.forward(0, 1, reading.stop)?;
    let orders = reading.orders_of(&forward)?;
    let mut ranks = Ranks::new(reading.names);
    let mut lags = Vec::new();
    for rows in 1..=reading.settings.decay {
        let mut series: Series = vec![None; reading.rows];
        for (t, cell) in series.iter_mut().enumerate() {
            reading.stop.check()?;
            let at = t + reading.settings.delay + rows - 1;
            let later = Side { values: forward.row(at), order: orders.row(at) };
            if !later.order.is_empty() {
                *cell = ranks.correlation(reading.side(t), later);
            }
        }
        lags.push(Lag { rows, summary: summary(&series, 1) });
    }
    Ok(lags)
}

#[cfg(test)]
#[path = "study_tests.rs"]
mod tests;

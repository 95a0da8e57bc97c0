//! Later returns: the one place that looks ahead, behind a type that leads nowhere else.
#![allow(
    clippy::indexing_slicing,
    reason = "numeric kernel: every table here is rows × names, and rows and names stay below both"
)]

use crate::{Error, Settings, stop::Stop};
use market::{Column, Panel};
use std::sync::atomic::AtomicBool;

/// Returns after the date they stand at: labels, not features.
///
/// No column comes out of it, so what it holds cannot be fed back to an expression:
///
/// ```compile_fail
/// fn leak(panel: &mut market::Panel, forward: research::Forward) {
///     panel.insert("tomorrow", forward); // a panel takes columns
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    values: Vec<f64>,
    ends: Vec<End>,
    names: usize,
}

/// How a forward return comes about, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The name has a price at the exit.
    Traded,
    /// It has none there and trades again later: the last price counts.
    Suspended,
    /// It has none there nor later: the last price counts.
    Delisted,
    /// No return: the exit lies beyond the panel's end.
    Beyond,
    /// No return: the name has no price at the entry.
    NoEntry,
}

impl Forward {
    /// The return of name `j` that follows a decision at row `t`.
    #[must_use]
    pub fn at(&self, t: usize, j: usize) -> Option<f64> {
        self.row(t).get(j).copied().filter(|value| value.is_finite())
    }

    /// How that return comes about.
    #[must_use]
    pub fn end(&self, t: usize, j: usize) -> Option<End> {
        self.ends_of(t).get(j).copied()
    }

    pub(crate) fn row(&self, t: usize) -> &[f64] {
        self.values.get(t * self.names..(t + 1) * self.names).unwrap_or(&[])
    }

    pub(crate) fn ends_of(&self, t: usize) -> &[End] {
        self.ends.get(t * self.names..(t + 1) * self.names).unwrap_or(&[])
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }
}

/// Returns over `horizon` rows from the entry, `settings.delay` rows after each decision:
/// price(t + delay + horizon) / price(t + delay) − 1, where a price that is missing at the exit is
/// the last one before it.
pub fn forward(panel: &Panel, settings: &Settings, horizon: usize) -> Result<Forward, Error> {
    settings.check()?;
    let most = Settings::ROWS_MAX;
    if !(1..=most).contains(&horizon) {
        let what = "a horizon in rows";
        return Err(Error::Range { what, found: horizon, least: 1, most });
    }
    let never = AtomicBool::new(false);
    Prices::of(panel, &settings.price, Stop(&never))?.forward(settings.delay, horizon, Stop(&never))
}

/// The numeric field that a setting names.
pub(crate) fn field<'a>(
    panel: &'a Panel,
    name: &str,
    purpose: &'static str,
) -> Result<&'a Column, Error> {
    panel.field(name).ok_or_else(|| Error::Field {
        name: name.to_owned(),
        purpose,
        known: panel.field_names().collect::<Vec<_>>().join(", "),
    })
}

/// Values of a column without its padding; what `fits` refuses is missing.
pub(crate) fn dense(
    column: &Column,
    names: usize,
    fits: impl Fn(f64) -> bool,
    stop: Stop<'_>,
) -> Result<Vec<f64>, Error> {
    let mut values = Vec::with_capacity(column.rows() * names);
    for t in 0..column.rows() {
        stop.check()?;
        let row = column.row(t).iter().take(names);
        values.extend(row.map(|x| if fits(*x) { *x } else { f64::NAN }));
    }
    Ok(values)
}

/// Prices, the last known price of each row, and when each name traded.
#[derive(Debug)]
pub(crate) struct Prices {
    /// NaN where there is no price above 0.
    pub(crate) values: Vec<f64>,
    /// The last price up to the row; NaN before the first.
    filled: Vec<f64>,
    /// First and last row with a price, by name.
    pub(crate) life: Vec<Option<(usize, usize)>>,
    pub(crate) names: usize,
    pub(crate) rows: usize,
}

impl Prices {
    pub(crate) fn of(panel: &Panel, name: &str, stop: Stop<'_>) -> Result<Self, Error> {
        let (rows, names) = (panel.rows(), panel.symbols().len());
        let column = field(panel, name, "the price of entry and exit")?;
        let values = dense(column, names, |price| price.is_finite() && price > 0.0, stop)?;
        let mut life: Vec<Option<(usize, usize)>> = vec![None; names];
        let mut filled = Vec::with_capacity(values.len());
        let mut last = vec![f64::NAN; names];
        for (t, row) in values.chunks_exact(names.max(1)).enumerate() {
            stop.check()?;
            for (j, price) in row.iter().enumerate() {
                if price.is_finite() {
                    last[j] = *price;
                    life[j] = Some((life[j].map_or(t, |(first, _)| first), t));
                }
            }
            filled.extend_from_slice(&last);
        }
        Ok(Self { values, filled, life, names, rows })
    }

    pub(crate) fn row(&self, t: usize) -> &[f64] {
        self.values.get(t * self.names..(t + 1) * self.names).unwrap_or(&[])
    }

    fn filled_row(&self, t: usize) -> &[f64] {
        self.filled.get(t * self.names..(t + 1) * self.names).unwrap_or(&[])
    }

    pub(crate) fn forward(
        &self,
        delay: usize,
        horizon: usize,
        stop: Stop<'_>,
    ) -> Result<Forward, Error> {
        let cells = self.rows * self.names;
        let (mut values, mut ends) = (Vec::with_capacity(cells), Vec::with_capacity(cells));
        for t in 0..self.rows {
            stop.check()?;
            let (entry, exit) = (t + delay, t + delay + horizon);
            if exit >= self.rows {
                values.extend(std::iter::repeat_n(f64::NAN, self.names));
                ends.extend(std::iter::repeat_n(End::Beyond, self.names));
                continue;
            }
            let (entries, exits) = (self.row(entry), self.row(exit));
            // A quotient of two prices can leave the range of a double.
            let quotients = self.filled_row(exit).iter().zip(entries).map(|(exit, entry)| {
                Some(exit / entry - 1.0).filter(|value| value.is_finite()).unwrap_or(f64::NAN)
            });
            values.extend(quotients);
            ends.extend((0..self.names).map(|j| {
                if entries[j].is_nan() {
                    End::NoEntry
                } else if exits[j].is_finite() {
                    End::Traded
                } else if self.life[j].is_some_and(|(_, last)| last < exit) {
                    End::Delisted
                } else {
                    End::Suspended
                }
            }));
        }
        Ok(Forward { values, ends, names: self.names })
    }

    /// The change of the last known price from the row before: 0 while nothing trades, NaN before
    /// the name has a price.
    pub(crate) fn held(&self, stop: Stop<'_>) -> Result<Vec<f64>, Error> {
        let mut held = Vec::with_capacity(self.filled.len());
        // Nothing stands before the first row.
        held.extend(std::iter::repeat_n(f64::NAN, self.row(0).len()));
        for t in 1..self.rows {
            stop.check()?;
            let (now, before) = (self.filled_row(t), self.filled_row(t - 1));
            held.extend(now.iter().zip(before).map(|(now, before)| {
                Some(now / before - 1.0).filter(|change| change.is_finite()).unwrap_or(f64::NAN)
            }));
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NAN, panel};

    #[test]
    fn a_return_runs_from_the_entry_to_the_exit() {
        let panel = panel(&[&[10.0], &[20.0], &[30.0], &[45.0]]);
        let check = |delay: usize, horizon: usize, want: [Option<f64>; 4]| {
            let settings = Settings { delay, ..Settings::default() };
            let forward = forward(&panel, &settings, horizon).expect("fits");
            let found: Vec<_> = (0..4).map(|t| forward.at(t, 0)).collect();
            assert_eq!(found, want, "delay {delay}, horizon {horizon}");
        };
        check(0, 1, [Some(1.0), Some(0.5), Some(0.5), None]);
        check(1, 1, [Some(0.5), Some(0.5), None, None]);
        check(1, 2, [Some(1.25), None, None, None]);
        check(3, 1, [None; 4]);
        check(300, 400, [None; 4]);
    }

    #[test]
    fn every_missing_price_has_its_reason() {
        let panel = panel(&[
            &[10.0, 10.0, NAN, 0.0],
            &[11.0, NAN, NAN, 5.0],
            &[NAN, 12.0, 8.0, 6.0],
            &[NAN, 15.0, 8.0, 9.0],
        ]);
        let settings = Settings { delay: 0, ..Settings::default() };
        let forward = forward(&panel, &settings, 1).expect("fits");
        let check = |t: usize, j: usize, end: End, value: Option<f64>| {
            assert_eq!((forward.end(t, j), forward.at(t, j)), (Some(end), value), "{t} {j}");
        };
        check(0, 0, End::Traded, Some(11.0 / 10.0 - 1.0));
        check(1, 0, End::Delisted, Some(0.0));
        check(2, 0, End::NoEntry, None);
        check(0, 1, End::Suspended, Some(0.0));
        check(1, 1, End::NoEntry, None);
        check(2, 1, End::Traded, Some(0.25));
        check(1, 2, End::NoEntry, None);
        check(0, 3, End::NoEntry, None);
        check(1, 3, End::Traded, Some(6.0 / 5.0 - 1.0));
        check(3, 3, End::Beyond, None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let one = panel(&[&[1.0]]);
        let settings = Settings::default();
        assert!(matches!(forward(&one, &settings, 0), Err(Error::Range { found: 0, .. })));
        assert!(matches!(forward(&one, &settings, 505), Err(Error::Range { .. })));
        let vwap = Settings { price: "vwap".into(), ..settings };
        let error = forward(&one, &vwap, 1).expect_err("no such field");
        assert_eq!(
            error.to_string(),
            "the panel has no field \"vwap\": the price of entry and exit needs one of [close]"
        );
    }
}

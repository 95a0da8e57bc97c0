//! How a factor is read: horizons, quantiles, prices, and the limits of each.

use crate::Error;
use market::{Column, Panel};
use std::collections::BTreeSet;

/// How a factor is to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Rows that a position is held, at most [`Settings::HORIZONS_MAX`] different ones.
    pub horizons: Vec<usize>,
    /// Parts of equal size that the names of a date fall into, 2 to [`Settings::QUANTILES_MAX`].
    pub quantiles: usize,
    /// The field of prices at which positions are opened and closed.
    pub price: String,
    /// Rows between a factor value and the opening of the position.
    ///
    /// A value of row `t` is known at the close of row `t`. With 1 the position is opened at the
    /// price field of row `t + 1`; with 0 at the close that was used to decide, which is
    /// optimistic, cannot be traded, and is refused for `open`.
    pub delay: usize,
    /// The labels that names are grouped by.
    pub group: Option<String>,
    /// Rows in a year.
    pub periods_per_year: f64,
    /// How many expressions were tried before this one.
    pub trials: Trials,
    /// Share of traded value that a trade costs, 0.001 for ten basis points.
    pub cost: f64,
    /// How the size of the book is bounded by traded value; `None` where volumes are not known.
    pub capacity: Option<Participation>,
    /// Lags of one-row returns in the decay, at most [`Settings::DECAY_MAX`].
    pub decay: usize,
    /// Lags in rows of the factor's rank autocorrelation.
    pub lags: Vec<usize>,
}

/// The number of expressions tried, and how their Sharpe ratios differed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trials {
    /// Expressions tried, this one included.
    pub count: u64,
    /// Variance of their Sharpe ratios per row; `None` takes that of an estimated ratio whose true
    /// value is 0, which is 1 / (rows − 1).
    pub variance: Option<f64>,
}

/// The share of a day's trade that the book may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Participation {
    /// The field of traded units.
    pub volume: String,
    /// The book's share of a name's traded value of a row.
    pub share: f64,
    /// Rows over which traded value is averaged.
    pub rows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            horizons: vec![1, 5, 10, 21],
            quantiles: 5,
            price: "close".to_owned(),
            delay: 1,
            group: None,
            periods_per_year: 252.0,
            trials: Trials { count: 1, variance: None },
            cost: 0.0,
            capacity: None,
            decay: 21,
            lags: vec![1, 5, 10, 21],
        }
    }
}

impl Default for Participation {
    fn default() -> Self {
        Self { volume: "volume".to_owned(), share: 0.05, rows: 21 }
    }
}

impl Settings {
    /// Horizons of one study.
    pub const HORIZONS_MAX: usize = 20;
    /// Rows of a horizon, of a delay, of a lag and of the average of traded value.
    pub const ROWS_MAX: usize = 504;
    /// Quantiles of one study.
    pub const QUANTILES_MAX: usize = 100;
    /// Lags of the decay.
    pub const DECAY_MAX: usize = 252;
    /// Lags of the rank autocorrelation.
    pub const LAGS_MAX: usize = 20;
    /// Groups of one study.
    pub const GROUPS_MAX: usize = 256;
    /// Names of a panel.
    pub const NAMES_MAX: usize = 1_000_000;

    /// Refuses what is out of range, each with its place and what to write instead.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let within = |what, found, least, most| {
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(Error::Range { what, found, least, most })
            }
        };
        within("the number of horizons", self.horizons.len(), 1, Self::HORIZONS_MAX)?;
        within("the number of quantiles", self.quantiles, 2, Self::QUANTILES_MAX)?;
        within("the delay in rows", self.delay, 0, Self::ROWS_MAX)?;
        within("the number of lags of the decay", self.decay, 0, Self::DECAY_MAX)?;
        within("the number of lags", self.lags.len(), 0, Self::LAGS_MAX)?;
        for horizon in &self.horizons {
            within("a horizon in rows", *horizon, 1, Self::ROWS_MAX)?;
        }
        for lag in &self.lags {
            within("a lag in rows", *lag, 1, Self::ROWS_MAX)?;
        }
        for (what, list) in [("horizons", &self.horizons), ("lags", &self.lags)] {
            let mut seen = BTreeSet::new();
            if let Some(twice) = list.iter().find(|rows| !seen.insert(**rows)) {
                return Err(Error::Twice { what, rows: *twice });
            }
        }
        if let Some(capacity) = &self.capacity {
            within("the rows of average traded value", capacity.rows, 1, Self::ROWS_MAX)?;
        }
        if self.delay == 0 && self.price == "open" {
            return Err(Error::Early);
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), Error> {
        let number = |what, value: f64, fits: bool, rule| {
            if fits { Ok(()) } else { Err(Error::Number { what, value: value.to_string(), rule }) }
        };
        let annual = self.periods_per_year;
        let fits = annual.is_finite() && annual > 0.0;
        number("periods per year", annual, fits, "above 0")?;
        number("cost", self.cost, (0.0..1.0).contains(&self.cost), "from 0 to below 1")?;
        if let Some(Participation { share, .. }) = self.capacity {
            number("participation", share, share > 0.0 && share <= 1.0, "above 0 and at most 1")?;
        }
        if let Some(variance) = self.trials.variance {
            let fits = variance.is_finite() && variance >= 0.0;
            number("variance of the trials", variance, fits, "0 or more")?;
        }
        if self.trials.count == 0 {
            return Err(Error::Trials);
        }
        Ok(())
    }
}

/// Refuses a factor of another shape than the panel's.
pub(crate) fn check_shape(factor: &Column, panel: &Panel) -> Result<(), Error> {
    let names = panel.symbols().len();
    if names > Settings::NAMES_MAX {
        let most = Settings::NAMES_MAX;
        return Err(Error::Range { what: "the number of names", found: names, least: 0, most });
    }
    let (found, expected) = (factor.values().len(), panel.rows() * panel.stride());
    if found == expected && factor.stride() == panel.stride() {
        Ok(())
    } else {
        Err(Error::Shape { found, expected })
    }
}

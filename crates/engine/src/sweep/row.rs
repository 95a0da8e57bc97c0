//! What came of one set.

use super::Error;
use crate::{Digest, Simulation, Strategy, digest::outcome_digest};
use market::{Instrument, Money};
use portfolio::{Settings, performance};

/// One set's figures. Ratios are `None` where they are not defined, and are those of the
/// [`portfolio::Performance`] of the same strategy run alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The set's number in its grid.
    pub number: u64,
    /// Its values, in the axes' order, in units of 1e-8.
    pub values: Vec<Money>,
    /// The run id of the strategy with these values.
    pub run_id: Digest,
    /// The digest of what came out: that of the same strategy run alone.
    pub digest: Digest,
    /// Cash and positions after the last row.
    pub equity: Money,
    /// Equity ÷ starting cash − 1.
    pub total_return: Option<f64>,
    /// Sharpe ratio, annualised.
    pub sharpe: Option<f64>,
    /// The deepest fall from a peak, as a fraction: never above 0.
    pub max_drawdown: Option<f64>,
    /// Executions.
    pub fills: u64,
    /// Round trips that were closed.
    pub trades: u64,
    /// The fraction of them that gained.
    pub win_rate: Option<f64>,
    /// What winners gained ÷ what losers lost.
    pub profit_factor: Option<f64>,
    /// Fees paid.
    pub fees: Money,
    /// Traded value ÷ mean equity, by year.
    pub turnover: Option<f64>,
    /// Mean fraction of equity in positions.
    pub exposure: Option<f64>,
}

impl Row {
    /// Sums a run up, whose curve has so many periods in a year.
    pub(super) fn of(
        (number, values): (u64, Vec<Money>),
        (run_id, strategy): (Digest, &Strategy),
        (run, instruments): (&Simulation, &[Instrument]),
        periods_per_year: f64,
    ) -> Result<Self, Error> {
        // First, for it reads the whole curve in order, and brings it into the cache.
        let digest = outcome_digest(run_id, run);
        let trades = run.trades(instruments)?;
        let settings = Settings { start: strategy.cash, bar: strategy.bar, periods_per_year };
        let figures =
            performance(&run.curve, &trades, &run.fills, &settings).map_err(crate::Error::from)?;
        Ok(Self {
            number,
            values,
            run_id,
            digest,
            equity: run.final_equity().unwrap_or(strategy.cash),
            total_return: figures.total_return,
            sharpe: figures.sharpe,
            max_drawdown: figures.max_drawdown,
            fills: run.fills.len() as u64,
            trades: trades.iter().filter(|trade| trade.closed.is_some()).count() as u64,
            win_rate: figures.win_rate,
            profit_factor: figures.profit_factor,
            fees: figures.fees,
            turnover: figures.turnover,
            exposure: figures.exposure,
        })
    }
}

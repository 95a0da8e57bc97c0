//! What came of it: the measures of a curve, its trades and its fills.

use crate::{
    Drawdown, EquityPoint, Error, Fill, Trade, YearReturns,
    curve::{DAY_NANOS, growth},
    daily, drawdowns, monthly_returns,
    statistics::{count, deviation, downside, finite, mean, ratio, sharpe},
};
use market::{BarSize, Money, Side, Timestamp};

/// Days in a year, leap years averaged.
pub(crate) const DAYS_PER_YEAR: f64 = 365.25;

/// How many drawdowns are listed.
const WORST: usize = 10;

/// How a curve is to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The account before the first point.
    pub start: Money,
    /// Bars below a day are sampled to the last point of each UTC day.
    pub bar: BarSize,
    /// Periods (after sampling) in a year; see [`periods_per_year`].
    pub periods_per_year: f64,
}

/// More days a year than this, and the market does not close at weekends: with weekends off
/// there are at most 262.
const DAYS_WITHOUT_WEEKENDS: f64 = 300.0;

/// 365 where a curve (of days, or of shorter bars) has a point on more than 300 days a year of its
/// span, 252 otherwise: the odd point on a weekend changes nothing. Curves without any weekend
/// are 252 however short they are. Longer bars have as many as fit into 365 days.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "days are far below 2^53")]
pub fn periods_per_year(points: &[EquityPoint], bar: BarSize) -> f64 {
    if bar > BarSize::DAY {
        return 365.0 / (bar.nanos() / DAY_NANOS) as f64;
    }
    let days = daily(points);
    let days: Vec<i64> = days.iter().map(|p| p.time.nanos().div_euclid(DAY_NANOS)).collect();
    let span = days.first().zip(days.last()).map_or(0, |(first, last)| last - first);
    // Day 0 of the epoch is a Thursday: Saturday is 2 and Sunday is 3 in this count.
    let weekend = days.iter().any(|day| matches!(day.rem_euclid(7), 2 | 3));
    let a_year = count(days.len().saturating_sub(1)) * DAYS_PER_YEAR / span.max(1) as f64;
    if weekend && a_year > DAYS_WITHOUT_WEEKENDS { 365.0 } else { 252.0 }
}

/// One value of the rolling Sharpe ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RollingPoint {
    /// The window's last point.
    pub time: Timestamp,
    /// `None` where the window's returns are all equal.
    pub value: Option<f64>,
}

/// The measures of one curve. A ratio is `None` where the input does not define it: never NaN,
/// never infinite. Formulas and sources: [`Performance::measures`].
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "`measures` documents each field by its formula and source")]
pub struct Performance {
    pub start_equity: Option<Money>,
    pub end_equity: Option<Money>,
    pub total_return: Option<f64>,
    pub cagr: Option<f64>,
    pub volatility: Option<f64>,
    pub sharpe: Option<f64>,
    pub sortino: Option<f64>,
    pub calmar: Option<f64>,
    pub max_drawdown: Option<f64>,
    pub max_drawdown_days: Option<f64>,
    pub best_period: Option<f64>,
    pub worst_period: Option<f64>,
    pub fills: f64,
    pub trades: f64,
    pub win_rate: Option<f64>,
    pub profit_factor: Option<f64>,
    pub expectancy: Option<Money>,
    pub average_win: Option<Money>,
    pub average_loss: Option<Money>,
    pub fees: Money,
    pub traded: Money,
    pub turnover: Option<f64>,
    pub exposure: Option<f64>,
    pub time_in_market: Option<f64>,
    /// The deepest drawdowns, deepest first, at most ten.
    pub worst_drawdowns: Vec<Drawdown>,
    /// Returns by calendar month.
    pub monthly: Vec<YearReturns>,
    /// Sharpe ratio over half a year of periods, from the first full window on.
    pub rolling_sharpe: Vec<RollingPoint>,
    /// Periods in the rolling window.
    pub rolling_window: usize,
    /// The points that the measures were made from.
    pub sampled: Vec<EquityPoint>,
    /// Periods in a year that annualising used.
    pub periods_per_year: f64,
    /// The length of the bars that the curve has a point for.
    pub bar: BarSize,
}

/// Measures a curve. Returns are those between sampled points, the first one from `start`.
pub fn performance(
    points: &[EquityPoint],
    trades: &[Trade],
    fills: &[Fill],
    settings: &Settings,
) -> Result<Performance, Error> {
    let sampled = if settings.bar.is_daily() { points.to_vec() } else { daily(points) };
    let returns = returns(&sampled, settings.start);
    let curve = Curve::of(&sampled, settings);
    let closed = Closed::of(trades)?;
    let volume = Traded::of(fills)?;
    let window = window(settings.periods_per_year);
    let all = returns.as_deref().unwrap_or(&[]);
    let mut worst_drawdowns = curve.drawdowns;
    let longest = worst_drawdowns.iter().map(|d| d.days).max().unwrap_or(0);
    worst_drawdowns.sort_by(|a, b| a.depth.total_cmp(&b.depth).then(a.start.cmp(&b.start)));
    let max_drawdown =
        (!sampled.is_empty()).then(|| worst_drawdowns.first().map_or(0.0, |d| d.depth));
    worst_drawdowns.truncate(WORST);
    #[allow(clippy::cast_precision_loss, reason = "days are far below 2^53")]
    let max_drawdown_days = max_drawdown.map(|_| longest as f64);
    let annual = settings.periods_per_year;
    Ok(Performance {
        start_equity: sampled.first().map(|_| settings.start),
        end_equity: sampled.last().map(|p| p.equity),
        total_return: curve.total_return,
        cagr: curve.cagr,
        volatility: deviation(all).and_then(|d| finite(d * annual.sqrt())),
        sharpe: sharpe(all, annual),
        sortino: sortino(all, annual),
        calmar: curve.cagr.zip(max_drawdown).and_then(|(c, d)| ratio(c, d.abs())),
        max_drawdown,
        max_drawdown_days,
        best_period: all.iter().copied().reduce(f64::max),
        worst_period: all.iter().copied().reduce(f64::min),
        fills: count(fills.len()),
        trades: count(closed.number),
        win_rate: ratio(count(closed.wins), count(closed.number)),
        profit_factor: ratio(closed.gains.to_f64(), -closed.losses.to_f64()),
        expectancy: average(closed.gains.plus(closed.losses)?, closed.number)?,
        average_win: average(closed.gains, closed.wins)?,
        average_loss: average(closed.losses, closed.number_lost)?,
        fees: volume.fees,
        traded: volume.bought.plus(volume.sold)?,
        turnover: turnover(&volume, &sampled, curve.years),
        exposure: exposure(&sampled),
        time_in_market: ratio(
            count(sampled.iter().filter(|p| p.gross.0 != 0).count()),
            count(sampled.len()),
        ),
        worst_drawdowns,
        monthly: monthly_returns(&with_start(&sampled, settings.start)),
        rolling_sharpe: rolling(&sampled, all, window, annual),
        rolling_window: window,
        sampled,
        periods_per_year: annual,
        bar: settings.bar,
    })
}

struct Curve {
    years: Option<f64>,
    total_return: Option<f64>,
    cagr: Option<f64>,
    drawdowns: Vec<Drawdown>,
}

impl Curve {
    fn of(points: &[EquityPoint], settings: &Settings) -> Self {
        let ends = points.first().zip(points.last());
        #[allow(clippy::cast_precision_loss, reason = "a time span, for a yearly rate")]
        let nanos = |from: Timestamp, to: Timestamp| (to.nanos() - from.nanos()) as f64;
        let years = ends
            .map(|(first, last)| nanos(first.time, last.time) / (DAYS_PER_YEAR * 8.64e13))
            .filter(|years| *years > 0.0);
        let total_return = ends.and_then(|(_, last)| growth(settings.start, last.equity));
        // A growth factor of 0 or less has no yearly root that means anything.
        let factor = total_return.map(|r| 1.0 + r).filter(|factor| *factor > 0.0);
        let cagr = factor
            .zip(years)
            .and_then(|(factor, years)| finite(libm::pow(factor, 1.0 / years) - 1.0));
        let drawdowns = drawdowns(&with_start(points, settings.start));
        Self { years, total_return, cagr, drawdowns }
    }
}

/// The curve with the untouched account in front, at the first point's time.
fn with_start(points: &[EquityPoint], start: Money) -> Vec<EquityPoint> {
    let before = points.first().map(|p| EquityPoint {
        equity: start,
        cash: start,
        gross: Money::ZERO,
        ..*p
    });
    before.into_iter().chain(points.iter().copied()).collect()
}

/// Simple returns; `None` if equity is not positive anywhere before the last point.
fn returns(points: &[EquityPoint], start: Money) -> Option<Vec<f64>> {
    let before = std::iter::once(start).chain(points.iter().map(|p| p.equity));
    before.zip(points).map(|(before, point)| growth(before, point.equity)).collect()
}

fn sortino(returns: &[f64], annual: f64) -> Option<f64> {
    let downside = downside(returns).filter(|d| *d > 0.0)?;
    ratio(mean(returns)? * annual.sqrt(), downside)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 2 and 183")]
fn window(periods_per_year: f64) -> usize {
    (periods_per_year / 2.0).round().clamp(2.0, 1000.0) as usize
}

fn rolling(
    points: &[EquityPoint],
    returns: &[f64],
    window: usize,
    annual: f64,
) -> Vec<RollingPoint> {
    let value = |(returns, point): (&[f64], &EquityPoint)| RollingPoint {
        time: point.time,
        value: sharpe(returns, annual),
    };
    returns.windows(window).zip(points.iter().skip(window - 1)).map(value).collect()
}

#[derive(Default)]
struct Closed {
    number: usize,
    wins: usize,
    number_lost: usize,
    gains: Money,
    losses: Money,
}

impl Closed {
    fn of(trades: &[Trade]) -> Result<Self, Error> {
        let mut closed = Self::default();
        for trade in trades.iter().filter(|t| t.closed.is_some()) {
            closed.number += 1;
            if trade.profit > Money::ZERO {
                closed.wins += 1;
                closed.gains = closed.gains.plus(trade.profit)?;
            } else if trade.profit < Money::ZERO {
                closed.number_lost += 1;
                closed.losses = closed.losses.plus(trade.profit)?;
            }
        }
        Ok(closed)
    }
}

#[derive(Default)]
struct Traded {
    fees: Money,
    bought: Money,
    sold: Money,
}

impl Traded {
    fn of(fills: &[Fill]) -> Result<Self, Error> {
        let mut traded = Self::default();
        for fill in fills {
            traded.fees = traded.fees.plus(fill.fee)?;
            let side = if fill.side == Side::Buy { &mut traded.bought } else { &mut traded.sold };
            *side = side.plus(Money(fill.notional.0.abs()))?;
        }
        Ok(traded)
    }
}

fn average(sum: Money, number: usize) -> Result<Option<Money>, Error> {
    let Some(number) = i128::try_from(number).ok().filter(|n| *n > 0) else { return Ok(None) };
    Ok(Some(sum.scaled(1, number)?))
}

fn turnover(traded: &Traded, points: &[EquityPoint], years: Option<f64>) -> Option<f64> {
    let equity: Vec<f64> = points.iter().map(|p| p.equity.to_f64()).collect();
    let mean = mean(&equity).filter(|mean| *mean > 0.0)?;
    ratio(traded.bought.min(traded.sold).to_f64() / mean, years?)
}

fn exposure(points: &[EquityPoint]) -> Option<f64> {
    let share = |p: &EquityPoint| {
        let equity = p.equity.to_f64();
        if equity > 0.0 { ratio(p.gross.to_f64(), equity) } else { None }
    };
    mean(&points.iter().map(share).collect::<Option<Vec<f64>>>()?)
}

#[cfg(test)]
#[path = "performance_tests.rs"]
mod tests;

//! Measures as a reader sees them: name, value, unit, formula and who defined it.

use crate::{Performance, performance::DAYS_PER_YEAR};
use market::Money;
use std::borrow::Cow;

/// How a value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A pure number, such as a Sharpe ratio.
    Ratio,
    /// A fraction, shown as per cent: 0.12 is 12 %.
    Percent,
    /// An amount of the account's currency.
    Money,
    /// A number of things.
    Count,
    /// Calendar days.
    Days,
}

/// A measure's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A statistic; `None` where the input does not define it.
    Number(Option<f64>),
    /// An exact amount; `None` where the input does not define it.
    Money(Option<Money>),
}

/// One measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its key, as in the result's summary.
    pub name: &'static str,
    /// The value.
    pub value: Value,
    /// How to read it.
    pub unit: Unit,
    /// Formula and source, with the periods per year that were used, and whether the points are
    /// day ends of shorter bars.
    pub source: Cow<'static, str>,
}

type Row = (&'static str, Unit, fn(&Performance) -> Value, &'static str);

const _: () = assert!(DAYS_PER_YEAR == 365.25, "the text below names it");

const ROWS: [Row; 24] = [
    (
        "start_equity",
        Unit::Money,
        |p| Value::Money(p.start_equity),
        "The account before the first bar.",
    ),
    (
        "end_equity",
        Unit::Money,
        |p| Value::Money(p.end_equity),
        "Cash and positions at the last close.",
    ),
    (
        "total_return",
        Unit::Percent,
        |p| Value::Number(p.total_return),
        "end / start − 1. CFA Institute, Global Investment Performance Standards (GIPS) 2020, time-weighted return without external flows.",
    ),
    (
        "cagr",
        Unit::Percent,
        |p| Value::Number(p.cagr),
        "(end / start)^(1 / years) − 1, years of 365.25 days from the first to the last point. GIPS 2020, annualised return.",
    ),
    (
        "volatility",
        Unit::Percent,
        |p| Value::Number(p.volatility),
        "Sample standard deviation (ddof 1) of returns × √periods per year. GIPS 2020, annualised ex-post standard deviation.",
    ),
    (
        "sharpe",
        Unit::Ratio,
        |p| Value::Number(p.sharpe),
        "mean(r) / std(r) × √periods per year, risk-free rate 0. W. F. Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21(1), 1994.",
    ),
    (
        "sortino",
        Unit::Ratio,
        |p| Value::Number(p.sortino),
        "mean(r) / √mean(min(r, 0)²) × √periods per year, target 0, over all returns. F. A. Sortino and L. N. Price, Performance Measurement in a Downside Risk Framework, Journal of Investing 3(3), 1994.",
    ),
    (
        "calmar",
        Unit::Ratio,
        |p| Value::Number(p.calmar),
        "CAGR / |max drawdown|, over the whole curve (the original: the last 36 months). T. W. Young, Calmar Ratio: A Smoother Tool, Futures 20(1), 1991.",
    ),
    (
        "max_drawdown",
        Unit::Percent,
        |p| Value::Number(p.max_drawdown),
        "min over t of equity(t) / max over s ≤ t of equity(s) − 1. M. Magdon-Ismail and A. F. Atiya, Maximum Drawdown, Risk 17(10), 2004.",
    ),
    (
        "max_drawdown_days",
        Unit::Days,
        |p| Value::Number(p.max_drawdown_days),
        "The longest time in calendar days from a peak until its level is seen again, or until the end.",
    ),
    (
        "best_period",
        Unit::Percent,
        |p| Value::Number(p.best_period),
        "The highest return of one period (a day, unless bars are longer).",
    ),
    (
        "worst_period",
        Unit::Percent,
        |p| Value::Number(p.worst_period),
        "The lowest return of one period (a day, unless bars are longer).",
    ),
    ("fills", Unit::Count, |p| Value::Number(Some(p.fills)), "Executions."),
    (
        "trades",
        Unit::Count,
        |p| Value::Number(Some(p.trades)),
        "Closed round trips, from flat to flat in one instrument.",
    ),
    (
        "win_rate",
        Unit::Percent,
        |p| Value::Number(p.win_rate),
        "Closed trips with a profit after fees / closed trips.",
    ),
    (
        "profit_factor",
        Unit::Ratio,
        |p| Value::Number(p.profit_factor),
        "Σ profits / |Σ losses| of closed trips after fees. J. D. Schwager, Schwager on Futures: Technical Analysis, 1996.",
    ),
    (
        "expectancy",
        Unit::Money,
        |p| Value::Money(p.expectancy),
        "Mean profit of a closed trip after fees, half to even at 1e-8. V. K. Tharp, Trade Your Way to Financial Freedom, 1998.",
    ),
    (
        "average_win",
        Unit::Money,
        |p| Value::Money(p.average_win),
        "Mean profit of the closed trips that made one.",
    ),
    (
        "average_loss",
        Unit::Money,
        |p| Value::Money(p.average_loss),
        "Mean loss of the closed trips that made one.",
    ),
    ("fees", Unit::Money, |p| Value::Money(Some(p.fees)), "Σ fees of all fills."),
    ("traded", Unit::Money, |p| Value::Money(Some(p.traded)), "Σ price × quantity of all fills."),
    (
        "turnover",
        Unit::Ratio,
        |p| Value::Number(p.turnover),
        "min(purchases, sales) / mean equity / years. U.S. SEC, Form N-1A, item 13, portfolio turnover rate, annualised.",
    ),
    (
        "exposure",
        Unit::Percent,
        |p| Value::Number(p.exposure),
        "Mean of Σ |position value| / equity over the points of the curve.",
    ),
    (
        "time_in_market",
        Unit::Percent,
        |p| Value::Number(p.time_in_market),
        "Points of the curve with a position / points.",
    ),
];

/// What the formulas call the factor of annualising.
const PERIODS: &str = "√periods per year";

/// Measures of the points of a curve, which for bars below a day are day ends.
const OF_POINTS: [&str; 6] =
    ["calmar", "max_drawdown", "max_drawdown_days", "turnover", "exposure", "time_in_market"];

impl Performance {
    /// All measures in reading order, each with its formula and source.
    #[must_use]
    pub fn measures(&self) -> Vec<Measure> {
        let measure = |(name, unit, value, source): &Row| Measure {
            name,
            value: value(self),
            unit: *unit,
            source: self.source(name, source),
        };
        ROWS.iter().map(measure).collect()
    }

    fn source(&self, name: &str, source: &'static str) -> Cow<'static, str> {
        if source.contains(PERIODS) {
            let periods = (self.periods_per_year * 100.0).round() / 100.0;
            return source.replace(PERIODS, &format!("√{periods} (periods per year)")).into();
        }
        if !self.bar.is_daily() && OF_POINTS.contains(&name) {
            return format!("At day ends (UTC), not within a day: {source}").into();
        }
        source.into()
    }
}

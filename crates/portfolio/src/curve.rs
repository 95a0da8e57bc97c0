//! The equity curve, and what can be read off it alone.

use crate::statistics::{finite, ratio};
use jiff::civil::Date;
use market::{Money, Timestamp};

/// The account at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EquityPoint {
    /// When.
    pub time: Timestamp,
    /// Cash and positions at their latest prices.
    pub equity: Money,
    /// Money in hand.
    pub cash: Money,
    /// Σ |value| of positions.
    pub gross: Money,
}

/// A fall from a peak to a trough, and the way back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// When the peak was.
    pub start: Timestamp,
    /// When the lowest point was.
    pub trough: Timestamp,
    /// When the peak's level was seen again; `None` if it was not.
    pub end: Option<Timestamp>,
    /// Trough ÷ peak − 1, at most 0.
    pub depth: f64,
    /// Calendar days from the peak to the end, or to the curve's last point.
    pub days: i64,
    /// Calendar days from the trough to the end.
    pub recovery_days: Option<i64>,
}

/// The returns of one calendar year (UTC).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YearReturns {
    /// The year.
    pub year: i16,
    /// January to December; `None` where the curve has no point.
    pub months: [Option<f64>; 12],
    /// Of the part of the year that the curve covers.
    pub total: Option<f64>,
}

/// The last point of each UTC day: what statistics of an intraday curve are made from, so that
/// they compare with those of a daily one.
#[must_use]
pub fn daily(points: &[EquityPoint]) -> Vec<EquityPoint> {
    let mut days: Vec<EquityPoint> = Vec::new();
    let mut rest = points;
    while let Some(first) = rest.first() {
        let end = (day(first.time) + 1).saturating_mul(DAY_NANOS);
        // Points never go back in time.
        let here = rest.iter().position(|point| point.time.nanos() >= end);
        let here = here.unwrap_or(rest.len()).max(1);
        days.extend(rest.get(here - 1));
        rest = rest.get(here..).unwrap_or(&[]);
    }
    days
}

pub(crate) const DAY_NANOS: i64 = 86_400_000_000_000;

fn day(time: Timestamp) -> i64 {
    time.nanos().div_euclid(DAY_NANOS)
}

pub(crate) fn days_between(start: Timestamp, end: Timestamp) -> i64 {
    day(end) - day(start)
}

/// All drawdowns in the order of their peaks; none where equity is not positive at the peak.
#[must_use]
pub fn drawdowns(points: &[EquityPoint]) -> Vec<Drawdown> {
    let mut found = Vec::new();
    let Some(mut peak) = points.first().copied() else { return found };
    let mut current: Option<EquityPoint> = None;
    for point in points.iter().skip(1) {
        if point.equity >= peak.equity {
            if let Some(trough) = current.take() {
                found.extend(drawdown(&peak, &trough, Some(point.time), point.time));
            }
            peak = *point;
        } else if current.is_none_or(|trough| point.equity < trough.equity) {
            current = Some(*point);
        }
    }
    if let (Some(trough), Some(last)) = (current, points.last()) {
        found.extend(drawdown(&peak, &trough, None, last.time));
    }
    found
}

fn drawdown(
    peak: &EquityPoint,
    trough: &EquityPoint,
    end: Option<Timestamp>,
    last: Timestamp,
) -> Option<Drawdown> {
    let depth = growth(peak.equity, trough.equity)?;
    Some(Drawdown {
        start: peak.time,
        trough: trough.time,
        end,
        depth,
        days: days_between(peak.time, last),
        recovery_days: end.map(|end| days_between(trough.time, end)),
    })
}

/// `after / before − 1`; `None` unless `before` is positive.
pub(crate) fn growth(before: Money, after: Money) -> Option<f64> {
    let (before, after) = (before.to_f64(), after.to_f64());
    if before > 0.0 { ratio(after - before, before) } else { None }
}

/// Returns by calendar month (UTC): last point of the month ÷ last point before the month − 1;
/// the first month starts at the curve's first point.
#[must_use]
pub fn monthly_returns(points: &[EquityPoint]) -> Vec<YearReturns> {
    let Some(first) = points.first() else { return Vec::new() };
    let mut years: Vec<YearReturns> = Vec::new();
    let (mut month_base, mut year_base) = (first.equity, first.equity);
    let mut previous: Option<(Date, Money)> = None;
    for point in points {
        let date = point.time.date();
        if let Some((before, equity)) = previous {
            if (before.year(), before.month()) != (date.year(), date.month()) {
                month_base = equity;
            }
            if before.year() != date.year() {
                year_base = equity;
            }
        }
        if years.last().is_none_or(|last| last.year != date.year()) {
            years.push(YearReturns { year: date.year(), months: [None; 12], total: None });
        }
        let month = usize::try_from(date.month() - 1).unwrap_or(0);
        if let Some(last) = years.last_mut() {
            last.total = growth(year_base, point.equity).and_then(finite);
            if let Some(cell) = last.months.get_mut(month) {
                *cell = growth(month_base, point.equity);
            }
        }
        previous = Some((date, point.equity));
    }
    years
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(&str, i64)]) -> Vec<EquityPoint> {
        let point = |(time, equity): &(&str, i64)| EquityPoint {
            time: time.parse().expect("a time"),
            equity: Money::from_whole(*equity),
            cash: Money::ZERO,
            gross: Money::ZERO,
        };
        points.iter().map(point).collect()
    }

    #[test]
    fn drawdowns_have_a_peak_a_trough_and_perhaps_an_end() {
        let points = curve(&[
            ("2020-01-01", 100),
            ("2020-01-02", 90),
            ("2020-01-03", 80),
            ("2020-01-05", 100),
            ("2020-01-06", 120),
            ("2020-01-08", 60),
            ("2020-01-11", 90),
        ]);
        let lines: Vec<String> = drawdowns(&points)
            .iter()
            .map(|d| {
                format!(
                    "{} {} {:?} {} {} {:?}",
                    d.start,
                    d.trough,
                    d.end.map(|e| e.to_string()),
                    d.depth,
                    d.days,
                    d.recovery_days
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        2020-01-01 2020-01-03 Some("2020-01-05") -0.2 4 Some(2)
        2020-01-06 2020-01-08 None -0.5 5 None
        "#);
    }

    #[test]
    fn months_follow_each_other() {
        let points = curve(&[
            ("2019-12-30", 100),
            ("2019-12-31", 110),
            ("2020-01-15", 99),
            ("2020-01-31", 121),
            ("2020-03-01", 242),
        ]);
        let years = monthly_returns(&points);
        let summary: Vec<(i16, f64)> =
            years.iter().map(|y| (y.year, y.total.expect("a number"))).collect();
        assert_eq!(summary, [(2019, 0.1), (2020, 1.2)]);
        assert_eq!(years[1].months[..4], [Some(0.1), None, Some(1.0), None]);
    }

    #[test]
    fn a_day_is_its_last_point() {
        let points =
            curve(&[("2020-01-01T10:00:00Z", 1), ("2020-01-01T23:00:00Z", 2), ("2020-01-02", 3)]);
        let equity: Vec<Money> = daily(&points).iter().map(|p| p.equity).collect();
        assert_eq!(equity, [Money::from_whole(2), Money::from_whole(3)]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!((drawdowns(&[]).len(), monthly_returns(&[]).len(), daily(&[]).len()), (0, 0, 0));
        let flat = curve(&[("2020-01-01", 0), ("2020-01-02", 0), ("2020-01-03", -5)]);
        assert!(drawdowns(&flat).is_empty());
        assert_eq!(monthly_returns(&flat)[0].total, None);
    }
}

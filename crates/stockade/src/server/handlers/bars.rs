//! Bars for a chart: a window of them, at most so many, joined where there are more.

use super::replay::recording;
use crate::server::{
    Answer, Problem,
    extract::{Json, Part, Query},
    finish::Gone,
    guard::Granted,
    state::App,
};
use axum::extract::State;
use market::{Adjustment, BarSeries, Symbol, Timestamp};
use serde::{Deserialize, Serialize};
use std::{num::NonZeroUsize, ops::Range};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Bars of one symbol.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bars {
    symbol: String,
    /// Decimals of a price.
    price_scale: u8,
    /// Bars of the whole series.
    total: usize,
    /// The place of the first bar that is here, from 0.
    first: usize,
    /// How many bars each one here is made of: 1 where they are as they were imported.
    joined: usize,
    /// Second of the open, open, high, low, close, volume.
    #[allow(clippy::struct_field_names, reason = "the name on the wire")]
    #[schema(value_type = Vec<Vec<f64>>)]
    bars: Vec<(i64, f64, f64, f64, f64, f64)>,
}

/// Bars in one answer: about 1 MiB.
const BARS_MAX: usize = 20_000;

/// Whose bars, and which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Whose bars.
    symbol: String,
    /// What splits do: applied (`splits`, as unless given) or `none`.
    #[param(inline)]
    adjust: Option<Adjust>,
    /// Only bars that open at or after this second since 1970.
    from: Option<i64>,
    /// Only bars that open at or before this second.
    to: Option<i64>,
    /// Instead: bars around this second, half of them up to it.
    around: Option<i64>,
    /// How many at most, 20,000 unless less; a longer span is joined.
    #[param(value_type = Option<usize>, minimum = 1)]
    limit: Option<NonZeroUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Adjust {
    Splits,
    None,
}

/// Which bars of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Window {
    /// Those that open in a span of seconds since 1970, both ends in it; joined to the limit.
    Span { from: Option<i64>, to: Option<i64> },
    /// As many as the limit says around a second, half of them up to it; never joined.
    Around(i64),
}

impl Which {
    fn symbol(&self) -> Answer<Symbol> {
        let wrong = |error: market::Error| Problem::invalid(error.to_string()).at("query, symbol");
        self.symbol.parse().map_err(wrong)
    }

    fn window(&self) -> Answer<Window> {
        match (self.around, self.from, self.to) {
            (Some(second), None, None) => Ok(Window::Around(second)),
            (Some(_), ..) => Err(Problem::invalid("around excludes from and to")
                .at("query, around")
                .fix("leave out from and to, or around")),
            (None, Some(from), Some(to)) if from > to => {
                Err(Problem::invalid("the window ends before it begins").at("query, to"))
            }
            (None, from, to) => Ok(Window::Span { from, to }),
        }
    }

    fn limit(&self) -> usize {
        self.limit.map_or(BARS_MAX, NonZeroUsize::get).min(BARS_MAX)
    }
}

/// `GET /api/v1/datasets/{name}/bars`
pub async fn of_dataset(
    State(app): State<App>,
    Part(name): Part<String>,
    Query(which): Query<Which>,
) -> Answer<Json<Bars>> {
    let (symbol, window) = (which.symbol()?, which.window()?);
    let adjustment = match which.adjust {
        Some(Adjust::None) => Adjustment::Raw,
        Some(Adjust::Splits) | None => Adjustment::Splits,
    };
    let series = app.desk().bars(&name, symbol, adjustment).await?;
    Ok(Json(plot(&series, window, which.limit())))
}

/// `GET /api/v1/backtests/{id}/bars`: those that the run saw, out of memory once it is there.
pub async fn of_run(
    app: State<App>,
    signed: Granted,
    gone: Gone,
    Part(id): Part<Uuid>,
    Query(which): Query<Which>,
) -> Answer<Json<Bars>> {
    let (symbol, window) = (which.symbol()?, which.window()?);
    if which.adjust.is_some() {
        let detail = "a run has seen its prices adjusted in one way only";
        return Err(Problem::invalid(detail).at("query, adjust").fix("leave it out"));
    }
    let run = recording(&app, &signed, gone, id).await?;
    let series = run.series(&symbol).ok_or_else(Problem::not_found)?;
    Ok(Json(plot(series, window, which.limit())))
}

/// Prices as plain numbers: they are for a chart, not for an account.
fn plot(series: &BarSeries, window: Window, limit: usize) -> Bars {
    let rows = rows(series.times(), window, limit);
    let (first, joined) = (rows.start, rows.len().div_ceil(limit).max(1));
    let count = rows.len().div_ceil(joined);
    let part = |n: usize| {
        let start = first + n * joined;
        start..(start + joined).min(rows.end)
    };
    let instrument = series.instrument();
    Bars {
        symbol: instrument.symbol.to_string(),
        price_scale: instrument.price_scale.decimals(),
        total: series.len(),
        first,
        joined,
        bars: (0..count).filter_map(|n| join(series, part(n))).collect(),
    }
}

/// The places of the bars that a window shows; `times` rise.
fn rows(times: &[Timestamp], window: Window, limit: usize) -> Range<usize> {
    let before = |second: i64| times.partition_point(|time| seconds(*time) < second);
    match window {
        Window::Span { from, to } => {
            let start = from.map_or(0, before);
            start..to.map_or(times.len(), |to| before(to.saturating_add(1))).max(start)
        }
        Window::Around(second) => {
            let now = before(second.saturating_add(1));
            // At either end of the series the other half has more.
            let start =
                now.saturating_sub(limit.div_ceil(2)).min(times.len().saturating_sub(limit));
            start..(start + limit).min(times.len())
        }
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1_000_000_000)
}

/// Some bars as one: the first open, the highest high, the lowest low, the last close, all volume.
fn join(series: &BarSeries, rows: Range<usize>) -> Option<(i64, f64, f64, f64, f64, f64)> {
    let instrument = series.instrument();
    let price = |price| instrument.price_f64(price);
    let high = series.high().get(rows.clone())?.iter().max()?;
    let low = series.low().get(rows.clone())?.iter().min()?;
    let volume = series.volume().get(rows.clone())?.iter();
    let (open, close) = (series.open().get(rows.start)?, series.close().get(rows.end - 1)?);
    let time = seconds(*series.times().get(rows.start)?);
    let volume = volume.map(|quantity| instrument.quantity_f64(*quantity)).sum();
    Some((time, price(*open), price(*high), price(*low), price(*close), volume))
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Bar, BarSize, Instrument, Price, Quantity};

    /// Ten days; day n opens at n.00, trades between n − 1 and n + 2, closes at n.50.
    fn series() -> BarSeries {
        let instrument = Instrument::share("AAA".parse().expect("a symbol"));
        let bar = |n: i64| Bar {
            open_time: Timestamp::from_nanos(n * BarSize::DAY.nanos()),
            open: Price(n * 100),
            high: Price(n * 100 + 200),
            low: Price(n * 100 - 100),
            close: Price(n * 100 + 50),
            volume: Quantity(10),
        };
        BarSeries::from_bars(instrument, BarSize::DAY, (0..10).map(bar)).expect("in order")
    }

    const DAY: i64 = 86_400;

    fn days(window: Window, limit: usize) -> (usize, usize, Vec<i64>) {
        let shown = plot(&series(), window, limit);
        assert_eq!(shown.total, 10);
        (shown.first, shown.joined, shown.bars.iter().map(|bar| bar.0 / DAY).collect())
    }

    #[test]
    fn a_span_has_both_its_ends_and_is_joined_to_the_limit() {
        let check = |from: Option<i64>, to: Option<i64>, limit, want: (usize, usize, &[i64])| {
            let (first, joined, shown) = days(Window::Span { from, to }, limit);
            assert_eq!((first, joined, shown.as_slice()), want, "{from:?} {to:?} {limit}");
        };
        let all: Vec<i64> = (0..10).collect();
        check(None, None, 10, (0, 1, &all));
        check(Some(2 * DAY), Some(4 * DAY), 10, (2, 1, &[2, 3, 4]));
        check(Some(2 * DAY + 1), Some(4 * DAY - 1), 10, (3, 1, &[3]));
        check(Some(8 * DAY), None, 10, (8, 1, &[8, 9]));
        check(None, Some(-1), 10, (0, 1, &[]));
        check(Some(99 * DAY), None, 10, (10, 1, &[]));
        check(None, None, 9, (0, 2, &[0, 2, 4, 6, 8]));
        check(None, None, 4, (0, 3, &[0, 3, 6, 9]));
        check(None, None, 1, (0, 10, &[0]));
    }

    #[test]
    fn around_a_second_are_as_many_as_asked_for_and_none_is_joined() {
        let check = |second: i64, limit, want: &[i64]| {
            let (first, joined, shown) = days(Window::Around(second), limit);
            assert_eq!((joined, shown.as_slice()), (1, want), "{second} {limit}");
            assert_eq!(i64::try_from(first).ok(), want.first().copied());
        };
        check(5 * DAY, 4, &[4, 5, 6, 7]);
        check(5 * DAY + 7, 4, &[4, 5, 6, 7]);
        check(5 * DAY, 1, &[5]);
        check(0, 4, &[0, 1, 2, 3]);
        check(-DAY, 4, &[0, 1, 2, 3]);
        check(99 * DAY, 4, &[6, 7, 8, 9]);
        check(5 * DAY, 99, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn joined_bars_have_the_first_open_the_extremes_the_last_close_and_all_volume() {
        let shown = plot(&series(), Window::Span { from: None, to: None }, 4);
        assert_eq!(shown.bars[1], (3 * DAY, 3.0, 7.0, 2.0, 5.5, 30.0));
        assert_eq!(shown.bars[3], (9 * DAY, 9.0, 11.0, 8.0, 9.5, 10.0));
    }
}

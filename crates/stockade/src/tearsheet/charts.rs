//! Lines over time. The plot is stretched to the width there is, letters are not.

use super::{
    GAIN, LINE, LOSS, axis,
    html::{Page, escape, number, percent},
};
use crate::report::ResultDocument;
use market::{Money, Timestamp};

/// Points that a drawn line has at most twice of: below the pixels of a screen more are not seen.
const BUCKETS: usize = 700;
/// The plot's own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

/// A line over time.
pub(crate) struct Chart<'a> {
    pub id: &'a str,
    pub title: String,
    pub description: String,
    /// Places from 0 to 1 along the span, and values.
    pub points: Vec<(f64, f64)>,
    pub span: (Timestamp, Timestamp),
    pub height: u32,
    pub colour: &'a str,
    /// The value that the area is filled from; `None` for the plot's bottom.
    pub base: Option<f64>,
    pub ticks: usize,
    pub label: fn(f64) -> String,
}

/// Equity and, below it on the same times, the drawdown.
pub(crate) fn equity(page: &mut Page, document: &ResultDocument) {
    page.section("equity", "Equity and drawdown", "");
    let rows = &document.equity;
    let times: Vec<Timestamp> = rows.iter().filter_map(|row| row.t.parse().ok()).collect();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        page.line("<p>No bars, no curve.</p>");
        page.end();
        return;
    };
    let span = (*first, *last);
    let money =
        |row: &crate::report::EquityRow| Money::parse(&row.equity).map_or(0.0, Money::to_f64);
    let values: Vec<f64> = rows.iter().map(money).collect();
    let (start, end) = (&document.summary.start_equity, &document.summary.end_equity);
    let text = |money: &Option<String>| money.clone().unwrap_or_default();
    draw(
        page,
        &Chart {
            id: "equity-chart",
            title: format!("Equity in {}", document.data.currency),
            description: format!(
                "From {} to {}, total return {}.",
                text(start),
                text(end),
                percent(document.summary.total_return, 1)
            ),
            points: placed(&times, &values, span),
            span,
            height: 280,
            colour: LINE,
            base: None,
            ticks: 5,
            label: compact,
        },
    );
    let falls: Vec<f64> = rows.iter().map(|row| row.drawdown.unwrap_or(0.0)).collect();
    draw(
        page,
        &Chart {
            id: "drawdown-chart",
            title: "Drawdown".to_owned(),
            description: format!(
                "Equity against its highest so far; deepest {}.",
                percent(document.summary.max_drawdown, 1)
            ),
            points: placed(&times, &falls, span),
            span,
            height: 140,
            colour: LOSS,
            base: Some(0.0),
            ticks: 3,
            label: |v| percent(Some(v), 0),
        },
    );
    page.end();
}

/// The rolling Sharpe ratio; nothing if the run is shorter than its window.
pub(crate) fn rolling_sharpe(page: &mut Page, document: &ResultDocument) {
    page.section(
        "rolling",
        "Rolling Sharpe ratio",
        "Over half a year of periods, risk-free rate 0.",
    );
    let known = document.rolling_sharpe.iter();
    let known = known.filter_map(|row| Some((row.t.parse::<Timestamp>().ok()?, row.value?)));
    let (times, values): (Vec<Timestamp>, Vec<f64>) = known.unzip();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        page.line("<p>The run is shorter than the window, or its equity does not move.</p>");
        page.end();
        return;
    };
    let span = (*first, *last);
    let (low, high) = range(&values);
    draw(
        page,
        &Chart {
            id: "rolling-chart",
            title: "Sharpe ratio, six months".to_owned(),
            description: format!("Between {} and {}.", number(Some(low), 2), number(Some(high), 2)),
            points: placed(&times, &values, span),
            span,
            height: 180,
            colour: GAIN,
            base: Some(0.0),
            ticks: 4,
            label: |v| number(Some(v), 1),
        },
    );
    page.end();
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// Where values stand along a span of time.
pub(crate) fn placed(
    times: &[Timestamp],
    values: &[f64],
    (first, last): (Timestamp, Timestamp),
) -> Vec<(f64, f64)> {
    let span = axis::between(first, last).max(1.0);
    let place = |time: &Timestamp| axis::between(first, *time) / span;
    times.iter().map(place).zip(values.iter().copied()).collect()
}

/// The first, lowest, highest and last point of each bucket: no peak is lost.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(BUCKETS).max(1);
    if size <= 2 {
        return points.to_vec();
    }
    let mut kept = Vec::new();
    for bucket in points.chunks(size) {
        let ends = [bucket.first(), bucket.last()].into_iter().flatten();
        let low = bucket.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = bucket.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let mut of_bucket: Vec<(f64, f64)> = ends.chain(low).chain(high).copied().collect();
        of_bucket.sort_by(|a, b| a.0.total_cmp(&b.0));
        of_bucket.dedup();
        kept.extend(of_bucket);
    }
    kept
}

/// A plot in one cell that takes the width, the names of its values in a narrow one beside it.
pub(crate) fn draw(page: &mut Page, chart: &Chart<'_>) {
    let values: Vec<f64> = chart.points.iter().map(|(_, value)| *value).collect();
    let (low, high) = range(&values);
    let ticks = axis::values(
        low.min(chart.base.unwrap_or(low)),
        high.max(chart.base.unwrap_or(high)),
        chart.ticks,
    );
    let (bottom, top) = range(&ticks);
    let room = if top > bottom { top - bottom } else { 1.0 };
    let y = |value: f64| (top - value) / room * HEIGHT;
    let height = chart.height;
    page.line("<table role=\"presentation\" width=\"100%\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\"><tr><td width=\"100%\">");
    page.line(&format!(
        "<svg width=\"100%\" height=\"{}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"CanvasText\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        height + 52, escape(&chart.title), escape(&chart.description), id = chart.id,
    ));
    page.line(&format!(
        "<text x=\"0\" y=\"14\" font-size=\"13\" font-weight=\"600\">{}</text>",
        escape(&chart.title)
    ));
    page.line(&format!("<svg x=\"0\" y=\"26\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" overflow=\"visible\">"));
    for tick in &ticks {
        let strong = if *tick == 0.0 { "0.45" } else { "0.14" };
        page.line(&format!("<line x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.2}\" y2=\"{y:.2}\" stroke=\"CanvasText\" stroke-opacity=\"{strong}\" vector-effect=\"non-scaling-stroke\"/>", y = y(*tick)));
    }
    lines(page, chart, y);
    page.line("</svg>");
    for (place, name) in axis::dates(chart.span.0, chart.span.1, 6) {
        let anchor = match place {
            p if p < 0.06 => "start",
            p if p > 0.94 => "end",
            _ => "middle",
        };
        page.line(&format!(
            "<text x=\"{:.2}%\" y=\"{}\" text-anchor=\"{anchor}\" fill-opacity=\"0.78\">{}</text>",
            place * 100.0,
            height + 45,
            escape(&name)
        ));
    }
    page.line("</svg></td><td>");
    page.line(&format!("<svg width=\"52\" height=\"{}\" aria-hidden=\"true\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"CanvasText\">", height + 52));
    for tick in &ticks {
        let at = 26.0 + y(*tick) / HEIGHT * f64::from(height) + 4.0;
        page.line(&format!(
            "<text x=\"8\" y=\"{at:.1}\" fill-opacity=\"0.78\">{}</text>",
            escape(&(chart.label)(*tick))
        ));
    }
    page.line("</svg></td></tr></table>");
}

fn lines(page: &mut Page, chart: &Chart<'_>, y: impl Fn(f64) -> f64) {
    let at = |(x, value): &(f64, f64)| format!("{:.2} {:.2}", x * WIDTH, y(*value));
    let points: Vec<String> = thinned(&chart.points).iter().map(at).collect();
    let (Some((first, _)), Some((last, _))) = (chart.points.first(), chart.points.last()) else {
        return;
    };
    let (path, base, colour) = (points.join("L"), chart.base.map_or(HEIGHT, y), chart.colour);
    page.line(&format!(
        "<path d=\"M{:.2} {base:.2}L{path}L{:.2} {base:.2}Z\" fill=\"{colour}\" fill-opacity=\"0.16\"/>",
        first * WIDTH, last * WIDTH
    ));
    page.line(&format!("<path d=\"M{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.75\" stroke-linejoin=\"round\" vector-effect=\"non-scaling-stroke\"/>"));
}

/// `1.25M`, `640k`, `12.5`: money in the width of an axis.
fn compact(value: f64) -> String {
    let (divisor, suffix) = match value.abs() {
        v if v >= 1e9 => (1e9, "B"),
        v if v >= 1e6 => (1e6, "M"),
        v if v >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.2}", value / divisor);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{suffix}", text.replace('-', "\u{2212}"))
}

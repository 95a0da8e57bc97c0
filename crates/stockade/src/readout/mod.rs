//! The read-out of a factor: one HTML file that needs nothing else, in the manner of the tear sheet.

mod figures;

use crate::{
    desk::Kept,
    tearsheet::{
        self, GAIN, LINE, LOSS, breakable,
        cards::{self, Card},
        charts::{Chart, draw, placed},
        html::{Page, escape, number, percent},
    },
};
use market::Timestamp;
use research::{Horizon, Series, Summary};

/// The page of a read-out. The same figures give the same bytes.
#[must_use]
pub fn render(kept: &Kept) -> String {
    let mut page = Page::default();
    tearsheet::open(&mut page, &format!("{} · read-out", kept.name));
    title(&mut page, kept);
    if let Some(first) = kept.study.horizons.first() {
        at_a_glance(&mut page, kept, first);
    }
    figures::information(&mut page, &kept.study);
    if let Some(first) = kept.study.horizons.first() {
        curves(&mut page, &kept.study.times, first);
    }
    figures::quantiles(&mut page, &kept.study);
    figures::books(&mut page, &kept.study);
    figures::persistence(&mut page, &kept.study);
    figures::groups(&mut page, &kept.study);
    figures::luck(&mut page, &kept.study);
    figures::survivorship(&mut page, &kept.study);
    figures::notes(&mut page);
    foot(&mut page, kept);
    page.finish()
}

fn title(page: &mut Page, kept: &Kept) {
    let (study, (rows, names)) = (&kept.study, kept.size);
    page.line("<header>");
    page.line("<p><b>Stockade</b> · read-out of a factor</p>");
    page.line(&format!("<h1>{}</h1>", escape(&kept.name)));
    page.line(&format!("<p><code>{}</code></p>", escape(&kept.canonical)));
    let period = match (study.times.first(), study.times.last()) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "no rows".to_owned(),
    };
    let settings = &study.settings;
    let delay = match settings.delay {
        0 => "at the close that decides, which cannot be traded".to_owned(),
        1 => "one row after the value".to_owned(),
        rows => format!("{rows} rows after the value"),
    };
    page.line(&format!(
        "<p>{period} · {rows} rows, {names} names · data <b>{}</b><br>Entries at <b>{}</b>, {delay} · {} quantiles · cost {} of traded value</p>",
        escape(&kept.dataset),
        escape(&settings.price),
        settings.quantiles,
        percent(Some(settings.cost), 2),
    ));
    page.line("</header>");
    page.line("<main>");
}

fn at_a_glance(page: &mut Page, kept: &Kept, first: &Horizon) {
    let sign = |value: Option<f64>| match value {
        Some(v) if v > 0.0 => Some(GAIN),
        Some(v) if v < 0.0 => Some(LOSS),
        _ => None,
    };
    let card = |label, value, note: String, accent| Card { label, value, note, accent };
    let of = |summary: &Summary| format!("t {}", number(summary.t, 1));
    let rows = format!("held for {}", figures::rows_in_words(first.rows));
    let (spread, deflated) = (&first.spread, &first.deflated);
    let all = [
        card(
            "Rank IC",
            number(first.rank_ic.summary.mean, 4),
            of(&first.rank_ic.summary),
            sign(first.rank_ic.summary.mean),
        ),
        card(
            "IC",
            number(first.ic.summary.mean, 4),
            of(&first.ic.summary),
            sign(first.ic.summary.mean),
        ),
        card("Spread", percent(spread.summary.mean, 3), rows, sign(spread.summary.mean)),
        card(
            "Sharpe",
            number(spread.sharpe, 2),
            "before costs, a year".to_owned(),
            sign(spread.sharpe),
        ),
        card(
            "Sharpe, net",
            number(spread.sharpe_net, 2),
            "after costs, a year".to_owned(),
            sign(spread.sharpe_net),
        ),
        card("Turnover", percent(spread.turnover_mean, 1), "of the book, a row".to_owned(), None),
        card(
            "Drawdown",
            percent(spread.drawdown, 1),
            "before costs".to_owned(),
            sign(spread.drawdown),
        ),
        card("Coverage", percent(kept.study.coverage.share, 1), "of priced cells".to_owned(), None),
        card("Tried", kept.trials.to_string(), "expressions on this data".to_owned(), None),
        card(
            "Deflated",
            percent(deflated.deflated, 1),
            "above the best of chance".to_owned(),
            None,
        ),
    ];
    cards::show(page, &all);
}

fn curves(page: &mut Page, times: &[Timestamp], first: &Horizon) {
    let held = figures::rows_in_words(first.rows);
    page.section("curves", "Over time", &format!("Positions are held for {held}."));
    line(
        page,
        times,
        &first.spread.growth,
        &Line {
            id: "growth-chart",
            title: "Growth of 1: top quantile long, bottom quantile short, before costs",
            colour: LINE,
            height: 240,
            base: Some(1.0),
            label: |v| number(Some(v), 2),
        },
    );
    let mean = rolling(&first.rank_ic.series, ROLLING);
    line(
        page,
        times,
        &mean,
        &Line {
            id: "ic-chart",
            title: "Rank IC, mean of the last 63 rows",
            colour: GAIN,
            height: 160,
            base: Some(0.0),
            label: |v| number(Some(v), 2),
        },
    );
    page.end();
}

/// Rows of the mean that a curve shows.
const ROLLING: usize = 63;

/// What a curve is.
struct Line {
    id: &'static str,
    title: &'static str,
    colour: &'static str,
    height: u32,
    base: Option<f64>,
    label: fn(f64) -> String,
}

/// A series over time, without the rows that have no value.
fn line(page: &mut Page, times: &[Timestamp], series: &Series, line: &Line) {
    let known = times.iter().zip(series).filter_map(|(time, value)| Some((*time, (*value)?)));
    let (known, values): (Vec<Timestamp>, Vec<f64>) = known.unzip();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        page.line("<p>No row has a value.</p>");
        return;
    };
    let span = (*first, *last);
    let ends = values.last().copied();
    draw(
        page,
        &Chart {
            id: line.id,
            title: line.title.to_owned(),
            description: format!("From {first} to {last}, at the end {}.", number(ends, 3)),
            points: placed(&known, &values, span),
            span,
            height: line.height,
            colour: line.colour,
            base: line.base,
            ticks: 4,
            label: line.label,
        },
    );
}

/// The mean of the values among the last rows, where at least half of them have one.
#[expect(clippy::cast_precision_loss, reason = "a mean of few values")]
fn rolling(series: &Series, rows: usize) -> Series {
    let mean = |end: usize| {
        let start = (end + 1).saturating_sub(rows);
        let window = series.get(start..=end).unwrap_or_default();
        let known: Vec<f64> = window.iter().copied().flatten().collect();
        (known.len() * 2 >= rows).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    (0..series.len()).map(mean).collect()
}

fn foot(page: &mut Page, kept: &Kept) {
    page.line("</main>");
    page.line("<hr>");
    page.line("<footer>");
    page.line(&format!(
        "<p><font size=\"2\">Data {}<br>Returns after a value are no promise of later ones. Distinct expressions tried on these data by then: {}. On a dataset of the catalogue each is an entry of the audit log.</font></p>",
        breakable(&kept.digest), kept.trials
    ));
    page.line("</footer>");
    tearsheet::close(page);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{desk, report::study};
    use market::{Column, Panel};
    use std::sync::atomic::AtomicBool;
    use uuid::Uuid;

    /// A factor that knows a little of tomorrow, over names of which one dies.
    fn kept() -> Kept {
        let times: Vec<Timestamp> =
            (0..200_i64).map(|day| Timestamp::from_nanos(day * 86_400_000_000_000)).collect();
        let symbols = (0..12).map(|j| format!("N{j}").parse().expect("a symbol")).collect();
        let mut panel = Panel::new(times, symbols);
        let (mut close, mut factor) = (Column::missing(200, 12), Column::missing(200, 12));
        let mut state = 7_u64;
        let mut price = [100.0_f64; 12];
        for t in 0..200 {
            for (j, price) in price.iter_mut().enumerate() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let noise = f64::from(u16::try_from(state >> 48).unwrap_or(0)) / 65_536.0 - 0.5;
                *price *= 1.0 + noise * 0.02;
                if j < 11 || t < 120 {
                    close.set(t, j, *price);
                    factor.set(t, j, noise);
                }
            }
        }
        panel.insert("close", close).expect("fits");
        let reading = desk::Reading { horizons: vec![1, 5], ..desk::Reading::default() };
        let settings = desk::settings(&panel, &reading, 3);
        let study = research::study(&factor, &panel, &settings, &AtomicBool::new(false));
        Kept {
            id: Uuid::nil(),
            name: "<b>'&\"".to_owned(),
            text: "close".to_owned(),
            canonical: "close < 1".to_owned(),
            dataset: "d".to_owned(),
            digest: "ab".repeat(32),
            size: (200, 12),
            trials: 3,
            study: study.expect("reads"),
        }
    }

    #[test]
    fn the_page_has_nothing_that_a_strict_policy_blocks_and_no_figure_is_not_a_number() {
        let page = render(&kept());
        for forbidden in ["<style", "style=", "<script", "<link", "<b>'", "href=", "src=", "url("] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("&lt;b&gt;&#39;&amp;&quot;") && page.contains("close &lt; 1"));
        assert!(!page.contains("NaN") && !page.contains("inf<"), "only numbers are shown");
        assert_eq!(page, render(&kept()), "the same figures, the same bytes");
    }

    #[test]
    fn the_document_has_the_figures_of_the_study() {
        let kept = kept();
        let document = study::document(&kept);
        let at = |pointer: &str| document.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/data/names"), 12);
        assert_eq!(at("/settings/trials/count"), 3);
        assert_eq!(at("/times/0"), "1970-01-01");
        assert_eq!(at("/survivorship/delisted"), 1);
        assert_eq!(at("/survivorship/fates/0/symbol"), "N11");
        assert_eq!(at("/horizons/1/rows"), 5);
        let study = &kept.study.horizons.first().expect("one").rank_ic.summary;
        assert_eq!(at("/horizons/0/rank_ic/summary/mean").as_f64(), study.mean);
        assert_eq!(at("/horizons/0/rank_ic/series").as_array().map(Vec::len), Some(200));
        assert_eq!(at("/notes").as_array().map(Vec::len), Some(research::notes().len()));
    }
}

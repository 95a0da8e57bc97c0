//! The figures of a read-out as tables.

use crate::tearsheet::{
    html::{Page, escape, number, percent},
    tables::{Column, LEFT, RIGHT, close, open, row},
};
use research::{Study, Summary};

/// Names that the report of survivorship lists.
const FATES_SHOWN: usize = 100;

fn rows(count: usize) -> String {
    count.to_string()
}

/// `1 row`, `5 rows`.
pub(super) fn rows_in_words(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// Mean, standard error, t and p of a summary.
fn trust(summary: &Summary, digits: usize) -> [String; 4] {
    [
        number(summary.mean, digits),
        number(summary.error, digits),
        number(summary.t, 2),
        number(summary.p, 3),
    ]
}

/// IC and rank IC by horizon.
pub(super) fn information(page: &mut Page, study: &Study) {
    let note = "Correlation of the factor with the return that follows, over the names of a date; means over dates, errors after Newey and West.";
    page.section("information", "Information", note);
    let columns = [
        Column("Held", RIGHT),
        Column("Measure", LEFT),
        Column("Dates", RIGHT),
        Column("Mean", RIGHT),
        Column("Error", RIGHT),
        Column("t", RIGHT),
        Column("p", RIGHT),
        Column("Above 0", RIGHT),
    ];
    open(page, "Information coefficients by horizon", &columns);
    for horizon in &study.horizons {
        let neutral = horizon.neutral_rank_ic.as_ref();
        let lines = [
            ("rank IC", Some(&horizon.rank_ic)),
            ("IC", Some(&horizon.ic)),
            ("rank IC, group neutral", neutral),
        ];
        for (name, found) in lines {
            let Some(found) = found else { continue };
            let [mean, error, t, p] = trust(&found.summary, 4);
            let dates = rows(found.summary.count);
            let above = percent(found.summary.positive, 1);
            row(
                page,
                &columns,
                &[rows(horizon.rows), name.into(), dates, mean, error, t, p, above],
            );
        }
        if horizon.labels.delisted == 0 {
            continue;
        }
        let [mean, error, t, p] = trust(&horizon.without_delisted.rank_ic, 4);
        let name = "rank IC without delistings".to_owned();
        let dates = rows(horizon.without_delisted.rank_ic.count);
        let above = percent(horizon.without_delisted.rank_ic.positive, 1);
        row(page, &columns, &[rows(horizon.rows), name, dates, mean, error, t, p, above]);
    }
    close(page);
    page.end();
}

/// Mean forward return of each quantile.
pub(super) fn quantiles(page: &mut Page, study: &Study) {
    page.section("quantiles", "Quantiles", "From the lowest factor values to the highest.");
    let columns = [
        Column("Held", RIGHT),
        Column("Quantile", RIGHT),
        Column("Names", RIGHT),
        Column("Mean return", RIGHT),
        Column("t", RIGHT),
        Column("Less the date's mean", RIGHT),
        Column("Turnover", RIGHT),
    ];
    open(page, "Forward returns by quantile", &columns);
    for horizon in &study.horizons {
        for (place, quantile) in (1..).zip(&horizon.quantiles) {
            row(
                page,
                &columns,
                &[
                    rows(horizon.rows),
                    rows(place),
                    number(quantile.names, 1),
                    percent(quantile.mean.mean, 3),
                    number(quantile.mean.t, 2),
                    percent(quantile.demeaned, 3),
                    percent(quantile.turnover, 1),
                ],
            );
        }
    }
    close(page);
    page.end();
}

/// The long-short book and how large it may be.
pub(super) fn books(page: &mut Page, study: &Study) {
    let note = "Top quantile long, bottom quantile short, in tranches. Capacity is the book, long plus short, in the currency of the prices.";
    page.section("book", "The book", note);
    let columns = [
        Column("Held", RIGHT),
        Column("Return a year", RIGHT),
        Column("Volatility", RIGHT),
        Column("Sharpe", RIGHT),
        Column("Net", RIGHT),
        Column("Drawdown", RIGHT),
        Column("Turnover", RIGHT),
        Column("Capacity", RIGHT),
        Column("Strict", RIGHT),
    ];
    open(page, "The long-short book by horizon", &columns);
    for horizon in &study.horizons {
        let spread = &horizon.spread;
        let capacity = |of: fn(&research::Capacity) -> Option<f64>| {
            number(horizon.capacity.as_ref().and_then(of), 0)
        };
        row(
            page,
            &columns,
            &[
                rows(horizon.rows),
                percent(spread.annual_return, 2),
                percent(spread.annual_volatility, 2),
                number(spread.sharpe, 2),
                number(spread.sharpe_net, 2),
                percent(spread.drawdown, 1),
                percent(spread.turnover_mean, 1),
                capacity(|c| c.pooled_median),
                capacity(|c| c.strict_median),
            ],
        );
    }
    close(page);
    page.end();
}

/// How long the factor says the same, and how long it knows.
pub(super) fn persistence(page: &mut Page, study: &Study) {
    page.section(
        "persistence",
        "Persistence and decay",
        "Rank correlation of the factor with itself, and of the factor with the one-row return so many rows later.",
    );
    let columns = [
        Column("Rows", RIGHT),
        Column("With itself", RIGHT),
        Column("With the return", RIGHT),
        Column("t", RIGHT),
    ];
    open(page, "Autocorrelation and decay", &columns);
    for decay in &study.decay {
        let own = study.autocorrelation.iter().find(|lag| lag.rows == decay.rows);
        row(
            page,
            &columns,
            &[
                rows(decay.rows),
                number(own.and_then(|lag| lag.summary.mean), 3),
                number(decay.summary.mean, 4),
                number(decay.summary.t, 2),
            ],
        );
    }
    close(page);
    page.end();
}

/// Information and weights by group; nothing without groups.
pub(super) fn groups(page: &mut Page, study: &Study) {
    if study.exposures.is_empty() {
        return;
    }
    page.section("groups", "Groups", "Share of each group in the top and the bottom quantile.");
    let columns = [
        Column("Group", LEFT),
        Column("Top", RIGHT),
        Column("Bottom", RIGHT),
        Column("All names", RIGHT),
        Column("Rank IC", RIGHT),
        Column("t", RIGHT),
    ];
    open(page, "Exposure and information by group", &columns);
    let within = study.horizons.first().map(|horizon| &horizon.groups);
    for exposure in &study.exposures {
        let name = exposure.group.as_deref();
        let own = within.into_iter().flatten().find(|group| Some(group.group.as_str()) == name);
        row(
            page,
            &columns,
            &[
                escape(name.unwrap_or("none")),
                percent(exposure.top_mean, 1),
                percent(exposure.bottom_mean, 1),
                percent(exposure.all_mean, 1),
                number(own.and_then(|group| group.summary.mean), 4),
                number(own.and_then(|group| group.summary.t), 2),
            ],
        );
    }
    close(page);
    page.end();
}

/// What is left after the number of expressions tried.
pub(super) fn luck(page: &mut Page, study: &Study) {
    let note = "The highest Sharpe ratio that as many worthless expressions would show by chance, and the probability that the true one is above it.";
    page.section("luck", "After so many trials", note);
    let columns = [
        Column("Held", RIGHT),
        Column("Tried", RIGHT),
        Column("Sharpe a row", RIGHT),
        Column("Expected of the best", RIGHT),
        Column("Above 0", RIGHT),
        Column("Deflated", RIGHT),
        Column("Rows needed", RIGHT),
    ];
    open(page, "Deflated Sharpe ratio by horizon", &columns);
    for horizon in &study.horizons {
        let deflated = &horizon.deflated;
        row(
            page,
            &columns,
            &[
                rows(horizon.rows),
                deflated.trials.to_string(),
                number(deflated.sharpe, 4),
                number(deflated.expected_max, 4),
                percent(deflated.probabilistic, 1),
                percent(deflated.deflated, 1),
                number(deflated.track_record_deflated, 0),
            ],
        );
    }
    close(page);
    page.end();
}

/// What became of the names.
pub(super) fn survivorship(page: &mut Page, study: &Study) {
    let found = &study.survivorship;
    page.section("survivorship", "Names that come and go", "");
    page.line(&format!(
        "<p>Of {} names, {} begin late, {} end early, {} are suspended at times, {} have no price at all. Factor values where a name has no price: {}; after its end: {}.</p>",
        found.names, found.late, found.delisted, found.suspended, found.never,
        found.unpriced_values, found.dead_values
    ));
    if !found.fates.is_empty() {
        let columns = [
            Column("Name", LEFT),
            Column("First price", LEFT),
            Column("Last price", LEFT),
            Column("Gaps", RIGHT),
            Column("Rows without", RIGHT),
        ];
        open(page, "Names without a price on some rows", &columns);
        let day = |time: Option<market::Timestamp>| {
            time.map_or_else(|| "–".to_owned(), |time| time.to_string())
        };
        for fate in found.fates.iter().take(FATES_SHOWN) {
            let (first, last) = (day(fate.first), day(fate.last));
            let name = escape(fate.symbol.as_str());
            row(page, &columns, &[name, first, last, rows(fate.gaps), rows(fate.gap_rows)]);
        }
        close(page);
        if found.fates.len() > FATES_SHOWN {
            let more = found.fates.len() - FATES_SHOWN;
            page.line(&format!("<p>And {more} more: the JSON has them all.</p>"));
        }
    }
    page.end();
}

/// What each figure is.
pub(super) fn notes(page: &mut Page) {
    page.section("notes", "What the figures are", "");
    page.line("<font size=\"2\"><dl>");
    for note in research::notes() {
        let figure = escape(&note.figure.replace('_', " "));
        page.line(&format!("<dt><b>{figure}</b></dt><dd>{}</dd>", escape(note.text)));
    }
    page.line("</dl></font>");
    page.end();
}

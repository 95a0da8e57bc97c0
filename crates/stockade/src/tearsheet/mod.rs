//! The tear sheet: one HTML file that needs nothing else.
//!
//! It is served under `default-src 'none'; style-src 'self'; img-src 'self' data:`, so it has no
//! style sheet, no style attribute and no script. Looks come from SVG presentation attributes,
//! system colours (`CanvasText`, `currentColor`) and mid-tones that read on light and on dark;
//! `color-scheme` lets the reader's choice of the two through. Charts have no view box of their
//! own: their plots stretch, their letters keep their size, from 375 px up.

mod axis;
pub(crate) mod cards;
pub(crate) mod charts;
mod heat;
pub(crate) mod html;
pub(crate) mod tables;

use crate::report::ResultDocument;
pub(crate) use html::escape;
use html::{Page, grouped};

/// Gains.
pub(crate) const GAIN: &str = "#1f9d6b";
/// Losses.
pub(crate) const LOSS: &str = "#d9534f";
/// Lines.
pub(crate) const LINE: &str = "#3f7fe0";

/// The tear sheet of a run. The same document gives the same bytes.
#[must_use]
pub fn render(document: &ResultDocument) -> String {
    let mut page = Page::default();
    head(&mut page, document);
    title(&mut page, document);
    cards::cards(&mut page, document);
    tables::ending(&mut page, document);
    charts::equity(&mut page, document);
    heat::monthly(&mut page, document);
    tables::drawdowns(&mut page, document);
    charts::rolling_sharpe(&mut page, document);
    tables::trades(&mut page, document);
    tables::refusals(&mut page, document);
    tables::measures(&mut page, document);
    tables::strategy(&mut page, document);
    foot(&mut page, document);
    page.finish()
}

fn head(page: &mut Page, document: &ResultDocument) {
    open(page, &format!("{} · tear sheet", document.strategy.name));
}

/// Opens a page of our own, which [`close`] ends.
pub(crate) fn open(page: &mut Page, title: &str) {
    let title = escape(title);
    page.line("<!doctype html>");
    page.line("<html lang=\"en\">");
    page.line("<head>");
    page.line("<meta charset=\"utf-8\">");
    page.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    page.line("<meta name=\"color-scheme\" content=\"light dark\">");
    page.line(&format!("<title>{title} · Stockade</title>"));
    page.line("</head>");
    page.line("<body>");
    page.line(
        "<font face=\"system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif\">",
    );
    // A cell's width is a wish that a narrow window overrules: the page is at most this wide.
    page.line("<table role=\"presentation\" align=\"center\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\"><tr><td width=\"1080\">");
}

fn title(page: &mut Page, document: &ResultDocument) {
    let (data, summary) = (&document.data, &document.summary);
    page.line("<header>");
    page.line("<p><svg width=\"22\" height=\"20\" viewBox=\"0 0 22 20\" aria-hidden=\"true\"><g fill=\"#3f7fe0\"><path d=\"M0 20V6l3-4 3 4v14z\"/><path d=\"M8 20V4l3-4 3 4v16z\"/><path d=\"M16 20V6l3-4 3 4v14z\"/></g></svg> <b>Stockade</b> · tear sheet</p>");
    page.line(&format!("<h1>{}</h1>", escape(&document.strategy.name)));
    let period = match (&summary.first, &summary.last) {
        (Some(first), Some(last)) => format!("{} to {}", escape(first), escape(last)),
        _ => "no bars".to_owned(),
    };
    let symbols = match data.symbols.as_slice() {
        few if few.len() <= 8 => escape(&few.join(", ")),
        many => format!("{} symbols", many.len()),
    };
    let rows = match data.bar.as_str() {
        "quote" => "every quote".to_owned(),
        quotes if quotes.ends_with("quotes") => quotes.to_owned(),
        bar => format!("{bar} bars"),
    };
    let adjusted = if data.adjust == "splits" { "split-adjusted" } else { "as printed" };
    page.line(&format!(
        "<p>{period} · {}, {adjusted} · {symbols}<br>Data <b>{}</b> · fills <b>{}</b> · {} {} at the start</p>",
        escape(&rows),
        escape(&data.name),
        escape(&document.convention),
        grouped(summary.start_equity.as_deref().unwrap_or("0")),
        escape(&data.currency),
    ));
    page.line(&format!("<p><font size=\"2\">Run {}</font></p>", breakable(&document.run_id)));
    page.line("</header>");
    page.line("<main>");
}

fn foot(page: &mut Page, document: &ResultDocument) {
    page.line("</main>");
    page.line("<hr>");
    page.line("<footer>");
    page.line(&format!(
        "<p><font size=\"2\">Data {}<br>Result {}<br>Engine semantics {}. The run is named by the SHA-256 of data, strategy, convention and semantics: whoever runs the same again gets the same figures. Simulated results are no promise of real ones.</font></p>",
        breakable(&document.data.digest),
        breakable(&document.digest),
        document.engine.semantics
    ));
    page.line("</footer>");
    close(page);
}

/// Ends a page that [`open`] began.
pub(crate) fn close(page: &mut Page) {
    page.line("</td></tr></table>");
    page.line("</font>");
    page.line("</body>");
    page.line("</html>");
}

/// A long hexadecimal number that may break every eight digits.
pub(crate) fn breakable(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    let parts: Vec<String> =
        digits.chunks(8).map(|part| escape(&part.iter().collect::<String>())).collect();
    format!("<code>{}</code>", parts.join("<wbr>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::trades_csv;
    use market::{Bar, BarSeries, BarSize, Instrument, Price, Quantity, Timestamp};

    fn document() -> ResultDocument {
        let bars = (0..400_i64).map(|day| {
            let price = Price(10_000 + (day % 37 - 18).abs() * 150 + day * 3);
            let open_time = Timestamp::from_nanos((11_000 + day) * BarSize::DAY.nanos());
            Bar {
                open_time,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: Quantity(1),
            }
        });
        let instrument = Instrument::share("X".parse().expect("a symbol"));
        let series = BarSeries::from_bars(instrument, BarSize::DAY, bars).expect("in order");
        let text = "version: 1\nname: <b>'&\"\ndata: d\nsignals:\n  long: close > ts_mean(close, 5)\nsizing: { percent: 50 }\n";
        let strategy = engine::parse_strategy(text).expect("a strategy");
        let outcome = engine::backtest(&strategy, &[series], &mut engine::Unwatched).expect("runs");
        ResultDocument::of(&outcome, text).expect("in range")
    }

    #[test]
    fn the_sheet_has_nothing_that_a_strict_policy_blocks() {
        let sheet = render(&document());
        for forbidden in ["<style", "style=", "<script", "<link", "<b>'", "href=", "src=", "url("] {
            assert!(!sheet.contains(forbidden), "{forbidden}");
        }
        assert!(sheet.contains("&lt;b&gt;&#39;&amp;&quot;"));
        assert!(!sheet.contains("NaN") && !sheet.contains("inf\""), "only numbers are drawn");
    }

    #[test]
    fn the_same_run_is_written_in_the_same_bytes() {
        let (a, b) = (document(), document());
        assert!(!a.trades.is_empty() && a.equity.len() == 400);
        assert_eq!(render(&a), render(&b));
        let json = a.to_json().expect("is JSON");
        assert_eq!(json, b.to_json().expect("is JSON"));
        let read: ResultDocument = serde_json::from_slice(&json).expect("reads back");
        assert!(read.run_id == a.run_id && read.digest == a.digest && read.fills == a.fills);
        let csv = trades_csv(&a).expect("is CSV");
        assert_eq!(csv.split(|b| *b == b'\n').count() - 1, a.trades.len() + 1);
    }
}

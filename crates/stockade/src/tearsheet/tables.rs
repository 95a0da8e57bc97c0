//! What is best read as rows.

use super::html::{Page, escape, grouped, number, percent};
use crate::report::{HeldRow, MeasureRow, ResultDocument, TradeRow};
use std::fmt::Write as _;

/// Trades that the sheet lists; the rest is in the CSV.
const TRADES_SHOWN: usize = 250;
/// Refusals that the sheet lists.
const REFUSALS_SHOWN: usize = 20;
/// Positions that the sheet lists, those with old prices first.
const HELD_SHOWN: usize = 50;

const TABLE: &str =
    "<table width=\"100%\" border=\"0\" cellpadding=\"4\" cellspacing=\"0\" rules=\"rows\">";

/// A column's name and which way its cells are set.
pub(crate) struct Column(pub &'static str, pub &'static str);

pub(crate) const LEFT: &str = "left";
pub(crate) const RIGHT: &str = "right";

/// Begins a table, which [`close`] ends.
pub(crate) fn open(page: &mut Page, caption: &str, columns: &[Column]) {
    page.line("<font size=\"2\">");
    page.line(TABLE);
    page.line(&format!("<caption><font size=\"1\">{}</font></caption>", escape(caption)));
    let cells = columns.iter().map(|Column(name, align)| {
        format!("<th scope=\"col\" align=\"{align}\" valign=\"bottom\">{}</th>", escape(name))
    });
    page.line(&format!("<thead><tr>{}</tr></thead>", cells.collect::<String>()));
    page.line("<tbody>");
}

/// One row; its first cell names it. Cells are markup already.
pub(crate) fn row(page: &mut Page, columns: &[Column], cells: &[String]) {
    let mut line = String::from("<tr>");
    for (place, (Column(_, align), cell)) in columns.iter().zip(cells).enumerate() {
        let (tag, scope) = if place == 0 { ("th", " scope=\"row\"") } else { ("td", "") };
        // Dates must not break at their hyphens; sentences, which have blanks, must break.
        let wrap = if cell.contains(' ') { "" } else { " nowrap" };
        let _ = write!(line, "<{tag}{scope}{wrap} align=\"{align}\" valign=\"top\">{cell}</{tag}>");
    }
    line.push_str("</tr>");
    page.line(&line);
}

/// Ends a table.
pub(crate) fn close(page: &mut Page) {
    page.line("</tbody></table></font>");
}

/// What is open at the end and what to know of it; nothing if there is nothing.
pub(crate) fn ending(page: &mut Page, document: &ResultDocument) {
    let (summary, held) = (&document.summary, &document.held);
    if held.is_empty() && summary.unfilled == 0 && summary.ruined.is_none() {
        return;
    }
    page.section("ending", "At the end", "");
    if let Some(on) = &summary.ruined {
        page.line(&format!(
            "<p><b>Equity was zero or below on {}</b>: a real account would have ended there.</p>",
            escape(on)
        ));
    }
    if summary.unfilled > 0 {
        page.line(&format!("<p>Orders that still wait for a price: {}.</p>", summary.unfilled));
    }
    if !held.is_empty() {
        positions(page, held);
    }
    page.end();
}

fn positions(page: &mut Page, held: &[HeldRow]) {
    let columns = [
        Column("Position", LEFT),
        Column("Quantity", RIGHT),
        Column("Value", RIGHT),
        Column("Of equity", RIGHT),
        Column("Last bar", LEFT),
    ];
    let caption = match held.len() {
        few if few <= HELD_SHOWN => "Held at the latest price".to_owned(),
        many => format!("{HELD_SHOWN} of {many} positions, held at the latest price"),
    };
    open(page, &caption, &columns);
    let (old, fresh): (Vec<&HeldRow>, Vec<&HeldRow>) = held.iter().partition(|h| h.stale);
    for h in old.into_iter().chain(fresh).take(HELD_SHOWN) {
        let last = h.last_bar.as_deref().map_or_else(|| "–".to_owned(), escape);
        let last = if h.stale { format!("<b>{last}, an old price</b>") } else { last };
        let share = percent(h.share_of_equity, 1);
        let cells = [escape(&h.symbol), escape(&h.quantity), grouped(&h.value), share, last];
        row(page, &columns, &cells);
    }
    close(page);
}

/// The deepest drawdowns.
pub(crate) fn drawdowns(page: &mut Page, document: &ResultDocument) {
    page.section("drawdowns", "Worst drawdowns", "");
    if document.drawdowns.is_empty() {
        page.line("<p>Equity never fell below its highest so far.</p>");
        page.end();
        return;
    }
    let columns = [
        Column("Depth", LEFT),
        Column("Peak, trough", LEFT),
        Column("Recovered", LEFT),
        Column("Days", RIGHT),
    ];
    open(page, "Deepest first; days from the peak until it was reached again", &columns);
    for d in &document.drawdowns {
        let end = d.end.as_deref().map_or_else(|| "not yet".to_owned(), escape);
        let times = format!("{}<br>{}", escape(&d.start), escape(&d.trough));
        let cells = [percent(Some(d.depth), 2), times, end, d.days.to_string()];
        row(page, &columns, &cells);
    }
    close(page);
    page.end();
}

/// The round trips, the latest ones if there are many.
pub(crate) fn trades(page: &mut Page, document: &ResultDocument) {
    let all = &document.trades;
    let note = if all.len() > TRADES_SHOWN {
        format!("The last {TRADES_SHOWN} of {}; all of them are in trades.csv.", all.len())
    } else {
        "From flat to flat in one instrument; entry and exit are mean prices.".to_owned()
    };
    page.section("trades", "Trades", &note);
    if all.is_empty() {
        page.line("<p>The strategy never traded.</p>");
        page.end();
        return;
    }
    let columns = [
        Column("Trade", LEFT),
        Column("Opened, closed", LEFT),
        Column("Entry, exit", RIGHT),
        Column("Size, bars", RIGHT),
        Column("Profit, return", RIGHT),
    ];
    open(page, "Profits are after fees", &columns);
    for trade in all.iter().skip(all.len().saturating_sub(TRADES_SHOWN)) {
        row(page, &columns, &trade_cells(trade));
    }
    close(page);
    page.end();
}

fn trade_cells(trade: &TradeRow) -> [String; 5] {
    let closed = trade.closed.as_deref().map_or_else(|| "open".to_owned(), escape);
    let exit = trade.exit.as_deref().map_or_else(|| "–".to_owned(), grouped);
    [
        format!("{}<br><font size=\"1\">{}</font>", escape(&trade.symbol), escape(&trade.side)),
        format!("{}<br>{closed}", escape(&trade.opened)),
        format!("{}<br>{exit}", grouped(&trade.entry)),
        format!("{}<br>{}", escape(&trade.quantity), trade.bars),
        format!("{}<br>{}", grouped(&trade.pnl), percent(trade.return_, 2)),
    ]
}

/// Orders that the account could not carry; nothing if there were none.
pub(crate) fn refusals(page: &mut Page, document: &ResultDocument) {
    let count = document.summary.refused;
    if count == 0 {
        return;
    }
    let note = format!("{count} orders, or parts of orders, were refused. The first of them:");
    page.section("refusals", "Refused orders", &note);
    let columns =
        [Column("Symbol", LEFT), Column("When", LEFT), Column("Order", LEFT), Column("Why", LEFT)];
    open(page, "The account has no leverage", &columns);
    for r in document.refusals.iter().take(REFUSALS_SHOWN) {
        let order = format!("{} {}", escape(&r.side), escape(&r.quantity));
        row(page, &columns, &[escape(&r.symbol), escape(&r.t), order, escape(&r.reason)]);
    }
    close(page);
    page.end();
}

/// All measures with their formulas and sources.
pub(crate) fn measures(page: &mut Page, document: &ResultDocument) {
    page.section("measures", "Measures and their sources", "");
    let columns =
        [Column("Measure", LEFT), Column("Value", RIGHT), Column("Formula and source", LEFT)];
    open(page, "A dash: the run does not define it", &columns);
    for measure in &document.measures {
        let name = measure.name.replace('_', " ");
        row(page, &columns, &[escape(&name), value(measure), escape(&measure.source)]);
    }
    close(page);
    page.end();
}

fn value(measure: &MeasureRow) -> String {
    match (measure.unit.as_str(), &measure.value) {
        (_, serde_json::Value::String(money)) => grouped(money),
        ("percent", value) => percent(value.as_f64(), 2),
        ("count" | "days", value) => number(value.as_f64(), 0),
        (_, value) => number(value.as_f64(), 3),
    }
}

/// The strategy's text, line by line; lines may wrap.
pub(crate) fn strategy(page: &mut Page, document: &ResultDocument) {
    page.section("strategy", "Strategy", "");
    page.line("<p><code>");
    for line in document.strategy.text.lines() {
        let indent = line.len() - line.trim_start().len();
        page.line(&format!("{}{}<br>", "&nbsp;".repeat(indent), escape(line.trim_start())));
    }
    page.line("</code></p>");
    page.end();
}

//! The figures at a glance: cards that flow like words, six to a row or two on a phone.

use super::{
    GAIN, LOSS,
    html::{Page, escape, grouped, number, percent},
};
use crate::report::ResultDocument;

/// One figure.
pub(crate) struct Card {
    pub label: &'static str,
    pub value: String,
    pub note: String,
    pub accent: Option<&'static str>,
}

pub(crate) fn cards(page: &mut Page, document: &ResultDocument) {
    show(page, &all(document));
}

/// A section of cards.
pub(crate) fn show(page: &mut Page, cards: &[Card]) {
    page.line("<section aria-label=\"Key figures\">");
    page.line("<p>");
    for card in cards {
        page.line(&draw(card));
    }
    page.line("</p>");
    page.end();
}

fn all(document: &ResultDocument) -> Vec<Card> {
    let s = &document.summary;
    let currency = &document.data.currency;
    let card = |label, value, note: String, accent| Card { label, value, note, accent };
    let sign = |value: Option<f64>| match value {
        Some(v) if v > 0.0 => Some(GAIN),
        Some(v) if v < 0.0 => Some(LOSS),
        _ => None,
    };
    let end = s.end_equity.as_deref().map_or_else(|| "–".to_owned(), grouped);
    vec![
        card(
            "Total return",
            percent(s.total_return, 1),
            format!("{end} {currency}"),
            sign(s.total_return),
        ),
        card("CAGR", percent(s.cagr, 2), "a year, compounded".to_owned(), sign(s.cagr)),
        card("Sharpe", number(s.sharpe, 2), "risk-free rate 0".to_owned(), sign(s.sharpe)),
        card("Sortino", number(s.sortino, 2), "target 0".to_owned(), sign(s.sortino)),
        card(
            "Max drawdown",
            percent(s.max_drawdown, 1),
            days(s.max_drawdown_days),
            sign(s.max_drawdown),
        ),
        card("Volatility", percent(s.volatility, 1), "a year".to_owned(), None),
        card("Calmar", number(s.calmar, 2), "CAGR / max drawdown".to_owned(), sign(s.calmar)),
        card("Win rate", percent(s.win_rate, 1), format!("of {} closed trades", s.trades), None),
        card(
            "Profit factor",
            number(s.profit_factor, 2),
            "profits / losses".to_owned(),
            sign(s.profit_factor.map(|f| f - 1.0)),
        ),
        card("Exposure", percent(s.exposure, 1), "mean, of equity".to_owned(), None),
        card("Turnover", number(s.turnover, 2), "times a year".to_owned(), None),
        card("Fees", grouped(&s.fees), format!("{} fills", s.fills), None),
    ]
}

fn days(days: Option<f64>) -> String {
    format!("longest {} days", number(days, 0))
}

fn draw(card: &Card) -> String {
    let (label, value, note) = (escape(card.label), escape(&card.value), escape(&card.note));
    let size = if card.value.chars().count() > 11 { 18 } else { 24 };
    let accent = card.accent.map_or_else(String::new, |colour| {
        format!("<rect x=\"0\" y=\"14\" width=\"4\" height=\"64\" rx=\"2\" fill=\"{colour}\"/>")
    });
    format!(
        "<svg width=\"172\" height=\"92\" role=\"img\" aria-label=\"{label}: {value}, {note}\" font-family=\"system-ui, sans-serif\" fill=\"CanvasText\">\
         <rect x=\"0.5\" y=\"0.5\" width=\"171\" height=\"91\" rx=\"10\" fill=\"CanvasText\" fill-opacity=\"0.04\" stroke=\"CanvasText\" stroke-opacity=\"0.14\"/>{accent}\
         <text x=\"16\" y=\"25\" font-size=\"13\" fill-opacity=\"0.78\">{label}</text>\
         <text x=\"16\" y=\"55\" font-size=\"{size}\" font-weight=\"650\">{value}</text>\
         <text x=\"16\" y=\"77\" font-size=\"12\" fill-opacity=\"0.72\">{note}</text></svg>"
    )
}

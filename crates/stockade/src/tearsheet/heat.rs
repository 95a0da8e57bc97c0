//! Months as a map of heat: a table to a screen reader, colours to the eye.

use super::{
    GAIN, LOSS,
    html::{Page, escape, percent},
};
use crate::report::{MonthRow, ResultDocument};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Height of a year.
const ROW: usize = 30;
/// Width of the years, and of each of the thirteen columns after them, in per cent.
const YEAR: f64 = 9.0;
const COLUMN: f64 = 7.0;

pub(crate) fn monthly(page: &mut Page, document: &ResultDocument) {
    page.section("monthly", "Monthly returns", "In per cent; the last column is the year.");
    let rows = &document.monthly;
    let all = rows.iter().flat_map(|row| row.months.iter().flatten());
    // One month out of the ordinary must not bleach the others.
    let scale = all.fold(0.0_f64, |most, value| most.max(value.abs())).clamp(1e-9, 0.12);
    page.line(&format!(
        "<svg width=\"100%\" height=\"{}\" role=\"table\" aria-label=\"Monthly returns in per cent\" font-family=\"system-ui, sans-serif\" font-size=\"10\" fill=\"CanvasText\">",
        26 + rows.len() * ROW
    ));
    page.line("<g role=\"row\">");
    page.line("<text role=\"columnheader\" x=\"0\" y=\"16\" fill-opacity=\"0.78\">Year</text>");
    let names = MONTHS.into_iter().chain(["All"]);
    for (place, name) in (0..).zip(names) {
        let x = YEAR + COLUMN * (f64::from(place) + 0.5);
        page.line(&format!("<text role=\"columnheader\" x=\"{x:.2}%\" y=\"16\" text-anchor=\"middle\" fill-opacity=\"0.78\">{name}</text>"));
    }
    page.line("</g>");
    for (place, row) in rows.iter().enumerate() {
        year(page, row, 26 + place * ROW, scale);
    }
    page.line("</svg>");
    page.end();
}

fn year(page: &mut Page, row: &MonthRow, top: usize, scale: f64) {
    let baseline = top + 19;
    page.line("<g role=\"row\">");
    page.line(&format!(
        "<text role=\"rowheader\" x=\"0\" y=\"{baseline}\" font-weight=\"600\">{}</text>",
        row.year
    ));
    let cells = row.months.iter().copied().chain([row.total]);
    for (place, value) in cells.enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "thirteen columns")]
        let left = YEAR + COLUMN * place as f64;
        let is_total = place == 12;
        page.line("<g role=\"cell\">");
        if let Some(value) = value {
            let colour = if value < 0.0 { LOSS } else { GAIN };
            let heat = (value.abs() / scale).min(1.0);
            let opacity = if is_total { 0.0 } else { 0.08 + 0.47 * heat };
            page.line(&format!(
                "<rect x=\"{:.2}%\" y=\"{top}\" width=\"{:.2}%\" height=\"{}\" rx=\"4\" fill=\"{colour}\" fill-opacity=\"{opacity:.3}\"><title>{}: {}</title></rect>",
                left + 0.2, COLUMN - 0.4, ROW - 3,
                MONTHS.get(place).map_or_else(|| row.year.to_string(), |month| format!("{month} {}", row.year)),
                escape(&percent(Some(value), 2)),
            ));
        }
        let weight = if is_total { " font-weight=\"600\"" } else { "" };
        page.line(&format!(
            "<text x=\"{:.2}%\" y=\"{baseline}\" text-anchor=\"middle\"{weight}>{}</text></g>",
            left + COLUMN / 2.0,
            escape(&brief(value))
        ));
    }
    page.line("</g>");
}

/// At most four characters, so that a phone has room: `−3.4`, `12`.
fn brief(value: Option<f64>) -> String {
    let Some(value) = value else { return "·".to_owned() };
    let decimals = usize::from(value.abs() < 0.09995);
    percent(Some(value), decimals).trim_end_matches('%').to_owned()
}

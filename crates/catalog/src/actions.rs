//! The corporate-actions file.

use crate::{
    Flaw, Place, Result,
    csv_source::{Lines, head, sniff},
    error::excerpt,
    when::{DAY, plain_date},
};
use market::{Action, CorporateAction, Timestamp};
use std::path::Path;

const COLUMNS: [&str; 5] = ["symbol", "date", "action", "numerator", "denominator"];
const LINE_BYTES_MAX: usize = 4096;
const LINES_MAX: usize = 1_000_000;

/// Reads `symbol,date,action,numerator,denominator`; the only action so far is `split`.
///
/// The date is the first on which the new count trades. Sorted by symbol and date.
pub fn read_actions(path: &Path) -> Result<Vec<CorporateAction>> {
    let layout = sniff(path, &head(path)?)?;
    let mut lines = Lines::open(path, layout, LINE_BYTES_MAX)?;
    if lines.names != COLUMNS {
        let what = "the header is not symbol,date,action,numerator,denominator";
        return Err(Place::line(path, 1).is(Flaw::Action { what }));
    }
    let mut actions = Vec::new();
    while lines.next()? {
        if actions.len() >= LINES_MAX {
            let limit = LINES_MAX as u64;
            return Err(Place::line(path, lines.line()).is(Flaw::Limit { what: "lines", limit }));
        }
        actions.push(action(&lines)?);
    }
    actions
        .sort_by(|a: &CorporateAction, b| (&a.symbol, a.effective).cmp(&(&b.symbol, b.effective)));
    Ok(actions)
}

fn action(lines: &Lines) -> Result<CorporateAction> {
    let cell = |column| std::str::from_utf8(lines.cell(column)).unwrap_or("");
    let at = |column: usize, what| lines.at(column, Flaw::Action { what });
    let symbol = cell(0).parse();
    let symbol = symbol.map_err(|_| lines.at(0, Flaw::Symbol { text: excerpt(cell(0)) }))?;
    let days = plain_date(lines.cell(1)).and_then(|days| days.checked_mul(DAY));
    let effective =
        days.map(Timestamp::from_nanos).ok_or_else(|| at(1, "no date as 2000-06-21"))?;
    if cell(2) != "split" {
        return Err(at(2, "the only action known is split"));
    }
    let count = |column| {
        let count = cell(column).parse::<u32>().ok().filter(|count| *count > 0);
        count.ok_or_else(|| at(column, "a split needs two whole numbers above zero"))
    };
    let (numerator, denominator) = (count(3)?, count(4)?);
    Ok(CorporateAction { symbol, effective, action: Action::Split { numerator, denominator } })
}

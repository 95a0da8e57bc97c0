//! `stockade diff` of a live session: the session beside the backtest of its rows, for people.

use super::{
    output::{Ending, Output, plain, table},
    past::drawn,
};
use crate::past::{self, DoneRow, LiveCompared, LiveSession, PartingRow};
use market::Money;
use std::path::Path;

/// Silences that are shown.
const SILENCES_SHOWN: usize = 10;

/// `stockade diff DIRECTORY`.
pub(super) fn diff(directory: &Path, limit: usize, output: Output) -> anyhow::Result<Ending> {
    let found = past::compare_live(&LiveSession::read(directory)?)?;
    output.show(&found, |found| text(found, limit))?;
    Ok(if found.differences.is_empty() { Ending::Done } else { Ending::Findings })
}

fn text(found: &LiveCompared, limit: usize) -> String {
    let mut lines = head(found);
    let count = found.differences.len();
    lines.push(match count {
        0 => format!("{} decisions, all the same", found.same),
        _ => format!("{} decisions are the same, {count} differ; the first:", found.same),
    });
    if count > 0 {
        let head =
            ["row", "symbol", "side", "live", "backtest", "bps", "sent", "filled", "cost", "why"];
        lines.push(drawn(&head, found.differences.iter().take(limit).map(row)));
    }
    if count > limit {
        lines.push(format!("and {} more: --limit shows them, --json has all", count - limit));
    }
    lines.extend(tail(found));
    lines.join("\n")
}

fn head(found: &LiveCompared) -> Vec<String> {
    let began = found.lives.first().map_or("", |(began, _)| began);
    let until = found.lives.last().map_or("", |(_, until)| until);
    let noun = if found.lives.len() == 1 { "life" } else { "lives" };
    let mut lines = vec![
        format!(
            "live      {}, {} {noun} of the bot, {began} to {until}",
            plain(&found.venue),
            found.lives.len()
        ),
        format!("backtest  of its {} rows, deciding from {} on", found.rows, found.since),
    ];
    for (first, last, why) in found.silences.iter().take(SILENCES_SHOWN) {
        let what = if *why == "down" { "the bot was down" } else { "rows came too late to act on" };
        lines.push(format!("{why:<8}  {first} to {last}: {what}"));
    }
    let more = found.silences.len().saturating_sub(SILENCES_SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more silences: --json has all"));
    }
    lines.extend(found.notes.iter().map(|note| format!("note      {}", plain(note))));
    lines
}

fn row(one: &PartingRow) -> Vec<String> {
    let done = |done: &Option<DoneRow>| done.as_ref().map_or("no order".to_owned(), in_words);
    let ms = |ms: Option<i64>| ms.map_or_else(String::new, |ms| format!("{ms} ms"));
    vec![
        one.row.clone(),
        plain(&one.symbol),
        one.side.clone(),
        done(&one.live),
        done(&one.backtest),
        one.slippage_bps.as_deref().map_or_else(String::new, hundredths),
        ms(one.sent_after_ms),
        ms(one.filled_after_ms),
        one.cost.clone(),
        plain(&one.why),
    ]
}

/// What came of an order: `0.01 of 0.01 at 101.01, fees 0.0006`.
fn in_words(done: &DoneRow) -> String {
    let price = done.price.as_ref().map_or_else(String::new, |price| format!(" at {price}"));
    let fees = done.price.as_ref().map_or_else(String::new, |_| format!(", fees {}", done.fees));
    format!("{} of {}{price}{fees}", done.filled, done.asked)
}

/// A figure to two decimals.
fn hundredths(text: &str) -> String {
    Money::parse(text).map_or_else(|_| text.to_owned(), |figure| format!("{:.2}", figure.to_f64()))
}

fn tail(found: &LiveCompared) -> Vec<String> {
    let mut lines = Vec::new();
    if !found.totals.is_empty() {
        let head = ["cost of", "decisions", "amount"].map(str::to_owned).to_vec();
        let rows = found
            .totals
            .iter()
            .map(|one| vec![one.cause.to_owned(), one.decisions.to_string(), one.cost.clone()]);
        lines.push(String::new());
        lines.push(table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
        lines.push(String::new());
    }
    lines.push(format!(
        "shortfall {}: the backtest's trades earned {}, the live ones {}, up to the last closes",
        found.shortfall, found.backtest, found.live
    ));
    if let Some(unbooked) = &found.unbooked {
        lines.push(format!(
            "cash that no trade explains, between lives: {unbooked} (funding, interest, transfers)"
        ));
    }
    for (symbol, live, backtest) in &found.positions {
        let same = if live == backtest { "" } else { " – they differ" };
        lines.push(format!("held      {}: live {live}, backtest {backtest}{same}", plain(symbol)));
    }
    lines
}

//! `stockade backtest`: a strategy over history, to a directory named by its hash.

use super::{
    args::{Backtest, Fields},
    configuration::{data_dir, home},
    marked::Marked,
    output::{Ending, Output, plain, table, write_stdout},
};
use crate::desk;
use anyhow::{Context, bail};
use engine::Problem;
use factor::Severity;
use serde::Serialize;
use settings::Settings;
use std::{fs::File, io::Read, ops::ControlFlow, path::Path};

/// The largest strategy file.
const STRATEGY_BYTES_MAX: u64 = 256 * 1024;

/// Runs a backtest command.
pub(super) fn run(
    command: &Backtest,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let dir = data_dir(settings);
    match command {
        Backtest::Run { file, out } => {
            run_file(file, out, &home(settings)?, output)?;
            Ok(Ending::Done)
        }
        Backtest::Check { file, fields } => check(file, *fields, &dir, output),
        Backtest::Keys => {
            keys(output)?;
            Ok(Ending::Done)
        }
    }
}

fn run_file(file: &Path, out: &Path, home: &desk::Home, output: Output) -> anyhow::Result<()> {
    let text = strategy(file)?;
    super::interrupt::listen()?;
    let bar = output.progress("backtest");
    let finished = desk::connect(home)?.run_backtest(&text, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if super::interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    let finished = finished?;
    let place = desk::publish(&finished, out)?;
    if output.is_json() {
        // The very bytes of the result: reading and writing them again could change a last digit.
        write_stdout(&finished.files.read(desk::JSON)?)?;
    } else {
        let document: serde_json::Value =
            serde_json::from_slice(&finished.files.read(desk::JSON)?)?;
        write_stdout(summary(&document).as_bytes())?;
    }
    output.note(&format!(
        "{}\nopen {} in a browser",
        place.display(),
        place.join(desk::TEARSHEET).display()
    ));
    Ok(())
}

/// The text of a strategy file that can be run.
pub(super) fn strategy(file: &Path) -> anyhow::Result<String> {
    let text = read(file)?;
    if let Err(problems) = engine::parse_strategy(&text) {
        bail!("the strategy is not valid\n{}", drawn(file, &text, &problems));
    }
    Ok(text)
}

/// The measures, a line each.
fn summary(document: &serde_json::Value) -> String {
    let text = |pointer: &str| {
        plain(document.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("–"))
    };
    let mut rows = vec![vec!["measure".to_owned(), "value".to_owned()]];
    let measures = document.get("measures").and_then(serde_json::Value::as_array);
    for measure in measures.into_iter().flatten() {
        let field = |name: &str| measure.get(name).cloned().unwrap_or_default();
        let name = field("name").as_str().map(plain).unwrap_or_default().replace('_', " ");
        rows.push(vec![name, value(&field("value"), field("unit").as_str().unwrap_or(""))]);
    }
    format!(
        "{}, {} on {}\nrun     {}\ndigest  {}\n\n{}\n{}",
        text("/strategy/name"),
        text("/convention"),
        text("/data/name"),
        text("/run_id"),
        text("/digest"),
        table(&rows),
        ending(document)
    )
}

/// Names with an old price that the summary lists.
const OLD_SHOWN: usize = 5;

/// What a reader must know of the end, a line each; nothing where all is well.
fn ending(document: &serde_json::Value) -> String {
    let mut lines = Vec::new();
    if let Some(on) = document.pointer("/summary/ruined").and_then(serde_json::Value::as_str) {
        lines.push(format!("warning: equity was zero or below on {}", plain(on)));
    }
    let held = document.get("held").and_then(serde_json::Value::as_array);
    let stale = |h: &&serde_json::Value| h.get("stale") == Some(&serde_json::Value::Bool(true));
    let old: Vec<&serde_json::Value> = held.into_iter().flatten().filter(stale).collect();
    for position in old.iter().take(OLD_SHOWN) {
        let text = |name: &str| {
            plain(position.get(name).and_then(serde_json::Value::as_str).unwrap_or("–"))
        };
        let share = position.get("share_of_equity").and_then(serde_json::Value::as_f64);
        let share =
            share.map_or_else(String::new, |share| format!(" ({:.1} % of equity)", share * 100.0));
        lines.push(format!(
            "held at the end: {} {}{share}, last bar {}: its price is old",
            text("symbol"),
            text("quantity"),
            text("last_bar")
        ));
    }
    if old.len() > OLD_SHOWN {
        lines.push(format!("and {} more with old prices: see `held`", old.len() - OLD_SHOWN));
    }
    match document.pointer("/summary/unfilled").and_then(serde_json::Value::as_u64) {
        None | Some(0) => {}
        Some(waiting) => lines.push(format!("orders that still wait at the end: {waiting}")),
    }
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

fn value(value: &serde_json::Value, unit: &str) -> String {
    match (value, unit) {
        (serde_json::Value::Number(number), "percent") => {
            format!("{:.2} %", number.as_f64().unwrap_or_default() * 100.0)
        }
        (serde_json::Value::Number(number), "ratio") => {
            format!("{:.3}", number.as_f64().unwrap_or_default())
        }
        (serde_json::Value::Number(number), "count" | "days") => {
            format!("{:.0}", number.as_f64().unwrap_or_default())
        }
        (serde_json::Value::String(text), _) => plain(text),
        (serde_json::Value::Null, _) => "–".to_owned(),
        (other, _) => other.to_string(),
    }
}

#[derive(Serialize)]
struct Found<'a> {
    line: usize,
    column: usize,
    severity: &'static str,
    code: &'a str,
    message: &'a str,
    help: Option<&'a str>,
}

fn check(file: &Path, fields: Fields, dir: &Path, output: Output) -> anyhow::Result<Ending> {
    let text = read(file)?;
    let schema = match fields {
        Fields::Bars => None,
        Fields::Dataset => engine::parse_strategy(&text).ok().and_then(|strategy| {
            desk::schema(dir, &strategy.data).inspect_err(|e| output.note(&format!("{e:#}"))).ok()
        }),
    };
    let problems = engine::check_strategy(&text, schema.as_ref());
    let found: Vec<Found<'_>> = problems
        .iter()
        .map(|problem| Found {
            line: problem.line,
            column: problem.column,
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: problem.code,
            message: &problem.message,
            help: problem.help.as_deref(),
        })
        .collect();
    output.show(&found, |found| {
        if found.is_empty() {
            format!("{}: nothing found", file.display())
        } else {
            drawn(file, &text, &problems)
        }
    })?;
    Ok(if problems.is_empty() { Ending::Done } else { Ending::Findings })
}

pub(super) fn drawn(file: &Path, text: &str, problems: &[Problem]) -> String {
    let file = file.display().to_string();
    let one = |problem: &Problem| {
        Marked {
            file: &file,
            text,
            span: problem.span,
            message: &problem.message,
            code: problem.code,
            help: problem.help.as_deref(),
        }
        .to_string()
    };
    problems.iter().map(one).collect::<Vec<_>>().join("\n")
}

pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    let place = || format!("cannot read {}", file.display());
    let mut bytes = Vec::new();
    let opened = File::open(file).with_context(place)?;
    opened.take(STRATEGY_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(place)?;
    if bytes.len() as u64 > STRATEGY_BYTES_MAX {
        bail!("{} is larger than {STRATEGY_BYTES_MAX} bytes: is it a strategy?", file.display());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{}: byte {valid} is not UTF-8: save the file as UTF-8", file.display())
    })
}

#[derive(Serialize)]
struct KeyRow {
    key: &'static str,
    kind: String,
    absent: &'static str,
    summary: &'static str,
}

/// The keys of a strategy file, from the parser's own table.
fn keys(output: Output) -> anyhow::Result<()> {
    let row = |key: &engine::strategy::Key| KeyRow {
        key: key.path,
        kind: in_words(key.kind),
        absent: key.absent,
        summary: key.summary,
    };
    let rows: Vec<KeyRow> = engine::strategy::KEYS.iter().map(row).collect();
    output.show(&rows, |rows| {
        let mut lines =
            vec![["key", "value", "if absent", "what it is"].map(str::to_owned).to_vec()];
        lines.extend(rows.iter().map(|row| {
            vec![
                row.key.to_owned(),
                row.kind.clone(),
                row.absent.to_owned(),
                row.summary.to_owned(),
            ]
        }));
        table(&lines)
    })
}

fn in_words(kind: engine::strategy::KeyKind) -> String {
    use engine::strategy::KeyKind as Kind;
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Whole => "whole number".to_owned(),
        Kind::Choice(words) => words.join(" | "),
        Kind::Symbols => "[SYMBOL, …]".to_owned(),
        Kind::Truth => "expression, true or false".to_owned(),
        Kind::Weight => "expression, weights or true or false".to_owned(),
        Kind::Schedule => "every N bars | daily | weekly | monthly".to_owned(),
        Kind::Parameters => "name: number, …".to_owned(),
        Kind::Clock => "1m … 7d | quote | every N quotes".to_owned(),
        Kind::Span => "length of time, such as 30m".to_owned(),
        Kind::Map => "keys of its own".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_where_there_is_something_to_tell() {
        let fine = serde_json::json!({
            "summary": { "unfilled": 0, "ruined": null },
            "held": [{ "symbol": "AAA", "stale": false }],
        });
        assert_eq!(ending(&fine), "");
        let document = serde_json::json!({
            "summary": { "unfilled": 2, "ruined": "2020-03-09" },
            "held": [{
                "symbol": "CCC", "quantity": "1200", "share_of_equity": 0.835,
                "last_bar": "2020-07-29", "stale": true,
            }],
        });
        let want = "\nwarning: equity was zero or below on 2020-03-09\n\
            held at the end: CCC 1200 (83.5 % of equity), last bar 2020-07-29: its price is old\n\
            orders that still wait at the end: 2\n";
        assert_eq!(ending(&document), want);
    }
}

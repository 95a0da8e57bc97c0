//! `stockade factor`: expressions over a panel, from file to file.

use super::{
    args::{Eval, Factor},
    marked::Marked,
    output::{Ending, Output, table},
    usage,
};
use anyhow::{Context, bail};
use factor::{Expression, Limits, Plan, Run, Schema};
use serde::Serialize;
use std::{collections::BTreeSet, num::NonZeroUsize, path::Path, time::Instant};

/// Bytes one evaluation may hold; larger panels come with streaming.
const MEMORY_BYTES_MAX: u64 = 8 << 30;
/// Expressions of one file.
const EXPRESSIONS_MAX: usize = 10_000;

/// Runs a factor command.
pub(super) fn run(command: &Factor, output: Output) -> anyhow::Result<Ending> {
    match command {
        Factor::Eval(eval) => evaluate(eval, output)?,
        Factor::Operators => operators(output)?,
    }
    Ok(Ending::Done)
}

#[derive(Serialize)]
struct OperatorRow {
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    missing: &'static str,
    source: &'static str,
}

fn operators(output: Output) -> anyhow::Result<()> {
    let row = |op: &factor::Operator| OperatorRow {
        name: op.name,
        signature: op.signature,
        summary: op.summary,
        missing: op.missing,
        source: op.source,
    };
    let rows: Vec<OperatorRow> = factor::operators().iter().map(row).collect();
    output.show(&rows, |rows| {
        let mut lines =
            vec![["operator", "what it computes", "missing when"].map(str::to_owned).to_vec()];
        lines.extend(
            rows.iter()
                .map(|op| [op.signature, op.summary, op.missing].map(str::to_owned).to_vec()),
        );
        table(&lines)
    })
}

/// What an evaluation took.
#[derive(Debug, Serialize)]
struct Stats {
    rows: usize,
    names: usize,
    expressions: usize,
    threads: usize,
    cells: u64,
    read_seconds: f64,
    evaluate_seconds: f64,
    write_seconds: f64,
    cells_per_second: f64,
    bytes_read: u64,
    bytes_written: u64,
    bytes_held: u64,
}

fn evaluate(eval: &Eval, output: Output) -> anyhow::Result<()> {
    let texts = expressions(eval)?;
    let started = Instant::now();
    let panel = catalog::read_panel(&eval.data)?;
    let read_seconds = started.elapsed().as_secs_f64();
    let schema = Schema::of(&panel);
    let limits = Limits::default();
    let set = parse_all(&texts, &schema, &limits)?;
    let plan = Plan::new(&set, &schema, &limits)?;
    let threads = match eval.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    };
    super::interrupt::listen()?;
    let run = Run { threads, cancel: super::interrupt::flag(), memory_bytes_max: MEMORY_BYTES_MAX };
    let evaluating = Instant::now();
    let columns = plan.evaluate(&panel, &run)?;
    let evaluate_seconds = evaluating.elapsed().as_secs_f64();
    std::fs::create_dir_all(&eval.out)
        .with_context(|| format!("cannot make the directory {}", eval.out.display()))?;
    let writing = Instant::now();
    let mut bytes_written = 0;
    for (id, column) in &columns {
        let file = eval.out.join(format!("{id}.csv"));
        bytes_written += catalog::write_wide(&file, panel.times(), panel.symbols(), column)?;
    }
    let cells = as_u64(panel.rows() * panel.symbols().len() * columns.len());
    let stats = Stats {
        rows: panel.rows(),
        names: panel.symbols().len(),
        expressions: columns.len(),
        threads: threads.get(),
        cells,
        read_seconds,
        evaluate_seconds,
        write_seconds: writing.elapsed().as_secs_f64(),
        cells_per_second: per_second(cells, evaluate_seconds),
        bytes_read: std::fs::metadata(&eval.data).map_or(0, |m| m.len()),
        bytes_written,
        bytes_held: plan.cost(panel.rows(), panel.symbols().len()).bytes,
    };
    if eval.stats || output.is_json() {
        return output
            .show(&stats, |stats| serde_json::to_string_pretty(stats).unwrap_or_default());
    }
    output.note(&format!(
        "{} expressions over {} rows and {} names in {}",
        stats.expressions,
        stats.rows,
        stats.names,
        eval.out.display()
    ));
    Ok(())
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[allow(clippy::cast_precision_loss, reason = "a speed for people")]
fn per_second(cells: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { cells as f64 / seconds } else { 0.0 }
}

fn expressions(eval: &Eval) -> anyhow::Result<Vec<(String, String)>> {
    match (&eval.expr, &eval.expr_file) {
        (Some(text), _) => Ok(vec![("factor".to_owned(), text.clone())]),
        (None, Some(path)) => read_set(path),
        (None, None) => Err(usage("give --expr TEXT or --expr-file FILE")),
    }
}

/// Reads `id,expression` rows; an id becomes a file's name, so it is kept plain.
fn read_set(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let place = path.display();
    let mut reader =
        csv::Reader::from_path(path).with_context(|| format!("cannot read {place}"))?;
    let headers = reader.headers().with_context(|| format!("cannot read {place}"))?.clone();
    let column = |name: &str| {
        headers.iter().position(|h| h.trim().trim_start_matches('\u{feff}') == name).with_context(
            || format!("{place}: there is no column {name:?}; the columns must be id,expression"),
        )
    };
    let (id, expression) = (column("id")?, column("expression")?);
    let mut seen = BTreeSet::new();
    let mut set = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| {
            format!("cannot read {place}: an expression with commas stands in double quotes")
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let name = record.get(id).unwrap_or("").trim().to_owned();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.bytes().all(plain) {
            bail!(
                "{place}:{line}: {name:?} is no id: 1 to 64 of A-Z a-z 0-9 _ - ., as it names a file"
            );
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            bail!("{place}:{line}: the id {name:?} stands twice");
        }
        if set.len() == EXPRESSIONS_MAX {
            bail!("{place}:{line}: more than {EXPRESSIONS_MAX} expressions: split the file");
        }
        set.push((name, record.get(expression).unwrap_or("").to_owned()));
    }
    if set.is_empty() {
        bail!("{place}: there are no expressions below the heading");
    }
    Ok(set)
}

fn parse_all(
    texts: &[(String, String)],
    schema: &Schema,
    limits: &Limits,
) -> anyhow::Result<Vec<(String, Expression)>> {
    let mut parsed = Vec::with_capacity(texts.len());
    let mut wrong = String::new();
    for (id, text) in texts {
        match Expression::parse(text, schema, limits) {
            Ok(expression) => parsed.push((id.clone(), expression)),
            Err(findings) => {
                for finding in &findings {
                    let marked = Marked {
                        file: id,
                        text,
                        span: finding.span,
                        message: &finding.message,
                        code: finding.code,
                        help: finding.help.as_deref(),
                    };
                    wrong.push_str(&format!("\n{marked}"));
                }
            }
        }
    }
    if wrong.is_empty() { Ok(parsed) } else { bail!("the expressions are not valid{wrong}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let texts = [("a".to_owned(), text.to_owned())];
        let refused = parse_all(&texts, &Schema::bars(), &Limits::default());
        refused.expect_err(text).to_string()
    }

    #[test]
    fn a_typo_is_pointed_at() {
        let said = wrong("1 +\n  clsoe");
        assert!(said.contains("a:2:3:") && said.contains("\n    ^^^^^"), "{said}");
        assert!(said.contains("close"), "{said}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let said = wrong(&format!("{}clsoe", "close + ".repeat(200)));
        assert!(said.lines().all(|line| line.chars().count() < 300), "{said}");
        assert!(said.contains("^^^^^"), "{said}");
    }

    #[test]
    fn an_id_is_a_plain_file_name() {
        let check = |rows: &str, word: &str| {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), format!("id,expression\n{rows}")).expect("written");
            let refused = read_set(file.path()).expect_err(rows).to_string();
            assert!(refused.contains(word), "{rows}: {refused}");
        };
        check("../x,close\n", "no id");
        check("a,close\nA,open\n", "twice");
        check("", "no expressions");
        check("a\n", "cannot read");
    }
}

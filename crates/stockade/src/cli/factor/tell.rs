//! What the language is, and what a text is in it; no data are read.

use super::{Place, set};
use crate::{
    cli::{
        factor_args::{Check, Explain},
        output::{Ending, Output, table, write_stdout},
    },
    desk,
    report::words,
};
use factor::{Diagnostic, Expression, Family, Limits, Operator, Plan, Schema};
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Serialize)]
struct OperatorRow {
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    missing: &'static str,
    source: &'static str,
    family: &'static str,
    cost: String,
    definition: Option<&'static str>,
}

/// The operators, as a table or as tables of the documentation.
pub(super) fn operators(markdown: bool, output: Output) -> anyhow::Result<()> {
    if markdown && !output.is_json() {
        return Ok(write_stdout(reference().as_bytes())?);
    }
    let row = |op: &Operator| OperatorRow {
        name: op.name,
        signature: op.signature,
        summary: op.summary,
        missing: op.missing,
        source: op.source,
        family: words::family(op.family),
        cost: op.cost(),
        definition: op.definition(),
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

/// A table for each family, in the order of the operators.
fn reference() -> String {
    let mut text = String::new();
    let mut family: Option<Family> = None;
    for operator in factor::operators() {
        if family != Some(operator.family) {
            family = Some(operator.family);
            let _ = write!(
                text,
                "\n### {}\n\n| operator | what it computes | missing when | cost | source |\n|---|---|---|---|---|\n",
                words::heading(operator.family)
            );
        }
        let summary = match operator.definition() {
            Some(definition) => format!("{}: `{}`", cell(operator.summary), cell(definition)),
            None => cell(operator.summary),
        };
        let _ = writeln!(
            text,
            "| `{}` | {summary} | {} | {} | {} |",
            cell(operator.signature),
            cell(operator.missing),
            cell(&operator.cost()),
            cell(operator.source)
        );
    }
    text
}

/// Text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[derive(Serialize)]
struct Told {
    canonical: String,
    result: &'static str,
    lookback: usize,
    lag: usize,
    fields: Vec<String>,
    groups: Vec<String>,
    nodes: usize,
}

#[derive(Serialize)]
struct Finding {
    start: usize,
    end: usize,
    code: &'static str,
    message: String,
    help: Option<String>,
}

/// What is wrong with a text, as programs read it.
#[derive(Serialize)]
struct Wrong {
    problems: Vec<Finding>,
}

/// Checks a text.
pub(super) fn check(check: &Check, place: &Place<'_>, output: Output) -> anyhow::Result<Ending> {
    match parsed(check, place)? {
        Ok(expression) => {
            output.show(&told(&expression), in_words)?;
            Ok(Ending::Done)
        }
        Err(findings) => wrong(&check.text, &findings, output),
    }
}

#[derive(Serialize)]
struct Explained {
    expression: Told,
    plan_nodes: usize,
    rows: usize,
    names: usize,
    cells: u64,
    work: u64,
    bytes: u64,
}

/// Says how an expression runs.
pub(super) fn explain(
    explain: &Explain,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Ending> {
    let expression = match parsed(&explain.check, place)? {
        Ok(expression) => expression,
        Err(findings) => return wrong(&explain.check.text, &findings, output),
    };
    let schema = schema(&explain.check, place)?;
    let told = told(&expression);
    let plan = Plan::new(&[(String::new(), expression)], &schema, &Limits::default())?;
    let cost = plan.cost(explain.rows, explain.names);
    let explained = Explained {
        expression: told,
        plan_nodes: plan.nodes(),
        rows: explain.rows,
        names: explain.names,
        cells: cost.cells,
        work: cost.work,
        bytes: cost.bytes,
    };
    output.show(&explained, |explained| {
        format!(
            "{}\nplan       {} nodes after what is equal is computed once\ncost       {} on {} rows and {} names",
            in_words(&explained.expression),
            explained.plan_nodes,
            words::cost(cost),
            explained.rows,
            explained.names
        )
    })?;
    Ok(Ending::Done)
}

fn schema(check: &Check, place: &Place<'_>) -> anyhow::Result<Schema> {
    let mut schema = match &check.dataset {
        None => factor::library_schema(),
        Some(name) => {
            let catalog = catalog::Catalog::open(&desk::catalog_dir(&place.dir()?))?;
            desk::panel_schema(&catalog.manifest(name)?)
        }
    };
    schema.fields.extend(check.fields.iter().cloned());
    schema.groups.extend(check.groups.iter().cloned());
    Ok(schema)
}

type Parsed = Result<Expression, Vec<Diagnostic>>;

fn parsed(check: &Check, place: &Place<'_>) -> anyhow::Result<Parsed> {
    Ok(Expression::parse(&check.text, &schema(check, place)?, &Limits::default()))
}

fn told(expression: &Expression) -> Told {
    Told {
        canonical: expression.to_string(),
        result: words::result(expression.result_type()),
        lookback: expression.lookback(),
        lag: expression.lag(),
        fields: expression.fields().map(str::to_owned).collect(),
        groups: expression.groups().map(str::to_owned).collect(),
        nodes: expression.nodes(),
    }
}

fn in_words(told: &Told) -> String {
    let list = |names: &[String]| {
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    format!(
        "{}\nresult     {}\nlook-back  {} rows, the newest read {} rows back\nfields     {}\ngroups     {}\nnodes      {}",
        told.canonical,
        told.result,
        told.lookback,
        told.lag,
        list(&told.fields),
        list(&told.groups),
        told.nodes
    )
}

fn wrong(text: &str, findings: &[Diagnostic], output: Output) -> anyhow::Result<Ending> {
    let finding = |one: &Diagnostic| Finding {
        start: one.span.start,
        end: one.span.end,
        code: one.code,
        message: one.message.clone(),
        help: one.help.clone(),
    };
    let problems = findings.iter().map(finding).collect();
    output.show(&Wrong { problems }, |_| {
        set::drawn("expression", text, findings).trim_start().to_owned()
    })?;
    Ok(Ending::Findings)
}

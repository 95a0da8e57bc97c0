//! Anybody's proof: that nothing looks ahead, and that the stated rules are kept.

use super::{Place, set, source};
use crate::cli::{
    factor_args::TruncateCheck,
    output::{Output, table},
};
use anyhow::bail;
use factor::{Leak, Schema, truncate_check};
use market::Panel;
use serde::Serialize;

#[derive(Serialize)]
struct Told {
    expressions: usize,
    rows: usize,
    names: usize,
    cuts: Vec<usize>,
    compared: u64,
    leaks: Vec<ToldLeak>,
}

#[derive(Serialize)]
struct ToldLeak {
    expression: String,
    cut: usize,
    time: String,
    symbol: String,
    whole: Option<f64>,
    truncated: Option<f64>,
}

/// Leaks that the message names.
const SHOWN: usize = 10;

/// Recomputes with the future cut off at several rows and compares every bit.
pub(super) fn truncate(
    check: &TruncateCheck,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<()> {
    let texts = set::texts(&check.what, place)?;
    let panel = source::load(&check.source, place)?.panel;
    let schema = Schema::of(&panel);
    let ready = source::ready(&texts, &schema, &check.source, place)?;
    let run = source::run(None)?;
    let cuts = cuts(panel.rows(), usize::from(check.cuts));
    let found = truncate_check(&ready.plan, &panel, &cuts, &run)?;
    let told = Told {
        expressions: texts.len(),
        rows: panel.rows(),
        names: panel.symbols().len(),
        cuts: found.cuts,
        compared: found.compared,
        leaks: found.leaks.iter().map(|leak| told(leak, &panel)).collect(),
    };
    output.show(&told, |told| {
        let cuts: Vec<String> = told.cuts.iter().map(ToString::to_string).collect();
        format!(
            "expressions {}, rows {}, names {}\ncut after {} rows\n{} values compared, {}",
            told.expressions,
            told.rows,
            told.names,
            cuts.join(", "),
            told.compared,
            if told.leaks.is_empty() { "the same to the bit" } else { "and some differ" }
        )
    })?;
    if told.leaks.is_empty() {
        return Ok(());
    }
    let lines = told.leaks.iter().take(SHOWN).map(|leak| {
        format!(
            "\n{}: {} {} is {:?} with all rows and {:?} with the first {} alone",
            leak.expression, leak.symbol, leak.time, leak.whole, leak.truncated, leak.cut
        )
    });
    bail!("a value depends on later rows{}", lines.collect::<String>())
}

/// Numbers of rows to leave, evenly spaced, the last one short of all.
fn cuts(rows: usize, number: usize) -> Vec<usize> {
    (1..=number).map(|n| n * rows / (number + 1)).filter(|cut| *cut > 0).collect()
}

fn told(leak: &Leak, panel: &Panel) -> ToldLeak {
    let known = |value: f64| value.is_finite().then_some(value);
    ToldLeak {
        expression: leak.expression.clone(),
        cut: leak.cut,
        time: panel.times().get(leak.row).map(ToString::to_string).unwrap_or_default(),
        symbol: panel.symbols().get(leak.name).map(ToString::to_string).unwrap_or_default(),
        whole: known(leak.whole),
        truncated: known(leak.truncated),
    }
}

#[derive(Serialize)]
struct Outcome {
    id: &'static str,
    about: &'static str,
    rule: &'static str,
    expression: &'static str,
    panel: String,
    kept: bool,
    expected: String,
    found: String,
    peers: &'static str,
}

/// Runs the public suite of stated rules.
pub(super) fn conformance(output: Output) -> anyhow::Result<()> {
    let rule = |one: factor::RuleOutcome| Outcome {
        id: one.id,
        about: one.about,
        rule: one.rule,
        expression: one.expression,
        panel: one.panel,
        kept: one.passed,
        expected: one.expected,
        found: one.found,
        peers: one.peers,
    };
    let rules: Vec<Outcome> = factor::conformance().into_iter().map(rule).collect();
    let broken: Vec<&Outcome> = rules.iter().filter(|rule| !rule.kept).collect();
    output.show(&rules, |rules| {
        let head = ["about", "rule", "shown by", "kept"].map(str::to_owned).to_vec();
        let row = |one: &Outcome| {
            let kept = if one.kept { "yes" } else { "NO" };
            [one.about, one.rule, one.expression, kept].map(str::to_owned).to_vec()
        };
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(rules.iter().map(row)).collect();
        format!(
            "{}\n\n{} of {} rules are kept",
            table(&lines),
            rules.len() - broken.len(),
            rules.len()
        )
    })?;
    if broken.is_empty() {
        return Ok(());
    }
    let lines = broken.iter().map(|rule| {
        format!("\n{}: {} is {}, not {}", rule.id, rule.expression, rule.found, rule.expected)
    });
    bail!("a stated rule is not kept{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lie_within_the_panel() {
        assert_eq!(cuts(100, 3), [25, 50, 75]);
        assert_eq!(cuts(2, 5), [1, 1, 1]);
        assert_eq!(cuts(0, 5), Vec::<usize>::new());
    }
}

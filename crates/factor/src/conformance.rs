//! The stated rules as a suite that anyone can run: expression, small panel, what must come out.
//!
//! The rules are data, `conformance/rules.txt`, so that another engine can be held to them too.

use crate::{Error, Expression, Limits, Plan, Run, Schema};
use market::{Column, Labels, Panel, Timestamp};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

const RULES: &str = include_str!("conformance/rules.txt");
const DAY: i64 = 86_400_000_000_000;

/// One stated rule, and what this engine made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOutcome {
    /// The rule's name.
    pub id: &'static str,
    /// What it belongs to: `missing`, `ties`, `suspension`, …
    pub about: &'static str,
    /// Its number in the list of semantics.
    pub section: u8,
    /// The rule in one sentence.
    pub rule: &'static str,
    /// The expression that shows it.
    pub expression: &'static str,
    /// The data it is shown on, a line for each field: `x down 1 . 3`.
    pub panel: String,
    /// Whether the engine keeps it, rows at once and one by one.
    pub passed: bool,
    /// What must come out, written like a field.
    pub expected: String,
    /// What came out.
    pub found: String,
    /// What other libraries were seen to do; empty if none was asked.
    pub peers: &'static str,
}

/// Evaluates every stated rule with this engine, in the order of the semantics.
#[must_use]
pub fn conformance() -> Vec<RuleOutcome> {
    rules().iter().map(Rule::run).collect()
}

/// How cells are laid out in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Down,
    Across,
    Table,
}

/// A line of cells: rows of words.
#[derive(Debug, Clone)]
struct Block {
    shape: Shape,
    rows: Vec<Vec<&'static str>>,
}

#[derive(Debug, Default)]
struct Rule {
    id: &'static str,
    about: &'static str,
    section: u8,
    says: &'static str,
    text: &'static str,
    peers: &'static str,
    fields: BTreeMap<&'static str, Block>,
    gives: Option<Block>,
    refused: &'static str,
}

fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let lines = RULES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let (word, rest) = line.split_once(' ').expect("every line has a word and more");
        if word == "rule" {
            rules.push(Rule { id: rest, ..Rule::default() });
            continue;
        }
        let rule = rules.last_mut().expect("the first line names a rule");
        match word {
            "about" => rule.about = rest,
            "section" => rule.section = rest.parse().expect("a section is a number"),
            "says" => rule.says = rest,
            "text" => rule.text = rest,
            "peers" => rule.peers = rest,
            "refused" => rule.refused = rest,
            "gives" => rule.gives = Some(Block::read(rest)),
            field => drop(rule.fields.insert(field, Block::read(rest))),
        }
    }
    rules
}

impl Block {
    fn read(text: &'static str) -> Self {
        let (shape, cells) = text.split_once(' ').expect("a shape, then cells");
        let words = |row: &'static str| row.split_whitespace().collect::<Vec<_>>();
        let (shape, rows) = match shape {
            "down" => (Shape::Down, words(cells).into_iter().map(|cell| vec![cell]).collect()),
            "across" => (Shape::Across, vec![words(cells)]),
            _ => (Shape::Table, cells.split(" / ").map(words).collect()),
        };
        Self { shape, rows }
    }

    fn names(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    fn column(&self) -> Column {
        let mut column = Column::missing(self.rows.len(), self.names());
        self.each(|t, j, word| column.set(t, j, number(word)));
        column
    }

    fn labels(&self) -> Labels {
        let mut labels = Labels::missing(self.rows.len(), self.names());
        let mut known: Vec<&str> = self.rows.iter().flatten().copied().collect();
        known.retain(|word| *word != ".");
        known.sort_unstable();
        known.dedup();
        self.each(|t, j, word| {
            let code = known.binary_search(&word).ok().and_then(|code| u32::try_from(code).ok());
            labels.set(t, j, code.unwrap_or(Labels::NONE));
        });
        labels.names = known.into_iter().map(str::to_owned).collect();
        labels
    }

    fn each(&self, mut set: impl FnMut(usize, usize, &'static str)) {
        for (t, row) in self.rows.iter().enumerate() {
            for (j, word) in row.iter().enumerate() {
                set(t, j, word);
            }
        }
    }

    /// The same layout with these cells, row after row.
    fn written(&self, cells: impl Fn(usize, usize) -> String) -> String {
        let row = |t: usize, row: &Vec<_>| {
            let cells: Vec<String> = (0..row.len()).map(|j| cells(t, j)).collect();
            cells.join(" ")
        };
        let rows: Vec<String> = self.rows.iter().enumerate().map(|(t, r)| row(t, r)).collect();
        match self.shape {
            Shape::Down => format!("down {}", rows.join(" ")),
            Shape::Across => format!("across {}", rows.join(" ")),
            Shape::Table => format!("table {}", rows.join(" / ")),
        }
    }

    fn shown(&self) -> String {
        self.written(|t, j| {
            let word = self.rows.get(t).and_then(|row| row.get(j));
            word.copied().unwrap_or(".").to_owned()
        })
    }
}

/// A number, a fraction, or NaN for anything else.
fn number(word: &str) -> f64 {
    let one = |word: &str| word.parse().unwrap_or(f64::NAN);
    match word.split_once('/') {
        Some((above, below)) => one(above) / one(below),
        None => one(word),
    }
}

/// Whether a field's cells are labels: some word is no number and not missing.
fn is_label(block: &Block) -> bool {
    block.rows.iter().flatten().any(|word| *word != "." && number(word).is_nan())
}

impl Rule {
    fn run(&self) -> RuleOutcome {
        let (passed, found) = match (self.evaluated(), &self.gives) {
            (Ok((column, same)), Some(gives)) => compared(&column, same, gives),
            (Ok(_), None) => (false, "accepted".to_owned()),
            (Err(code), gives) => (gives.is_none() && code == self.refused, code),
        };
        let fields = self.fields.iter().map(|(name, block)| format!("{name} {}", block.shown()));
        let expected = self.gives.as_ref().map_or_else(|| self.refused.to_owned(), Block::shown);
        RuleOutcome {
            id: self.id,
            about: self.about,
            section: self.section,
            rule: self.says,
            expression: self.text,
            panel: fields.collect::<Vec<_>>().join("\n"),
            passed,
            expected,
            found,
            peers: self.peers,
        }
    }

    /// The column, and whether rows one by one give its bits; or the code of the first finding.
    fn evaluated(&self) -> Result<(Column, bool), String> {
        let panel = self.panel();
        let (schema, limits) = (Schema::of(&panel), Limits::default());
        let read = Expression::parse(self.text, &schema, &limits);
        let expression =
            read.map_err(|found| found.first().map_or("", |one| one.code).to_owned())?;
        let computed = Plan::new(&[(self.id.to_owned(), expression)], &schema, &limits)
            .and_then(|plan| whole_and_row_by_row(&plan, &panel));
        computed.map_err(|error| error.to_string())
    }

    fn panel(&self) -> Panel {
        let shape = self.fields.values().next().map_or((0, 0), |one| (one.rows.len(), one.names()));
        let days = i64::try_from(shape.0).unwrap_or(0);
        let times = (0..days).map(|t| Timestamp::from_nanos((19_723 + t) * DAY)).collect();
        let symbol = |j: usize| format!("N{j}").parse().expect("a letter and a number");
        let mut panel = Panel::new(times, (0..shape.1).map(symbol).collect());
        for (name, block) in &self.fields {
            let fits = if is_label(block) {
                panel.insert_labels(*name, block.labels())
            } else {
                panel.insert(*name, block.column())
            };
            fits.expect("fields of a rule have one shape");
        }
        panel
    }
}

/// Whether the cells are those of the rule, missing ones exactly; and the cells in words.
fn compared(column: &Column, same: bool, gives: &Block) -> (bool, String) {
    let mut alike = same;
    gives.each(|t, j, word| {
        let (found, expected) = (column.at(t, j), number(word));
        let near = (found - expected).abs() <= 1e-12 * expected.abs().max(1.0);
        alike &= near || (found.is_nan() && expected.is_nan());
    });
    let cell = |x: f64| if x.is_nan() { ".".to_owned() } else { x.to_string() };
    let mut found = gives.written(|t, j| cell(column.at(t, j)));
    if !same {
        found.push_str(" (another value row by row)");
    }
    (alike, found)
}

fn whole_and_row_by_row(plan: &Plan, panel: &Panel) -> Result<(Column, bool), Error> {
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: u64::MAX };
    let column = plan.evaluate(panel, &run)?.remove(0).1;
    let names = panel.symbols().len();
    let mut stream = plan.stream(names);
    let mut same = true;
    for (t, time) in panel.times().iter().enumerate() {
        let field = |name: &str| panel.field(name).map_or(&[][..], |field| field.row(t));
        let codes = |name: &str| panel.group(name).map_or(&[][..], |group| group.row(t));
        let fields: Vec<&[f64]> = stream.fields().iter().map(|name| field(name)).collect();
        let groups: Vec<&[u32]> = stream.groups().iter().map(|name| codes(name)).collect();
        stream.push(&[*time], (&fields, &groups), &cancel)?;
        let cells = stream.result(0).iter().zip(column.row(t)).take(names);
        for (a, b) in cells {
            same &= a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        }
    }
    Ok((column, same))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_value_or_another_finding_does_not_pass() {
        let mut seen = 0;
        for mut rule in rules() {
            match &mut rule.gives {
                Some(gives) => {
                    let word = &mut gives.rows[0][0];
                    *word = if *word == "." { "0" } else { "." };
                }
                None => rule.refused = "depth",
            }
            assert!(!rule.run().passed, "{}", rule.id);
            seen += 1;
        }
        assert!(seen >= 80);
    }
}

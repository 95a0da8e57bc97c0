//! The register as a page of the book.

use super::{List, Row, State, read};
use crate::machine;
use anyhow::{Result, bail};
use std::fmt::Write as _;

/// How many rows stand how, and each row with its tests, in Markdown.
pub fn page() -> Result<String> {
    let (lists, findings) = read(&machine::project())?;
    if !findings.is_empty() {
        bail!("the register does not hold together:\n{}", findings.join("\n"));
    }
    Ok(written(&lists))
}

/// The page of these lists.
pub fn written(lists: &[List]) -> String {
    let mut text = counts(lists);
    for list in lists {
        let _ = write!(text, "\n## {}\n\n", list.title);
        let leveled = list.rows.iter().any(|row| row.level.is_some());
        text += if leveled {
            "| row | level | what | owner | state | tests, and what is missing |\n|---|---|---|---|---|---|\n"
        } else {
            "| row | what | owner | state | tests, and what is missing |\n|---|---|---|---|---|\n"
        };
        for row in &list.rows {
            text += &line(row);
        }
    }
    text
}

/// A table of numbers: lists by states.
pub fn counts(lists: &[List]) -> String {
    let mut text = "| | ".to_owned();
    text += &State::ALL.map(State::name).join(" | ");
    text += " | rows |\n|---|---|---|---|---|---|\n";
    let mut all = Vec::new();
    for list in lists {
        text += &number(list.title, &list.rows.iter().collect::<Vec<_>>());
        all.extend(&list.rows);
    }
    text + &number("all", &all)
}

fn number(title: &str, rows: &[&Row]) -> String {
    let of = |state| rows.iter().filter(|row| row.state == state).count().to_string();
    format!("| {title} | {} | {} |\n", State::ALL.map(of).join(" | "), rows.len())
}

fn line(row: &Row) -> String {
    let mut cells = vec![row.id.clone()];
    cells.extend(row.level.map(|level| level.to_string()));
    cells.extend([row.words.clone(), format!("`{}`", row.owner), row.state.name().to_owned()]);
    let tests = row.tests.iter().map(|test| format!("`{test}`"));
    let said = (!row.reason.is_empty()).then(|| format!("{}.", row.reason));
    cells.push(tests.chain(said).collect::<Vec<_>>().join("<br>"));
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

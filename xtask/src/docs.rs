//! Blocks of the book that the program itself writes, so that they cannot grow stale.

use crate::{flags::Flags, machine, process, register};
use anyhow::{Context, Result};
use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

type Shown = fn(&str) -> String;

/// How a block is shown, by the words that open it.
const OPENINGS: [(&str, Shown); 3] = [
    ("<!-- made by: ", verbatim),
    ("<!-- table made by: ", table),
    ("<!-- text made by: ", unchanged),
];
const CLOSING: &str = "<!-- end -->";
/// The one block that is read from the sources, not said by the program.
const REGISTER: &str = "xtask register";

/// Writes the blocks anew, or with `--check` only says which differ.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--binary"], &["--check"])?;
    let binary = flags.value("--binary", machine::target().join("debug/stockade"))?;
    let stale = stale(&binary)?;
    for (path, text) in &stale {
        if flags.has("--check") {
            println!("{} is stale: run `cargo xtask docs`", path.display());
        } else {
            fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    let bad = flags.has("--check") && !stale.is_empty();
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every document whose blocks differ from what the program says, with its new text.
pub fn stale(binary: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut stale = Vec::new();
    for entry in fs::read_dir(machine::project().join("docs"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let fresh = renewed(&text, &|arguments| said(binary, arguments))
            .with_context(|| format!("in {}", path.display()))?;
        if fresh != text {
            stale.push((path, fresh));
        }
    }
    Ok(stale)
}

fn said(binary: &Path, arguments: &str) -> Result<String> {
    if arguments == REGISTER {
        return register::page();
    }
    // An empty place and a bare environment: what is said must not depend on who asks.
    let empty = machine::target().join("xtask/docs");
    fs::create_dir_all(&empty)?;
    let mut command = Command::new(binary);
    command.arg0("stockade").args(arguments.split(' ')).env_clear().current_dir(&empty);
    process::output(&mut command)
}

/// The text with every block between the marks replaced by what `say` answers.
pub fn renewed(text: &str, say: &dyn Fn(&str) -> Result<String>) -> Result<String> {
    let mut fresh = text.to_owned();
    for (opening, shown) in OPENINGS {
        let mut done = String::new();
        let mut rest = fresh.as_str();
        while let Some((before, tail)) = rest.split_once(opening) {
            let (arguments, tail) = tail.split_once(" -->").context("a mark is not closed")?;
            let (_, tail) = tail.split_once(CLOSING).context("a block is not closed")?;
            let block = shown(&say(arguments)?);
            done = done + before + opening + arguments + " -->\n" + &block + CLOSING;
            rest = tail;
        }
        fresh = done + rest;
    }
    Ok(fresh)
}

/// The words as they are.
fn verbatim(said: &str) -> String {
    let lines: Vec<&str> = said.trim_end().lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n", lines.join("\n"))
}

/// Text of the book that the program wrote as such.
fn unchanged(said: &str) -> String {
    format!("\n{}\n\n", said.trim())
}

/// Columns that stand two blanks apart, as a table of the book; the first column is code.
fn table(said: &str) -> String {
    let mut rows = String::new();
    for (number, line) in said.trim_end().lines().enumerate() {
        let cells: Vec<String> = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(|cell| cell.replace('|', "\\|"))
            .collect();
        let Some((first, others)) = cells.split_first() else { continue };
        let first = if number == 0 { first.clone() } else { format!("`{first}`") };
        let row = [first].iter().chain(others).map(String::as_str).collect::<Vec<_>>().join(" | ");
        rows = rows + "| " + &row + " |\n";
        if number == 0 {
            rows = rows + "|" + &"---|".repeat(cells.len()) + "\n";
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_replaced_and_the_rest_is_kept() {
        let say = |arguments: &str| Ok(format!("usage of {arguments}  \n\n"));
        let text = "a\n<!-- made by: x --help -->\nold\n<!-- end -->\nb\n";
        let want =
            "a\n<!-- made by: x --help -->\n```text\nusage of x --help\n```\n<!-- end -->\nb\n";
        assert_eq!(renewed(text, &say).expect("renewed"), want);
        assert_eq!(renewed(want, &say).expect("renewed"), want);
        assert!(renewed("<!-- made by: x -->\n", &say).is_err());
    }

    #[test]
    fn text_of_the_book_stands_as_it_was_said() {
        let say = |_: &str| Ok("\n### A\n\n| a |\n".to_owned());
        let text = "<!-- text made by: x -->\nold\n<!-- end -->\n";
        let want = "<!-- text made by: x -->\n\n### A\n\n| a |\n\n<!-- end -->\n";
        assert_eq!(renewed(text, &say).expect("renewed"), want);
    }

    #[test]
    fn aligned_columns_become_a_table() {
        let said = "name    what it is\na or b  1 if |a|\n";
        let want = "| name | what it is |\n|---|---|\n| `a or b` | 1 if \\|a\\| |\n";
        assert_eq!(table(said), want);
    }
}

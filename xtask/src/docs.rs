//! Blocks of the book that the program itself writes, so that they cannot grow stale.

use crate::{flags::Flags, machine, process};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const OPENING: &str = "<!-- made by: ";
const CLOSING: &str = "<!-- end -->";

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
    // An empty data directory and a bare environment: what is said must not depend on who asks.
    let empty = machine::target().join("xtask/docs-data");
    let mut command = Command::new(binary);
    command.env_clear().args(arguments.split(' ')).env("STOCKADE_DATA_DIR", &empty);
    let said = process::output(&mut command)?;
    Ok(said.replace(&*empty.to_string_lossy(), "DIR"))
}

/// The text with every block between the marks replaced by what `say` answers.
fn renewed(text: &str, say: &dyn Fn(&str) -> Result<String>) -> Result<String> {
    let mut fresh = String::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once(OPENING) {
        let Some((arguments, tail)) = tail.split_once(" -->") else {
            bail!("a mark is not closed")
        };
        let Some((_, tail)) = tail.split_once(CLOSING) else { bail!("a block is not closed") };
        let said = say(arguments)?;
        let lines: Vec<&str> = said.trim_end().lines().map(str::trim_end).collect();
        let block = format!("\n```text\n{}\n```\n", lines.join("\n"));
        fresh = fresh + before + OPENING + arguments + " -->" + &block + CLOSING;
        rest = tail;
    }
    Ok(fresh + rest)
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
}

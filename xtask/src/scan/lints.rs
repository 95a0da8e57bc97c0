//! What the compiler's lints and the rules of the house find in our own sources.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null")]

use super::record::{Finding, Severity};
use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// Clippy over every target of the workspace.
pub fn clippy(project: &Path) -> Result<Vec<Finding>> {
    let arguments =
        ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--message-format=json"];
    let done = process::command("cargo", &arguments, project).output();
    let done = done.context("cargo clippy does not start")?;
    let found = messages(&String::from_utf8_lossy(&done.stdout))?;
    if !done.status.success() && found.is_empty() {
        bail!("cargo clippy failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(found)
}

/// The findings in what Cargo writes with `--message-format=json`; a file that two targets share tells once.
fn messages(text: &str) -> Result<Vec<Finding>> {
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let line: Value = serde_json::from_str(line).context("cargo writes no JSON")?;
        let message = &line["message"];
        let severity = match message["level"].as_str() {
            Some("error") => Severity::High,
            Some("warning") => Severity::Low,
            _ => continue,
        };
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let spans = message["spans"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(span) = spans.iter().find(|span| span["is_primary"] == true) else { continue };
        let place = format!("{}:{}", word(&span["file_name"]), span["line_start"]);
        let id = message["code"]["code"].as_str().unwrap_or("rustc").to_owned();
        if told.insert((id.clone(), place.clone())) {
            let (tool, what) = ("clippy".to_owned(), word(&message["message"]));
            found.push(Finding { tool, id, severity, place, what });
        }
    }
    Ok(found)
}

/// The rules that `tidy` holds: unsafe code, statements, credentials, arrows between crates.
pub fn tidy(project: &Path) -> Result<Vec<Finding>> {
    let arguments = ["test", "--quiet", "--package", "xtask", "--tests", "--locked"];
    let ran = process::run(&mut process::command("cargo", &arguments, project))?;
    if ran.success {
        return Ok(Vec::new());
    }
    let text = |text: &str| text.to_owned();
    Ok(vec![Finding {
        tool: text("tidy"),
        id: text("rule"),
        severity: Severity::High,
        place: text("xtask/tests"),
        what: text("a rule of the house does not hold; its test says where"),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_writes_is_read_and_told_once() {
        let line = |level: &str| {
            format!(
                "{{\"reason\":\"compiler-message\",\"message\":{{\"level\":\"{level}\",\
                 \"message\":\"unused\",\"code\":{{\"code\":\"clippy::x\"}},\"spans\":[\
                 {{\"is_primary\":true,\"file_name\":\"src/a.rs\",\"line_start\":7}}]}}}}\n"
            )
        };
        let text = line("warning") + &line("warning") + &line("note") + "{\"reason\":\"x\"}\n";
        let found = messages(&text).expect("reads");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].severity, &*found[0].place), (Severity::Low, "src/a.rs:7"));
        assert_eq!(messages(&line("error")).expect("reads")[0].severity, Severity::High);
        assert!(messages("{").is_err());
    }
}

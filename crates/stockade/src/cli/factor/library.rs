//! The factors that are shipped.

use crate::cli::{
    output::{Output, table, write_stdout},
    usage,
};
use factor::Entry;
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Serialize)]
struct Shipped<'a> {
    name: &'a str,
    heading: &'a str,
    text: &'a str,
    summary: &'a str,
    note: &'a str,
    source: &'a str,
    fields: &'a [String],
    groups: &'a [String],
}

impl<'a> From<&'a Entry> for Shipped<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            name: entry.name,
            heading: entry.heading,
            text: entry.text,
            summary: entry.summary,
            note: entry.note,
            source: entry.source,
            fields: &entry.fields,
            groups: &entry.groups,
        }
    }
}

/// The entry of that name.
pub(super) fn named(name: &str) -> anyhow::Result<&'static Entry> {
    let found = factor::library().iter().find(|entry| entry.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        usage(format!("the library has no factor {name:?}: `stockade factor library` lists all"))
    })
}

/// Lists the library, or shows one entry.
pub(super) fn library(name: Option<&str>, markdown: bool, output: Output) -> anyhow::Result<()> {
    if let Some(name) = name {
        return output.show(&Shipped::from(named(name)?), one);
    }
    if markdown && !output.is_json() {
        return Ok(write_stdout(page().as_bytes())?);
    }
    let all: Vec<Shipped<'_>> = factor::library().iter().map(Shipped::from).collect();
    output.show(&all, |all| {
        let head = ["name", "what it prefers", "reads"].map(str::to_owned).to_vec();
        let row = |one: &Shipped<'_>| {
            vec![one.name.to_owned(), one.summary.to_owned(), reads(one.fields, one.groups)]
        };
        table(&std::iter::once(head).chain(all.iter().map(row)).collect::<Vec<_>>())
    })
}

fn one(shipped: &Shipped<'_>) -> String {
    let note =
        if shipped.note.is_empty() { String::new() } else { format!("note    {}\n", shipped.note) };
    format!(
        "{}: {}\n\n{}\n\n{note}reads   {}\nsource  {}",
        shipped.name,
        shipped.summary,
        shipped.text,
        reads(shipped.fields, shipped.groups),
        shipped.source
    )
}

fn reads(fields: &[String], groups: &[String]) -> String {
    fields.iter().chain(groups).cloned().collect::<Vec<_>>().join(", ")
}

/// A section a heading, a text an entry.
fn page() -> String {
    let mut text = String::new();
    let mut heading = "";
    for entry in factor::library() {
        if heading != entry.heading {
            heading = entry.heading;
            let _ = write!(text, "\n## {heading}\n");
        }
        let note = match entry.note {
            "" => String::new(),
            note => format!("\nAs read: {}.\n", note.trim_end_matches('.')),
        };
        let _ = write!(
            text,
            "\n### {}\n\n{}.\n{note}\n```text\n{}\n```\n\nReads {}. Source: {}.\n",
            entry.name,
            entry.summary.trim_end_matches('.'),
            entry.text,
            reads(&entry.fields, &entry.groups),
            entry.source.trim_end_matches('.')
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_its_name_and_a_stranger_is_not() {
        let first = factor::library().first().expect("the library is not empty");
        assert_eq!(named(&first.name.to_uppercase()).expect("is there").text, first.text);
        assert!(named("nothing").expect_err("is not there").to_string().contains("lists all"));
        let page = page();
        for entry in factor::library() {
            assert!(page.contains(entry.text), "{}", entry.name);
        }
    }
}

//! The factors that are shipped: the 101 formulaic alphas and some classics, as texts in the language.

use crate::{Expression, Limits, Schema};
use std::sync::LazyLock;

/// One factor of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it stands under.
    pub heading: &'static str,
    /// The expression.
    pub text: &'static str,
    /// What it prefers, one line.
    pub summary: &'static str,
    /// How its source was read where that could be read otherwise; often empty.
    pub note: &'static str,
    /// Who published it.
    pub source: &'static str,
    /// The fields it reads, sorted.
    pub fields: Vec<String>,
    /// The group labels it reads, sorted.
    pub groups: Vec<String>,
}

/// A file of the library: its heading, the source of entries that name none, its text.
const FILES: [(&str, &str, &str); 2] = [
    (
        "101 Formulaic Alphas",
        "Zura Kakushadze, 101 Formulaic Alphas (2016), arXiv:1601.00991",
        include_str!("../library/alphas.txt"),
    ),
    ("Classics", "", include_str!("../library/classics.txt")),
];

static LIBRARY: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let schema = library_schema();
    let entries = FILES.iter().flat_map(|(heading, source, text)| {
        text.split("\n[").skip(1).filter_map(|part| entry(part, heading, source, &schema))
    });
    entries.collect()
});

/// All shipped factors, by heading and name.
#[must_use]
pub fn library() -> &'static [Entry] {
    &LIBRARY
}

/// What the shipped factors read: daily bars, `vwap`, `cap` (market capitalisation), three levels of industry.
#[must_use]
pub fn library_schema() -> Schema {
    let mut schema = Schema::bars();
    schema.fields.extend(["vwap", "cap"].map(str::to_owned));
    schema.groups.extend(["sector", "industry", "subindustry"].map(str::to_owned));
    schema
}

/// `name]`, then lines `summary:`, `note:`, `source:`, then the expression.
fn entry(
    part: &'static str,
    heading: &'static str,
    source: &'static str,
    schema: &Schema,
) -> Option<Entry> {
    let (name, mut rest) = part.split_once("]\n")?;
    let mut said = |key: &str| {
        let (line, after) = rest.strip_prefix(key)?.split_once('\n')?;
        rest = after;
        Some(line.trim())
    };
    let summary = said("summary:")?;
    let note = said("note:").unwrap_or_default();
    let source = said("source:").unwrap_or(source);
    let text = rest.trim_end();
    let parsed = Expression::parse(text, schema, &Limits::default()).ok();
    let read = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let fields = parsed.as_ref().map(|it| read(it.fields().collect())).unwrap_or_default();
    let groups = parsed.as_ref().map(|it| read(it.groups().collect())).unwrap_or_default();
    Some(Entry { name, heading, text, summary, note, source, fields, groups })
}

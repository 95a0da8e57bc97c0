//! Which expressions: typed, from a file, or kept.

use super::Place;
use crate::{
    cli::{factor_args::Expressions, marked::Marked, usage},
    desk,
};
use anyhow::{Context, bail};
use factor::{Diagnostic, Expression, Limits, Schema};
use std::{collections::BTreeSet, path::Path};

/// Expressions of one file.
const EXPRESSIONS_MAX: usize = 10_000;

/// Names and texts.
pub(super) fn texts(
    what: &Expressions,
    place: &Place<'_>,
) -> anyhow::Result<Vec<(String, String)>> {
    match (&what.expr, &what.expr_file, &what.own) {
        (Some(text), ..) => Ok(vec![("factor".to_owned(), text.clone())]),
        (_, Some(path), _) => read_set(path),
        (_, _, Some(name)) => {
            let versions = desk::connect(place.home()?)?.factor_versions(name)?;
            let newest = versions.into_iter().next().context("a factor has a version")?;
            Ok(vec![("factor".to_owned(), newest.text)])
        }
        _ => match &what.library {
            Some(name) => {
                let entry = super::library::named(name)?;
                Ok(vec![(entry.name.to_owned(), entry.text.to_owned())])
            }
            None => Err(usage("give --expr, --expr-file, --own or --library")),
        },
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

/// The expressions of the texts; what is wrong in any of them is drawn under its place.
pub(super) fn parse_all(
    texts: &[(String, String)],
    schema: &Schema,
) -> anyhow::Result<Vec<(String, Expression)>> {
    let mut parsed = Vec::with_capacity(texts.len());
    let mut wrong = String::new();
    for (id, text) in texts {
        match Expression::parse(text, schema, &Limits::default()) {
            Ok(expression) => parsed.push((id.clone(), expression)),
            Err(findings) => wrong.push_str(&drawn(id, text, &findings)),
        }
    }
    if wrong.is_empty() { Ok(parsed) } else { bail!("the expressions are not valid{wrong}") }
}

/// Findings, each on lines of its own.
pub(super) fn drawn(id: &str, text: &str, findings: &[Diagnostic]) -> String {
    let one = |finding: &Diagnostic| {
        let marked = Marked {
            file: id,
            text,
            span: finding.span,
            message: &finding.message,
            code: finding.code,
            help: finding.help.as_deref(),
        };
        format!("\n{marked}")
    };
    findings.iter().map(one).collect()
}

/// The canonical texts, by which expressions are counted.
pub(super) fn canonical(set: &[(String, Expression)]) -> Vec<String> {
    set.iter().map(|(_, expression)| expression.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let texts = [("a".to_owned(), text.to_owned())];
        parse_all(&texts, &Schema::bars()).expect_err(text).to_string()
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

//! The file's text as dotted keys with their lines.

use crate::{Error, FileText, Origin};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One `key = value` of the file.
pub(crate) struct Entry {
    pub key: String,
    pub value: String,
    pub origin: Origin,
}

/// How deep tables may lie in tables.
const DEPTH_MAX: usize = 8;

/// All entries in the order of their lines.
pub(crate) fn entries(file: &FileText) -> Result<Vec<Entry>, Error> {
    let table = DeTable::parse(&file.text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        syntax(file, start, error.message().to_owned())
    })?;
    let mut found = Vec::new();
    walk(file, table.get_ref(), "", &mut found)?;
    found.sort_by_key(|(start, _)| *start);
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

/// A text, a number or a word of a TOML file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Its dotted key.
    pub key: String,
    /// Its value in text.
    pub value: String,
    /// Its line, from 1.
    pub line: usize,
}

/// Every scalar of a TOML file that has a key of its own, whatever else is in it: the file need not be
/// one of ours.
pub fn scalars(file: &FileText) -> Result<Vec<Scalar>, Error> {
    let table = DeTable::parse(&file.text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        // The parser's own words may quote the line, which may hold a secret.
        syntax(file, start, "this is not TOML".to_owned())
    })?;
    let mut found = Vec::new();
    gather((file, table.get_ref()), "", DEPTH_MAX, &mut found);
    found.sort_by_key(|scalar: &Scalar| scalar.line);
    Ok(found)
}

fn gather(
    (file, table): (&FileText, &DeTable<'_>),
    prefix: &str,
    deeper: usize,
    found: &mut Vec<Scalar>,
) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            if deeper > 0 {
                gather((file, inner), &format!("{key}."), deeper - 1, found);
            }
        } else if let Some(value) = text_of(value) {
            let (line, _) = position(&file.text, name.span().start);
            found.push(Scalar { key, value, line });
        }
    }
}

fn walk(
    file: &FileText,
    table: &DeTable<'_>,
    prefix: &str,
    found: &mut Vec<(usize, Entry)>,
) -> Result<(), Error> {
    for (name, value) in table {
        let start = name.span().start;
        let key = format!("{prefix}{}", name.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            if prefix.matches('.').count() >= DEPTH_MAX {
                return Err(syntax(file, start, format!("more than {DEPTH_MAX} tables deep")));
            }
            walk(file, inner, &format!("{key}."), found)?;
            continue;
        }
        let value = text_of(value).ok_or_else(|| {
            syntax(file, start, format!("{key} must be a text, a whole number, true or false"))
        })?;
        let (line, _) = position(&file.text, start);
        let origin = Origin::File { path: file.path.clone(), line };
        found.push((start, Entry { key, value, origin }));
    }
    Ok(())
}

/// The value in text, as a flag would have it; `None` for dates, arrays and fractions.
fn text_of(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
        }
        DeValue::Boolean(on) => Some(on.to_string()),
        _ => None,
    }
}

fn syntax(file: &FileText, start: usize, message: String) -> Error {
    let (line, column) = position(&file.text, start);
    Error::Syntax { path: file.path.clone(), line, column, message }
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

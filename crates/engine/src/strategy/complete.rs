//! What may stand at the cursor of a strategy that is being written.
//!
//! A text under the cursor is seldom valid YAML, so this reads lines, not the tree: the keys above
//! by their indentation, and the scalar that the cursor is in.

use super::keys::{Key, KeyKind};
use factor::Schema;

/// What a completion stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// A key of the strategy.
    Key,
    /// A value of a key.
    Value,
    /// A word of the expression language.
    Expression(factor::CompletionKind),
}

/// One word that may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is shown.
    pub label: String,
    /// What is inserted.
    pub insert: String,
    /// What it stands for.
    pub kind: CompletionKind,
    /// One line about it.
    pub detail: String,
    /// Byte offset from which the insertion replaces the text up to the cursor.
    pub from: usize,
}

/// What may stand at byte `offset` of a strategy's text.
#[must_use]
pub fn complete_strategy(text: &str, offset: usize, schema: &Schema) -> Vec<Completion> {
    let Some(before) = text.get(..offset) else { return Vec::new() };
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.get(line_start..).unwrap_or("");
    if line.trim_start().starts_with('#') {
        return Vec::new();
    }
    match cursor(before, line, line_start) {
        Cursor::Key { parent, from } => keys(text, before, &parent, from),
        Cursor::Value { path, start } => value(text, offset, &path, start, schema),
    }
}

enum Cursor {
    /// A key is being written in the mapping `parent`, from this byte on.
    Key { parent: String, from: usize },
    /// The value of the key `path` is being written; it starts at this byte.
    Value { path: String, start: usize },
}

fn cursor(before: &str, line: &str, line_start: usize) -> Cursor {
    let indent = line.len() - line.trim_start().len();
    let (parent, parent_value) = enclosing(before, line_start, indent);
    // A deeper line below `long:` continues that key's expression.
    if Key::of(&parent).is_some_and(|key| key.kind != KeyKind::Map) {
        return Cursor::Value { path: parent, start: parent_value };
    }
    let Some((name, rest)) = line.trim_start().split_once(':') else {
        return Cursor::Key { parent, from: line_start + indent };
    };
    let path = join(&parent, name.trim());
    let value = line_start + line.len() - rest.trim_start().len();
    if Key::of(&path).is_some_and(|key| key.kind == KeyKind::Map) {
        return in_braces(before, &path, value);
    }
    Cursor::Value { path, start: value }
}

/// Inside `{ fixed: 10, … }` after a key that has keys of its own, braces within braces too.
fn in_braces(before: &str, path: &str, value: usize) -> Cursor {
    let inner = before.get(value..).unwrap_or("");
    let (mut parents, mut entry) = (vec![path.to_owned()], 0);
    for (at, sign) in inner.char_indices().filter(|(_, sign)| matches!(sign, '{' | '}' | ',')) {
        if sign == '{' {
            let key = inner.get(entry..at).and_then(|text| text.split_once(':'));
            let parent = parents.last().map_or("", String::as_str);
            let inside =
                key.map_or_else(|| parent.to_owned(), |(name, _)| join(parent, name.trim()));
            parents.push(inside);
        } else if sign == '}' {
            parents.pop();
        }
        entry = at + 1;
    }
    let parent = parents.pop().unwrap_or_else(|| path.to_owned());
    let blank = |text: &str| text.len() - text.trim_start().len();
    let last = inner.get(entry..).unwrap_or("");
    match last.split_once(':') {
        Some((name, rest)) => Cursor::Value {
            path: join(&parent, name.trim()),
            start: before.len() - rest.len() + blank(rest),
        },
        None => Cursor::Key { parent, from: value + entry + blank(last) },
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// The path of the key above that is indented less, and where its value starts.
fn enclosing(before: &str, line_start: usize, indent: usize) -> (String, usize) {
    let mut path: Vec<&str> = Vec::new();
    let (mut end, mut indent, mut value_start) = (line_start, indent, 0);
    while end > 0 && indent > 0 {
        let above = before.get(..end - 1).unwrap_or("");
        let start = above.rfind('\n').map_or(0, |at| at + 1);
        let line = above.get(start..).unwrap_or("");
        let here = line.len() - line.trim_start().len();
        if !line.trim().is_empty() && here < indent && !line.trim_start().starts_with('#') {
            let Some((name, rest)) = line.trim_start().split_once(':') else { break };
            if path.is_empty() {
                value_start = start + line.len() - rest.trim_start().len();
                if matches!(rest.trim(), "|" | ">" | "|-" | ">-") {
                    value_start = end;
                }
            }
            path.push(name.trim());
            indent = here;
        }
        end = start;
    }
    path.reverse();
    (path.join("."), value_start)
}

/// The keys of a mapping that are not in the text around the cursor yet.
fn keys(text: &str, before: &str, parent: &str, from: usize) -> Vec<Completion> {
    let typed = before.get(from..).unwrap_or("");
    let is_there = |key: &Key| {
        let nested = !parent.is_empty();
        text.lines().any(|line| {
            let indented = line.starts_with(' ');
            indented == nested
                && line.trim_start().split_once(':').is_some_and(|(name, _)| name == key.name())
        })
    };
    Key::within(parent)
        .filter(|key| key.name().starts_with(typed) && !is_there(key))
        .map(|key| Completion {
            label: key.name().to_owned(),
            insert: format!("{}: ", key.name()),
            kind: CompletionKind::Key,
            detail: key.summary.to_owned(),
            from,
        })
        .collect()
}

fn value(text: &str, offset: usize, path: &str, start: usize, schema: &Schema) -> Vec<Completion> {
    let Some(key) = Key::of(path) else { return Vec::new() };
    let start = start.min(offset);
    if let Some(found) = parameters(text, (start, offset), key) {
        return found;
    }
    let words = |words: &[&str]| {
        let typed = text.get(start..offset).unwrap_or("");
        let fits = words.iter().filter(|word| word.starts_with(typed));
        fits.map(|word| Completion {
            label: (*word).to_owned(),
            insert: (*word).to_owned(),
            kind: CompletionKind::Value,
            detail: key.summary.to_owned(),
            from: start,
        })
        .collect()
    };
    match key.kind {
        KeyKind::Choice(choices) => words(choices),
        KeyKind::Schedule => words(&["every 21 bars", "daily", "weekly", "monthly"]),
        KeyKind::Truth | KeyKind::Weight => {
            // To the end of the line: what follows the cursor matters to the expression's parser.
            let quote = usize::from(text.get(start..).is_some_and(|t| t.starts_with(['\'', '"'])));
            let start = (start + quote).min(offset);
            let end =
                text.get(offset..).and_then(|t| t.find('\n')).map_or(text.len(), |at| offset + at);
            let inner = text.get(start..end).unwrap_or("");
            let found = factor::complete(inner, offset - start, schema);
            let place = |c: factor::Completion| Completion {
                insert: c.label.clone(),
                label: c.label,
                kind: CompletionKind::Expression(c.kind),
                detail: c.detail,
                from: start + c.from,
            };
            found.into_iter().map(place).collect()
        }
        KeyKind::Clock => {
            let more = ["quote", "every 100 quotes"];
            words(&super::keys::BAR_SIZES.iter().copied().chain(more).collect::<Vec<_>>())
        }
        KeyKind::Span => words(&["1s", "1m", "1h", "1d"]),
        KeyKind::Text
        | KeyKind::Number
        | KeyKind::Whole
        | KeyKind::Symbols
        | KeyKind::Parameters
        | KeyKind::Map => Vec::new(),
    }
}

/// The names of parameters after a `$`; `None` where the cursor is not in such a name.
fn parameters(text: &str, (start, offset): (usize, usize), key: &Key) -> Option<Vec<Completion>> {
    if !matches!(key.kind, KeyKind::Truth | KeyKind::Weight | KeyKind::Number) {
        return None;
    }
    let before = text.get(start..offset)?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let typed = before.len() - before.trim_end_matches(word).len();
    let from = offset - typed;
    let typed = before.trim_end_matches(word).strip_suffix('$').and(text.get(from..offset))?;
    let found = defined(text).filter(|(name, _)| name.starts_with(typed));
    let place = |(name, value): (&str, &str)| Completion {
        label: name.to_owned(),
        insert: name.to_owned(),
        kind: CompletionKind::Value,
        detail: format!("parameter, {value}"),
        from,
    };
    Some(found.map(place).collect())
}

/// Names and values under `parameters:`, on lines of their own or in braces.
fn defined(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("parameters:"));
    let first = lines.next().and_then(|line| line.split_once(':')).map_or("", |(_, rest)| rest);
    let inside = |line: &&str| line.trim().is_empty() || line.starts_with([' ', '#']);
    let below = lines.take_while(inside).filter_map(|line| line.trim().split_once(':'));
    let braces = first.trim().trim_matches(['{', '}']).split(',');
    let braces = braces.filter_map(|entry| entry.trim().split_once(':'));
    braces
        .chain(below)
        .map(|(name, rest)| (name.trim(), rest.split('#').next().unwrap_or("").trim()))
        .filter(|(name, _)| super::is_parameter_name(name))
}

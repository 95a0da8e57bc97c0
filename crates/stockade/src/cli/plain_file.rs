//! Files that hold secrets in plain text: TOML, YAML, lines of KEY=VALUE. No message repeats a value.

use super::usage;
use anyhow::Context;
use granit_parser::{Event, Parser, ScalarStyle};
use seal::Secret;
use settings::FileText;
use std::path::Path;

/// How deep a value may lie in a file of YAML.
const DEPTH_MAX: usize = 16;
/// Values of one file, at most.
const ENTRIES_MAX: usize = 10_000;

/// A value of a file, and where it stands.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its key, dotted where tables lie in tables.
    pub key: String,
    /// Its value.
    pub value: Secret<String>,
    /// File and line.
    pub place: String,
}

/// Every value of a file, by the kind that its name says.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let file = FileText::read(path)?;
    let file = file.ok_or_else(|| usage(format!("there is no file {}", path.display())))?;
    let place = |line: usize| format!("{}:{line}", path.display());
    let extension = path.extension().and_then(|one| one.to_str()).unwrap_or_default();
    let found = match extension {
        "toml" => {
            let scalars = settings::scalars(&file)?;
            scalars.into_iter().map(|one| (one.key, one.value, one.line)).collect()
        }
        "yaml" | "yml" => {
            yaml(&file.text).map_err(|bad| usage(format!("{}: {}", place(bad.line), bad.why)))?
        }
        _ => lines(&file.text).map_err(|bad| usage(format!("{}: {}", place(bad.line), bad.why)))?,
    };
    let entry = |(key, value, line)| Entry { key, value: Secret::new(value), place: place(line) };
    let entries: Vec<Entry> = found.into_iter().map(entry).collect();
    (entries.len() <= ENTRIES_MAX)
        .then_some(entries)
        .with_context(|| format!("{} has more than {ENTRIES_MAX} values", path.display()))
}

type Found = Vec<(String, String, usize)>;

/// What is wrong in a file, without its text.
#[derive(Debug, PartialEq, Eq)]
struct Bad {
    line: usize,
    why: &'static str,
}

/// `KEY=VALUE`, as service managers and shells have it: `export` and quotes may be there.
fn lines(text: &str) -> Result<Found, Bad> {
    let mut found = Found::new();
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let bad = |why| Bad { line: number, why };
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (key, value) = line.split_once('=').ok_or_else(|| bad("this is not KEY=VALUE"))?;
        let key = key.trim();
        let named = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if key.is_empty() || !key.chars().all(named) {
            return Err(bad("what stands before the = is no name"));
        }
        let value = unquoted(value.trim()).ok_or_else(|| bad("a quote is not closed"))?;
        found.push((key.to_owned(), value.to_owned(), number));
    }
    Ok(found)
}

fn unquoted(value: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.strip_suffix(quote);
        }
    }
    Some(value)
}

/// Where in a document the parser is.
enum Frame {
    Map { prefix: String, key: Option<String> },
    List,
}

/// The scalars of mappings; what is in lists has no name of its own.
fn yaml(text: &str) -> Result<Found, Bad> {
    let mut found = Found::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let line = line_of(text, error.marker().byte_offset().unwrap_or(0));
            Bad { line, why: "this is not YAML" }
        })?;
        let line = line_of(text, span.byte_range().map_or(0, |range| range.start));
        match event {
            Event::Scalar(value, style, ..) => {
                let empty = style == ScalarStyle::Plain && matches!(&*value, "" | "~" | "null");
                scalar(&mut frames, (value.into_owned(), empty), line, &mut found);
            }
            Event::Alias(..) => scalar(&mut frames, (String::new(), true), line, &mut found),
            Event::MappingStart(..) => {
                let prefix = inner(&mut frames);
                frames.push(Frame::Map { prefix, key: None });
            }
            Event::SequenceStart(..) => {
                inner(&mut frames);
                frames.push(Frame::List);
            }
            Event::MappingEnd | Event::SequenceEnd => drop(frames.pop()),
            _ => {}
        }
        if frames.len() > DEPTH_MAX || found.len() > ENTRIES_MAX {
            return Err(Bad { line, why: "the file is nested too deeply or has too many values" });
        }
    }
    Ok(found)
}

/// A scalar is a key, or the value of the key before it.
fn scalar(frames: &mut [Frame], (text, empty): (String, bool), line: usize, found: &mut Found) {
    let Some(Frame::Map { prefix, key }) = frames.last_mut() else { return };
    match key.take() {
        None => *key = Some(text),
        Some(name) if !empty => found.push((format!("{prefix}{name}"), text, line)),
        Some(_) => {}
    }
}

/// What the keys of a mapping begin with that starts here.
fn inner(frames: &mut [Frame]) -> String {
    match frames.last_mut() {
        None => String::new(),
        Some(Frame::Map { prefix, key }) => {
            if let Some(name) = key.take() {
                return format!("{prefix}{name}.");
            }
            // A mapping as a key: what it holds is named by nothing.
            *key = Some("?".to_owned());
            "?.".to_owned()
        }
        Some(Frame::List) => "[].".to_owned(),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: Result<Found, Bad>) -> Vec<String> {
        match found {
            Ok(found) => found.into_iter().map(|(k, v, line)| format!("{line} {k}={v}")).collect(),
            Err(bad) => vec![format!("{}: {}", bad.line, bad.why)],
        }
    }

    #[test]
    fn lines_are_read_as_shells_and_service_managers_write_them() {
        let check = |text: &str, want: &[&str]| assert_eq!(told(lines(text)), want, "{text}");
        check("", &[]);
        check("# a\n; b\n\nA=1\n", &["4 A=1"]);
        check("export A=\"x y\"\nB='#'\nC=a=b", &["1 A=x y", "2 B=#", "3 C=a=b"]);
        check("mail.password = word ", &["1 mail.password=word"]);
        check("A=\"x", &["1: a quote is not closed"]);
        check("hunter2", &["1: this is not KEY=VALUE"]);
        check("A B=1", &["1: what stands before the = is no name"]);
    }

    #[test]
    fn yaml_is_read_by_its_path() {
        let check = |text: &str, want: &[&str]| assert_eq!(told(yaml(text)), want, "{text}");
        check("", &[]);
        check("mail:\n  password: word\n  user: me\n", &["2 mail.password=word", "3 mail.user=me"]);
        check("vendor: {polygon: 'a: b', none: ~}", &["1 vendor.polygon=a: b"]);
        check("l: [1, {password: x}]\nb: y", &["1 [].password=x", "2 b=y"]);
        check("a: &k word\nb: *k\nc: z", &["1 a=word", "3 c=z"]);
        check("? {a: 1}\n: x\nb: 2", &["1 ?.a=1", "2 ?=x", "3 b=2"]);
        check("a: 'hunter2", &["1: this is not YAML"]);
        let deep = format!("{}1{}", "{a: ".repeat(40), "}".repeat(40));
        check(&deep, &["1: the file is nested too deeply or has too many values"]);
    }
}

//! Tests as the sources have them, in Rust and in TypeScript or JavaScript.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Component, Path},
    str::FromStr,
};

/// A test by its file, from the root of the project, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    file: String,
    name: String,
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (file, name) = text
            .split_once('#')
            .filter(|(file, name)| !file.is_empty() && !name.is_empty())
            .ok_or_else(|| format!("{text:?} is no test: write FILE#NAME"))?;
        let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(format!("{file:?} is no path within the project"));
        }
        Ok(Self { file: file.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.file, self.name)
    }
}

impl Reference {
    /// Looks for it in the project.
    pub fn find(&self, root: &Path) -> Result<(), String> {
        let Ok(text) = fs::read_to_string(root.join(&self.file)) else {
            return Err(format!("there is no file {}", self.file));
        };
        if names(&self.file, &text).contains(self.name.as_str()) {
            return Ok(());
        }
        Err(format!("{} has no test {:?}", self.file, self.name))
    }
}

/// The names of the tests in a source; none where its language is not known.
pub fn names<'a>(file: &str, text: &'a str) -> BTreeSet<&'a str> {
    match Path::new(file).extension().and_then(|extension| extension.to_str()) {
        Some("rs") => in_rust(text),
        Some("ts" | "mjs") => text.lines().filter_map(called).collect(),
        _ => BTreeSet::new(),
    }
}

/// Functions under `#[test]` or `#[tokio::test]` that run without being asked for by name.
fn in_rust(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let (mut marked, mut ignored) = (false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            let is_mark = ["#[test]", "#[tokio::test]", "#[tokio::test("];
            marked |= is_mark.iter().any(|mark| line.starts_with(mark));
            ignored |= line.starts_with("#[ignore");
            continue;
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if let Some(name) = declared(line).filter(|_| marked && !ignored) {
            found.insert(name);
        }
        (marked, ignored) = (false, false);
    }
    found
}

/// The function that a line declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// The test that a line of a test file begins: `test('…'`, or a step of a journey.
fn called(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("await ").unwrap_or(line);
    let rest = line.strip_prefix("test(").or_else(|| line.strip_prefix("step("))?;
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    rest.strip_prefix(quote)?.split(quote).next()
}

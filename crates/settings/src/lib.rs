//! Knows: layered configuration, where each value came from, and what a mistyped key was meant to be.
//! Never knows: what a setting does; the keys are a table that the app declares.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "an adapter: this crate reads the configuration file and the environment"
)]

mod file;
mod key;
mod sources;

pub use file::{Scalar, scalars};
pub use key::{Key, Kind, Secrecy};
pub use sources::{FILE_BYTES_MAX, FileText, Flag, Sources};

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// Where a value came from, weakest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Built in.
    Default,
    /// A line of the configuration file.
    File {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag on the command line.
    Flag {
        /// As it is typed, with its dashes.
        name: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { name } => f.write_str(name),
        }
    }
}

/// Everything that can be wrong with a configuration; each names the place and the fix.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is larger than a configuration ever is.
    #[error("the configuration {path} has more than {FILE_BYTES_MAX} bytes: is it the right file?")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// The file is not TOML.
    #[error("{path}:{line}:{column}: {message}", path = path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// Nobody declared this key.
    #[error("{origin}: unknown setting {key:?}{}", hint(suggestion.as_deref()))]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// As it was written.
        key: String,
        /// The declared key (or variable) nearest to it.
        suggestion: Option<String>,
    },
    /// The value is not of the key's kind.
    #[error("{origin}: {key} = {value:?} is refused: write {expected}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// Which key.
        key: &'static str,
        /// What was written; `****` where the key is secret.
        value: String,
        /// What would be taken.
        expected: String,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || "; `stockade config show` lists all of them".to_owned(),
        |name| format!("; did you mean {name:?}?"),
    )
}

/// One line of `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: &'static str,
    /// Its value in text, `****` if it is secret and set.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
    /// What the key is for.
    pub summary: &'static str,
}

/// A secret that stands in a layer, where none belongs; its value was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// How the store of secrets calls it.
    pub name: String,
    /// Where it stands.
    pub origin: Origin,
}

/// A value of a key's kind.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(i64),
    Switch(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Switch(on) => f.write_str(if *on { "on" } else { "off" }),
        }
    }
}

/// All settings: every declared key has a value of its kind and an origin.
#[derive(Clone)]
pub struct Settings {
    keys: &'static [Key],
    values: BTreeMap<&'static str, (Value, Origin)>,
    misplaced: Vec<Misplaced>,
}

impl Settings {
    /// Lays flags over the environment over the file over the built-in defaults.
    ///
    /// # Panics
    /// If a built-in default is not of its own key's kind: that is a bug in the table.
    pub fn layered(keys: &'static [Key], sources: &Sources) -> Result<Self, Error> {
        let mut settings = Self { keys, values: BTreeMap::new(), misplaced: Vec::new() };
        for key in keys {
            let default = key.parse(key.default).expect("a default is of its key's kind");
            settings.values.insert(key.name, (default, Origin::Default));
        }
        if let Some(text) = &sources.file {
            for entry in file::entries(text)? {
                if let Some(name) = sources.secret(&entry.key) {
                    settings.misplaced.push(Misplaced { name, origin: entry.origin });
                    continue;
                }
                settings.lay(&entry.key, &entry.value, entry.origin)?;
            }
        }
        for (variable, value) in &sources.environment {
            let origin = Origin::Environment { variable: variable.clone() };
            if let Some(name) = sources.secret(variable) {
                settings.misplaced.push(Misplaced { name, origin });
                continue;
            }
            let Some(key) = keys.iter().find(|key| key.variable() == *variable) else {
                let names: Vec<String> = keys.iter().map(Key::variable).collect();
                let suggestion = nearest(variable, names.iter().map(String::as_str));
                return Err(Error::Unknown { origin, key: variable.clone(), suggestion });
            };
            settings.lay(key.name, value, origin)?;
        }
        for Flag { key, name, value } in &sources.flags {
            settings.lay(key, value, Origin::Flag { name })?;
        }
        Ok(settings)
    }

    fn lay(&mut self, name: &str, text: &str, origin: Origin) -> Result<(), Error> {
        let Some(key) = self.keys.iter().find(|key| key.name == name) else {
            let suggestion = nearest(name, self.keys.iter().map(|key| key.name));
            return Err(Error::Unknown { origin, key: name.to_owned(), suggestion });
        };
        let Some(value) = key.parse(text) else {
            let shown = if key.secrecy == Secrecy::Secret { MASK } else { text };
            return Err(Error::Value {
                origin,
                key: key.name,
                value: shown.chars().take(64).collect(),
                expected: key.kind.expected(),
            });
        };
        self.values.insert(key.name, (value, origin));
        Ok(())
    }

    /// A text or a choice.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Value::Text(text) => text,
            other => unreachable!("{name} is declared as no text but {other:?}"),
        }
    }

    /// A path; `None` where the value is empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// A whole number.
    #[must_use]
    pub fn number(&self, name: &str) -> i64 {
        match self.value(name) {
            Value::Number(number) => *number,
            other => unreachable!("{name} is declared as no number but {other:?}"),
        }
    }

    /// A switch.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        match self.value(name) {
            Value::Switch(on) => *on,
            other => unreachable!("{name} is declared as no switch but {other:?}"),
        }
    }

    /// Secrets that stand in a layer; none of them is a setting.
    #[must_use]
    pub fn misplaced(&self) -> &[Misplaced] {
        &self.misplaced
    }

    /// Where a value came from.
    #[must_use]
    pub fn origin(&self, name: &str) -> &Origin {
        &self.entry(name).1
    }

    /// Every key in the order of the table, secrets masked.
    #[must_use]
    pub fn show(&self) -> Vec<Row> {
        let row = |key: &Key| {
            let (value, origin) = self.entry(key.name);
            let text = value.to_string();
            // What is built in is no secret.
            let secret = key.secrecy == Secrecy::Secret && *origin != Origin::Default;
            let masked = secret && !text.is_empty();
            let value = if masked { MASK.to_owned() } else { text };
            Row { key: key.name, value, origin: origin.clone(), summary: key.summary }
        };
        self.keys.iter().map(row).collect()
    }

    fn value(&self, name: &str) -> &Value {
        &self.entry(name).0
    }

    fn entry(&self, name: &str) -> &(Value, Origin) {
        self.values.get(name).expect("the app asks only for keys that its table declares")
    }
}

impl fmt::Debug for Settings {
    /// As [`Settings::show`] has it, so that a secret does not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.show()).finish()
    }
}

const MASK: &str = "****";

/// The nearest of `names`, if one is near enough to have been meant.
fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let tail = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    names
        .map(|name| {
            let whole = strsim::normalized_damerau_levenshtein(text, name);
            let last = strsim::normalized_damerau_levenshtein(&tail(text), &tail(name)) * 0.9;
            (whole.max(last), name)
        })
        .filter(|(score, _)| *score > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests;

//! A configuration for people: as a commented file to begin with, and as what is in force.

use super::{
    Error,
    keys::{KEYS, Key, Kind},
    sheet::Sheet,
};
use serde::Serialize;
use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// One key, and what it is.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Shown {
    /// The key.
    pub key: String,
    /// Its value as it is written; `None` if it has none.
    pub value: Option<String>,
    /// Whether it stands in the file.
    pub written: bool,
    /// What it is for.
    pub about: &'static str,
}

/// Every key of a text and what it is.
#[must_use]
pub fn shown(text: &str) -> Vec<Shown> {
    let sheet = Sheet::of(text);
    let mut all = Vec::new();
    for key in &KEYS {
        if matches!(key.kind, Kind::Section | Kind::Sections) {
            continue;
        }
        match key.path.split_once(".*.") {
            Some((list, name)) => {
                for place in 0..sheet.count(list) {
                    all.push(row(&sheet, key, &format!("{list}.{place}.{name}")));
                }
            }
            None => all.push(row(&sheet, key, key.path)),
        }
    }
    all
}

fn row(sheet: &Sheet<'_>, key: &Key, path: &str) -> Shown {
    let names = sheet.names(path);
    let value = if names.is_empty() {
        sheet.text(path).map(str::to_owned)
    } else {
        Some(names.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", "))
    };
    Shown { key: path.to_owned(), value, written: sheet.is_written(path), about: key.about }
}

/// Keys that a new file sets; all others stand there as comments.
const SET: [&str; 5] = ["venue.name", "venue.product", "account.key", "strategy", "symbols"];

/// The text of a new file.
#[must_use]
pub fn template() -> String {
    let mut text = String::from(
        "# A bot's configuration. The file must be its owner's alone: chmod 600.\n\
         # What is commented out has the value that is shown. No secret stands here:\n\
         # keys and tokens lie in the key store (`stockade-bot keys add`).\n",
    );
    for key in &KEYS {
        let depth = key.path.matches('.').count();
        let in_list = key.path.contains(".*.");
        let indent = "  ".repeat(depth.saturating_sub(usize::from(in_list)));
        let is_section = matches!(key.kind, Kind::Section | Kind::Sections);
        let is_set = SET.contains(&key.path)
            || (is_section && SET.iter().any(|set| set.starts_with(&format!("{}.", key.path))));
        let mark = if is_set { "" } else { "# " };
        let dash = match (in_list, key.name()) {
            (true, "kind") => "- ",
            (true, _) => "  ",
            (false, _) => "",
        };
        let value = match (is_section, is_set, key.default) {
            (true, ..) => String::new(),
            (false, false, default) if !default.is_empty() => format!(" {default}"),
            _ => format!(" {}", key.example),
        };
        let line = format!("{mark}{indent}{dash}{}:{value}", key.name());
        if depth == 0 {
            text.push('\n');
        }
        text.push_str(&format!("{line:<46} # {}\n", key.about));
    }
    text
}

/// Writes a new, commented configuration at 0600.
pub fn init(path: &Path) -> Result<(), Error> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
        _ => Error::Read { path: path.to_owned(), source },
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(template().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

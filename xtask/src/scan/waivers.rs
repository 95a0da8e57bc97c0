//! What is waived in our own sources, each with its reason: lints in code and in the manifest, exceptions of deny.toml.

use super::record::Severity;
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// Folders of what is delivered or builds it.
const FOLDERS: [&str; 2] = ["crates", "xtask"];
/// More waivers than this, and nobody reads them.
const WAIVERS_MAX: usize = 1000;
/// What a tool would say if it were not waived is good to know, and of this it is more.
const WEIGHTY: [&str; 2] = ["unsafe_code", "missing_safety_doc"];

/// Something that a tool would find, were it not told why not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiver {
    /// What the tool calls it.
    pub id: String,
    /// The file.
    pub place: String,
    /// Why it stands.
    pub reason: String,
}

impl Waiver {
    /// How bad it would be.
    pub fn severity(&self) -> Severity {
        let lint = self.id.rsplit("::").next().unwrap_or_default();
        if WEIGHTY.contains(&lint) || self.id.starts_with("RUSTSEC-") {
            Severity::Low
        } else {
            Severity::Note
        }
    }
}

/// All of them, in order; the same one twice in a file is one.
pub fn waivers(project: &Path) -> Result<Vec<Waiver>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        below(project, &project.join(folder), &mut found)?;
    }
    let read = |name: &str| {
        fs::read_to_string(project.join(name)).with_context(|| format!("reading {name}"))
    };
    found.extend(of_manifest(&read("Cargo.toml")?));
    found.extend(of_deny(&read("deny.toml")?)?);
    found.sort();
    found.dedup();
    if found.len() > WAIVERS_MAX {
        bail!("more than {WAIVERS_MAX} waivers: give some back");
    }
    Ok(found)
}

/// Those of the sources below a folder. Tests, benches and examples waive what suits them: they are not delivered.
fn below(project: &Path, folder: &Path, found: &mut Vec<Waiver>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_test = ["tests", "tests.rs", "benches", "examples"].contains(&name.as_str());
        if is_test || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            below(project, &path, found)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let place = path.strip_prefix(project).unwrap_or(&path).to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).with_context(|| format!("reading {place}"))?;
            found.extend(of_source(&text, &place));
        }
    }
    Ok(())
}

/// The waivers of a source, without those of its tests, which stand last.
fn of_source(text: &str, place: &str) -> Vec<Waiver> {
    let begins = ["#[cfg(test)]\nmod ", "#[cfg(test)]\n#["];
    let end = begins.iter().filter_map(|part| text.find(part)).min().unwrap_or(text.len());
    let text = text.get(..end).unwrap_or(text);
    let mut found = Vec::new();
    for line in starts(text) {
        let Some(inner) = text.get(line..).and_then(inside) else { continue };
        let (names, reason) = inner.split_once("reason").unwrap_or((inner, ""));
        let reason = reason.split('"').nth(1).unwrap_or("none is given").to_owned();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        found.extend(names.map(|name| Waiver {
            id: name.to_owned(),
            place: place.to_owned(),
            reason: reason.clone(),
        }));
    }
    found
}

/// Where an attribute begins what it waives, behind its bracket: only at the beginning of a line.
fn starts(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        let words = ["#![allow(", "#[allow(", "#![expect(", "#[expect("];
        if let Some(word) = words.iter().find(|word| bare.starts_with(**word)) {
            found.push(at + (line.len() - bare.len()) + word.len());
        }
        at += line.len();
    }
    found
}

/// What stands up to the bracket that closes, which no lint's name holds; a reason may.
fn inside(text: &str) -> Option<&str> {
    let mut in_text = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => in_text = !in_text,
            ')' if !in_text => return text.get(..at),
            _ => {}
        }
    }
    None
}

/// Lints that are off everywhere; the remark above says why.
fn of_manifest(text: &str) -> Vec<Waiver> {
    let mut found = Vec::new();
    let (mut in_lints, mut reason) = (false, String::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_lints = line.starts_with("[workspace.lints.");
            reason.clear();
        } else if let Some(remark) = line.strip_prefix('#') {
            remark.trim().clone_into(&mut reason);
        } else if let Some(name) = line.strip_suffix(" = \"allow\"").filter(|_| in_lints) {
            found.push(Waiver {
                id: format!("clippy::{name}"),
                place: "Cargo.toml".to_owned(),
                reason: reason.clone(),
            });
        }
    }
    found
}

/// Advisories that are passed over, and licences that one package may have.
fn of_deny(text: &str) -> Result<Vec<Waiver>> {
    let table: Table = text.parse().context("deny.toml is not TOML")?;
    let list = |section: &str, name: &str| -> Vec<Value> {
        let values = table.get(section).and_then(|section| section.get(name));
        values.and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let word = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let waiver = |id: String, reason: String| Waiver { id, place: "deny.toml".to_owned(), reason };
    let mut found = Vec::new();
    for one in list("advisories", "ignore") {
        let id = one.as_str().map_or_else(|| word(&one, "id"), str::to_owned);
        found.push(waiver(id, word(&one, "reason")));
    }
    for one in list("licenses", "exceptions") {
        let name = word(&one, "crate");
        let allowed = one.get("allow").and_then(Value::as_array).cloned().unwrap_or_default();
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        let id = format!("licence {} of {name}", allowed.join(", "));
        found.push(waiver(id, remark_above(text, &format!("crate = \"{name}\""))));
    }
    Ok(found)
}

/// The remark on the line above the one that holds a text.
fn remark_above(text: &str, part: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let above = lines.windows(2).find_map(|pair| match pair {
        [remark, line] if line.contains(part) => remark.strip_prefix('#'),
        _ => None,
    });
    above.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiver_is_read_with_its_reason_and_those_of_tests_are_left_out() {
        let source = "//! A module.\n#![allow(\n    clippy::a_lint,\n    unsafe_code,\n    reason = \"it (and no other) is\"\n)]\n\
            fn f() {\n    #[expect(clippy::b, reason = \"so\")]\n    let x = 1;\n    // #[allow(clippy::c, reason = \"a remark\")]\n}\n\
            #[allow(clippy::bare)]\nfn g() {}\n\
            #[cfg(test)]\nmod tests {\n    #[allow(clippy::d, reason = \"tests\")]\n}\n";
        let said: Vec<String> = of_source(source, "a.rs")
            .iter()
            .map(|one| format!("{} {}: {}", one.severity(), one.id, one.reason))
            .collect();
        assert_eq!(
            said,
            [
                "note clippy::a_lint: it (and no other) is",
                "low unsafe_code: it (and no other) is",
                "note clippy::b: so",
                "note clippy::bare: none is given",
            ]
        );
    }

    #[test]
    fn lints_that_are_off_and_exceptions_are_read_with_the_remark_above() {
        let manifest = "[workspace.lints.clippy]\npedantic = \"warn\"\n# Terms repeat.\nnames = \"allow\"\n\n[profile.dev]\nx = \"allow\"\n";
        let found = of_manifest(manifest);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].id.as_str(), found[0].reason.as_str()),
            ("clippy::names", "Terms repeat.")
        );
        let deny = "[advisories]\nignore = [{ id = \"RUSTSEC-2026-0001\", reason = \"not reached\" }]\n\
            [licenses]\nexceptions = [\n  # Unchanged.\n  { crate = \"x\", allow = [\"MPL-2.0\"] },\n]\n";
        let found = of_deny(deny).expect("TOML");
        let said: Vec<String> =
            found.iter().map(|one| format!("{} {}", one.id, one.reason)).collect();
        assert_eq!(said, ["RUSTSEC-2026-0001 not reached", "licence MPL-2.0 of x Unchanged."]);
        assert_eq!(found[0].severity(), Severity::Low);
        assert!(of_deny("[").is_err());
    }

    #[test]
    fn every_waiver_of_ours_says_why() {
        let found = waivers(&crate::machine::project()).expect("reads");
        assert!(found.len() > 20, "{}", found.len());
        let is_bare = |one: &&Waiver| one.reason.is_empty() || one.reason == "none is given";
        let bare: Vec<&Waiver> = found.iter().filter(is_bare).collect();
        assert_eq!(bare, Vec::<&Waiver>::new());
        assert!(found.iter().any(|one| one.id == "unsafe_code"), "the one module is among them");
    }
}

//! The supply chain rules of `deny.toml`, read from `cargo metadata`.
//!
//! `cargo-deny` reads the same file and is the stronger tool; it takes minutes to install, and a
//! machine without it must not be a machine without the rules.

use crate::{machine, process};
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use std::{collections::BTreeSet, fs};
use toml::Table;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The rules that this check knows.
#[derive(Debug, Default)]
struct Rules {
    banned: BTreeSet<String>,
    licences: BTreeSet<String>,
    /// Package and a licence that it alone may have.
    exceptions: BTreeSet<(String, String)>,
}

/// One package of the graph.
#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    source: Option<String>,
}

/// Every breach of the rules, as a sentence with the way to mend it.
pub fn check() -> Result<Vec<String>> {
    let project = machine::project();
    let text = fs::read_to_string(project.join("deny.toml")).context("reading deny.toml")?;
    let rules = rules(&text)?;
    let arguments = ["metadata", "--format-version", "1", "--locked", "--all-features"];
    let metadata = process::output(&mut process::command("cargo", &arguments, &project))?;
    let metadata: Value = serde_json::from_str(&metadata).context("reading cargo metadata")?;
    let packages = packages(&metadata)?;
    Ok(breaches(&rules, &packages))
}

fn rules(text: &str) -> Result<Rules> {
    let file: Table = text.parse().context("deny.toml is not TOML")?;
    let list = |section: &str, key: &str| -> Vec<&toml::Value> {
        let found = file.get(section).and_then(|s| s.get(key)).and_then(|v| v.as_array());
        found.map(|values| values.iter().collect()).unwrap_or_default()
    };
    let crate_of = |value: &toml::Value| -> Result<String> {
        let spec = value.as_str().or_else(|| value.get("crate").and_then(toml::Value::as_str));
        spec.map(str::to_owned).ok_or_else(|| anyhow!("deny.toml: {value} names no crate"))
    };
    let mut rules = Rules::default();
    for entry in list("bans", "deny") {
        rules.banned.insert(crate_of(entry)?);
    }
    for licence in list("licenses", "allow") {
        rules.licences.extend(licence.as_str().map(str::to_owned));
    }
    for entry in list("licenses", "exceptions") {
        let name = crate_of(entry)?;
        let allowed = entry.get("allow").and_then(toml::Value::as_array);
        for licence in allowed.into_iter().flatten().filter_map(toml::Value::as_str) {
            rules.exceptions.insert((name.clone(), licence.to_owned()));
        }
    }
    Ok(rules)
}

/// The packages that some target or feature of ours really uses.
fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let list = |value: &Value, key: &str| -> Vec<Value> {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let nodes = list(metadata.get("resolve").context("cargo metadata: no graph")?, "nodes");
    let used: BTreeSet<String> = nodes
        .iter()
        .flat_map(|node| list(node, "deps"))
        .filter_map(|dependency| text(&dependency, "pkg"))
        .collect();
    let all = list(metadata, "packages");
    let used = all.iter().filter(|package| {
        text(package, "source").is_none()
            || text(package, "id").is_some_and(|id| used.contains(&id))
    });
    Ok(used
        .map(|package| Package {
            name: text(package, "name").unwrap_or_default(),
            version: text(package, "version").unwrap_or_default(),
            licence: text(package, "license"),
            source: text(package, "source"),
        })
        .collect())
}

fn breaches(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let Package { name, version, licence, source } = package;
        if rules.banned.contains(name) {
            found.push(format!(
                "{name} {version} is banned: `cargo tree -i {name}` shows who brings it"
            ));
        }
        if source.as_deref().is_some_and(|source| source != REGISTRY) {
            found.push(format!("{name} {version} comes from outside crates.io"));
        }
        let allowed = |id: &str| {
            let own = (name.clone(), id.to_owned());
            rules.licences.contains(id) || rules.exceptions.contains(&own)
        };
        match licence {
            None => found.push(format!("{name} {version} states no licence")),
            Some(text) if !satisfied(text, &allowed) => {
                found.push(format!(
                    "{name} {version} is under {text}, which deny.toml does not allow"
                ));
            }
            Some(_) => {}
        }
    }
    found
}

/// Whether an SPDX expression (`AND` binds tighter than `OR`) can be met by allowed licences.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut holds = all_of(rest, allowed);
    while let ["OR", tail @ ..] = *rest {
        *rest = tail;
        holds |= all_of(rest, allowed);
    }
    holds
}

fn all_of(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut holds = one(rest, allowed);
    while let ["AND", tail @ ..] = *rest {
        *rest = tail;
        holds &= one(rest, allowed);
    }
    holds
}

fn one(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    match *rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let holds = any_of(rest, allowed);
            let [")", tail @ ..] = *rest else { return false };
            *rest = tail;
            holds
        }
        [licence, "WITH", exception, tail @ ..] => {
            *rest = tail;
            allowed(&format!("{licence} WITH {exception}"))
        }
        [licence, tail @ ..] => {
            *rest = tail;
            allowed(licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [bans]
        deny = [{ crate = "ring", reason = "second provider" }, "openssl"]
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        exceptions = [{ crate = "webpki", allow = ["ISC"] }]
    "#;

    #[test]
    fn licences_are_read_as_expressions() {
        let rules = rules(DENY).expect("rules");
        let check = |expression: &str, want: bool| {
            let got = satisfied(expression, &|id| rules.licences.contains(id));
            assert_eq!(got, want, "{expression}");
        };
        check("MIT", true);
        check("MIT/Apache-2.0", true);
        check("GPL-3.0 OR MIT", true);
        check("GPL-3.0 AND MIT", false);
        check("(MIT OR GPL-3.0) AND Apache-2.0", true);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("GPL-2.0 WITH Classpath-exception-2.0", false);
        check("(MIT", false);
        check("MIT Apache-2.0", false);
        check("", false);
    }

    #[test]
    fn every_rule_bites() {
        let rules = rules(DENY).expect("rules");
        let check = |name: &str, licence: Option<&str>, source: &str, want: &str| {
            let package = Package {
                name: name.into(),
                version: "1.0.0".into(),
                licence: licence.map(str::to_owned),
                source: Some(source.into()),
            };
            let found = breaches(&rules, &[package]).join("; ");
            assert!(
                if want.is_empty() { found.is_empty() } else { found.contains(want) },
                "{found}"
            );
        };
        check("serde", Some("MIT"), REGISTRY, "");
        check("webpki", Some("ISC"), REGISTRY, "");
        check("other", Some("ISC"), REGISTRY, "under ISC");
        check("ring", Some("MIT"), REGISTRY, "banned");
        check("openssl", Some("MIT"), REGISTRY, "banned");
        check("serde", None, REGISTRY, "no licence");
        check("serde", Some("MIT"), "git+https://example.org/x", "outside crates.io");
    }
}

//! The supply chain rules of `deny.toml`, read from `cargo tree`.
//!
//! `cargo-deny` reads the same file and is the stronger tool; it takes minutes to install, and a
//! machine without it must not be a machine without the rules.

use crate::{machine, process};
use anyhow::{Context, Result, anyhow};
use std::{collections::BTreeSet, fs};
use toml::Table;

/// The graph as it is built, for every target and feature. `cargo metadata` would not do: it
/// also lists optional packages that nothing switches on.
const TREE: [&str; 12] = [
    "tree",
    "--workspace",
    "--all-features",
    "--locked",
    "--target",
    "all",
    "--edges",
    "normal,build,dev",
    "--prefix",
    "none",
    "--format",
    "{p}|{l}",
];

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
    /// Where it comes from, if not from crates.io and not from this project.
    elsewhere: Option<String>,
}

/// Every breach of the rules, as a sentence with the way to mend it.
pub fn check() -> Result<Vec<String>> {
    let project = machine::project();
    let text = fs::read_to_string(project.join("deny.toml")).context("reading deny.toml")?;
    let rules = rules(&text)?;
    let tree = process::output(&mut process::command("cargo", &TREE, &project))?;
    let packages = packages(&tree, &project.to_string_lossy())?;
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

/// The packages of `cargo tree`, each line `name v1.2.3 (where from)|licence`.
fn packages(tree: &str, project: &str) -> Result<Vec<Package>> {
    // A package met before is marked with a star.
    let lines = tree.lines().map(|line| line.trim_end_matches(" (*)").trim());
    let lines: BTreeSet<&str> = lines.filter(|line| !line.is_empty()).collect();
    let read = |line: &str| {
        let (package, licence) = line.rsplit_once('|')?;
        let (name, rest) = package.split_once(" v")?;
        let (version, notes) = rest.split_once(' ').unwrap_or((rest, ""));
        let elsewhere = notes
            .split(['(', ')'])
            .map(str::trim)
            .find(|note| !note.is_empty() && *note != "proc-macro" && !note.starts_with(project));
        Some(Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: Some(licence.to_owned()).filter(|licence| !licence.is_empty()),
            elsewhere: elsewhere.map(str::to_owned),
        })
    };
    let packages: Option<Vec<Package>> = lines.into_iter().map(read).collect();
    packages.context("cargo tree writes lines that are not understood")
}

fn breaches(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let Package { name, version, licence, elsewhere } = package;
        if rules.banned.contains(name) {
            found.push(format!(
                "{name} {version} is banned: `cargo tree -i {name}` shows who brings it"
            ));
        }
        if let Some(origin) = elsewhere {
            found.push(format!("{name} {version} comes from {origin}, not from crates.io"));
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
        let check = |line: &str, want: &str| {
            let packages = packages(line, "/home/me/stockade").expect("a line of the tree");
            let found = breaches(&rules, &packages).join("; ");
            assert!(
                if want.is_empty() { found.is_empty() } else { found.contains(want) },
                "{found}"
            );
        };
        check("serde v1.0.0|MIT", "");
        check("serde_derive v1.0.0 (proc-macro)|MIT (*)", "");
        check("market v0.1.0 (/home/me/stockade/crates/market)|Apache-2.0", "");
        check("webpki v0.22.0|ISC", "");
        check("other v1.0.0|ISC", "under ISC");
        check("ring v0.17.0|MIT", "banned");
        check("openssl v0.10.0|MIT", "banned");
        check("serde v1.0.0|", "no licence");
        check("serde v1.0.0 (https://example.org/x#0a1b)|MIT", "not from crates.io");
        assert!(packages_refused("nonsense"));
    }

    fn packages_refused(line: &str) -> bool {
        packages(line, "/").is_err()
    }
}

//! Arrows between crates: declared, downward, and none of the forbidden ones.

use crate::{
    CRATES, EDGES, Floor, NEVER_REACHES, NOT_IN_A_CORE, TEST_EDGES,
    tree::{self, File},
};
use std::collections::BTreeSet;
use toml::Table;

/// The dependencies of one manifest.
#[derive(Default)]
struct Needs {
    normal: BTreeSet<String>,
    tests: BTreeSet<String>,
}

fn needs(manifest: &File) -> Needs {
    let table: Table = manifest.text.parse().expect("Cargo.toml is TOML");
    let mut needs = Needs::default();
    let mut tables = vec![&table];
    let targets = table.get("target").and_then(|value| value.as_table());
    tables.extend(targets.into_iter().flat_map(Table::values).filter_map(|v| v.as_table()));
    for table in tables {
        let names = |section: &str| -> BTreeSet<String> {
            let found = table.get(section).and_then(|value| value.as_table());
            found.map(|list| list.keys().cloned().collect()).unwrap_or_default()
        };
        needs.normal.extend(names("dependencies"));
        needs.normal.extend(names("build-dependencies"));
        needs.tests.extend(names("dev-dependencies"));
    }
    needs
}

fn name_of(manifest: &File) -> &str {
    manifest.path.rsplit('/').nth(1).unwrap_or_default()
}

fn floor_of(name: &str) -> Option<Floor> {
    CRATES.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

fn edge_findings(manifests: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let ours = |name: &String| floor_of(name).is_some();
    for manifest in manifests {
        let (from, needs) = (name_of(manifest), needs(manifest));
        let Some(floor) = floor_of(from) else {
            findings.push(format!("{}: {from} stands on no floor of CRATES", manifest.path));
            continue;
        };
        let undeclared = |to: &&String, table: &[(&str, &str, &str)]| {
            table.iter().all(|(a, b, _)| (*a, *b) != (from, to.as_str()))
        };
        for to in needs.normal.iter().filter(|to| ours(to)) {
            // An app wires everything; what it may not reach is in NEVER_REACHES.
            if undeclared(&to, &EDGES) && floor != Floor::App {
                findings.push(format!("{}: edge {from} -> {to} is not in EDGES", manifest.path));
            }
            if floor_of(to) > Some(floor) || (floor_of(to) == Some(floor) && from != "engine") {
                findings.push(format!("{}: {from} -> {to} does not point down", manifest.path));
            }
        }
        for to in needs.tests.iter().filter(|to| ours(to) && !needs.normal.contains(*to)) {
            if undeclared(&to, &TEST_EDGES) {
                findings.push(format!(
                    "{}: test edge {from} -> {to} is not in TEST_EDGES",
                    manifest.path
                ));
            }
        }
        let outside = needs.normal.iter().filter(|to| NOT_IN_A_CORE.contains(&to.as_str()));
        for to in outside.filter(|_| floor <= Floor::Core) {
            findings.push(format!("{}: {to} has no place in a core", manifest.path));
        }
    }
    findings
}

/// Lines of the tables that no manifest needs any more.
fn stale_edges(manifests: &[File]) -> Vec<String> {
    let stale = |(from, to): (&str, &str), section: fn(Needs) -> BTreeSet<String>| {
        let own = manifests.iter().find(|manifest| name_of(manifest) == from);
        own.is_some_and(|manifest| !section(needs(manifest)).contains(to))
    };
    let normal = EDGES.iter().filter(|(a, b, _)| stale((a, b), |needs| needs.normal));
    let tests = TEST_EDGES.iter().filter(|(a, b, _)| stale((a, b), |needs| needs.tests));
    normal.chain(tests).map(|(a, b, _)| format!("no manifest has {a} -> {b} any more")).collect()
}

/// Every crate that `from` reaches in a lock file, itself not counted.
fn reached(lock: &str, from: &str) -> BTreeSet<String> {
    let table: Table = lock.parse().expect("Cargo.lock is TOML");
    let packages = table.get("package").and_then(|value| value.as_array()).expect("packages");
    let mut waiting = vec![from.to_owned()];
    let mut reached = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let same = |package: &&toml::Value| {
            package.get("name").and_then(toml::Value::as_str) == Some(name.as_str())
        };
        for package in packages.iter().filter(same) {
            let list = package.get("dependencies").and_then(toml::Value::as_array);
            let names = list.into_iter().flatten().filter_map(toml::Value::as_str);
            for next in names.filter_map(|line| line.split(' ').next()) {
                if reached.insert(next.to_owned()) {
                    waiting.push(next.to_owned());
                }
            }
        }
    }
    reached
}

fn forbidden_reaches(lock: &str) -> Vec<String> {
    let breach = |(from, to, why): &(&str, &str, &str)| {
        reached(lock, from).contains(*to).then(|| format!("{from} reaches {to}, but {why}"))
    };
    NEVER_REACHES.iter().filter_map(breach).collect()
}

#[test]
fn edges_are_declared_and_point_down() {
    let mut manifests = tree::files("crates", &["toml"]);
    manifests.push(tree::file("xtask/Cargo.toml"));
    manifests.retain(|file| file.path.ends_with("/Cargo.toml"));
    assert!(manifests.len() >= 14, "the manifests were not found");
    let mut findings = edge_findings(&manifests);
    findings.extend(stale_edges(&manifests));
    findings.extend(forbidden_reaches(&tree::file("Cargo.lock").text));
    tree::none(&findings);
}

#[test]
fn an_edge_that_is_not_declared_is_found() {
    let check = |path: &str, text: &str, want: &str| {
        let findings = edge_findings(&[File::sample(path, text)]).join("\n");
        assert!(findings.contains(want), "{path}: {findings:?} lacks {want:?}");
    };
    check(
        "crates/factor/Cargo.toml",
        "[dependencies]\nseal = {}",
        "factor -> seal is not in EDGES",
    );
    check("crates/market/Cargo.toml", "[dependencies]\nengine = {}", "does not point down");
    check("crates/catalog/Cargo.toml", "[dependencies]\nstore = {}", "does not point down");
    check("crates/audit/Cargo.toml", "[dev-dependencies]\nstore = {}", "not in TEST_EDGES");
    check("crates/engine/Cargo.toml", "[dependencies]\ntokio = {}", "no place in a core");
    check("crates/audit/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nlibc = {}", "no place");
    check("crates/nova/Cargo.toml", "", "stands on no floor");
}

#[test]
fn a_forbidden_crate_is_found_through_others() {
    let lock = r#"
        [[package]]
        name = "stockade"
        dependencies = ["edge", "serde 1.0.0"]
        [[package]]
        name = "edge"
        dependencies = ["venues"]
        [[package]]
        name = "venues"
        [[package]]
        name = "serde"
    "#;
    assert_eq!(forbidden_reaches(lock).len(), 1);
    assert!(forbidden_reaches(&lock.replace("\"venues\"]", "]")).is_empty());
}

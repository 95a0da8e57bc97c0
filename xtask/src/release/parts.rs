//! What a program was built from, inside of the program: the section that `cargo auditable` writes and `cargo audit bin`
//! reads. It is written after the link by `objcopy`: a wrapper around the compiler, which is how the tool itself goes
//! about it, lies at a path of the builder's machine that Cargo takes into the names of everything.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null")]

use anyhow::{Context, Result};
use auditable_serde::{DependencyKind, Package, Source, VersionInfo};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::Value;
use std::{collections::BTreeMap, io::Write};

/// Where the list lies.
pub const SECTION: &str = ".dep-v0";
/// Compile-time macros and what they need are marked as needed to build.
const FORMAT: u32 = 1;
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The section's bytes, for a package of a workspace.
pub fn section(metadata: &Value, package: &str) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(&list(metadata, package)?)?;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&text)?;
    Ok(packed.finish()?)
}

/// Everything that a package is built from, in an order that only names and versions decide.
fn list(metadata: &Value, package: &str) -> Result<VersionInfo> {
    let by_id = |value: &'_ Value| {
        let all = value.as_array().map_or(&[][..], Vec::as_slice);
        let ids = all.iter().filter_map(|one| Some((one["id"].as_str()?.to_owned(), one.clone())));
        ids.collect::<BTreeMap<String, Value>>()
    };
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let root = packages
        .iter()
        .find(|(_, one)| one["source"].is_null() && one["name"] == package)
        .map(|(id, _)| id.as_str())
        .with_context(|| format!("cargo metadata does not tell of {package}"))?;
    let found = reached(&packages, &nodes, root);
    let mut ids: Vec<&str> = found.keys().copied().collect();
    let word = |id: &str, key: &str| packages[id][key].as_str().unwrap_or_default().to_owned();
    ids.sort_by_cached_key(|id| (word(id, "name"), word(id, "version"), word(id, "source")));
    let number: BTreeMap<&str, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let one = |id: &&str| {
        let mut dependencies: Vec<usize> =
            needs(&nodes, id).iter().filter_map(|(to, _)| number.get(to).copied()).collect();
        dependencies.sort_unstable();
        dependencies.dedup();
        Ok(Package {
            name: word(id, "name"),
            version: word(id, "version").parse().context("a version")?,
            source: match word(id, "source").as_str() {
                "" => Source::Local,
                REGISTRY => Source::CratesIo,
                other if other.starts_with("git+") => Source::Git,
                _ => Source::Registry,
            },
            kind: found[id],
            dependencies,
            root: *id == root,
        })
    };
    let packages = ids.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(VersionInfo { packages, format: FORMAT })
}

/// What is reached from the root, and whether any way there is one of the running program.
fn reached<'a>(
    packages: &'a BTreeMap<String, Value>,
    nodes: &'a BTreeMap<String, Value>,
    root: &'a str,
) -> BTreeMap<&'a str, DependencyKind> {
    let is_macro = |id: &str| {
        let targets = packages[id]["targets"].as_array().map_or(&[][..], Vec::as_slice);
        targets.iter().any(|target| target["kind"][0] == "proc-macro")
    };
    let mut found = BTreeMap::new();
    let mut open = vec![(root, DependencyKind::Runtime)];
    while let Some((id, kind)) = open.pop() {
        if found.get(id).is_some_and(|known| *known >= kind) {
            continue;
        }
        found.insert(id, kind);
        for (to, runs) in needs(nodes, id) {
            let runs = runs && kind == DependencyKind::Runtime && !is_macro(to);
            open.push((to, if runs { DependencyKind::Runtime } else { DependencyKind::Build }));
        }
    }
    found
}

/// What a package needs besides its tests, and whether it needs it when it runs.
fn needs<'a>(nodes: &'a BTreeMap<String, Value>, id: &str) -> Vec<(&'a str, bool)> {
    let all = nodes.get(id).and_then(|node| node["deps"].as_array()).map_or(&[][..], Vec::as_slice);
    let one = |dependency: &'a Value| {
        let kinds = dependency["dep_kinds"].as_array().map_or(&[][..], Vec::as_slice);
        let is = |word: Value| kinds.iter().any(|kind| kind["kind"] == word);
        let (runs, builds) = (is(Value::Null), is("build".into()));
        (runs || builds).then_some((dependency["pkg"].as_str()?, runs))
    };
    all.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine, process};
    use serde_json::json;

    #[test]
    fn what_runs_what_builds_and_what_only_tests_are_told_apart() {
        let package = |name: &str, source: Value, kind: &str| {
            json!({ "id": name, "name": name, "version": "1.0.0", "source": source,
                    "targets": [{ "kind": [kind] }] })
        };
        let needs =
            |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [
                package("app", Value::Null, "bin"), package("runs", json!(REGISTRY), "lib"),
                package("builds", json!(REGISTRY), "lib"), package("macro", json!(REGISTRY), "proc-macro"),
                package("parses", json!("git+https://example.com/x"), "lib"),
                package("tests", json!(REGISTRY), "lib"), package("other", Value::Null, "bin"),
            ],
            "resolve": { "nodes": [
                { "id": "app", "deps": [needs("runs", Value::Null), needs("macro", Value::Null),
                    needs("builds", json!("build")), needs("tests", json!("dev"))] },
                { "id": "macro", "deps": [needs("parses", Value::Null), needs("runs", Value::Null)] },
                { "id": "other", "deps": [needs("tests", Value::Null)] },
            ] },
        });
        let list = list(&metadata, "app").expect("a list");
        let told: Vec<String> = list
            .packages
            .iter()
            .map(|one| {
                format!("{} {:?} {:?} {:?}", one.name, one.source, one.kind, one.dependencies)
            })
            .collect();
        assert_eq!(
            told,
            [
                "app Local Runtime [1, 2, 4]",
                "builds CratesIo Build []",
                "macro CratesIo Build [3, 4]",
                "parses Git Build []",
                "runs CratesIo Runtime []",
            ]
        );
        assert!(super::list(&metadata, "none").is_err());
    }

    /// The reader that `cargo audit bin` links says what is inside.
    #[test]
    fn the_library_of_others_reads_the_list_out_of_a_program() {
        if machine::find(&["objcopy"]).is_none() {
            println!("skipped: objcopy is not on this machine (apt-get install binutils)");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
        let mut ask = process::command("cargo", &arguments, &machine::project());
        let text = process::output(&mut ask).expect("cargo knows");
        let metadata: Value = serde_json::from_str(&text).expect("JSON");
        let parts = folder.path().join("parts");
        std::fs::write(&parts, section(&metadata, "probe").expect("a list")).expect("writes");
        let program = folder.path().join("program");
        let add = format!("{SECTION}={}", parts.display());
        let mut copy = process::command("objcopy", &["--add-section", &add], folder.path());
        let own = std::env::current_exe().expect("a program");
        process::output(copy.arg(own).arg(&program)).expect("copies");
        let limits = auditable_info::Limits::default();
        let read = auditable_info::audit_info_from_file(&program, limits).expect("reads");
        let root: Vec<&str> =
            read.packages.iter().filter(|one| one.root).map(|one| one.name.as_str()).collect();
        assert_eq!((root, read.format), (vec!["probe"], FORMAT));
        assert!(read.packages.iter().any(|one| one.name == "rustls"));
        assert!(read.packages.iter().all(|one| one.name != "tempfile"), "it is for tests");
    }
}

//! The parts of what is delivered, as `CycloneDX` 1.6 (ECMA-424): name, version, licence, digest, and how often
//! its code says `unsafe`.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null")]

use super::census::unsafe_words;
use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use toml::Table;

/// The programs that are delivered.
const PROGRAMS: [&str; 3] = ["stockade", "stockade-bot", "probe"];
/// A source file of a package that is longer than this is data.
const SOURCE_BYTES_MAX: u64 = 8 << 20;

/// From what `cargo metadata` and the lock file say.
pub fn of(metadata: &Value, lockfile: &str, date: Timestamp) -> Result<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages = list(&metadata["packages"]);
    let packages: BTreeMap<&str, &Value> =
        packages.iter().filter_map(|one| Some((one["id"].as_str()?, one))).collect();
    let nodes = list(&metadata["resolve"]["nodes"]);
    let nodes: BTreeMap<&str, &Value> =
        nodes.iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let programs: Vec<&str> = packages
        .iter()
        .filter(|(_, one)| {
            one["source"].is_null() && PROGRAMS.iter().any(|name| one["name"] == *name)
        })
        .map(|(id, _)| *id)
        .collect();
    if programs.len() != PROGRAMS.len() {
        return Err(anyhow!("cargo metadata does not tell of {}", PROGRAMS.join(", ")));
    }
    let edges = delivered(&nodes, &programs);
    let digests = digests(lockfile)?;
    let mut components = Vec::new();
    for id in edges.keys() {
        let package = packages.get(id).with_context(|| format!("no package {id}"))?;
        components.push(component(package, &digests));
    }
    components.sort_by_cached_key(|one| one["bom-ref"].as_str().map(str::to_owned));
    let name = |id: &str| packages.get(id).map(|package| reference(package));
    let mut dependencies: Vec<Value> = edges
        .iter()
        .map(|(id, on)| {
            let on: BTreeSet<String> = on.iter().filter_map(|id| name(id)).collect();
            json!({ "ref": name(id), "dependsOn": on })
        })
        .collect();
    dependencies.sort_by_cached_key(|one| one["ref"].as_str().map(str::to_owned));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": date.to_string(),
            "tools": { "components": [{
                "type": "application",
                "name": "cargo xtask scan",
                "version": env!("CARGO_PKG_VERSION"),
            }] },
            "component": {
                "type": "application",
                "bom-ref": "the programs",
                "name": "stockade",
                "version": env!("CARGO_PKG_VERSION"),
                "licenses": [{ "expression": "Apache-2.0" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// Every package that the programs are built from, with those that it is built from; tests are not delivered.
fn delivered<'a>(
    nodes: &BTreeMap<&'a str, &'a Value>,
    programs: &[&'a str],
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut edges = BTreeMap::new();
    let mut open: Vec<&str> = programs.to_vec();
    while let Some(id) = open.pop() {
        if edges.contains_key(id) {
            continue;
        }
        let node = nodes.get(id).copied().unwrap_or(&Value::Null);
        let all = node["deps"].as_array().map_or(&[][..], Vec::as_slice);
        let is_delivered = |one: &&Value| {
            let kinds = one["dep_kinds"].as_array().map_or(&[][..], Vec::as_slice);
            kinds.iter().any(|kind| kind["kind"] != "dev")
        };
        let on: Vec<&str> =
            all.iter().filter(is_delivered).filter_map(|one| one["pkg"].as_str()).collect();
        open.extend(&on);
        edges.insert(id, on);
    }
    edges
}

/// The digest of each package, by name and version.
fn digests(lockfile: &str) -> Result<BTreeMap<(String, String), String>> {
    let lockfile: Table = lockfile.parse().context("Cargo.lock is not TOML")?;
    let packages = lockfile.get("package").and_then(toml::Value::as_array);
    let text = |one: &toml::Value, key: &str| one.get(key)?.as_str().map(str::to_owned);
    let entry = |one: &toml::Value| {
        Some(((text(one, "name")?, text(one, "version")?), text(one, "checksum")?))
    };
    Ok(packages.into_iter().flatten().filter_map(entry).collect())
}

/// Package URL, which is also how the others refer to it.
fn reference(package: &Value) -> String {
    let word = |key: &str| package[key].as_str().unwrap_or_default();
    // A plus begins a qualifier to some readers.
    format!("pkg:cargo/{}@{}", word("name"), word("version").replace('+', "%2B"))
}

fn component(package: &Value, digests: &BTreeMap<(String, String), String>) -> Value {
    let word = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let purl = reference(package);
    let mut component = json!({
        "type": "library",
        "bom-ref": purl,
        "name": word("name"),
        "version": word("version"),
        "purl": purl,
    });
    // Older manifests write a slash where the others say OR.
    let licence = word("license").replace('/', " OR ");
    if !licence.is_empty() {
        component["licenses"] = json!([{ "expression": licence }]);
    }
    if let Some(digest) = digests.get(&(word("name"), word("version"))) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": digest }]);
    }
    let home = word("repository");
    if home.starts_with("https://") {
        component["externalReferences"] = json!([{ "type": "vcs", "url": home }]);
    }
    let manifest = word("manifest_path");
    let folder = Path::new(&manifest).parent().map(|folder| folder.join("src"));
    if let Some(words) = folder.and_then(|folder| unsafe_words_below(&folder)) {
        let value = words.to_string();
        component["properties"] = json!([{ "name": "stockade:unsafe-words", "value": value }]);
    }
    component
}

/// How often the Rust below a folder says `unsafe`; none, where there is no such folder.
fn unsafe_words_below(folder: &Path) -> Option<usize> {
    let mut words = 0;
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            words += unsafe_words_below(&path).unwrap_or(0);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && about.len() <= SOURCE_BYTES_MAX
            && let Ok(bytes) = fs::read(&path)
        {
            words += unsafe_words(&String::from_utf8_lossy(&bytes));
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Value {
        let package = |name: &str, source: Value| {
            json!({ "id": name, "name": name, "version": "1.0.0+x", "source": source,
                "license": "MIT/Apache-2.0", "repository": "https://example.org" })
        };
        let node = |name: &str, deps: &[(&str, Value)]| {
            let deps: Vec<Value> = deps
                .iter()
                .map(|(pkg, kind)| json!({ "pkg": pkg, "dep_kinds": [{ "kind": kind }] }))
                .collect();
            json!({ "id": name, "deps": deps })
        };
        let normal = Value::Null;
        json!({
            "packages": [
                package("stockade", Value::Null), package("stockade-bot", Value::Null),
                package("probe", Value::Null), package("used", json!("registry")),
                package("built", json!("registry")), package("tested", json!("registry")),
            ],
            "resolve": { "nodes": [
                node("stockade", &[("used", normal.clone()), ("tested", json!("dev"))]),
                node("stockade-bot", &[("used", normal.clone())]), node("probe", &[]),
                node("used", &[("built", json!("build"))]), node("built", &[]), node("tested", &[]),
            ] },
        })
    }

    #[test]
    fn what_is_delivered_is_listed_and_what_only_tests_use_is_not() {
        let lock = "[[package]]\nname = \"used\"\nversion = \"1.0.0+x\"\nchecksum = \"ab\"\n";
        let bom = of(&metadata(), lock, Timestamp::UNIX_EPOCH).expect("a list");
        let all = bom["components"].as_array().expect("components");
        let names: Vec<&str> = all.iter().filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(names, ["built", "probe", "stockade-bot", "stockade", "used"]);
        let used = &all[4];
        assert_eq!(used["purl"], "pkg:cargo/used@1.0.0%2Bx");
        assert_eq!(used["hashes"][0]["content"], "ab");
        assert_eq!(used["licenses"][0]["expression"], "MIT OR Apache-2.0");
        let edges = bom["dependencies"].as_array().expect("edges");
        assert_eq!(edges[4]["dependsOn"][0], "pkg:cargo/built@1.0.0%2Bx");
        for edge in edges {
            for on in edge["dependsOn"].as_array().expect("a list") {
                assert!(all.iter().any(|one| one["bom-ref"] == *on), "{on} is a part");
            }
        }
        let mut less = metadata();
        less["packages"].as_array_mut().expect("a list").remove(1);
        assert!(of(&less, lock, Timestamp::UNIX_EPOCH).is_err());
    }
}

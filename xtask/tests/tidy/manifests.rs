//! Manifests: licence, lints, and bans that say why.

use crate::tree::{self, File};
use toml::{Table, Value};

/// Keys that every crate takes from the workspace.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

fn manifest_findings(file: &File) -> Vec<String> {
    let table: Table = file.text.parse().expect("Cargo.toml is TOML");
    let mut findings = Vec::new();
    let package = table.get("package");
    let from_workspace = |value: Option<&Value>| {
        value.and_then(|v| v.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    for key in INHERITED {
        if !from_workspace(package.and_then(|package| package.get(key))) {
            findings.push(format!("{}: {key}.workspace = true is missing", file.path));
        }
    }
    if !from_workspace(table.get("lints")) {
        findings.push(format!("{}: [lints] workspace = true is missing", file.path));
    }
    let text = |key: &str| package.and_then(|p| p.get(key)).and_then(Value::as_str);
    if text("description").is_none_or(str::is_empty) {
        findings.push(format!("{}: no description", file.path));
    }
    let folder = file.path.rsplit('/').nth(1);
    if text("name") != folder {
        findings.push(format!("{}: the crate is not named like its directory", file.path));
    }
    findings
}

/// Bans without a reason and a replacement.
fn silent_bans(text: &str) -> Vec<String> {
    let table: Table = text.parse().expect("clippy.toml is TOML");
    let sections = table.iter().filter(|(key, _)| key.starts_with("disallowed-"));
    let bans = sections.flat_map(|(_, list)| list.as_array().into_iter().flatten());
    let silent = bans.filter(|ban| {
        ban.get("reason").and_then(Value::as_str).is_none_or(|reason| reason.len() < 10)
    });
    silent.map(|ban| format!("clippy.toml: {ban} has no reason")).collect()
}

/// Entries of deny.toml that ban or except something without saying why.
fn silent_denials(text: &str) -> Vec<String> {
    let table: Table = text.parse().expect("deny.toml is TOML");
    let list = |section: &str, key: &str| -> Vec<Value> {
        let found = table.get(section).and_then(|s| s.get(key)).and_then(Value::as_array);
        found.cloned().unwrap_or_default()
    };
    let entries = list("bans", "deny").into_iter().chain(list("advisories", "ignore"));
    let silent = entries.filter(|entry| entry.get("reason").and_then(Value::as_str).is_none());
    silent.map(|entry| format!("deny.toml: {entry} has no reason")).collect()
}

/// Crates that deny.toml bans and the lock file has all the same.
fn banned_in_lock(deny: &str, lock: &str) -> Vec<String> {
    let table: Table = deny.parse().expect("deny.toml is TOML");
    let bans = table.get("bans").and_then(|s| s.get("deny")).and_then(Value::as_array);
    let names = bans.into_iter().flatten().filter_map(|entry| entry.get("crate")?.as_str());
    // An optional dependency that nothing switches on may stand in the lock file: the step
    // `supply` looks at the graph that is really built. Here: the direct wishes of our crates.
    let asked = |name: &&str| lock.lines().any(|line| line.starts_with(&format!("{name} =")));
    names.filter(asked).map(|name| format!("Cargo.toml asks for {name}, which is banned")).collect()
}

#[test]
fn every_manifest_inherits_what_is_common() {
    let mut manifests = tree::files("crates", &["toml"]);
    manifests.push(tree::file("xtask/Cargo.toml"));
    manifests.retain(|file| file.path.ends_with("/Cargo.toml"));
    tree::none(&manifests.iter().flat_map(manifest_findings).collect::<Vec<_>>());
}

#[test]
fn bans_say_why() {
    let mut findings = silent_bans(&tree::file("clippy.toml").text);
    let deny = tree::file("deny.toml").text;
    findings.extend(silent_denials(&deny));
    findings.extend(banned_in_lock(&deny, &tree::file("Cargo.toml").text));
    for manifest in tree::files("crates", &["toml"]) {
        findings.extend(banned_in_lock(&deny, &manifest.text));
    }
    tree::none(&findings);
}

#[test]
fn the_licence_is_apache() {
    let licence = tree::file("LICENSE").text;
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0, January 2004"));
    let workspace: Table = tree::file("Cargo.toml").text.parse().expect("TOML");
    let stated =
        workspace.get("workspace").and_then(|w| w.get("package")?.get("license")?.as_str());
    assert_eq!(stated, Some("Apache-2.0"));
}

#[test]
fn the_manifest_rules_bite() {
    let good = "[package]\nname = \"x\"\ndescription = \"y\"\nversion.workspace = true\n\
                edition.workspace = true\nrust-version.workspace = true\n\
                license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n";
    let check = |text: &str, want: usize| {
        let findings = manifest_findings(&File::sample("crates/x/Cargo.toml", text));
        assert_eq!(findings.len(), want, "{findings:?}");
    };
    check(good, 0);
    check(&good.replace("license.workspace = true\n", "license = \"MIT\"\n"), 1);
    check(&good.replace("\"x\"", "\"z\""), 1);
    check(&good.replace("[lints]\nworkspace = true\n", ""), 1);
    check(&good.replace("\"y\"", "\"\""), 1);
    assert_eq!(silent_bans("disallowed-types = [{ path = \"a::B\" }]").len(), 1);
    assert_eq!(silent_denials("[bans]\ndeny = [{ crate = \"ring\" }]").len(), 1);
    let deny = "[bans]\ndeny = [{ crate = \"ring\", reason = \"one provider\" }]";
    assert_eq!(banned_in_lock(deny, "[dependencies]\nring = \"0.17\"\n").len(), 1);
    assert!(banned_in_lock(deny, "[dependencies]\nstring = \"1\"\n").is_empty());
}

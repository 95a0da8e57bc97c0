//! No credential lies in the repository (M41, S46): every text file is looked through for what issuers' keys
//! begin with, for private keys, for addresses with a password, and for long random values that are given a
//! secret's name.
//!
//! What is meant to be there, in a test or an example, is counted in `ALLOWED`, with its reason. Each rule has a
//! weak sample, so that it is seen to bite; samples are put together here, for these files are scanned too.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "reading the project's files is what this test does"
)]

#[path = "scanner/allowed.rs"]
mod allowed;
#[path = "scanner/rules.rs"]
mod rules;

use allowed::{ALLOWED, Allowed};
use rules::{Finding, findings};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Files that are larger hold data, and no text that a person wrote.
const FILE_BYTES_MAX: u64 = 4 << 20;

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Built, fetched or made by running: no part of the repository.
const SKIPPED: [&str; 8] =
    ["target", "node_modules", "dist", "test-results", ".git", "book", "demo-data", "results"];

/// The files of the repository: what git keeps or would keep, or without git what is there.
fn tracked() -> Vec<PathBuf> {
    let words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(words).current_dir(root()).output();
    if let Ok(listed) = listed
        && listed.status.success()
        && !listed.stdout.is_empty()
    {
        let names = listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        return names.map(|name| String::from_utf8_lossy(name).into_owned().into()).collect();
    }
    let mut found = Vec::new();
    let mut waiting = vec![root()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).expect("lists").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !SKIPPED.iter().any(|name| entry.file_name() == *name) {
                    waiting.push(path);
                }
            } else if let Ok(inside) = path.strip_prefix(root()) {
                found.push(inside.to_path_buf());
            }
        }
    }
    found
}

/// Files that no repository of ours holds, whatever is in them: names of key stores and of environments.
fn is_kept_out(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let endings = [".pem", ".p12", ".pfx", ".key", ".jks", ".keystore", ".kdbx", ".secrets"];
    name == ".env"
        || name.starts_with(".env.")
        || name == "id_rsa"
        || name == "id_ed25519"
        || name == ".pgpass"
        || name == ".netrc"
        || endings.iter().any(|end| name.ends_with(end))
}

#[test]
fn no_credential_lies_in_the_repository() {
    let (mut read, mut seen) = (0, BTreeMap::<_, Vec<String>>::new());
    for path in tracked() {
        let name = path.to_string_lossy().replace('\\', "/");
        let whole = root().join(&path);
        let Ok(about) = fs::symlink_metadata(&whole) else { continue };
        let mut found = Vec::new();
        if is_kept_out(&name) {
            found.push(Finding { line: 0, rule: "a file of keys", what: String::new() });
        }
        if about.is_file() && about.len() <= FILE_BYTES_MAX {
            // What is no text holds none that a person wrote into it.
            if let Ok(text) = fs::read_to_string(&whole) {
                read += 1;
                found.extend(findings(&text));
            }
        }
        for one in found {
            let line = format!("{name}:{}: {}: {}", one.line, one.rule, one.shown());
            seen.entry((name.clone(), one.rule)).or_default().push(line);
        }
    }
    assert!(read > 500, "{read} files were read: is this the repository?");
    let mut unknown = Vec::new();
    for row in &ALLOWED {
        let found = seen.remove(&(row.file.to_owned(), row.rule)).unwrap_or_default();
        if found.len() != row.count {
            let Allowed { file, rule, count, reason } = row;
            unknown
                .push(format!("{file}: {rule}: {count} are allowed ({reason}), {}", found.len()));
            unknown.extend(found);
        }
    }
    unknown.extend(seen.into_values().flatten());
    println!("{read} files were read");
    assert!(
        unknown.is_empty(),
        "{} findings; take the value out and revoke it, or say in xtask/tests/scanner/allowed.rs why it is none:\n{}",
        unknown.len(),
        unknown.join("\n")
    );
}

#[test]
fn every_rule_bites_and_says_no_more_than_where() {
    for (rule, text) in rules::samples() {
        let found = findings(&format!("first line\n{text}\n"));
        assert!(found.iter().any(|one| one.rule == rule && one.line == 2), "{rule}: {text}");
        for one in found {
            assert!(!one.shown().contains(&one.what) || one.what.len() <= 12, "{rule} is repeated");
        }
    }
}

#[test]
fn innocent_text_is_left_alone() {
    for text in [
        "let password = ask::new_secret(name)?;",
        "password: \"correct horse battery staple\"",
        "postgres://stockade@localhost/stockade",
        "postgres://USER:PASSWORD@HOST:PORT/DATABASE",
        "sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        "token: settings.text(\"keys.vault_token\")",
        "API_KEY=${API_KEY}",
        "-----BEGIN CERTIFICATE-----",
    ] {
        let found: Vec<String> = findings(text).iter().map(Finding::shown).collect();
        assert_eq!(found, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn files_of_keys_are_known_by_their_names() {
    for name in [".env", "deploy/.env.production", "a/server.key", "id_rsa", "x.p12", "a/.pgpass"] {
        assert!(is_kept_out(name), "{name}");
    }
    for name in ["keys.rs", "docs/keys.md", "environment", "key"] {
        assert!(!is_kept_out(name), "{name}");
    }
}

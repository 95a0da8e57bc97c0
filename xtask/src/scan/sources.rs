//! What the scan covers: every file of ours that runs or builds something, and why the others are left out.

use super::{
    census::unsafe_words,
    record::{Part, Scope},
};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Kinds of files: what they are, and how their names end.
const KINDS: [(&str, &[&str]); 5] = [
    ("Rust", &["rs"]),
    ("web pages", &["ts", "svelte", "js", "mjs", "css", "html"]),
    ("SQL", &["sql"]),
    ("manifests and settings", &["toml", "yaml", "yml", "service"]),
    ("scripts", &["sh", "py"]),
];

/// Paths that are not looked at, and why.
const EXCLUDED: [(&str, &str); 9] = [
    ("target", "built"),
    ("ui/node_modules", "others' packages: locked with their digests, installed without scripts"),
    ("ui/dist", "built"),
    ("ui/test-results", "pictures of tests"),
    ("docs", "prose"),
    ("data", "prices"),
    ("demo-data", "made by running"),
    ("results", "made by running"),
    (".git", "history"),
];
/// More files than this are no project of ours.
const FILES_MAX: usize = 20_000;

/// The scope of a scan of this project.
pub fn scope(project: &Path) -> Result<Scope> {
    let mut files = Vec::new();
    collect(project, project, &mut files)?;
    files.sort_unstable();
    let mut parts: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut list = Sha256::new();
    let mut unsafe_of = BTreeMap::new();
    for path in &files {
        let bytes = fs::read(project.join(path)).with_context(|| format!("reading {path}"))?;
        list.update(format!("{}  {path}\n", hex(&Sha256::digest(&bytes))));
        let text = String::from_utf8_lossy(&bytes);
        let part = parts.entry(kind(path).unwrap_or(0)).or_default();
        *part = (part.0 + 1, part.1 + text.lines().count());
        if kind(path) == Some(0) {
            let words = unsafe_words(&text);
            if words > 0 {
                unsafe_of.insert(path.clone(), words);
            }
        }
    }
    let included: Vec<Part> = KINDS
        .iter()
        .enumerate()
        .filter_map(|(at, (what, _))| {
            let (files, lines) = *parts.get(&at)?;
            Some(Part { what: (*what).to_owned(), files, lines })
        })
        .collect();
    let text = |text: &str| text.to_owned();
    let mut excluded: BTreeMap<String, String> =
        EXCLUDED.iter().map(|(path, why)| (text(path), text(why))).collect();
    excluded.insert(text("dependencies"), text("held against advisories, not read"));
    Ok(Scope {
        files: files.len(),
        lines: included.iter().map(|part| part.lines).sum(),
        included,
        excluded,
        sha256: hex(&list.finalize()),
        unsafe_words: unsafe_of,
    })
}

fn kind(path: &str) -> Option<usize> {
    let extension = path.rsplit_once('.')?.1;
    KINDS.iter().position(|(_, extensions)| extensions.contains(&extension))
}

fn collect(project: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        let name = path.strip_prefix(project).unwrap_or(&path).to_string_lossy().into_owned();
        if EXCLUDED.iter().any(|(left_out, _)| *left_out == name) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(project, &path, found)?;
        } else if kind(&name).is_some() {
            found.push(name);
        }
        if found.len() > FILES_MAX {
            bail!("more than {FILES_MAX} files: is {} the project?", project.display());
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_covered_and_a_change_shows() {
        let root = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
            fs::write(path, text).expect("writes");
        };
        write("src/a.rs", "fn a() {\n    unsafe { b() }\n}\n");
        write("ui/src/a.ts", "let a = 1;\n");
        write("ui/node_modules/x/a.js", "x\n");
        write("target/a.rs", "x\n");
        write("picture.png", "x");
        let one = scope(root.path()).expect("reads");
        assert_eq!((one.files, one.lines, one.unsafe_words["src/a.rs"]), (2, 4, 1));
        assert_eq!(one.included[0], Part { what: "Rust".to_owned(), files: 1, lines: 3 });
        assert!(one.excluded.contains_key("ui/node_modules"));
        assert_eq!(scope(root.path()).expect("reads"), one);
        write("src/a.rs", "fn a() {\n    unsafe { c() }\n}\n");
        assert_ne!(scope(root.path()).expect("reads").sha256, one.sha256);
    }
}

//! The web UI: its packages and its build, redone only when something they depend on changed.

use crate::{machine, process};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// Folders of `ui/` that the build does not read.
const NOT_BUILT_FROM: [&str; 4] = ["node_modules", "dist", "test-results", "e2e"];

/// Where the web UI lives.
pub fn directory() -> PathBuf {
    machine::project().join("ui")
}

/// Installs the locked packages, without running their scripts.
pub fn install() -> Result<()> {
    machine::check_node()?;
    let lock = directory().join("package-lock.json");
    let digest = digest([lock.as_path()])?;
    let stamp = directory().join("node_modules/.installed-for");
    if is_stamped(&stamp, &digest) {
        println!("ui/node_modules is what the lock file asks for");
        return Ok(());
    }
    npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    fs::write(&stamp, &digest).with_context(|| format!("writing {}", stamp.display()))
}

/// Whether a build had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// It was made anew.
    Now,
    /// It was there already.
    Before,
}

/// Builds `ui/dist`.
pub fn build() -> Result<Built> {
    install()?;
    let mut sources = Vec::new();
    collect(&directory(), &mut sources)?;
    sources.sort();
    let digest = digest(sources.iter().map(PathBuf::as_path))?;
    let stamp = machine::target().join("xtask/ui-built-for");
    if is_stamped(&stamp, &digest) && directory().join("dist/index.html").is_file() {
        println!("ui/dist is up to date");
        return Ok(Built::Before);
    }
    npm(&["run", "build"])?;
    fs::create_dir_all(machine::target().join("xtask"))?;
    fs::write(&stamp, &digest).with_context(|| format!("writing {}", stamp.display()))?;
    Ok(Built::Now)
}

/// Runs npm in `ui/`.
pub fn npm(arguments: &[&str]) -> Result<()> {
    let ran = process::run(&mut process::command("npm", arguments, &directory()))?;
    if !ran.success {
        bail!("npm {} failed", arguments.join(" "));
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_BUILT_FROM.iter().any(|skip| name == *skip) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_stamped(stamp: &Path, digest: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text == digest)
}

/// Names and contents of files in the order given.
fn digest<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        file.hash(&mut hasher);
        bytes.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_source_changes_the_digest() {
        let folder = machine::target().join("xtask/digest-test");
        fs::create_dir_all(folder.join("node_modules")).expect("a folder");
        let (source, ignored) = (folder.join("a.ts"), folder.join("node_modules/b.js"));
        let of_folder = || {
            let mut files = Vec::new();
            collect(&folder, &mut files).expect("readable");
            digest(files.iter().map(PathBuf::as_path)).expect("readable")
        };
        fs::write(&source, "one").expect("writable");
        fs::write(&ignored, "one").expect("writable");
        let before = of_folder();
        fs::write(&ignored, "two").expect("writable");
        assert_eq!(of_folder(), before);
        fs::write(&source, "two").expect("writable");
        assert_ne!(of_folder(), before);
    }
}

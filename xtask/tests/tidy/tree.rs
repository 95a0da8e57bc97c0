//! The files of the project, as a rule sees them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file and where it is, from the root of the project.
pub struct File {
    /// With forward slashes.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl File {
    /// A sample for a rule's own test.
    pub fn sample(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The name without folders and without its last extension.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// The last extension.
    pub fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// Built, fetched or made by running: not ours to keep tidy.
const SKIPPED: [&str; 8] =
    ["target", "node_modules", "dist", "test-results", ".git", "book", "demo-data", "results"];

/// The root of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Every file below `folder` with one of these extensions, in the order of their paths.
pub fn files(folder: &str, extensions: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root().join(folder), extensions, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// One file; empty when it is not there.
pub fn file(path: &str) -> File {
    File { path: path.into(), text: fs::read_to_string(root().join(path)).unwrap_or_default() }
}

/// Stops a test with all findings at once.
#[track_caller]
pub fn none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !SKIPPED.iter().any(|skip| name == *skip) {
                collect(&path, extensions, found);
            }
            continue;
        }
        let wanted = path.extension().is_some_and(|e| extensions.iter().any(|w| e == *w));
        let (true, Ok(text)) = (wanted, fs::read_to_string(&path)) else { continue };
        let inside = path.strip_prefix(root()).unwrap_or(&path);
        let path = inside.to_string_lossy().replace('\\', "/");
        found.push(File { path, text });
    }
}

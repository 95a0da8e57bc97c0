//! The committed tree, and nothing that lies beside it: a release is made from a copy of it.

use crate::process;
use anyhow::{Context, Result, bail};
use std::{fs, path::Path};

/// Which sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The commit.
    pub commit: String,
    /// Its tree, by which the content is known whatever the history.
    pub tree: String,
    /// When it was committed, in seconds: the only time that a release knows.
    pub committed_at: i64,
    /// The version that its manifest names.
    pub version: String,
}

impl Source {
    /// That of a checkout's last commit.
    pub fn of(project: &Path) -> Result<Self> {
        let ask = |words: &[&str]| {
            let said = process::output(&mut process::command("git", words, project));
            Ok::<_, anyhow::Error>(said.context("a release is made of a commit")?.trim().to_owned())
        };
        let manifest: toml::Table = ask(&["show", "HEAD:Cargo.toml"])?.parse()?;
        let version = manifest.get("workspace").and_then(|it| it.get("package")?.get("version"));
        let version = version.and_then(toml::Value::as_str).context("a workspace has a version")?;
        Ok(Self {
            commit: ask(&["rev-parse", "HEAD"])?,
            tree: ask(&["rev-parse", "HEAD^{tree}"])?,
            committed_at: ask(&["log", "-1", "--format=%ct"])?.parse()?,
            version: version.to_owned(),
        })
    }

    /// Puts the tree into an empty folder.
    pub fn unpack(&self, project: &Path, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let archive = folder.with_extension("tar");
        let name = archive.to_string_lossy().into_owned();
        let words = ["archive", "--format=tar", "--output", &name, &self.commit];
        process::output(&mut process::command("git", &words, project))?;
        process::output(&mut process::command("tar", &["-xf", &name], folder))?;
        fs::remove_file(archive)?;
        if !folder.join("Cargo.lock").is_file() {
            bail!("the commit {} has no Cargo.lock", self.commit);
        }
        Ok(())
    }
}

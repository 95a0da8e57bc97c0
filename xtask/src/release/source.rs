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
    /// That of a commit that a checkout has, by any name.
    pub fn of(project: &Path, name: &str) -> Result<Self> {
        let ask = |words: &[&str]| {
            let said = process::output(&mut process::command("git", words, project));
            Ok::<_, anyhow::Error>(said.context("a release is made of a commit")?.trim().to_owned())
        };
        // A name that begins with a dash would be an option.
        let commit =
            ask(&["rev-parse", "--verify", "--end-of-options", &format!("{name}^{{commit}}")])?;
        let manifest: toml::Table = ask(&["show", &format!("{commit}:Cargo.toml")])?.parse()?;
        let version = manifest.get("workspace").and_then(|it| it.get("package")?.get("version"));
        let version = version.and_then(toml::Value::as_str).context("a workspace has a version")?;
        Ok(Self {
            tree: ask(&["rev-parse", &format!("{commit}^{{tree}}")])?,
            committed_at: ask(&["log", "-1", "--format=%ct", &commit])?.parse()?,
            version: version.to_owned(),
            commit,
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

//! `stockade-bot backup` and `stockade-bot restore`: configuration, strategy, key store and journal as one
//! sealed file, and back, byte for byte.

use super::{
    args::{Backup, Restore},
    ask, usage,
};
use crate::{
    config::{self, Config},
    output::Output,
};
use anyhow::{Context, bail};
use jiff::Timestamp;
use kms::{Archive, Cost, Passphrase, SystemEntropy};
use seal::Secret;
use serde_json::json;
use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A journal that is cut anew while it is read is read again.
const READINGS_MAX: usize = 5;
/// Where the modes of the files stand in the archive.
const MODES: &str = "stockade-bot.modes";

/// Seals everything that the bot needs on another machine into one file.
pub(super) fn backup(ask: &Backup, path: &Path, output: Output) -> anyhow::Result<()> {
    let config = config::load(path)?;
    let passphrase =
        if ask.stdin { typed()? } else { ask::new_secret("a passphrase for the backup")? };
    let (archive, journal) = gathered(&config)?;
    archive.write(
        &ask.out,
        &Passphrase::new(&passphrase)?,
        Cost::DEFAULT,
        &mut SystemEntropy::new(),
    )?;
    // The doctor looks at its age.
    crate::run::make_private(&config.state_dir)?;
    fs::write(config.backup_stamp(), Timestamp::now().to_string())?;
    let files = archive.blobs().count() - 1;
    output.note("keep it on another machine; the key store in it opens as it did here");
    output.show(&json!({ "files": files, "journal": journal }), |_| {
        format!("{}: {files} files, {journal} of them the journal's", ask.out.display())
    })
}

/// Brings all of it back into an empty directory, or nothing.
pub(super) fn restore(ask: &Restore, output: Output) -> anyhow::Result<()> {
    let passphrase = if ask.stdin { typed()? } else { ask::secret("passphrase of the backup")? };
    let archive = Archive::read(&ask.file, &Passphrase::new(&passphrase)?)?;
    let modes = archive.get(MODES).with_context(|| {
        format!("{} was made by `keys backup`: use `keys restore`", ask.file.display())
    })?;
    let modes = String::from_utf8(modes.expose().clone())?;
    let into = std::path::absolute(&ask.into)?;
    if fs::read_dir(&into).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty: name an empty directory with --into", into.display());
    }
    let mut name = into.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    // What a killed restore has left is no part of this one.
    let draft = into.with_file_name(name);
    match fs::remove_dir_all(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => bail!("{}: {error}", draft.display()),
        _ => crate::run::make_private(&draft)?,
    }
    let mut files = 0_u64;
    for line in modes.lines() {
        let (mode, name) = line.split_once(' ').context("the archive's list of files")?;
        let bytes = archive.get(name).with_context(|| format!("{name} is not in the archive"))?;
        put(&draft.join(name), u32::from_str_radix(mode, 8)?, bytes)?;
        files += 1;
    }
    fs::rename(&draft, &into).with_context(|| into.display().to_string())?;
    output.note("never run two bots on one account: see that the other one is stopped for good");
    output.show(&json!({ "files": files }), |_| format!("{}: {files} files", into.display()))
}

/// The first line of stdin.
fn typed() -> anyhow::Result<Secret<String>> {
    ask::lines_of_stdin()?.into_iter().next().ok_or_else(|| usage("stdin was empty"))
}

/// All files under the paths that they have beside the configuration, and how many are the journal's.
fn gathered(config: &Config) -> anyhow::Result<(Archive, usize)> {
    let base = config.path.parent().unwrap_or(Path::new(".")).to_owned();
    let mut files = vec![
        (named(&base, &config.path, "bot.yaml"), config.path.clone()),
        (named(&base, &config.strategy, "strategy.yaml"), config.strategy.clone()),
    ];
    if config.keys.store.exists() {
        files.push((named(&base, &config.keys.store, "keys.sealed"), config.keys.store.clone()));
    }
    for _ in 0..READINGS_MAX {
        let journal = journal_of(config, &base)?;
        let count = journal.len();
        if let Some(archive) = archived(files.iter().chain(&journal))? {
            return Ok((archive, count));
        }
    }
    bail!("the journal changes faster than it is read: try again, or stop the bot first")
}

/// The journal's files, the oldest first.
fn journal_of(config: &Config, base: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let directory = config.journal_dir();
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| directory.display().to_string())?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((named(base, &path, &format!("state/journal/{name}")), path));
        }
    }
    files.sort();
    Ok(files)
}

/// The archive of these files; none, where one went while it was made.
fn archived<'a>(
    files: impl Iterator<Item = &'a (String, PathBuf)>,
) -> anyhow::Result<Option<Archive>> {
    let mut archive = Archive::default();
    let mut modes = String::new();
    for (name, path) in files {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| path.display().to_string())?,
        };
        let mode = fs::metadata(path).map_or(0o600, |about| about.permissions().mode() & 0o777);
        archive.put(name, Secret::new(bytes))?;
        modes.push_str(&format!("{mode:o} {name}\n"));
    }
    archive.put(MODES, Secret::new(modes.into_bytes()))?;
    Ok(Some(archive))
}

/// The path beside the configuration, where there is one that an archive takes; else a usual name.
fn named(base: &Path, path: &Path, usual: &str) -> String {
    let beside = path.strip_prefix(base).ok().and_then(Path::to_str);
    let plain = |text: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        text.split('/').all(|part| !matches!(part, "" | "." | "..") && part.chars().all(allowed))
    };
    beside.filter(plain).unwrap_or(usual).to_owned()
}

fn put(path: &Path, mode: u32, bytes: &Secret<Vec<u8>>) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    crate::run::make_private(path.parent().unwrap_or(path))?;
    let mut open = fs::OpenOptions::new();
    let opened = open.write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.with_context(place)?;
    file.write_all(bytes.expose()).with_context(place)?;
    file.set_permissions(fs::Permissions::from_mode(mode)).with_context(place)?;
    file.sync_all().with_context(place)
}

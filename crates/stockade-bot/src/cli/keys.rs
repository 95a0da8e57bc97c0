//! `stockade-bot keys`.

use super::{
    args::{HolderArg, Import, Keys},
    ask, usage,
};
use crate::{
    clean::line,
    config::{self, Config, KeyPlace},
    output::{Ending, Output, table},
    vault::{self, NewKey, Opener},
};
use anyhow::{Context, bail};
use jiff::Timestamp;
use kms::{Archive, Cost, KeyFile, Listed, Passphrase, SecretStore, SystemEntropy};
use seal::Secret;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Runs a command about the key store.
pub(super) fn run(command: &Keys, path: &Path, output: Output) -> anyhow::Result<Ending> {
    if let Keys::Restore { file, into } = command {
        return restore(file, into, output);
    }
    let config = config::load(path)?;
    let place = &config.keys;
    match command {
        Keys::Add { name, label, plain, stdin } => {
            let shape = if *plain { Shape::Plain } else { Shape::Key };
            let source = if *stdin { Source::Stdin } else { Source::Terminal };
            add(place, (name, label), (shape, source), output)?;
        }
        Keys::Import(import) => self::import(place, import, output)?,
        Keys::List => list(place, output)?,
        Keys::Remove { name } => {
            vault::open(place, &mut ask::passphrase)?.remove(name, &mut SystemEntropy::new())?;
            output.note(&format!("{name} is removed; revoke it at the venue too"));
        }
        Keys::Check => return crate::run::check_key(&config, &mut ask::passphrase, output),
        Keys::Holder { kind, path } => holder(place, *kind, path.as_deref(), output)?,
        Keys::Backup { out } => backup(&config, out, output)?,
        Keys::Restore { .. } => {}
    }
    Ok(Ending::Done)
}

/// What is put in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Key,
    Plain,
}

/// Where from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Terminal,
    Stdin,
}

fn add(
    place: &KeyPlace,
    named: (&str, &str),
    how: (Shape, Source),
    output: Output,
) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let listed = match how {
        (Shape::Key, source) => {
            let key = match source {
                Source::Stdin => key_of_lines(ask::lines_of_stdin()?)?,
                Source::Terminal => key_at_terminal()?,
            };
            vault::put_key(&mut open(place)?, named, &key, now)?
        }
        (Shape::Plain, source) => {
            let secret = match source {
                Source::Terminal => ask::secret(named.0)?,
                Source::Stdin => {
                    ask::lines_of_stdin()?.into_iter().next().context("stdin was empty")?
                }
            };
            let bytes = Secret::new(secret.expose().clone().into_bytes());
            vault::put(&mut open(place)?, named, &bytes, now)?
        }
    };
    output.note(&format!("{} is sealed, fingerprint {}", listed.name, listed.fingerprint));
    Ok(())
}

/// The store; a first one under a passphrase has it typed twice.
fn open(place: &KeyPlace) -> anyhow::Result<SecretStore> {
    let is_new = !place.store.exists();
    vault::open_or_create(place, &mut || {
        if is_new {
            ask::new_secret("a passphrase for the new key store")
        } else {
            ask::passphrase()
        }
    })
}

fn key_at_terminal() -> anyhow::Result<NewKey> {
    let key = ask::open_text("API key")?;
    let secret = ask::secret("API secret")?;
    let passphrase = ask::secret("API passphrase (OKX; else empty)")?;
    let passphrase = (!passphrase.expose().is_empty()).then_some(passphrase);
    Ok(NewKey { key, secret, passphrase })
}

fn key_of_lines(lines: Vec<Secret<String>>) -> anyhow::Result<NewKey> {
    let mut lines = lines.into_iter();
    let (Some(key), Some(secret)) = (lines.next(), lines.next()) else {
        bail!("stdin has too few lines: key, secret and, if there is one, passphrase");
    };
    let passphrase = lines.next().filter(|line| !line.expose().is_empty());
    Ok(NewKey { key: key.expose().clone(), secret, passphrase })
}

fn import(place: &KeyPlace, import: &Import, output: Output) -> anyhow::Result<()> {
    let (key, warning) = match (&import.from_env, &import.from_yaml) {
        (Some(prefix), _) => (
            key_of_environment(prefix)?,
            format!(
                "warning: the environment can be read by every process of this user, and often lands in logs and shell histories: remove {prefix}_API_* from wherever it is set, and start a new shell"
            ),
        ),
        (None, Some(file)) => (
            key_of_yaml(file)?,
            format!(
                "warning: {0} holds the secret in the clear: remove it (`shred -u {0}`), also from backups and version control; if others could read it, make a new key at the venue",
                file.display()
            ),
        ),
        (None, None) => return Err(usage("name --from-env or --from-yaml")),
    };
    let label = "imported";
    let listed = vault::put_key(&mut open(place)?, (&import.name, label), &key, Timestamp::now())?;
    output.note(&format!("{} is sealed, fingerprint {}", listed.name, listed.fingerprint));
    output.note(&warning);
    Ok(())
}

fn key_of_environment(prefix: &str) -> anyhow::Result<NewKey> {
    let read = |name: &str| std::env::var(format!("{prefix}_API_{name}"));
    let needed = |name: &str| read(name).with_context(|| format!("{prefix}_API_{name} is not set"));
    let (key, secret) = (needed("KEY")?, Secret::new(needed("SECRET")?));
    Ok(NewKey { key, secret, passphrase: read("PASSPHRASE").ok().map(Secret::new) })
}

fn key_of_yaml(file: &Path) -> anyhow::Result<NewKey> {
    let text = Secret::new(config::read_private(file)?);
    let found = config::scalars(text.expose())
        .map_err(|problem| anyhow::anyhow!("{}: {problem}", file.display()))?;
    let one = |names: &[&str]| {
        let found = found.iter().find(|(name, _)| names.contains(&name.as_str()));
        found.map(|(_, value)| value.clone())
    };
    let key = one(&["key", "api_key", "apiKey"]).context("the file has no `key`")?;
    let secret = one(&["secret", "api_secret", "apiSecret"]).context("the file has no `secret`")?;
    let passphrase = one(&["passphrase", "api_passphrase", "password"]).map(Secret::new);
    Ok(NewKey { key, secret: Secret::new(secret), passphrase })
}

#[derive(Serialize)]
struct Row {
    name: String,
    label: String,
    created: String,
    fingerprint: String,
}

fn list(place: &KeyPlace, output: Output) -> anyhow::Result<()> {
    let row = |one: Listed| Row {
        name: one.name,
        label: line(&one.label),
        created: one.created.to_string(),
        fingerprint: one.fingerprint,
    };
    let rows: Vec<Row> =
        vault::open(place, &mut ask::passphrase)?.list().into_iter().map(row).collect();
    output.show(&rows, |rows| {
        let head = ["name", "label", "created", "fingerprint"].map(str::to_owned).to_vec();
        let cells = |row: &Row| {
            vec![row.name.clone(), row.label.clone(), row.created.clone(), row.fingerprint.clone()]
        };
        table(&std::iter::once(head).chain(rows.iter().map(cells)).collect::<Vec<_>>())
    })
}

fn holder(
    place: &KeyPlace,
    kind: HolderArg,
    path: Option<&Path>,
    output: Output,
) -> anyhow::Result<()> {
    let mut store = vault::open(place, &mut ask::passphrase)?;
    let path = || path.map(PathBuf::from).ok_or_else(|| usage("name the file"));
    let (opener, key) = match kind {
        HolderArg::Passphrase => {
            let typed = ask::new_secret("a new passphrase for the key store")?;
            (
                Opener::Passphrase(Passphrase::new(&typed)?),
                "neither `keys.credential` nor `keys.file`",
            )
        }
        HolderArg::Credential => (Opener::Credential(path()?), "`keys.credential`"),
        HolderArg::KeyFile => {
            let file = KeyFile::open_or_create(&path()?, &mut SystemEntropy::new())?;
            (Opener::File(Box::new(file)), "`keys.file`")
        }
    };
    store.change_holder(opener.holder(), &mut SystemEntropy::new())?;
    output.note(&format!("the store is sealed anew; set {key} in the configuration"));
    Ok(())
}

/// Files of a backup besides the secrets.
const CONFIG: &str = "bot.yaml";
const STRATEGY: &str = "strategy.yaml";
/// Where a store that comes back lies.
const STORE: &str = "keys.sealed";

fn backup(config: &Config, out: &Path, output: Output) -> anyhow::Result<()> {
    let store = vault::open(&config.keys, &mut ask::passphrase)?;
    let mut archive = Archive::default();
    store.export(&mut archive)?;
    for (name, path) in [(CONFIG, &config.path), (STRATEGY, &config.strategy)] {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        archive.put(name, Secret::new(bytes))?;
    }
    let typed = ask::new_secret("a passphrase for the backup")?;
    archive.write(out, &Passphrase::new(&typed)?, Cost::DEFAULT, &mut SystemEntropy::new())?;
    // The doctor looks at its age.
    crate::run::make_private(&config.state_dir)?;
    std::fs::write(config.backup_stamp(), Timestamp::now().to_string())?;
    output.note(&format!("{} is written; keep it on another machine", out.display()));
    Ok(())
}

fn restore(file: &Path, into: &Path, output: Output) -> anyhow::Result<Ending> {
    let typed = ask::secret("passphrase of the backup")?;
    let archive = Archive::read(file, &Passphrase::new(&typed)?)?;
    // Everything that can be wrong comes before the first file.
    for name in [CONFIG, STRATEGY, STORE] {
        let place = into.join(name);
        if place.symlink_metadata().is_ok() {
            bail!("{} exists already: name an empty place with --into", place.display());
        }
    }
    let passphrase = Passphrase::new(&ask::new_secret("a passphrase for the key store")?)?;
    crate::run::make_private(into)?;
    let opener = Opener::Passphrase(passphrase);
    let store = into.join(STORE);
    SecretStore::restore(&store, &archive, opener.holder(), &mut SystemEntropy::new())?;
    for name in [CONFIG, STRATEGY] {
        if let Some(bytes) = archive.get(name) {
            write_private(&into.join(name), bytes)?;
        }
    }
    output.note(&format!(
        "{CONFIG} and the key store are in {}; check the paths in the configuration, and never run two bots on one account",
        into.display()
    ));
    if let Some(hint) = differs(&into.join(CONFIG), &store) {
        output.note(&hint);
    }
    Ok(Ending::Done)
}

/// What has to be changed in a configuration that came back, so that it finds its store.
fn differs(path: &Path, store: &Path) -> Option<String> {
    let keys = config::load(path).ok()?.keys;
    let store = std::path::absolute(store).ok()?;
    let opened = match (&keys.file, &keys.credential) {
        (Some(_), _) => "`keys.file`",
        (_, Some(_)) => "`keys.credential`",
        _ if keys.store != store => "`keys.store`",
        _ => return None,
    };
    Some(format!(
        "the store is {} now, under the passphrase that you typed: take {opened} out of {}, or seal the store anew with `stockade-bot keys holder`",
        store.display(),
        path.display()
    ))
}

fn write_private(path: &Path, bytes: &Secret<Vec<u8>>) -> anyhow::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut open = std::fs::OpenOptions::new();
    let opened = open.write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.with_context(|| path.display().to_string())?;
    file.write_all(bytes.expose())?;
    Ok(file.sync_all()?)
}

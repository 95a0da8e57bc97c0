//! `stockade release sign` and `stockade self-check`.

use super::{
    args::{Release, SelfCheck},
    ask, configuration,
    output::{Ending, Output},
    usage,
};
use crate::desk::{now, release_ask};
use ::audit::release::Release as Signed;
use anyhow::{Context, bail};
use host::{
    doctor::{Report, Severity},
    release,
};
use seal::{Blake2b, MinisignKey};
use serde_json::json;
use settings::Settings;
use std::{fs, path::Path};

/// What `cargo xtask release` says of what it made.
const STATEMENT: &str = "release.json";

/// Runs a command about releases.
pub(super) fn run(command: &Release, output: Output) -> anyhow::Result<Ending> {
    match command {
        Release::Sign { folder, key } => sign(folder, key, output),
    }
}

fn sign(folder: &Path, key: &Path, output: Output) -> anyhow::Result<Ending> {
    let text = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let statement = text(&folder.join(STATEMENT))?;
    let mut refused = None;
    let key = MinisignKey::open(&text(key)?, || {
        ask::known_secret("passphrase of the key").map_err(|error| refused = Some(error)).ok()
    });
    if let Some(error) = refused {
        return Err(error);
    }
    let key = key?;
    let public = key.public();
    let mut signatures = Vec::new();
    let release = Signed::read(&statement)?;
    for (name, digest) in release.programs.iter().chain(&release.records) {
        let path = folder.join(plain_name(name)?);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if hex::encode(seal::sha256(&bytes)) != *digest {
            bail!("{} is not what the statement names: make the release again", path.display());
        }
        let mut hash = Blake2b::default();
        hash.add(&bytes);
        let (version, commit) = (&release.version, &release.commit);
        let words =
            format!("file:{name} version:{version} commit:{commit} date:{}", now().strftime("%F"));
        let signature = key.sign(&hash.end(), &words);
        signatures.push((path.with_added_extension("minisig"), signature));
    }
    // The statement last: what is signed by halves is no release.
    let (_, envelope) = Signed::seal(&statement, key.signing_key())?;
    let id = public.id();
    let file = format!("untrusted comment: minisign public key {id}\n{public}\n");
    signatures.push((folder.join(release::KEY), file));
    signatures.push((folder.join(release::STATEMENT), envelope));
    for (path, content) in signatures {
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let shown =
        json!({ "version": release.version, "commit": release.commit, "key": public.to_string() });
    output.show(&shown, |_| {
        format!("signed release {} of {}\nkey {public}", release.version, release.commit)
    })?;
    Ok(Ending::Done)
}

/// A file of the directory itself, whatever the statement says.
fn plain_name(name: &str) -> anyhow::Result<&str> {
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    if !is_plain || name.starts_with('.') {
        bail!("{name:?} is no name of a file of a release");
    }
    Ok(name)
}

/// Looks at the program itself, or at another file.
pub(super) fn own(
    command: &SelfCheck,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let home = configuration::home(settings)?;
    let own = || std::env::current_exe().context("the program's own file cannot be found");
    let executable = command.executable.clone().map_or_else(own, Ok)?;
    let key = command.key.as_deref().map(release::key);
    let key = key.transpose().map_err(|error| usage(format!("--key: {error}")))?;
    let report = release::Ask {
        statement: command.manifest.clone(),
        key,
        advisories: command.advisories.clone(),
        ..release_ask(home.root(), executable, now())
    };
    let report = report.examine();
    output.show(&report, Report::text)?;
    Ok(if report.worst() >= Severity::Warning { Ending::Findings } else { Ending::Done })
}

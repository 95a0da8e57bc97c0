//! `stockade secrets import`: secrets that lie in plain text, taken over once.

use super::{
    output::{Ending, Output, plain},
    plain_file::{self, Entry},
    sealed,
    secrets::{act_of, logged},
    secrets_args::Import,
    usage,
};
use crate::desk::{BY_HOST, SecretKept, Secrets, now, secret_named};
use anyhow::bail;
use seal::Secret;
use serde::Serialize;
use settings::Settings;
use std::{collections::BTreeMap, os::unix::fs::MetadataExt, path::Path};

/// Settings whose whole value is a secret where it has a password in it, and what others call them.
const ADDRESSES: [(&str, &str); 5] = [
    ("database.url", "database.url"),
    ("STOCKADE_DATABASE_URL", "database.url"),
    ("DATABASE_URL", "database.url"),
    ("database.owner", "database.owner"),
    ("STOCKADE_DATABASE_OWNER", "database.owner"),
];

#[derive(Serialize)]
struct Taken {
    name: String,
    fingerprint: String,
    /// Where the plain text still lies.
    place: String,
    /// It was sealed before, with this value.
    already: bool,
}

#[derive(Serialize)]
struct Report {
    taken: Vec<Taken>,
    passed_over: usize,
    next: Vec<String>,
}

/// Takes over what is known, and says where it still lies.
pub(super) fn run(import: &Import, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let entries = match &import.file {
        Some(path) => plain_file::read(path)?,
        None => environment(),
    };
    let all = entries.len();
    let found = known(entries)?;
    if found.is_empty() {
        bail!(
            "none of {all} values is a secret that the server knows: mail.password, database.url with a password, vendor.NAME, webhook.NAME, or STOCKADE_ and the same in capitals"
        );
    }
    let secrets = sealed::secrets(settings)?;
    if !import.replace {
        refuse_others(&found, &secrets)?;
    }
    let mut kept = Vec::new();
    for (name, entry) in &found {
        let value = Secret::new(entry.value.expose().as_bytes().to_vec());
        kept.push((secrets.keep(name, BY_HOST, &value, now())?, entry.place.clone()));
    }
    let acts = kept.iter().filter(|(kept, _)| !kept.is_unchanged()).map(|(kept, _)| act_of(kept));
    let ending = logged(acts.collect(), settings, output);
    let next = next(&kept, import.file.as_deref());
    let taken = kept.into_iter().map(taken).collect();
    let report = Report { taken, passed_over: all - found.len(), next };
    output.show(&report, text)?;
    Ok(ending)
}

fn environment() -> Vec<Entry> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let (key, value) = (name.into_string().ok()?, Secret::new(value.into_string().ok()?));
        let place = format!("the variable {key}");
        Some(Entry { key, value, place })
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Those that the server knows, by their names in the store.
fn known(entries: Vec<Entry>) -> anyhow::Result<BTreeMap<String, Entry>> {
    let mut found: BTreeMap<String, Entry> = BTreeMap::new();
    for entry in entries {
        let Some(name) = name_of(&entry) else { continue };
        super::secrets::check_name(&name)?;
        if entry.value.expose().contains(char::is_control) {
            bail!(usage(format!("{}: {name} is one line of text, and this is not", entry.place)));
        }
        if let Some(other) = found.get(&name)
            && other.value.expose() != entry.value.expose()
        {
            let (one, two) = (&other.place, &entry.place);
            bail!(usage(format!("{name} has two values, at {one} and at {two}: remove one")));
        }
        found.insert(name, entry);
    }
    Ok(found)
}

fn name_of(entry: &Entry) -> Option<String> {
    let value = entry.value.expose();
    if value.is_empty() || value.starts_with("sealed:") {
        return None;
    }
    if let Some((_, name)) = ADDRESSES.iter().find(|(alias, _)| *alias == entry.key) {
        return sealed::has_password(value).then(|| (*name).to_owned());
    }
    secret_named(&entry.key)
}

/// Nothing is written where one of them would take another's place.
fn refuse_others(found: &BTreeMap<String, Entry>, secrets: &Secrets) -> anyhow::Result<()> {
    for (name, entry) in found {
        let there = secrets.find(name)?;
        if there.is_some_and(|there| there.expose() != entry.value.expose().as_bytes()) {
            bail!(usage(format!(
                "{name} is sealed with another value than at {}: nothing was taken; add --replace to have this one",
                entry.place
            )));
        }
    }
    Ok(())
}

fn taken((kept, place): (SecretKept, String)) -> Taken {
    let already = kept.is_unchanged();
    Taken { name: kept.listed.name, fingerprint: kept.listed.fingerprint, place, already }
}

/// What is left to a person.
fn next(kept: &[(SecretKept, String)], file: Option<&Path>) -> Vec<String> {
    let mut next = Vec::new();
    for (kept, place) in kept {
        let name = &kept.listed.name;
        next.push(format!(
            "the plain text still lies at {place}: remove it there, and from every copy"
        ));
        match name.as_str() {
            "database.url" | "database.owner" => {
                next.push(format!("set {name} = \"sealed:{name}\""));
            }
            "database.password" => next.push(
                "write sealed:database.password in the place of the password in database.url"
                    .to_owned(),
            ),
            _ => {}
        }
    }
    let open = file.and_then(|path| path.metadata().ok().map(|about| (path, about.mode() & 0o077)));
    if let Some((path, open)) = open
        && open != 0
    {
        next.push(format!(
            "others than its owner can open {}: take these secrets as known, and replace them where they open something",
            path.display()
        ));
    }
    next
}

fn text(report: &Report) -> String {
    let line = |one: &Taken| {
        let how = if one.already { "was sealed already" } else { "is sealed" };
        format!("{} {how}, fingerprint {}", one.name, one.fingerprint)
    };
    let mut lines: Vec<String> = report.taken.iter().map(line).collect();
    if report.passed_over > 0 {
        lines.push(format!("{} other values were passed over", report.passed_over));
    }
    lines.extend(report.next.iter().map(|line| plain(line)));
    lines.join("\n")
}

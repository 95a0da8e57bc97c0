//! `stockade backup`: made, listed, checked, proved, brought back.

use super::{
    args::Backup,
    backup_args::Source,
    configuration::home,
    output::{Ending, Output, table},
    usage,
};
use crate::desk::{
    self, BackupTerms, Paths, Pruned, Pruning, Pulled, Pulling, Restoring, SnapshotView,
};
use ::backup::{Bucket, Credentials, Place, Shelf, Upkeep};
use anyhow::Context;
use edge::{Machine, Role};
use kms::SystemEntropy;
use seal::{AgeIdentity, AgeRecipient, Secret};
use serde::Serialize;
use serde_json::json;
use settings::{Origin, Settings};
use std::{
    fs::OpenOptions,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

/// A token is shorter.
const TOKEN_BYTES_MAX: u64 = 4096;

/// Runs a command about backups.
pub(super) fn run(command: &Backup, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    match command {
        Backup::Now | Backup::Drill if pulls(settings)? => {
            return Err(usage("this directory pulls its backups: stockade backup pull"));
        }
        Backup::Pull { join, if_due } => pull((join.as_deref(), *if_due), settings, output)?,
        Backup::Now => {
            let done = desk::connect(home(settings)?)?.back_up(terms(settings)?)?;
            output.show(&done, |done| {
                let gone = match done.forgotten.len() {
                    0 => String::new(),
                    gone => format!("; {gone} older ones were let go"),
                };
                format!(
                    "backup {} is made: {} files, {} bytes, {} entries of the log{gone}",
                    done.number, done.files, done.bytes, done.log_size
                )
            })?;
        }
        Backup::Ls => return list(settings, output),
        Backup::Check { read_data } => return check(*read_data, settings, output),
        Backup::Restore { from, into, identity, snapshot } => {
            let identity = self::identity(identity)?;
            let (from, into) = (place_of(from)?, into.clone());
            restore(Restoring { from, into, identity, number: *snapshot, worker: None }, output)?;
        }
        Backup::Prune { from, identity } => {
            let identity = self::identity(identity)?;
            prune(&Pruning { from: place_of(from)?, identity, worker: None }, output)?;
        }
        Backup::Drill => {
            let done = desk::connect(home(settings)?)?.drill(terms(settings)?)?;
            output.show(&done, |done| {
                format!(
                    "backup {} came back whole in {} s: {} files, {} rows, {} entries of the log",
                    done.number, done.seconds, done.files, done.rows, done.log_size
                )
            })?;
        }
        Backup::Recipient { file } => recipient(file, output)?,
    }
    Ok(Ending::Done)
}

/// Where backups go, by the configuration.
pub(super) fn terms(settings: &Settings) -> anyhow::Result<BackupTerms> {
    // A relative path is the working directory's; a link would be followed at another time.
    let config = settings.show().into_iter().find_map(|row| match row.origin {
        Origin::File { path, .. } => std::path::absolute(path).ok(),
        _ => None,
    });
    Ok(BackupTerms {
        place: place(settings)?,
        recipients: recipients(settings, "backup.recipients")?,
        config,
        worker: None,
        puller: puller(settings)?,
    })
}

/// The machine that pulls, where the configuration names one.
fn puller(settings: &Settings) -> anyhow::Result<Option<Machine>> {
    let text = settings.text("backup.pull");
    if text.is_empty() {
        return Ok(None);
    }
    let machine =
        text.parse::<Machine>().map_err(|error| usage(format!("backup.pull: {error}")))?;
    if machine.role != Role::Worker {
        return Err(usage(format!("backup.pull: {machine} is no worker: write worker/NAME")));
    }
    if !settings.text("backup.place").is_empty() {
        return Err(usage(
            "backup.pull: another machine makes the backups then: take backup.place out here, and set it there",
        ));
    }
    if settings.text("machines.listen").is_empty() {
        return Err(usage("backup.pull: no machine can come in: set machines.listen"));
    }
    Ok(Some(machine))
}

/// Whether this is the directory of a machine that pulls.
fn pulls(settings: &Settings) -> anyhow::Result<bool> {
    Ok(Paths::new(home(settings)?.root()).machine().exists())
}

fn pull(
    (join, if_due): (Option<&str>, bool),
    settings: &Settings,
    output: Output,
) -> anyhow::Result<()> {
    let (root, terms) = (home(settings)?.root().to_owned(), terms(settings)?);
    let runtime = runtime()?;
    if let Some(address) = join {
        let mut token = String::new();
        std::io::stdin().lock().take(TOKEN_BYTES_MAX).read_to_string(&mut token)?;
        let badge = runtime.block_on(desk::join_server(&root, address, &Secret::new(token)))?;
        output.note(&format!("this is {} now", badge.machine));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let done = runtime.block_on(desk::pull(Pulling { root, terms, if_due }, &stop))?;
    output.show(&done, |Pulled { taken, proved }| {
        let taken = taken.as_ref().map(|done| {
            format!(
                "backup {} was pulled: {} files, {} bytes, {} entries of the log",
                done.number, done.files, done.bytes, done.log_size
            )
        });
        let proved = proved.as_ref().map(|done| {
            format!(
                "backup {} came back whole in {} s: {} rows",
                done.number, done.seconds, done.rows
            )
        });
        let said: Vec<String> = taken.into_iter().chain(proved).collect();
        if said.is_empty() { "nothing is due".to_owned() } else { said.join("\n") }
    })
}

/// The keys of age that a setting names.
pub(super) fn recipients(settings: &Settings, key: &str) -> anyhow::Result<Vec<AgeRecipient>> {
    let texts = settings.text(key).split(',').map(str::trim).filter(|one| !one.is_empty());
    let recipient = |one: &str| {
        one.parse::<AgeRecipient>().map_err(|error| usage(format!("{key}: {one:?}: {error}")))
    };
    texts.map(recipient).collect()
}

/// The place that the configuration names, if it names one.
fn place(settings: &Settings) -> anyhow::Result<Option<Place>> {
    let place = settings.text("backup.place");
    if place.is_empty() {
        return Ok(None);
    }
    let upkeep = match settings.text("backup.upkeep") {
        "elsewhere" => Upkeep::Elsewhere,
        _ => Upkeep::Here,
    };
    let store = (settings.text("backup.endpoint"), settings.text("backup.region"));
    let credentials = settings.path("backup.credentials");
    let shelf = shelf(place, store, credentials.as_deref())
        .map_err(|error| usage(format!("backup: {error:#}")))?;
    Ok(Some(Place::new(shelf, upkeep)))
}

/// The place that is typed, under the rights of whoever types.
fn place_of(from: &Source) -> anyhow::Result<Place> {
    let store = (from.endpoint.as_str(), from.region.as_str());
    Ok(Place::new(shelf(&from.place, store, from.credentials.as_deref())?, Upkeep::Here))
}

fn shelf(place: &str, store: (&str, &str), credentials: Option<&Path>) -> anyhow::Result<Shelf> {
    if !place.starts_with("s3://") {
        return Ok(Shelf::Directory(place.into()));
    }
    let (endpoint, _) = store;
    let credentials = credentials.filter(|_| !endpoint.is_empty()).context(
        "a bucket needs its store (backup.endpoint, --endpoint) and a file of credentials for it (backup.credentials, --credentials)",
    )?;
    Ok(Shelf::Bucket(Bucket::new(place, store, Credentials::read(credentials)?)?))
}

fn prune(ask: &Pruning, output: Output) -> anyhow::Result<()> {
    let pruned = desk::prune(ask, &Arc::new(AtomicBool::new(false)))?;
    output.show(&pruned, |Pruned { snapshots, keys, strays, kept }| {
        format!(
            "{} snapshots and {} sets of keys were let go, {strays} strays besides; {kept} snapshots stay",
            snapshots.len(),
            keys.len(),
        )
    })
}

#[derive(Serialize)]
struct Line {
    number: u64,
    time: String,
    snapshot: String,
    bytes: u64,
    files: u64,
    log_size: u64,
    proved: bool,
}

impl From<&SnapshotView> for Line {
    fn from(one: &SnapshotView) -> Self {
        Self {
            number: one.number,
            time: one.time.to_string(),
            snapshot: one.snapshot.id.clone(),
            bytes: one.snapshot.bytes,
            files: one.snapshot.files,
            log_size: one.snapshot.log_size,
            proved: one.proved,
        }
    }
}

fn list(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let (home, terms) = (home(settings)?, terms(settings)?);
    let found = runtime()?.block_on(desk::backups_of(&home, &terms))?;
    let document = json!({
        "place": found.place,
        "snapshots": found.snapshots.iter().map(Line::from).collect::<Vec<_>>(),
        "foreign": found.foreign,
        "lost": found.lost,
        "proved": found.proved.map(|time| time.to_string()),
    });
    output.show(&document, |_| {
        let head = ["no.", "taken", "snapshot", "bytes", "files", "log", "proved"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(found.snapshots.iter().map(Line::from).map(|line| {
            let short = line.snapshot.get(..8).unwrap_or(&line.snapshot).to_owned();
            let proved = if line.proved { "yes" } else { "" };
            let number = |number: u64| number.to_string();
            let (bytes, files, log) = (line.bytes, line.files, line.log_size);
            let figures = [bytes, files, log].map(number);
            let mut row = vec![number(line.number), line.time, short];
            row.extend(figures);
            row.push(proved.to_owned());
            row
        }));
        let mut text = format!("{}\n{}", found.place, table(&rows));
        for id in &found.foreign {
            text.push_str(&format!("\nnot in the ledger: {id}"));
        }
        for number in &found.lost {
            text.push_str(&format!("\nlost: {number} is in the ledger and not in the repository"));
        }
        text
    })?;
    Ok(if found.lost.is_empty() { Ending::Done } else { Ending::Findings })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

fn check(read_data: bool, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let (home, terms) = (home(settings)?, terms(settings)?);
    let findings = runtime()?.block_on(desk::damage_of(&home, &terms, read_data))?;
    let document = json!({ "read_data": read_data, "findings": findings });
    output.show(&document, |_| match (findings.as_slice(), read_data) {
        ([], true) => "nothing is damaged; every byte was read".to_owned(),
        ([], false) => {
            "the structure is whole; the contents were not read (--read-data reads them)".to_owned()
        }
        (found, _) => format!("damaged:\n{}", found.join("\n")),
    })?;
    Ok(if findings.is_empty() { Ending::Done } else { Ending::Findings })
}

fn restore(ask: Restoring, output: Output) -> anyhow::Result<()> {
    let into = ask.into.clone();
    let restored = runtime()?.block_on(desk::restore(ask, &Arc::new(AtomicBool::new(false))))?;
    output.show(&restored, |done| {
        let since = if done.standings {
            let changed = match done.changed.as_slice() {
                [] => String::new(),
                some => format!(
                    "\ntheir sign-in was changed since, and is as it was before: {}; have them set it anew",
                    some.join(", ")
                ),
            };
            format!(
                "{} erased again, {} as they stood since; licences withdrawn again: {}{changed}",
                done.erased, done.lowered, done.licences
            )
        } else {
            "there was no list of what happened to them after the backup".to_owned()
        };
        format!(
            "backup {} is in {}: {} files and {} rows are equal\n\
             the old log ended at {} entries: {}\n\
             a new log begins, under the key {}\n\
             ended: {} sessions, {} tokens and bots; accounts: {since}\n\
             tell your witnesses the new key, then: stockade serve --data-dir {}",
            done.number,
            into.display(),
            done.files,
            done.rows,
            done.old_log_size,
            done.old_log.display(),
            done.log_key,
            done.sessions,
            done.credentials,
            into.display(),
        )
    })
}

pub(super) fn identity(path: &Path) -> anyhow::Result<AgeIdentity> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    AgeIdentity::from_file(&text).with_context(|| path.display().to_string())
}

fn recipient(file: &Path, output: Output) -> anyhow::Result<()> {
    let identity = AgeIdentity::generate(&mut SystemEntropy::new());
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut written = written.with_context(|| file.display().to_string())?;
    written.write_all(identity.to_file().as_bytes())?;
    written.sync_all()?;
    output.note(&format!(
        "{} opens your backups after a loss: move it to another place than this machine",
        file.display()
    ));
    let recipient = identity.recipient().to_string();
    output.show(&json!({ "recipient": recipient }), |_| recipient.clone())
}

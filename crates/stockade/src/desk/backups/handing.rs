//! A backup handed to the machine that keeps it: nothing here opens what that machine makes of it.
//!
//! What is handed out is a line of JSON, the manifest, and the files in the manifest's order, one behind the other.

use super::{
    Backups,
    kits::kit,
    staging::{DATABASE, Origin, clean, fill},
    taking::Staged,
    telling::{standings_text, tell_of},
};
use crate::desk::{Actor, BackupAct, Deed, Desk, Error, Result, now};
use ::backup::{FileLine, Ledger, Manifest, inside};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use edge::Machine;
use kms::{Purpose, SystemEntropy};
use seal::{AgeRecipient, Secret};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};
use tokio::sync::OwnedMutexGuard;

/// The words of this form.
pub(super) const FORM: &str = "stockade-pull/1";
/// Bytes of a piece.
const PIECE: usize = 256 * 1024;

/// What comes first: one line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) form: String,
    /// SHA-256 of the manifest.
    pub(super) manifest: String,
    /// Its length.
    pub(super) manifest_bytes: u64,
    /// [`Enclosed`], sealed to who asked.
    pub(super) sealed: String,
}

/// What the machine needs besides the tree, and nobody on the way may read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enclosed {
    /// A key file and the ring under it, hexadecimal.
    pub(super) key_file: String,
    pub(super) ring: String,
    /// How many restores the installation has seen.
    pub(super) era: u32,
    /// Wrapped keys of accounts, one a line.
    pub(super) keys: String,
    /// What must outlive the database.
    pub(super) standings: String,
    /// Entries of the log in the backup.
    pub(super) log_size: u64,
}

/// A backup on its way out.
#[derive(Debug)]
pub struct Handed {
    /// The head and the manifest, until they are gone.
    first: Option<Vec<u8>>,
    files: std::vec::IntoIter<FileLine>,
    open: Option<File>,
    stage: Stage,
    _turn: OwnedMutexGuard<()>,
}

/// The directory that it is read from, which goes with it.
#[derive(Debug)]
struct Stage(PathBuf);

impl Drop for Stage {
    fn drop(&mut self) {
        // The next one clears what is left.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Backups {
    /// Gathers a backup for the machine that pulls them, its secrets sealed to `recipient`; the log names it.
    pub async fn hand_out(
        &self,
        desk: &Desk,
        (machine, recipient): (&Machine, AgeRecipient),
    ) -> Result<Handed> {
        if self.puller() != Some(machine) {
            return Err(Error::NoPuller { machine: machine.to_string() });
        }
        let turn = self.0.turn.clone().lock_owned().await;
        let time = now();
        let deed = Deed::Backup(BackupAct::HandedOut { machine: machine.to_string() });
        desk.store().begin().await?.commit(deed.entry(Actor::Machine), time).await?;
        let stage = Stage(desk.paths().backup().join("stage"));
        let (own, config, root) = (desk.clone(), self.0.terms.config.clone(), stage.0.clone());
        tokio::task::spawn_blocking(move || {
            clean(&root)?;
            let (paths, database) = (own.paths(), own.database());
            fill(&Origin { paths, database, config: config.as_deref(), place: None }, &root)
        })
        .await??;
        let copy = store::copy_out(desk.database(), &stage.0.join(DATABASE), time).await?;
        let standings = standings_text(&desk.store().standings().await?);
        let own = desk.clone();
        tokio::task::spawn_blocking(move || {
            let staged = Staged::write((own.keys(), &stage.0), &copy, time)?;
            let (first, files) = first(&own, &stage.0, (staged, standings), recipient)?;
            let files = files.into_iter();
            Ok(Handed { first: Some(first), files, open: None, stage, _turn: turn })
        })
        .await?
    }

    /// Keeps the ledger of the machine that pulls, and writes into the log what it has and the log has not.
    pub async fn hear(&self, desk: &Desk, machine: &Machine, text: String) -> Result<()> {
        if self.puller() != Some(machine) {
            return Err(Error::NoPuller { machine: machine.to_string() });
        }
        let key = desk.keys().signing(Purpose::Backups);
        let ledger = Ledger::parse(&text, key.verifying_key())?;
        let path = desk.paths().pulled();
        tell_of(desk, (&ledger, path.clone()), Actor::Machine).await?;
        tokio::task::spawn_blocking(move || keep(&path, text.as_bytes())).await?
    }
}

/// The ledger of the machine that pulls, as it told it last.
pub(super) fn told(desk: &Desk) -> Result<Ledger> {
    let path = desk.paths().pulled();
    match fs::read_to_string(&path) {
        Ok(text) => {
            let key = desk.keys().signing(Purpose::Backups);
            Ok(Ledger::parse(&text, key.verifying_key())?)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ledger::default()),
        Err(source) => Err(Error::File { doing: "read", path, source }),
    }
}

/// The head and the manifest, and what follows them.
fn first(
    desk: &Desk,
    stage: &Path,
    (staged, standings): (Staged, String),
    recipient: AgeRecipient,
) -> Result<(Vec<u8>, Vec<FileLine>)> {
    let Staged { manifest: digest, log_size, keys, .. } = staged;
    let (text, manifest) = Manifest::read(stage)?;
    // The password of a repository is the machine's, and is not known here.
    let kit = kit(desk.keys(), &Secret::new(String::new()))?;
    let [key_file, ring] = [&kit.key_file, &kit.ring].map(|part| hex::encode(part.expose()));
    let (era, keys) = (desk.keys().era(), keys.expose().clone());
    let enclosed = Enclosed { key_file, ring, era, keys, standings, log_size };
    let plain = Secret::new(serde_json::to_vec(&enclosed).unwrap_or_default());
    let sealed = AgeRecipient::seal(&[recipient], plain.expose(), &mut SystemEntropy::new());
    let sealed = sealed.map_err(|source| ::backup::Error::Sealed {
        what: "what is handed out".to_owned(),
        source,
    })?;
    let head = Head {
        form: FORM.to_owned(),
        manifest: digest,
        manifest_bytes: text.len() as u64,
        sealed: BASE64.encode(sealed),
    };
    let mut first = serde_json::to_vec(&head).unwrap_or_default();
    first.push(b'\n');
    first.extend_from_slice(&text);
    Ok((first, manifest.files))
}

/// Puts a file in the place of what may stand there, whole or not at all, for its owner alone.
pub(super) fn keep(path: &Path, text: &[u8]) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let draft = path.with_extension("draft");
    let directory = path.parent().unwrap_or(path);
    let written = (|| {
        crate::desk::results::make_directory(directory)?;
        let mut open = File::options();
        let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(directory)?.sync_all()
    })();
    written.map_err(|source| Error::File { doing: "write", path: path.to_owned(), source })
}

impl Handed {
    /// The next piece; `None` at the end.
    pub async fn next(mut self) -> Result<Option<(Vec<u8>, Self)>> {
        if let Some(first) = self.first.take() {
            return Ok(Some((first, self)));
        }
        tokio::task::spawn_blocking(move || {
            loop {
                if let Some(file) = &mut self.open {
                    let mut piece = Vec::with_capacity(PIECE);
                    let read = file.take(PIECE as u64).read_to_end(&mut piece);
                    let path = self.stage.0.clone();
                    read.map_err(|source| Error::File { doing: "read", path, source })?;
                    if !piece.is_empty() {
                        return Ok(Some((piece, self)));
                    }
                }
                let Some(line) = self.files.next() else { return Ok(None) };
                let path = inside(&self.stage.0, Path::new(&line.path))?;
                let opened = File::open(&path);
                self.open =
                    Some(opened.map_err(|source| Error::File { doing: "open", path, source })?);
            }
        })
        .await?
    }
}

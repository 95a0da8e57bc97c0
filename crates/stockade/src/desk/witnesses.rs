//! Witnesses: this server asks others to cosign its log, and cosigns the logs of others that it was told of.

use super::{Actor, Deed, Desk, Error, Result, now};
use crate::watching::{Asked, Cosigning, Site, cosigner};
use audit::{Checkpoint, Cosigner, Fork, Objection, Seen, Submission, Verifier, WitnessKey, judge};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use store::Cosigned;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether the log has grown; a checkpoint is signed with every act.
const LOOKING: Duration = Duration::from_secs(5);
/// A witness that did not answer is left alone for so many looks.
const PATIENCE: u32 = 12;

/// Who witnesses whom.
#[derive(Debug, Clone, Default)]
pub struct WitnessTerms {
    /// Logs that this server cosigns.
    pub logs: Vec<Verifier>,
    /// Witnesses that it asks, and where.
    pub asked: Vec<Asked>,
    /// Witnesses that come by themselves, as programs on people's machines do.
    pub heard: Vec<WitnessKey>,
    /// A certificate authority of one's own, as PEM.
    pub authority: Option<PathBuf>,
}

/// This server among its witnesses.
pub struct Witnesses {
    cosigner: Cosigner,
    terms: WitnessTerms,
    /// What went wrong with each witness last, by its key.
    troubles: Mutex<BTreeMap<WitnessKey, Trouble>>,
}

/// Why a witness did not cosign the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In words.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether it refused, rather than being away.
    pub is_refusal: bool,
    /// Looks until it is asked again.
    pause: u32,
}

/// A witness as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessView {
    /// Its key.
    pub key: WitnessKey,
    /// Where it is asked; [`None`] where it comes by itself.
    pub address: Option<String>,
    /// What it said last.
    pub said: Option<Cosigned>,
    /// What went wrong since.
    pub trouble: Option<Trouble>,
}

/// Why a submission is not cosigned.
#[derive(Debug)]
pub enum NotCosigned {
    /// This server is no witness of that log.
    UnknownLog,
    /// The protocol has a word for it.
    Objection(Objection),
}

impl Witnesses {
    /// With the key that follows from the installation's key file.
    #[must_use]
    pub fn new(desk: &Desk, terms: WitnessTerms) -> Self {
        Self { cosigner: cosigner(desk.keys()), terms, troubles: Mutex::default() }
    }

    /// This server's key as a witness.
    #[must_use]
    pub const fn key(&self) -> &WitnessKey {
        self.cosigner.public()
    }

    /// Logs that this server cosigns.
    #[must_use]
    pub fn logs(&self) -> &[Verifier] {
        &self.terms.logs
    }

    /// Judges a checkpoint of another log, and cosigns it once that is stored.
    pub async fn cosign(
        &self,
        desk: &Desk,
        submission: &Submission,
    ) -> Result<std::result::Result<String, NotCosigned>> {
        let named = |log: &&Verifier| log.name() == submission.origin();
        let Some(log) = self.terms.logs.iter().find(named) else {
            return Ok(Err(NotCosigned::UnknownLog));
        };
        let seen = desk.store().watched(log).await?.map(|watched| watched.seen);
        let next = match judge(submission, log, seen.as_ref()) {
            Ok(next) => next,
            Err(objection) => {
                self.note(desk, log, seen.as_ref(), &objection).await?;
                return Ok(Err(NotCosigned::Objection(objection)));
            }
        };
        if !desk.store().watch(log, seen.as_ref(), &next, now()).await? {
            // Another submission, or another server, was faster: its size is the answer.
            let size = desk.store().watched(log).await?.map_or(0, |one| one.seen.checkpoint.size);
            return Ok(Err(NotCosigned::Objection(Objection::Elsewhere { size })));
        }
        Ok(Ok(self.cosigner.cosign(&next.note, now())?))
    }

    /// A log that tells two stories is written down, once for each size, with the proof beside the data.
    async fn note(
        &self,
        desk: &Desk,
        log: &Verifier,
        seen: Option<&Seen>,
        objection: &Objection,
    ) -> Result<()> {
        let (size, proof) = match objection {
            Objection::Forked(fork) => (fork.verify(log)?, Some(fork)),
            Objection::Rewritten { size } if seen.is_some() => (*size, None),
            _ => return Ok(()),
        };
        tracing::error!(log = log.name(), size, %objection, "a log that this server witnesses is not what it was");
        let Some(fork) = proof else { return Ok(()) };
        let path = desk.paths().forks().join(format!("{}-{size}.txt", digest(log)));
        if path.exists() {
            return Ok(());
        }
        keep(&path, fork)?;
        let deed = Deed::ForkSeen { log: log.name().to_owned(), size };
        desk.store().begin().await?.commit(deed.entry(Actor::Server), now()).await?;
        Ok(())
    }

    /// Takes the cosignature of a witness that comes by itself; whether that witness is known here.
    pub async fn hear(&self, desk: &Desk, cosigned: &str) -> Result<bool> {
        let (note, line) = parted(cosigned);
        // What is no checkpoint of this log, or was altered on the way, is nobody's word.
        if Checkpoint::verify(note, &desk.log_verifier()?).is_err() {
            return Ok(false);
        }
        for key in &self.terms.heard {
            if matches!(key.verify(cosigned), Ok(Some(_))) {
                desk.store().cosigned(key, note, line).await?;
                self.well(key);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the cosignature of a machine that belongs, by the key that it named; whether it is one.
    pub async fn hear_machine(&self, desk: &Desk, machine: &str, cosigned: &str) -> Result<bool> {
        let (note, line) = parted(cosigned);
        if Checkpoint::verify(note, &desk.log_verifier()?).is_err() {
            return Ok(false);
        }
        for (name, key) in self.machines(desk).await? {
            if name == machine && matches!(key.verify(cosigned), Ok(Some(_))) {
                return Ok(desk.store().cosigned(&key, note, line).await?);
            }
        }
        Ok(false)
    }

    /// Machines that belong and have named a key as witnesses.
    async fn machines(&self, desk: &Desk) -> Result<Vec<(String, WitnessKey)>> {
        let rows = desk.store().machines().await?;
        let named = |row: store::MachineRow| Some((row.machine, row.witness?.parse().ok()?));
        Ok(rows.into_iter().filter(|row| row.is_in).filter_map(named).collect())
    }

    /// Every witness of this log.
    pub async fn views(&self, desk: &Desk) -> Result<Vec<WitnessView>> {
        let said = desk.store().cosignatures().await?;
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = self.terms.asked.iter().map(|one| (&one.key, Some(one.address.to_string())));
        let machines = self.machines(desk).await?;
        let own = machines.iter().map(|(_, key)| key).filter(|key| !self.terms.heard.contains(key));
        let heard = self.terms.heard.iter().chain(own).map(|key| (key, None));
        let view = |(key, address): (&WitnessKey, Option<String>)| WitnessView {
            said: said.iter().find(|said| said.witness == key.to_string()).cloned(),
            trouble: troubles.get(key).cloned(),
            key: key.clone(),
            address,
        };
        Ok(asked.chain(heard).map(view).collect())
    }

    /// The largest checkpoint that a witness of ours cosigned, with all that they said of it.
    pub async fn witnessed(&self, desk: &Desk) -> Result<Option<String>> {
        let machines = self.machines(desk).await?;
        let known = |said: &&Cosigned| {
            let own = machines.iter().map(|(_, key)| key);
            let asked = self.terms.asked.iter().map(|one| &one.key);
            let mut keys = asked.chain(&self.terms.heard).chain(own);
            keys.any(|key| key.to_string() == said.witness)
        };
        let all = desk.store().cosignatures().await?;
        let mut said = all.iter().filter(known).peekable();
        let Some(note) = said.peek().map(|first| first.note.clone()) else { return Ok(None) };
        let lines = said.filter(|one| one.note == note).map(|one| one.line.as_str());
        Ok(Some(lines.fold(note.clone(), |text, line| text + line)))
    }

    /// Asks every witness to cosign whatever is new, until the server stops.
    pub async fn ask(&self, desk: &Desk, stop: &CancellationToken) {
        let mut sites = Vec::new();
        for asked in &self.terms.asked {
            match Site::new(asked.address.clone(), self.terms.authority.as_deref()) {
                Ok(site) => sites.push((&asked.key, site)),
                Err(error) => self.trouble(&asked.key, error.to_string(), false),
            }
        }
        let mut looking = tokio::time::interval(LOOKING);
        while !sites.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looking.tick() => {}
            }
            for (key, site) in &sites {
                let asking = self.ask_one(desk, key, site);
                let asked = tokio::select! {
                    () = stop.cancelled() => return,
                    asked = asking => asked,
                };
                match asked {
                    Ok(()) => {}
                    Err(error) => self.trouble(key, error.to_string(), false),
                }
            }
        }
    }

    async fn ask_one(&self, desk: &Desk, key: &WitnessKey, site: &Site) -> Result<()> {
        if self.rests(key) {
            return Ok(());
        }
        let head = desk.store().log_head().await?;
        let now_at = head.checkpoint.size;
        let said = desk.store().cosignatures().await?;
        let mut old =
            said.iter().find(|one| one.witness == key.to_string()).map_or(0, |one| one.size);
        if old == now_at && !said.is_empty() {
            return Ok(());
        }
        // It has what it last said, or tells what it has; a third question would be a quarrel.
        for _ in 0..2 {
            let proof = desk.store().log_extension(old, now_at).await?;
            let submission = Submission { old, proof, note: head.note.clone() };
            match site.add_checkpoint(&submission).await? {
                Cosigning::Lines(lines) => {
                    return self.answered(desk, key, &head.note, &lines).await;
                }
                Cosigning::Has(has) if has <= now_at => old = has,
                Cosigning::Has(has) => {
                    return self.refused(desk, key, Refusal::RolledBack(has)).await;
                }
                Cosigning::Refused(status) => {
                    return self.refused(desk, key, Refusal::of(status)).await;
                }
            }
        }
        self.refused(desk, key, Refusal::of(409)).await
    }

    async fn answered(&self, desk: &Desk, key: &WitnessKey, note: &str, lines: &str) -> Result<()> {
        for line in lines.split_inclusive('\n') {
            // Signatures of others in the answer are nobody's that was asked.
            if let Ok(Some(_)) = key.verify(&format!("{note}{line}")) {
                desk.store().cosigned(key, note, line).await?;
                self.well(key);
                return Ok(());
            }
        }
        self.trouble(key, "it answered without a cosignature by its key".to_owned(), true);
        Ok(())
    }

    /// A refusal is written down when it begins: it may be the first sight of a log that was rewritten.
    async fn refused(&self, desk: &Desk, key: &WitnessKey, why: Refusal) -> Result<()> {
        let text = why.to_string();
        let is_new = {
            let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
            troubles.get(key).is_none_or(|known| known.what != text)
        };
        self.trouble(key, text.clone(), true);
        if is_new {
            tracing::error!(witness = key.name(), why = text, "a witness does not cosign the log");
            let deed = Deed::WitnessRefused { witness: key.name().to_owned(), why: text };
            desk.store().begin().await?.commit(deed.entry(Actor::Server), now()).await?;
        }
        Ok(())
    }

    fn trouble(&self, key: &WitnessKey, what: String, is_refusal: bool) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let known = troubles.get(key).filter(|known| known.what == what);
        let since = known.map_or_else(now, |known| known.since);
        if known.is_none() {
            tracing::warn!(witness = key.name(), what, "a witness could not be asked");
        }
        troubles.insert(key.clone(), Trouble { what, since, is_refusal, pause: PATIENCE });
    }

    fn well(&self, key: &WitnessKey) {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn rests(&self, key: &WitnessKey) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(trouble) = troubles.get_mut(key).filter(|trouble| trouble.pause > 0) else {
            return false;
        };
        trouble.pause -= 1;
        true
    }
}

/// Why a witness refuses, in words.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(
        "it has seen a log of {0} leaves: this one was cut back, or restored from an old backup"
    )]
    RolledBack(u64),
    #[error("it is no witness of this log: its operator has to add the log's key")]
    Unknown,
    #[error("it does not take this log's signature: it knows another key")]
    Unsigned,
    #[error("it has seen another log of this name: this one was rewritten")]
    Rewritten,
    #[error("it answers {0}")]
    Other(u16),
}

impl Refusal {
    const fn of(status: u16) -> Self {
        match status {
            403 => Self::Unsigned,
            404 => Self::Unknown,
            409 | 422 => Self::Rewritten,
            other => Self::Other(other),
        }
    }
}

/// A cosigned note as the log's own note, and its last line.
fn parted(cosigned: &str) -> (&str, &str) {
    let body = cosigned.strip_suffix('\n').unwrap_or(cosigned);
    let at = body.rfind('\n').map_or(0, |at| at + 1);
    cosigned.split_at(at)
}

/// A log's name may hold what no file's name may.
fn digest(log: &Verifier) -> String {
    let digest = seal::sha256(log.to_string().as_bytes());
    hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]))
}

fn keep(path: &std::path::Path, fork: &Fork) -> Result<()> {
    let file = |doing| {
        let path = path.to_owned();
        move |source| Error::File { doing, path, source }
    };
    let directory = path.parent().unwrap_or(path);
    std::fs::create_dir_all(directory).map_err(file("make"))?;
    let mut new = tempfile::NamedTempFile::new_in(directory).map_err(file("write"))?;
    std::io::Write::write_all(&mut new, fork.to_text().as_bytes()).map_err(file("write"))?;
    new.as_file().sync_all().map_err(file("write"))?;
    new.persist(path).map_err(|error| file("write")(error.error))?;
    Ok(())
}

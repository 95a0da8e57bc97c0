//! What the log says of claims: how each stood and when it changed, and the documents that people signed for.
//!
//! There is no table beside the log: what is shown was written once, cannot be changed, and has its receipt.

use super::{Accounts, Actor, Deed, Desk, Error, PostureAct, Result, now, sha256_hex};
use audit::{
    Kind, Record, claim,
    posture::{Attested, Facts, State},
};
use identity::{Candidate, Cost, DeviceStanding};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use seal::Secret;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use store::LogPage;
use tempfile::NamedTempFile;

/// Bytes of a document.
const DOCUMENT_BYTES_MAX: u64 = 32 << 20;
/// Characters of who says so.
const NAME_CHARS_MAX: usize = 120;
/// Entries that are looked through for one answer.
const ENTRIES_MAX: usize = 10_000;

/// A document that a person signs for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEvidence {
    /// The claim.
    pub claim: String,
    /// The document, as a file of this machine.
    pub file: PathBuf,
    /// Who says so.
    pub by: String,
    /// The day that it speaks of.
    pub on: Date,
    /// The last day on which it counts, where it says so.
    pub until: Option<Date>,
    /// Whether anyone may fetch it.
    pub shown: Shown,
}

/// Who may fetch a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Nobody: its digest is public, and it stays here.
    Digest,
    /// Anyone.
    Public,
}

/// A document that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEvidence {
    /// The claim.
    pub claim: String,
    /// SHA-256 of the document, hexadecimal.
    pub sha256: String,
    /// Until when it counts.
    pub valid_until: Timestamp,
}

/// A moment at which a claim's state changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateTurn {
    /// When.
    pub time: Timestamp,
    /// The leaf that says so.
    pub index: u64,
    /// How it stood before; nothing was looked at then where there is none.
    pub from: Option<State>,
    /// How it stands since.
    pub to: State,
    /// Why it is no better.
    pub why: String,
}

impl Desk {
    /// Takes a document in and writes into the log who signed for what.
    pub async fn add_evidence(&self, actor: Actor, new: NewEvidence) -> Result<KeptEvidence> {
        let wrong = |why: String| Error::Evidence { claim: new.claim.clone(), why };
        let claim = claim(&new.claim)
            .ok_or_else(|| wrong("there is no such claim: M01 to M69, S01 to S63".to_owned()))?;
        if !claim.probe.split(", ").any(|probe| probe == "evidence") {
            let why = format!(
                "it is probed ({}), and nobody's word stands in for that; documents count for \
                 {}",
                claim.probe,
                slots().join(", ")
            );
            return Err(wrong(why));
        }
        let by: String = new.by.trim().chars().filter(|c| !c.is_control()).collect();
        if by.is_empty() || by.chars().count() > NAME_CHARS_MAX {
            return Err(wrong("who says so has 1 to 120 characters: --by NAME".to_owned()));
        }
        let on = midnight(new.on);
        let until = new.until.map(|day| midnight(day.tomorrow().unwrap_or(Date::MAX)));
        if on > now() || until.is_some_and(|until| until <= on) {
            return Err(wrong(
                "the day is in the future, or the end is before the day: --on 2026-11-30"
                    .to_owned(),
            ));
        }
        let file = new.file.clone();
        let place = self.paths().evidence();
        let (sha256, bytes) = tokio::task::spawn_blocking(move || keep(&file, &place)).await??;
        let act = PostureAct::EvidenceAdded {
            claim: claim.id.clone(),
            by,
            on,
            until,
            sha256: sha256.clone(),
            bytes,
            is_public: new.shown == Shown::Public,
        };
        let deed = Deed::Posture(act);
        self.store().begin().await?.commit(deed.entry(actor), now()).await?;
        let limit = on.saturating_add(SignedDuration::from_hours(claim.fresh_hours.into()));
        let limit = limit.unwrap_or(Timestamp::MAX);
        let valid_until = until.map_or(limit, |until| until.min(limit));
        Ok(KeptEvidence { claim: claim.id.clone(), sha256, valid_until })
    }

    /// What was signed for last, by claim.
    pub async fn attested(&self) -> Result<BTreeMap<String, Attested>> {
        let mut found = BTreeMap::new();
        for record in self.entries_of("evidence.added").await? {
            let Some(entry) = record.entry else { continue };
            let subject = entry.subject.clone();
            if let Some(attested) = attested(&entry.detail, record.index) {
                found.entry(subject).or_insert(attested);
            }
        }
        Ok(found)
    }

    /// The document of this digest, if anyone may fetch it.
    pub async fn public_evidence(&self, sha256: &str) -> Result<Option<Vec<u8>>> {
        let is_named = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_named {
            return Ok(None);
        }
        let entries = self.entries_of("evidence.added").await?;
        let details = entries.iter().filter_map(|record| Some(&record.entry.as_ref()?.detail));
        let mut of_it = details.filter(|detail| detail["sha256"] == sha256);
        if !of_it.any(|detail| detail["public"] == true) {
            return Ok(None);
        }
        let path = self.paths().evidence().join(sha256.to_ascii_lowercase());
        let read = tokio::task::spawn_blocking(move || std::fs::read(&path)).await?;
        // A document that was changed on the disk is not what was signed for.
        Ok(read.ok().filter(|bytes| sha256_hex(bytes) == sha256))
    }

    /// How each claim stood when that was last written down.
    pub async fn told_states(&self) -> Result<BTreeMap<String, State>> {
        let mut states = BTreeMap::new();
        let state = |value: &serde_json::Value| State::named(value.as_str()?);
        let mut began = 0;
        if let Some(record) = self.entries_of("posture.begun").await?.into_iter().next()
            && let Some(entry) = record.entry
        {
            began = record.index;
            let rows = part(&entry.detail, "rows").as_object().cloned().unwrap_or_default();
            states.extend(rows.into_iter().filter_map(|(id, word)| Some((id, state(&word)?))));
        }
        let changes = self.entries_of("posture.changed").await?;
        for record in changes.into_iter().rev().filter(|record| record.index > began) {
            let Some(entry) = record.entry else { continue };
            if let Some(to) = state(part(&entry.detail, "to")) {
                states.insert(entry.subject, to);
            }
        }
        Ok(states)
    }

    /// When a claim's state changed, the newest first.
    pub async fn turns(&self, claim: &str) -> Result<Vec<StateTurn>> {
        let state = |value: &serde_json::Value| State::named(value.as_str()?);
        let mut turns = Vec::new();
        for record in self.entries_of("posture.begun").await? {
            let Some(to) =
                record.entry.and_then(|entry| state(part(part(&entry.detail, "rows"), claim)))
            else {
                continue;
            };
            let (time, index, why) = (record.time, record.index, String::new());
            turns.push(StateTurn { time, index, from: None, to, why });
        }
        for record in self.entries_of("posture.changed").await? {
            let Some(entry) = record.entry.filter(|entry| entry.subject == claim) else { continue };
            let Some(to) = state(part(&entry.detail, "to")) else { continue };
            let (time, index, from) =
                (record.time, record.index, state(part(&entry.detail, "from")));
            let why = part(&entry.detail, "why").as_str().unwrap_or_default().to_owned();
            turns.push(StateTurn { time, index, from, to, why });
        }
        turns.sort_by_key(|turn| std::cmp::Reverse(turn.index));
        Ok(turns)
    }

    /// Writes down what changed: all at once the first time, then claim by claim.
    pub(crate) async fn tell_states(&self, acts: Vec<PostureAct>, now: Timestamp) -> Result<()> {
        let entry = |act| Deed::Posture(act).entry(Actor::Server);
        let entries: Vec<_> = acts.into_iter().map(entry).collect();
        if !entries.is_empty() {
            self.store().begin().await?.commit_all(entries, now).await?;
        }
        Ok(())
    }

    /// Entries of a kind, the newest first.
    pub(super) async fn entries_of(&self, kind: &'static str) -> Result<Vec<Record>> {
        let (mut found, mut before) = (Vec::new(), None);
        while found.len() < ENTRIES_MAX {
            let kind = Some(Kind::stated(kind));
            let page = LogPage { kind, before, limit: 500, ..LogPage::default() };
            let records = self.store().log_page(&page).await?;
            let is_full = records.len() >= page.rows();
            before = records.last().map(|record| record.index);
            found.extend(records);
            if !is_full {
                break;
            }
        }
        Ok(found)
    }
}

/// Claims for which documents count.
fn slots() -> Vec<&'static str> {
    let takes = |claim: &&audit::Claim| claim.probe.split(", ").any(|probe| probe == "evidence");
    audit::claims().iter().filter(takes).map(|claim| claim.id.as_str()).collect()
}

fn attested(detail: &serde_json::Value, index: u64) -> Option<Attested> {
    let text = |name: &str| Some(detail[name].as_str()?.to_owned());
    let mut facts = Facts::from([
        ("document, SHA-256".to_owned(), text("sha256")?),
        ("entry of the log".to_owned(), index.to_string()),
    ]);
    if detail["public"] == true {
        let place = format!("/security/evidence/{}", text("sha256")?);
        facts.insert("document".to_owned(), place);
    }
    Some(Attested {
        by: text("by")?,
        on: text("on")?.parse().ok()?,
        until: text("until").and_then(|text| text.parse().ok()),
        facts,
    })
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// Copies a document under the name of its digest; digest and size.
fn keep(file: &Path, place: &Path) -> Result<(String, u64)> {
    let fault = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { doing, path, source }
    };
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(fault("open", file))?;
    opened.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fault("read", file))?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > DOCUMENT_BYTES_MAX || size == 0 {
        let source = std::io::Error::other("a document has 1 byte to 32 MiB");
        return Err(fault("take", file)(source));
    }
    super::make_directory(place).map_err(fault("make", place))?;
    let sha256 = sha256_hex(&bytes);
    let path = place.join(&sha256);
    let mut whole = NamedTempFile::new_in(place).map_err(fault("write into", place))?;
    whole.write_all(&bytes).map_err(fault("write", &path))?;
    whole.as_file().sync_all().map_err(fault("write", &path))?;
    whole.persist(&path).map_err(|error| fault("write", &path)(error.error))?;
    Ok((sha256, size))
}

impl Accounts {
    /// What one hash of a password costs.
    #[must_use]
    pub fn password_cost(&self) -> Cost {
        self.0.passwords.cost()
    }

    /// How long a guess of a password takes on this machine: all of the work, and nobody's password.
    pub async fn measure_guess(&self) -> Result<Duration> {
        let passwords = Arc::clone(&self.0.passwords);
        let guess = move || {
            let candidate = Candidate::new(&Secret::new("a guess of the self-test".to_owned()));
            let begun = Instant::now();
            // Of nobody's account: all of the work is done, and the answer is no.
            drop(passwords.verify(None, &candidate, now()));
            begun.elapsed()
        };
        self.0.pool.run_for(DeviceStanding::Unknown.into(), guess).await
    }
}

/// A part of what an entry says; nothing where it says nothing of it.
fn part<'a>(detail: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    detail.get(name).unwrap_or(&serde_json::Value::Null)
}

//! The ledger of snapshots: what was taken, what was let go, what was proved, in a row of records that each
//! name the one before, under one signature. What is kept is decided on it alone.

use crate::{Error, signed};
use jiff::Timestamp;
use seal::{SigningKey, VerifyingKey, sha256};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const MAGIC: &str = "stockade-backups/1";
const WHAT: &str = "ledger";
/// A ledger of forty years is smaller.
pub const BYTES_MAX: usize = 32 << 20;

/// Why a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// It was 03:00.
    Nightly,
    /// Somebody asked for it.
    Asked,
    /// The schema of the database was about to change.
    Upgrade,
}

/// A snapshot as it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id in the repository, 64 hexadecimal digits.
    pub id: String,
    /// Why it was taken.
    pub trigger: Trigger,
    /// SHA-256 of its manifest, hexadecimal.
    pub manifest: String,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries of the audit log in it.
    pub log_size: u64,
    /// The file of the wrapped keys that belongs to it.
    pub keys: String,
}

/// What was proved by restoring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The number of the snapshot's record.
    pub of: u64,
    /// Files whose digests are those of the manifest.
    pub files: u64,
    /// Rows of tables whose digests are.
    pub rows: u64,
    /// Entries of the audit log that verified.
    pub log_size: u64,
    /// How long it took.
    pub seconds: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Act {
    /// A snapshot was taken.
    Taken(Snapshot),
    /// Snapshots were let go.
    Forgotten {
        /// The numbers of their records.
        of: Vec<u64>,
    },
    /// Sets of wrapped keys were deleted.
    KeysForgotten {
        /// The numbers of the records that they came with.
        of: Vec<u64>,
    },
    /// A snapshot was restored and compared.
    Proved(Proof),
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// From 1.
    pub number: u64,
    /// When, by the clock of whoever wrote it.
    pub time: Timestamp,
    /// SHA-256 of the line before, hexadecimal.
    pub before: String,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// A snapshot that was taken: its number and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The number of its record.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// What.
    pub snapshot: Snapshot,
}

/// The ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    records: Vec<Record>,
    /// SHA-256 of each line.
    heads: Vec<String>,
}

impl Ledger {
    /// Reads a ledger that this key signed.
    pub fn parse(text: &str, key: &VerifyingKey) -> Result<Self, Error> {
        if text.len() > BYTES_MAX {
            return Err(Error::Ledger { line: 0, why: "it is too large" });
        }
        let body = signed::verify(WHAT, text, key)?;
        let mut lines = body.lines();
        if lines.next() != Some(MAGIC) {
            return Err(Error::Ledger { line: 1, why: "it is not stockade-backups/1" });
        }
        let mut ledger = Self::default();
        for (line, text) in (2_u64..).zip(lines) {
            let record: Record = serde_json::from_str(text)
                .map_err(|_| Error::Ledger { line, why: "it is no record" })?;
            let number = ledger.records.len() as u64 + 1;
            if record.number != number || record.before != ledger.head() {
                return Err(Error::Ledger { line, why: "it does not follow the line before" });
            }
            ledger.heads.push(digest(text));
            ledger.records.push(record);
        }
        Ok(ledger)
    }

    /// The text, signed.
    #[must_use]
    pub fn render(&self, key: &SigningKey) -> String {
        let mut body = format!("{MAGIC}\n");
        for record in &self.records {
            body.push_str(&line(record));
            body.push('\n');
        }
        signed::sign(WHAT, &body, key)
    }

    /// Adds a record; its number.
    pub fn add(&mut self, time: Timestamp, act: Act) -> u64 {
        let number = self.records.len() as u64 + 1;
        let record = Record { number, time, before: self.head(), act };
        self.heads.push(digest(&line(&record)));
        self.records.push(record);
        number
    }

    /// What stands for all of it: the digest of the last line; empty, where there is none.
    #[must_use]
    pub fn head(&self) -> String {
        self.heads.last().cloned().unwrap_or_default()
    }

    /// The head after each record.
    #[must_use]
    pub fn heads(&self) -> &[String] {
        &self.heads
    }

    /// Whether this was its head once: it is the same ledger, grown.
    #[must_use]
    pub fn continues(&self, head: &str) -> bool {
        head.is_empty() || self.heads.iter().any(|known| known == head)
    }

    /// All records, the oldest first.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The snapshots that are there, by number.
    #[must_use]
    pub fn live(&self) -> Vec<Taken> {
        self.without(|act| if let Act::Forgotten { of } = act { Some(of) } else { None })
    }

    /// The snapshots whose set of wrapped keys is there.
    #[must_use]
    pub fn key_sets(&self) -> Vec<Taken> {
        self.without(|act| if let Act::KeysForgotten { of } = act { Some(of) } else { None })
    }

    fn without(&self, gone: impl Fn(&Act) -> Option<&Vec<u64>>) -> Vec<Taken> {
        let mut live = BTreeMap::new();
        for Record { number, time, act, .. } in &self.records {
            if let Act::Taken(snapshot) = act {
                let (number, time, snapshot) = (*number, *time, snapshot.clone());
                live.insert(number, Taken { number, time, snapshot });
            }
            for number in gone(act).into_iter().flatten() {
                live.remove(number);
            }
        }
        live.into_values().collect()
    }

    /// Snapshots that were taken since some were last let go.
    #[must_use]
    pub fn taken_since(&self) -> usize {
        let records = self.records.iter().rev();
        let since = records.take_while(|record| !matches!(record.act, Act::Forgotten { .. }));
        since.filter(|record| matches!(record.act, Act::Taken(_))).count()
    }

    /// The last snapshot.
    #[must_use]
    pub fn last_taken(&self) -> Option<&Record> {
        self.records.iter().rev().find(|record| matches!(record.act, Act::Taken(_)))
    }

    /// The last proof.
    #[must_use]
    pub fn last_proof(&self) -> Option<(&Record, &Proof)> {
        self.records.iter().rev().find_map(|record| match &record.act {
            Act::Proved(proof) => Some((record, proof)),
            _ => None,
        })
    }

    /// Ids in a repository that the ledger does not know: others' snapshots, which count for nothing and are
    /// never let go by us.
    #[must_use]
    pub fn foreign<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let own = self.records.iter().filter_map(|record| match &record.act {
            Act::Taken(snapshot) => Some(snapshot.id.as_str()),
            _ => None,
        });
        let own: BTreeSet<&str> = own.collect();
        ids.into_iter().filter(|id| !own.contains(id)).collect()
    }
}

fn line(record: &Record) -> String {
    serde_json::to_string(record).expect("a record has only texts and numbers")
}

fn digest(line: &str) -> String {
    hex::encode(sha256(line.as_bytes()))
}

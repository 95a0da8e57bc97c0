//! A server's word on every claim.

use super::{
    Evidence, Expected, Facts, PostureSigner, State, envelope, judge, judging::ran_out,
    statement::About,
};
use crate::{
    Checkpoint, Error, Verifier,
    claims::{Claim, ClaimKind, Duty},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The type of what it says.
pub const PREDICATE_TYPE: &str = "https://stockade.dev/posture/v1";
const ROWS_MAX: usize = 1000;

/// One claim and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostureRow {
    /// The claim's id.
    pub id: String,
    /// What is claimed.
    pub words: String,
    /// What decides.
    pub kind: ClaimKind,
    /// Whose duty it is.
    pub owner: Duty,
    /// How it stands.
    pub state: State,
    /// When the evidence was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// Until when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// How it was taken; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// What an outsider runs.
    pub command: String,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub evidence: Facts,
    /// Why the word is no better.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl PostureRow {
    /// The row of a claim on this evidence, now.
    #[must_use]
    pub fn of(claim: &Claim, evidence: &Evidence, now: Timestamp) -> Self {
        let verdict = judge(claim, evidence, now);
        Self {
            id: claim.id.clone(),
            words: claim.words.clone(),
            kind: claim.kind,
            owner: claim.owner,
            state: verdict.state,
            observed_at: verdict.observed_at,
            valid_until: verdict.valid_until,
            method: verdict.method,
            command: claim.command.clone(),
            evidence: verdict.facts,
            reason: verdict.reason,
        }
    }

    /// The same row as it stands later: what has run out is not met.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if let Some(until) = self.valid_until.filter(|until| *until <= now && self.state.is_good())
        {
            self.state = State::NotMet;
            self.reason = ran_out(until);
        }
        self
    }
}

/// How all claims stand at one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    /// The server: `https://HOST`.
    pub subject: String,
    /// SHA-256 of the public key of the certificate that it serves, hexadecimal.
    pub spki_sha256: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The server's version.
    pub version: String,
    /// The newest signed checkpoint of its audit log.
    pub checkpoint: String,
    /// The key of that log, as `name+id+key`.
    pub log_key: String,
    /// A row for each claim.
    pub rows: Vec<PostureRow>,
}

#[derive(Serialize, Deserialize)]
struct Predicate {
    made_at: Timestamp,
    version: String,
    checkpoint: String,
    log_key: String,
    rows: Vec<PostureRow>,
}

impl Posture {
    /// Signed, as the JSON of an envelope.
    #[must_use]
    pub fn seal(&self, signer: &PostureSigner) -> String {
        signer.seal(self.to_json().as_bytes())
    }

    /// Reads an envelope and believes it only if `key` signed it, it speaks of the certificate that was seen,
    /// it is young, and it is no older one played again. Its rows are as they stand now.
    pub fn open(
        envelope: &str,
        key: &Verifier,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let payload = envelope::open(envelope, key)?;
        let posture = Self::parse(&payload)?;
        expected.check(&posture.spki_sha256, (posture.made_at, now), key)?;
        let rows = posture.rows.into_iter().map(|row| row.at(now)).collect();
        Ok(Self { rows, ..posture })
    }

    /// The checkpoint that it carries, checked by the log's key.
    pub fn checkpoint(&self, log: &Verifier) -> Result<Checkpoint, Error> {
        Checkpoint::verify(&self.checkpoint, log)
    }

    /// How many rows stand so.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.rows.iter().filter(|row| row.state == state).count()
    }

    fn to_json(&self) -> String {
        let about = About { subject: self.subject.clone(), spki_sha256: self.spki_sha256.clone() };
        let predicate = Predicate {
            made_at: self.made_at,
            version: self.version.clone(),
            checkpoint: self.checkpoint.clone(),
            log_key: self.log_key.clone(),
            rows: self.rows.clone(),
        };
        about.say(PREDICATE_TYPE, predicate)
    }

    /// Reads a statement whose signature was checked.
    fn parse(payload: &[u8]) -> Result<Self, Error> {
        let malformed = |problem| Error::Posture { problem };
        let (about, predicate) = About::hear(payload, PREDICATE_TYPE)?;
        let Predicate { made_at, version, checkpoint, log_key, rows } = predicate;
        if rows.len() > ROWS_MAX {
            return Err(malformed("it has more than 1000 rows"));
        }
        let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        if ids.len() != rows.len() {
            return Err(malformed("a claim stands twice"));
        }
        if rows.iter().any(|row| row.state == State::Proved) {
            return Err(malformed("a server proves nothing about itself"));
        }
        if rows.iter().any(|row| row.state.is_good() && row.valid_until.is_none()) {
            return Err(malformed("a row has evidence that never runs out"));
        }
        Ok(Self {
            subject: about.subject,
            spki_sha256: about.spki_sha256,
            made_at,
            version,
            checkpoint,
            log_key,
            rows,
        })
    }
}

//! What is in an envelope: an in-toto statement (v1) about one server under one certificate, and when its reader
//! believes it.

use super::judging::SKEW;
use crate::{Error, Verifier};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The type of the statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement whose predicate is a `P`.
#[derive(Serialize, Deserialize)]
struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: P,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct Digest {
    sha256: String,
}

/// Of whom a statement speaks.
pub(super) struct About {
    /// The server: `https://HOST`.
    pub subject: String,
    /// SHA-256 of the public key of its certificate, hexadecimal.
    pub spki_sha256: String,
}

impl About {
    /// The JSON of a statement of this type.
    pub(super) fn say<P: Serialize>(self, predicate_type: &str, predicate: P) -> String {
        let digest = Digest { sha256: self.spki_sha256 };
        let statement = Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![Subject { name: self.subject, digest }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        };
        serde_json::to_string(&statement).expect("texts and times have a JSON text")
    }

    /// Reads a statement of this type whose signature was checked.
    pub(super) fn hear<P: DeserializeOwned>(
        payload: &[u8],
        predicate_type: &str,
    ) -> Result<(Self, P), Error> {
        let malformed = |problem| Error::Posture { problem };
        let statement: Statement<P> = serde_json::from_slice(payload)
            .map_err(|_| malformed("it is no statement of the kind that is expected"))?;
        if statement.kind != STATEMENT_TYPE {
            return Err(malformed("it is no in-toto statement of version 1"));
        }
        if statement.predicate_type != predicate_type {
            return Err(malformed("its predicate is of another type or version"));
        }
        let Ok([Subject { name, digest }]) = <[Subject; 1]>::try_from(statement.subject) else {
            return Err(malformed("it speaks of no server, or of several"));
        };
        Ok((Self { subject: name, spki_sha256: digest.sha256 }, statement.predicate))
    }
}

/// What a reader holds a statement against.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// SHA-256 of the public key of the certificate that was just seen, hexadecimal.
    pub spki_sha256: &'a str,
    /// When the last one was made that this reader has seen.
    pub seen_before: Option<Timestamp>,
    /// How old it may be.
    pub age_max: SignedDuration,
}

impl Expected<'_> {
    /// An hour: a server makes a new posture every few minutes.
    pub const AGE_MAX: SignedDuration = SignedDuration::from_hours(1);

    /// Whether what `key` signed at `made` speaks of the certificate that was seen, is young, and is no older
    /// one played again.
    pub(super) fn check(
        &self,
        spki_sha256: &str,
        (made, now): (Timestamp, Timestamp),
        key: &Verifier,
    ) -> Result<(), Error> {
        if !spki_sha256.eq_ignore_ascii_case(self.spki_sha256) {
            let (expected, found) = (self.spki_sha256.to_owned(), spki_sha256.to_owned());
            return Err(Error::OtherCertificate { expected, found });
        }
        if made > now.saturating_add(SKEW).unwrap_or(Timestamp::MAX) {
            let time = made.to_string();
            return Err(Error::Future { witness: key.name().to_owned(), time });
        }
        if let Some(seen) = self.seen_before.filter(|before| made < *before) {
            return Err(Error::Replayed { made, seen });
        }
        if now.duration_since(made) > self.age_max {
            return Err(Error::Stale { made });
        }
        Ok(())
    }
}

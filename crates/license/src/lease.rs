//! What the licence service says: a lease, or a revocation. And what it is when it says nothing.

use crate::{
    Error,
    document::{Form, bytes, name, number, second, time},
};
use jiff::{SignedDuration, Timestamp};
use seal::{SigningKey, VerifyingKey};

const LEASE: Form = Form {
    magic: "stockade-lease/1",
    fields: &["license", "instance", "challenge", "time", "expires", "epoch"],
};
const REVOCATION: Form =
    Form { magic: "stockade-revocation/1", fields: &["license", "time", "epoch"] };
/// No lease lasts longer, whatever it says.
const LEASE_HOURS_MAX: i64 = 48;

/// What a lease says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTerms {
    /// Of which licence.
    pub license: String,
    /// For which instance: SHA-256 of its public key.
    pub instance: [u8; 32],
    /// The question that it answers.
    pub challenge: [u8; 32],
    /// The service's time.
    pub time: Timestamp,
    /// When it lapses; a day later as a rule.
    pub expires: Timestamp,
    /// Revocations up to this number are in it.
    pub epoch: u64,
}

impl LeaseTerms {
    /// Signs the lease.
    pub fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        let values = [
            self.license.clone(),
            hex::encode(self.instance),
            hex::encode(self.challenge),
            second(self.time).to_string(),
            second(self.expires).to_string(),
            self.epoch.to_string(),
        ];
        let text = LEASE.sign(&values, key);
        Lease::verify(&text, &[*key.verifying_key()]).map(|_| text)
    }
}

/// A lease whose signature holds; only [`Lease::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    terms: LeaseTerms,
    text: String,
}

impl Lease {
    /// Reads a lease that one of the issuers signed.
    pub fn verify(text: &str, issuers: &[VerifyingKey]) -> Result<Self, Error> {
        let values = LEASE.open(text, issuers)?;
        let [license, instance, challenge, at, expires, epoch] = values.as_slice() else {
            return Err(Error::Foreword { magic: LEASE.magic });
        };
        let terms = LeaseTerms {
            license: name("license", license)?,
            instance: bytes("instance", instance)?,
            challenge: bytes("challenge", challenge)?,
            time: time("time", at)?,
            expires: time("expires", expires)?,
            epoch: number("epoch", epoch)?,
        };
        let lasts = terms.expires.duration_since(terms.time);
        let bounds = SignedDuration::ZERO..=SignedDuration::from_hours(LEASE_HOURS_MAX);
        if !bounds.contains(&lasts) {
            return Err(Error::Field { field: "expires", rule: "at most 48 hours after time" });
        }
        Ok(Self { terms, text: text.to_owned() })
    }

    /// Refuses the answer to another question, which anyone may have kept.
    pub fn answering(self, challenge: &[u8; 32]) -> Result<Self, Error> {
        let same = seal::equal(&self.terms.challenge, challenge);
        if same { Ok(self) } else { Err(Error::OtherChallenge) }
    }

    /// What it says.
    #[must_use]
    pub const fn terms(&self) -> &LeaseTerms {
        &self.terms
    }

    /// As it was signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What a revocation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationTerms {
    /// Of which licence.
    pub license: String,
    /// The service's time.
    pub time: Timestamp,
    /// Its number.
    pub epoch: u64,
}

impl RevocationTerms {
    /// Signs the revocation.
    pub fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        let values = [self.license.clone(), second(self.time).to_string(), self.epoch.to_string()];
        let text = REVOCATION.sign(&values, key);
        Revocation::verify(&text, &[*key.verifying_key()]).map(|_| text)
    }
}

/// A revocation whose signature holds; only [`Revocation::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    terms: RevocationTerms,
}

impl Revocation {
    /// Reads a revocation that one of the issuers signed.
    pub fn verify(text: &str, issuers: &[VerifyingKey]) -> Result<Self, Error> {
        let values = REVOCATION.open(text, issuers)?;
        let [license, at, epoch] = values.as_slice() else {
            return Err(Error::Foreword { magic: REVOCATION.magic });
        };
        let terms = RevocationTerms {
            license: name("license", license)?,
            time: time("time", at)?,
            epoch: number("epoch", epoch)?,
        };
        Ok(Self { terms })
    }

    /// What it says.
    #[must_use]
    pub const fn terms(&self) -> &RevocationTerms {
        &self.terms
    }
}

/// Why there was no answer. It is an outage: it changes nothing about the licence, and the time that
/// the lease still has does. What fails a check on the way is no answer either, and worth an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// No connection, or none in time.
    #[error("the licence service cannot be reached")]
    NoConnection,
    /// Somebody answers under its name with a key that is not pinned.
    #[error(
        "whoever answers for the licence service does not have its key: the connection is being intercepted, or its key was changed without notice"
    )]
    Pin,
    /// It answers that it cannot answer.
    #[error("the licence service answers with status {0}")]
    Status(u16),
    /// An answer that does not verify: not ours, not signed, not to this question.
    #[error("the licence service's answer does not verify")]
    Unverified,
}

impl Unreachable {
    /// Whether the owner should hear of it at once rather than when grace begins.
    #[must_use]
    pub const fn is_alarming(self) -> bool {
        matches!(self, Self::Pin | Self::Unverified)
    }
}

impl From<Error> for Unreachable {
    fn from(_: Error) -> Self {
        Self::Unverified
    }
}

//! The health of an installation: when each of its parts was last looked at, and how it stood then, signed by
//! the key that signs postures.

use super::{Expected, PostureSigner, envelope, judging::SKEW, statement::About};
use crate::{Error, Verifier};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The type of what the statement says.
pub const HEALTH_TYPE: &str = "https://stockade.dev/health/v1";
const PARTS_MAX: usize = 100;

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// As it should.
    Good,
    /// This installation has no such part.
    Off,
    /// It works, and somebody should look at it.
    Warning,
    /// It was not looked at yet, or too long ago.
    Unknown,
    /// It does not work.
    Failing,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Good, Self::Off, Self::Warning, Self::Unknown, Self::Failing];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Off => "off",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Failing => "failing",
        }
    }

    /// Whether a part that is needed may stand so while the server serves.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Good | Self::Off | Self::Warning)
    }
}

/// A part, for everybody: nothing in it says how full a disk is or how many letters wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthPart {
    /// Its name.
    pub part: String,
    /// How it stood when it was last looked at; [`Standing::Unknown`] where that is too long ago.
    pub standing: Standing,
    /// Whether the server is not ready without it.
    pub needed: bool,
    /// When it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed_at: Option<Timestamp>,
    /// For how long that counts, in seconds.
    pub fresh_s: u64,
}

impl HealthPart {
    /// The same part as it stands later: a look that is too old says nothing.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let fresh = SignedDuration::from_secs(i64::try_from(self.fresh_s).unwrap_or(i64::MAX));
        let counts = self.probed_at.is_some_and(|at| {
            let age = now.duration_since(at);
            age <= fresh && age >= -SKEW
        });
        if !counts {
            self.standing = Standing::Unknown;
        }
        self
    }
}

/// How an installation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The server: `https://HOST`.
    pub subject: String,
    /// SHA-256 of the public key of the certificate that it serves, hexadecimal.
    pub spki_sha256: String,
    /// When this was made.
    pub made_at: Timestamp,
    /// The server's version.
    pub version: String,
    /// Its parts.
    pub parts: Vec<HealthPart>,
}

#[derive(Serialize, Deserialize)]
struct Predicate {
    made_at: Timestamp,
    version: String,
    ready: bool,
    parts: Vec<HealthPart>,
}

impl Health {
    /// Whether every part that is needed serves.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.parts.iter().all(|part| !part.needed || part.standing.serves())
    }

    /// Signed, as the JSON of an envelope.
    #[must_use]
    pub fn seal(&self, signer: &PostureSigner) -> String {
        let about = About { subject: self.subject.clone(), spki_sha256: self.spki_sha256.clone() };
        let predicate = Predicate {
            made_at: self.made_at,
            version: self.version.clone(),
            ready: self.is_ready(),
            parts: self.parts.clone(),
        };
        signer.seal(about.say(HEALTH_TYPE, predicate).as_bytes())
    }

    /// Reads an envelope and believes it only if `key` signed it, it speaks of the certificate that was seen, and
    /// it is young. Its parts are as they stand now.
    pub fn open(
        envelope: &str,
        key: &Verifier,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let malformed = |problem| Error::Posture { problem };
        let payload = envelope::open(envelope, key)?;
        let (about, predicate) = About::hear(&payload, HEALTH_TYPE)?;
        let Predicate { made_at, version, ready, parts } = predicate;
        let names: BTreeSet<&str> = parts.iter().map(|part| part.part.as_str()).collect();
        if parts.len() > PARTS_MAX || names.len() != parts.len() {
            return Err(malformed("it has more than 100 parts, or one twice"));
        }
        let About { subject, spki_sha256 } = about;
        let found = Self { subject, spki_sha256, made_at, version, parts };
        if found.is_ready() != ready {
            return Err(malformed("it says of the whole what its parts do not"));
        }
        expected.check(&found.spki_sha256, (made_at, now), key)?;
        let parts = found.parts.into_iter().map(|part| part.at(now)).collect();
        Ok(Self { parts, ..found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posture::{Posture, PostureSigner, STATEMENT_TYPE};
    use seal::{Secret, SigningKey};

    const SPKI: &str = "ab";

    fn signer(seed: u8) -> PostureSigner {
        PostureSigner::new(SigningKey::from_seed(&Secret::new([seed; 32])))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("in range")
    }

    fn part(name: &str, standing: Standing, needed: bool) -> HealthPart {
        let probed_at = Some(at(0));
        HealthPart { part: name.to_owned(), standing, needed, probed_at, fresh_s: 120 }
    }

    fn health(parts: Vec<HealthPart>) -> Health {
        Health {
            subject: "https://trade.example".to_owned(),
            spki_sha256: SPKI.to_owned(),
            made_at: at(10),
            version: "1".to_owned(),
            parts,
        }
    }

    fn opened(text: &str, by: &PostureSigner, seconds: i64) -> Result<Health, Error> {
        let age_max = SignedDuration::from_mins(5);
        let expected = Expected { spki_sha256: SPKI, seen_before: None, age_max };
        Health::open(text, by.verifier(), &expected, at(seconds))
    }

    #[test]
    fn readiness_is_that_of_the_parts_that_are_needed() {
        let check = |standing, needed, want| {
            let one = health(vec![part("a", Standing::Good, true), part("b", standing, needed)]);
            assert_eq!(one.is_ready(), want, "{standing:?}, {needed}");
        };
        for standing in Standing::ALL {
            check(standing, false, true);
        }
        check(Standing::Good, true, true);
        check(Standing::Off, true, true);
        check(Standing::Warning, true, true);
        check(Standing::Unknown, true, false);
        check(Standing::Failing, true, false);
    }

    #[test]
    fn what_was_signed_is_read_and_ages() {
        let own = signer(1);
        let text = health(vec![part("a", Standing::Good, true)]).seal(&own);
        let young = opened(&text, &own, 20).expect("ours");
        assert!(young.is_ready());
        // The look was at 0 and counts for two minutes: later it says nothing, whatever was signed.
        let old = opened(&text, &own, 121).expect("ours");
        assert_eq!(old.parts[0].standing, Standing::Unknown);
        assert!(!old.is_ready());
        assert!(matches!(opened(&text, &own, 400), Err(Error::Stale { .. })));
        assert!(matches!(opened(&text, &own, -400), Err(Error::Future { .. })));
        assert!(opened(&text, &signer(2), 20).is_err(), "another key");
        let other = Expected { spki_sha256: "cd", seen_before: None, age_max: Expected::AGE_MAX };
        let found = Health::open(&text, own.verifier(), &other, at(20));
        assert!(matches!(found, Err(Error::OtherCertificate { .. })), "another certificate");
        let seen =
            Expected { spki_sha256: SPKI, seen_before: Some(at(11)), age_max: Expected::AGE_MAX };
        let found = Health::open(&text, own.verifier(), &seen, at(20));
        assert!(matches!(found, Err(Error::Replayed { .. })), "an older one again");
    }

    #[test]
    fn a_whole_that_is_better_than_its_parts_and_a_posture_are_no_health() {
        let own = signer(1);
        let lying = serde_json::json!({
            "_type": STATEMENT_TYPE,
            "subject": [{ "name": "https://trade.example", "digest": { "sha256": SPKI } }],
            "predicateType": HEALTH_TYPE,
            "predicate": {
                "made_at": at(10), "version": "1", "ready": true,
                "parts": [part("a", Standing::Failing, true)],
            },
        });
        let text = own.seal(lying.to_string().as_bytes());
        assert!(matches!(opened(&text, &own, 20), Err(Error::Posture { .. })));
        let posture = Posture {
            subject: "https://trade.example".to_owned(),
            spki_sha256: SPKI.to_owned(),
            made_at: at(10),
            version: "1".to_owned(),
            checkpoint: String::new(),
            log_key: String::new(),
            rows: Vec::new(),
        };
        assert!(opened(&posture.seal(&own), &own, 20).is_err());
    }
}

//! What the audit log says of claims and of the documents that people sign for.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What happens to how claims stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostureAct {
    /// The server looked at itself for the first time: a word for each claim that it could see.
    Begun {
        /// Claim and word.
        rows: Vec<(String, &'static str)>,
    },
    /// A claim stands otherwise than before.
    Changed {
        /// The claim.
        claim: String,
        /// The word before; none where nothing was known.
        from: Option<&'static str>,
        /// The word now.
        to: &'static str,
        /// Why it is no better.
        why: String,
    },
    /// A document was taken in that a person signs for.
    EvidenceAdded {
        /// The claim.
        claim: String,
        /// Who says so.
        by: String,
        /// The day that it speaks of.
        on: Timestamp,
        /// Until when it counts, where it says so.
        until: Option<Timestamp>,
        /// SHA-256 of the document, hexadecimal.
        sha256: String,
        /// Its size.
        bytes: u64,
        /// Whether anyone may fetch it.
        is_public: bool,
    },
}

impl PostureAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        match self {
            Self::Begun { rows } => {
                let words = rows.iter().map(|(id, word)| (id.clone(), (*word).into()));
                let detail = json!({ "rows": words.collect::<Map<String, Value>>() });
                ("posture.begun", "posture".to_owned(), detail)
            }
            Self::Changed { claim, from, to, why } => {
                let detail = json!({ "from": from, "to": to, "why": why });
                ("posture.changed", claim.clone(), detail)
            }
            Self::EvidenceAdded { claim, by, on, until, sha256, bytes, is_public } => {
                let detail = json!({
                    "by": by,
                    "on": on.to_string(),
                    "until": until.map(|until| until.to_string()),
                    "sha256": sha256,
                    "bytes": bytes,
                    "public": is_public,
                });
                ("evidence.added", claim.clone(), detail)
            }
        }
    }

    /// One of each.
    #[cfg(test)]
    pub(super) fn samples() -> [Self; 3] {
        let text = || "t".to_owned();
        [
            Self::Begun { rows: vec![("M13".to_owned(), "self-tested")] },
            Self::Changed { claim: text(), from: None, to: "not met", why: text() },
            Self::EvidenceAdded {
                claim: text(),
                by: text(),
                on: Timestamp::UNIX_EPOCH,
                until: None,
                sha256: text(),
                bytes: 1,
                is_public: false,
            },
        ]
    }
}

//! What the audit log says of whom the server keeps out by address.

use jiff::Timestamp;
use serde_json::{Value, json};

/// What is done about addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitAct {
    /// Somebody who runs the server shut addresses out.
    Blocked {
        /// Which: `192.0.2.0/24`.
        prefix: String,
        /// Until when.
        until: Timestamp,
        /// Why.
        why: String,
    },
    /// They are let in again before their time.
    Unblocked {
        /// Which.
        prefix: String,
    },
    /// A list is held against whoever comes.
    ListLoaded {
        /// Its name.
        name: String,
        /// Its date, by its own word.
        date: Timestamp,
        /// How many prefixes it has.
        prefixes: usize,
        /// SHA-256 of its text, hexadecimal.
        sha256: String,
        /// The number of the key that signed it.
        key: String,
    },
}

impl LimitAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        match self {
            Self::Blocked { prefix, until, why } => {
                let detail = json!({ "until": until.to_string(), "why": why });
                ("limits.blocked", prefix.clone(), detail)
            }
            Self::Unblocked { prefix } => ("limits.unblocked", prefix.clone(), json!({})),
            Self::ListLoaded { name, date, prefixes, sha256, key } => {
                let detail = json!({
                    "date": date.to_string(),
                    "prefixes": prefixes,
                    "sha256": sha256,
                    "key": key,
                });
                ("limits.list_loaded", name.clone(), detail)
            }
        }
    }
}

/// One of each.
#[cfg(test)]
pub(super) fn samples() -> [LimitAct; 3] {
    let text = || "a".to_owned();
    let time = Timestamp::UNIX_EPOCH;
    [
        LimitAct::Blocked { prefix: text(), until: time, why: text() },
        LimitAct::Unblocked { prefix: text() },
        LimitAct::ListLoaded { name: text(), date: time, prefixes: 1, sha256: text(), key: text() },
    ]
}

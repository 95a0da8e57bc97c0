//! What the audit log says of the installation's keys.

use serde_json::{Value, json};

/// What is done with the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAct {
    /// They came under a root key elsewhere.
    Moved {
        /// The kind of what holds it.
        to: String,
        /// SHA-256 of the ring.
        ring: String,
    },
    /// The root key has another version, and all keys are wrapped under it.
    RootRotated {
        /// The version.
        version: u32,
        /// SHA-256 of the ring.
        ring: String,
    },
    /// All keys were wrapped anew.
    Rewrapped {
        /// How many.
        keys: u64,
        /// SHA-256 of the ring.
        ring: String,
    },
    /// A purpose has new keys.
    Rotated {
        /// The purpose.
        purpose: &'static str,
        /// The version.
        version: u32,
        /// SHA-256 of the ring.
        ring: String,
    },
    /// Data keys of accounts were sealed under the newest keys.
    Resealed {
        /// How many in this step.
        done: u64,
        /// How many are left.
        left: u64,
    },
    /// The offline identity opened the ring, and a root key has it again.
    Recovered {
        /// The kind of what holds it.
        to: String,
        /// SHA-256 of the ring.
        ring: String,
    },
    /// The holder of the root key was away, and is back.
    HolderAway {
        /// For so long.
        seconds: u64,
    },
}

impl KeyAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        let (kind, detail) = match self {
            Self::Moved { to, ring } => ("keys.moved", json!({ "to": to, "ring_sha256": ring })),
            Self::RootRotated { version, ring } => {
                ("keys.root_rotated", json!({ "version": version, "ring_sha256": ring }))
            }
            Self::Rewrapped { keys, ring } => {
                ("keys.rewrapped", json!({ "keys": keys, "ring_sha256": ring }))
            }
            Self::Rotated { purpose, version, ring } => {
                let detail = json!({ "purpose": purpose, "version": version, "ring_sha256": ring });
                ("keys.rotated", detail)
            }
            Self::Resealed { done, left } => {
                ("keys.resealed", json!({ "done": done, "left": left }))
            }
            Self::Recovered { to, ring } => {
                ("keys.recovered", json!({ "to": to, "ring_sha256": ring }))
            }
            Self::HolderAway { seconds } => ("keys.holder_away", json!({ "seconds": seconds })),
        };
        (kind, "keys".to_owned(), detail)
    }

    /// One of each.
    #[cfg(test)]
    pub(super) fn samples() -> [Self; 7] {
        let text = || "t".to_owned();
        [
            Self::Moved { to: text(), ring: text() },
            Self::RootRotated { version: 2, ring: text() },
            Self::Rewrapped { keys: 1, ring: text() },
            Self::Rotated { purpose: "accounts", version: 2, ring: text() },
            Self::Resealed { done: 1, left: 0 },
            Self::Recovered { to: text(), ring: text() },
            Self::HolderAway { seconds: 60 },
        ]
    }
}

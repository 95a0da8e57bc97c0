//! What the audit log says of secrets: which, and the fingerprint; never a value.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is done with a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretAct {
    /// It was put in.
    Kept {
        /// Its name.
        name: String,
        /// Of the value.
        fingerprint: String,
        /// Of the value that was there before.
        before: Option<String>,
    },
    /// It was taken out.
    Removed {
        /// Its name.
        name: String,
        /// Of the value.
        fingerprint: String,
    },
}

impl SecretAct {
    /// Kind, subject and detail.
    pub(in crate::desk) fn parts(&self) -> (&'static str, String, Value) {
        match self {
            Self::Kept { name, fingerprint, before } => {
                let detail = json!({ "fingerprint": fingerprint, "before": before });
                ("secret.kept", name.clone(), detail)
            }
            Self::Removed { name, fingerprint } => {
                ("secret.removed", name.clone(), json!({ "fingerprint": fingerprint }))
            }
        }
    }

    /// One of each.
    #[cfg(test)]
    pub(in crate::desk) fn samples() -> [Self; 2] {
        let (name, fingerprint) = ("vendor.x".to_owned(), "t".to_owned());
        [
            Self::Kept { name: name.clone(), fingerprint: fingerprint.clone(), before: None },
            Self::Removed { name, fingerprint },
        ]
    }
}

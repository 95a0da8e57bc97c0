//! What the audit log says of reports of weaknesses. What a report says stands nowhere in it.

use serde_json::{Value, json};
use uuid::Uuid;

/// What happens to a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisclosureAct {
    /// It came. An advisory's date is held against this.
    Received {
        /// Its number.
        id: Uuid,
        /// SHA-256 of the sealed text, hexadecimal.
        sha256: String,
        /// Bytes of it.
        bytes: u64,
        /// `sender` or `server`.
        sealed_by: &'static str,
    },
    /// Its sealed text was handed to whoever runs the server.
    Opened {
        /// Its number.
        id: Uuid,
    },
    /// A step was taken with it.
    Moved {
        /// Its number.
        id: Uuid,
        /// The step.
        step: &'static str,
        /// How it stands now.
        standing: &'static str,
        /// How bad it is, where that was said.
        severity: Option<&'static str>,
    },
    /// Its sender is thanked in public, or not any more. Under which name stands in no entry, so that it can be
    /// taken back.
    Thanked {
        /// The report's number.
        id: Uuid,
        /// Whether there are thanks now.
        named: bool,
    },
    /// An advisory was published, or another revision of one.
    Advisory {
        /// Its name.
        id: String,
        /// Which revision.
        revision: u32,
        /// The report that it answers.
        report: Option<Uuid>,
        /// SHA-256 of its wording, hexadecimal.
        sha256: String,
    },
}

impl DisclosureAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        match self {
            Self::Received { id, sha256, bytes, sealed_by } => {
                let detail = json!({ "sha256": sha256, "bytes": bytes, "sealed_by": sealed_by });
                ("report.received", id.to_string(), detail)
            }
            Self::Opened { id } => ("report.opened", id.to_string(), json!({})),
            Self::Moved { id, step, standing, severity } => {
                let detail = json!({ "step": step, "standing": standing, "severity": severity });
                ("report.moved", id.to_string(), detail)
            }
            Self::Thanked { id, named } => {
                ("report.thanked", id.to_string(), json!({ "named": named }))
            }
            Self::Advisory { id, revision, report, sha256 } => {
                let kind = if *revision == 1 { "advisory.published" } else { "advisory.revised" };
                let report = report.map(|id| id.to_string());
                let detail = json!({ "revision": revision, "report": report, "sha256": sha256 });
                (kind, id.clone(), detail)
            }
        }
    }
}

/// One of each.
#[cfg(test)]
pub(super) fn samples() -> [DisclosureAct; 6] {
    let id = Uuid::nil();
    let advisory = |revision| DisclosureAct::Advisory {
        id: "STOCKADE-2026-001".to_owned(),
        revision,
        report: Some(id),
        sha256: "ab".to_owned(),
    };
    [
        DisclosureAct::Received { id, sha256: "ab".to_owned(), bytes: 1, sealed_by: "sender" },
        DisclosureAct::Opened { id },
        DisclosureAct::Moved { id, step: "fix", standing: "fixed", severity: Some("low") },
        DisclosureAct::Thanked { id, named: true },
        advisory(1),
        advisory(2),
    ]
}

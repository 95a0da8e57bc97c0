//! What the audit log says of sweeps.

use serde_json::{Value, json};
use uuid::Uuid;

/// What is done with a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SweepAct {
    /// It was started.
    Started {
        /// SHA-256 of the strategy's text.
        text: String,
        /// How many sets it has.
        sets: u64,
    },
    /// It goes on after a stop.
    Resumed,
    /// It stopped before its end; what it found is kept.
    Stopped {
        /// Sets whose outcome is there.
        done: u64,
    },
    /// The outcomes of all its sets are there.
    Done {
        /// How many it has.
        sets: u64,
    },
    /// It ended with an error.
    Failed {
        /// Sets whose outcome is there.
        done: u64,
    },
    /// It was removed with its outcomes.
    Removed,
}

impl SweepAct {
    /// Kind, subject and detail, for the sweep of this name.
    pub(super) fn parts(&self, id: Uuid) -> (&'static str, String, Value) {
        let (kind, detail) = match self {
            Self::Started { text, sets } => {
                ("sweep.started", json!({ "text_sha256": text, "sets": sets }))
            }
            Self::Resumed => ("sweep.resumed", json!({})),
            Self::Stopped { done } => ("sweep.stopped", json!({ "done": done })),
            Self::Done { sets } => ("sweep.done", json!({ "sets": sets })),
            Self::Failed { done } => ("sweep.failed", json!({ "done": done })),
            Self::Removed => ("sweep.removed", json!({})),
        };
        (kind, id.to_string(), detail)
    }
}

//! What the audit log says of the installation's machines.

use serde_json::{Value, json};

/// What is done with machines, and by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineAct {
    /// Their authority was made.
    Authority {
        /// SHA-256 of its certificate.
        fingerprint: String,
    },
    /// A token was made by which a machine comes in.
    Added {
        /// Which.
        machine: String,
    },
    /// It came in by a token.
    Joined {
        /// Which.
        machine: String,
        /// The epoch that began.
        epoch: u32,
    },
    /// It has another certificate.
    Renewed {
        /// Which.
        machine: String,
        /// Its epoch.
        epoch: u32,
    },
    /// It was put out.
    Revoked {
        /// Which.
        machine: String,
    },
}

impl MachineAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        match self {
            Self::Authority { fingerprint } => {
                let detail = json!({ "fingerprint": fingerprint });
                ("machine.authority_made", "machines".to_owned(), detail)
            }
            Self::Added { machine } => ("machine.added", machine.clone(), json!({})),
            Self::Joined { machine, epoch } => {
                ("machine.joined", machine.clone(), json!({ "epoch": epoch }))
            }
            Self::Renewed { machine, epoch } => {
                ("machine.renewed", machine.clone(), json!({ "epoch": epoch }))
            }
            Self::Revoked { machine } => ("machine.revoked", machine.clone(), json!({})),
        }
    }
}

/// One of each.
#[cfg(test)]
pub(super) fn samples() -> [MachineAct; 5] {
    let machine = || "bot/one".to_owned();
    [
        MachineAct::Authority { fingerprint: "f".to_owned() },
        MachineAct::Added { machine: machine() },
        MachineAct::Joined { machine: machine(), epoch: 1 },
        MachineAct::Renewed { machine: machine(), epoch: 1 },
        MachineAct::Revoked { machine: machine() },
    ]
}

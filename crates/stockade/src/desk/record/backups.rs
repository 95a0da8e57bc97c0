//! What the audit log says of backups.

use serde_json::{Value, json};

/// What is done with backups; `ledger` is the head of the ledger of snapshots after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupAct {
    /// A snapshot was taken.
    Taken {
        /// Its number in the ledger.
        number: u64,
        /// Its id.
        snapshot: String,
        /// SHA-256 of its manifest.
        manifest: String,
        /// Head.
        ledger: String,
    },
    /// Snapshots were let go by the rule.
    Forgotten {
        /// How many.
        count: u64,
        /// Head.
        ledger: String,
    },
    /// Sets of wrapped keys were deleted by their age.
    KeysForgotten {
        /// How many.
        count: u64,
        /// Head.
        ledger: String,
    },
    /// A snapshot was restored into a scratch place and compared.
    Proved {
        /// Its number in the ledger.
        number: u64,
        /// Files that were equal.
        files: u64,
        /// Rows of tables that were equal.
        rows: u64,
        /// Head.
        ledger: String,
    },
    /// All of it was handed to the machine that pulls backups.
    HandedOut {
        /// Which.
        machine: String,
    },
    /// A backup or a drill failed.
    Failed {
        /// `backup` or `drill`.
        what: &'static str,
        /// In words.
        why: String,
    },
    /// The installation came back from a backup and began this log.
    Restored {
        /// The snapshot's number in the ledger.
        number: u64,
        /// The key of the log that was.
        log: String,
        /// Its size in the backup.
        size: u64,
        /// Its root there.
        root: String,
        /// The largest size of it that a witness cosigned, as far as the backup knows.
        witnessed: Option<u64>,
        /// The root of that.
        witnessed_root: Option<String>,
        /// Head.
        ledger: String,
    },
}

impl BackupAct {
    /// The kinds whose entries name the ledger's head.
    pub(in crate::desk) const WITH_HEAD: [&'static str; 5] = [
        "backup.taken",
        "backup.forgotten",
        "backup.keys_forgotten",
        "backup.proved",
        "backup.restored",
    ];

    /// Kind, subject, detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        let (kind, detail) = match self {
            Self::Taken { number, snapshot, manifest, ledger } => {
                let detail = json!({ "number": number, "snapshot": snapshot, "manifest": manifest, "ledger": ledger });
                ("backup.taken", detail)
            }
            Self::Forgotten { count, ledger } => {
                ("backup.forgotten", json!({ "count": count, "ledger": ledger }))
            }
            Self::KeysForgotten { count, ledger } => {
                ("backup.keys_forgotten", json!({ "count": count, "ledger": ledger }))
            }
            Self::Proved { number, files, rows, ledger } => {
                let detail =
                    json!({ "number": number, "files": files, "rows": rows, "ledger": ledger });
                ("backup.proved", detail)
            }
            Self::HandedOut { machine } => ("backup.handed_out", json!({ "machine": machine })),
            Self::Failed { what, why } => ("backup.failed", json!({ "what": what, "why": why })),
            Self::Restored { number, log, size, root, witnessed, witnessed_root, ledger } => {
                let detail = json!({
                    "number": number, "log": log, "size": size, "root": root,
                    "witnessed": witnessed, "witnessed_root": witnessed_root, "ledger": ledger,
                });
                ("backup.restored", detail)
            }
        };
        (kind, "backups".to_owned(), detail)
    }
}

/// One of each.
#[cfg(test)]
pub(super) fn samples() -> [BackupAct; 7] {
    let text = || "t".to_owned();
    let (number, size) = (1, 2);
    [
        BackupAct::Taken { number, snapshot: text(), manifest: text(), ledger: text() },
        BackupAct::Forgotten { count: 1, ledger: text() },
        BackupAct::KeysForgotten { count: 1, ledger: text() },
        BackupAct::Proved { number, files: 1, rows: 1, ledger: text() },
        BackupAct::HandedOut { machine: text() },
        BackupAct::Failed { what: "backup", why: text() },
        BackupAct::Restored {
            number,
            log: text(),
            size,
            root: text(),
            witnessed: None,
            witnessed_root: None,
            ledger: text(),
        },
    ]
}

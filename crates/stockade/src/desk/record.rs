//! What the audit log says of each act: the one place that turns events into entries.

mod backups;
mod certificates;
mod licences;
mod limits;
mod machines;
mod payments;
mod security_reports;

pub use backups::BackupAct;
pub use certificates::CertificateAct;
pub use licences::LicenceAct;
pub use limits::LimitAct;
pub use machines::MachineAct;
pub use payments::PaymentAct;
pub use security_reports::DisclosureAct;

use super::{KeyAct, PostureAct, ReleaseAct, SecretAct, SweepAct};
use audit::{Entry, Kind};
use identity::{AccountId, Event};
use serde_json::{Value, json};
use uuid::Uuid;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    Account(AccountId),
    /// The operator on the machine itself.
    Host,
    /// The server by itself.
    Server,
    /// The machine that the entry is about.
    Machine,
    /// A payment processor, whose signature was verified.
    Processor,
    /// Somebody who is not signed in.
    Anonymous,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Host => f.write_str("host"),
            Self::Server => f.write_str("server"),
            Self::Machine => f.write_str("machine"),
            Self::Processor => f.write_str("processor"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

/// The acts of the app itself; those of accounts are [`Event`]s.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// The server began to serve.
    ServerStarted {
        /// Its version.
        version: &'static str,
    },
    /// Prices came in.
    DatasetImported {
        /// The dataset.
        name: String,
        /// Digest of its logical columns.
        digest: String,
        /// Its bars.
        rows: u64,
    },
    /// Prices are there whose import was cut off before the log heard of it.
    DatasetFound {
        /// The dataset.
        name: String,
        /// Digest of its logical columns.
        digest: String,
        /// Its bars.
        rows: u64,
    },
    /// Prices were removed.
    DatasetRemoved {
        /// The dataset.
        name: String,
    },
    /// A strategy was kept for the first time.
    StrategyCreated {
        /// Which.
        id: Uuid,
        /// SHA-256 of its text.
        text: String,
    },
    /// A strategy was changed.
    StrategyChanged {
        /// Which.
        id: Uuid,
        /// SHA-256 of its text.
        text: String,
        /// Its new revision.
        revision: i64,
    },
    /// A strategy was removed.
    StrategyRemoved {
        /// Which.
        id: Uuid,
    },
    /// A factor was kept for the first time.
    FactorCreated {
        /// Which.
        id: Uuid,
        /// SHA-256 of its text.
        text: String,
    },
    /// A factor has a new version.
    FactorVersioned {
        /// Which.
        id: Uuid,
        /// The version.
        version: i64,
        /// SHA-256 of its text.
        text: String,
    },
    /// A factor was put away.
    FactorArchived {
        /// Which.
        id: Uuid,
    },
    /// An expression was tried on a dataset for the first time.
    FactorTried {
        /// The dataset.
        dataset: String,
        /// SHA-256 of its canonical text.
        text: String,
        /// Distinct expressions tried on this dataset by now, this one included.
        tried: u64,
    },
    /// A backtest was asked for.
    BacktestQueued {
        /// Which.
        id: Uuid,
        /// SHA-256 of the strategy's text.
        text: String,
    },
    /// A backtest has a result.
    BacktestDone {
        /// Which.
        id: Uuid,
        /// The result's name.
        run_id: String,
        /// The result's digest.
        digest: String,
    },
    /// A backtest ended without a result.
    BacktestFailed {
        /// Which.
        id: Uuid,
        /// A stable word for the reason.
        code: String,
    },
    /// A backtest was stopped by its owner.
    BacktestCancelled {
        /// Which.
        id: Uuid,
    },
    /// A backtest was removed, with its result.
    BacktestRemoved {
        /// Which.
        id: Uuid,
    },
    /// Something was done with a sweep.
    Sweep {
        /// Which.
        id: Uuid,
        /// What.
        act: SweepAct,
    },
    /// An account's sealed fields lie under a key of their own from now on.
    AccountKeyed {
        /// Whose.
        account: AccountId,
    },
    /// Everybody's sessions were ended in one act.
    AllSessionsEnded {
        /// How many.
        count: u64,
        /// Whose went on beside the actor's own: `nobody` or `owners`.
        spared: &'static str,
    },
    /// The log was looked at; one entry stands for a quarter of an hour.
    LogViewed,
    /// Accounts were looked at by who runs or watches the server; one entry stands for a quarter of
    /// an hour.
    AccountsViewed {
        /// Whose, if it was one.
        account: Option<AccountId>,
    },
    /// The letters that wait were looked at.
    LettersViewed {
        /// How many were shown.
        count: u64,
    },
    /// The log was taken away as a file.
    LogExported {
        /// How many leaves it has.
        size: u64,
    },
    /// Bodies of entries were pruned that were seven years old.
    LogPruned {
        /// Those of entries before this time.
        before: jiff::Timestamp,
        /// How many.
        count: u64,
    },
    /// A witness does not cosign this log.
    WitnessRefused {
        /// Its name.
        witness: String,
        /// What it says, or what that means.
        why: String,
    },
    /// A log that this server witnesses signed two roots for one size.
    ForkSeen {
        /// Its name.
        log: String,
        /// The size.
        size: u64,
    },
    /// Browsers reported violations of the content security policy.
    ViolationsSeen {
        /// How many.
        count: u64,
    },
    /// Something was done with the keys.
    Keys(KeyAct),
    /// Something was done with backups.
    Backup(BackupAct),
    /// Something was done with a secret.
    Secret(SecretAct),
    /// Something was done with a machine.
    Machine(MachineAct),
    /// Something was done about addresses.
    Limit(LimitAct),
    /// Something was done with a licence.
    Licence(LicenceAct),
    /// Something became of the certificate for the server's names.
    Certificate(CertificateAct),
    /// Claims stand otherwise, or a document speaks for one.
    Posture(PostureAct),
    /// A report of a weakness came, or was looked at or moved, or an advisory was published.
    Disclosure(DisclosureAct),
    /// Another release serves.
    Release(ReleaseAct),
    /// A payment processor told something.
    Payment(Box<PaymentAct>),
}

impl Deed {
    /// Every kind, as the log names it.
    pub const KINDS: [&'static str; 77] = [
        "server.started",
        "dataset.imported",
        "dataset.found",
        "dataset.removed",
        "strategy.created",
        "strategy.changed",
        "strategy.removed",
        "expression.created",
        "expression.versioned",
        "expression.archived",
        "expression.tried",
        "backtest.queued",
        "backtest.done",
        "backtest.failed",
        "backtest.cancelled",
        "backtest.removed",
        "sweep.started",
        "sweep.resumed",
        "sweep.stopped",
        "sweep.done",
        "sweep.failed",
        "sweep.removed",
        "account.keyed",
        "sessions.all_ended",
        "log.viewed",
        "accounts.viewed",
        "letters.viewed",
        "log.exported",
        "log.pruned",
        "log.not_cosigned",
        "log.fork_seen",
        "violations.seen",
        "keys.moved",
        "keys.root_rotated",
        "keys.rewrapped",
        "keys.rotated",
        "keys.resealed",
        "keys.recovered",
        "keys.holder_away",
        "backup.taken",
        "backup.forgotten",
        "backup.keys_forgotten",
        "backup.proved",
        "backup.handed_out",
        "backup.failed",
        "backup.restored",
        "secret.kept",
        "secret.removed",
        "machine.authority_made",
        "machine.added",
        "machine.joined",
        "machine.renewed",
        "machine.revoked",
        "limits.blocked",
        "limits.unblocked",
        "limits.list_loaded",
        "licence.issued",
        "licence.activated",
        "licence.checked",
        "licence.suspended",
        "licence.resumed",
        "licence.revoked",
        "licence.released",
        "certificate.issued",
        "certificate.late",
        "posture.begun",
        "posture.changed",
        "evidence.added",
        "report.received",
        "report.opened",
        "report.moved",
        "report.thanked",
        "advisory.published",
        "advisory.revised",
        "release.running",
        "payment.notified",
        "payment.quarantined",
    ];

    /// Kind, subject, detail.
    fn parts(&self) -> (&'static str, String, Value) {
        let of = |kind, id: &Uuid, detail| (kind, id.to_string(), detail);
        let text_of = |kind, id, text: &String| of(kind, id, json!({ "text_sha256": text }));
        let on = |kind, what: &str, detail| (kind, what.to_owned(), detail);
        let log = |kind, detail| on(kind, "log", detail);
        let many = |kind, what, count: &u64| on(kind, what, json!({ "count": count }));
        match self {
            Self::ServerStarted { version } => {
                ("server.started", "server".to_owned(), json!({ "version": version }))
            }
            Self::DatasetImported { name, digest, rows } => {
                ("dataset.imported", name.clone(), json!({ "digest": digest, "rows": rows }))
            }
            Self::DatasetFound { name, digest, rows } => {
                ("dataset.found", name.clone(), json!({ "digest": digest, "rows": rows }))
            }
            Self::DatasetRemoved { name } => ("dataset.removed", name.clone(), json!({})),
            Self::StrategyCreated { id, text } => text_of("strategy.created", id, text),
            Self::StrategyChanged { id, text, revision } => {
                of("strategy.changed", id, json!({ "text_sha256": text, "revision": revision }))
            }
            Self::StrategyRemoved { id } => of("strategy.removed", id, json!({})),
            Self::FactorCreated { id, text } => {
                ("expression.created", id.to_string(), json!({ "text_sha256": text, "version": 1 }))
            }
            Self::FactorVersioned { id, version, text } => {
                of("expression.versioned", id, json!({ "text_sha256": text, "version": version }))
            }
            Self::FactorArchived { id } => ("expression.archived", id.to_string(), json!({})),
            Self::FactorTried { dataset, text, tried } => {
                on("expression.tried", dataset, json!({ "text_sha256": text, "tried": tried }))
            }
            Self::BacktestQueued { id, text } => text_of("backtest.queued", id, text),
            Self::BacktestDone { id, run_id, digest } => {
                of("backtest.done", id, json!({ "run_id": run_id, "digest": digest }))
            }
            Self::BacktestFailed { id, code } => of("backtest.failed", id, json!({ "code": code })),
            Self::BacktestCancelled { id } => ("backtest.cancelled", id.to_string(), json!({})),
            Self::BacktestRemoved { id } => ("backtest.removed", id.to_string(), json!({})),
            Self::AccountKeyed { account } => ("account.keyed", account.to_string(), json!({})),
            Self::AllSessionsEnded { count, spared } => {
                on("sessions.all_ended", "accounts", json!({ "count": count, "spared": spared }))
            }
            Self::LogViewed => log("log.viewed", json!({})),
            Self::AccountsViewed { account } => {
                let subject = account.map_or_else(|| "accounts".to_owned(), |id| id.to_string());
                ("accounts.viewed", subject, json!({}))
            }
            Self::LettersViewed { count } => many("letters.viewed", "letters", count),
            Self::LogExported { size } => log("log.exported", json!({ "size": size })),
            Self::LogPruned { before, count } => {
                log("log.pruned", json!({ "before": before.to_string(), "count": count }))
            }
            Self::WitnessRefused { witness, why } => {
                ("log.not_cosigned", witness.clone(), json!({ "why": why }))
            }
            Self::ForkSeen { log, size } => ("log.fork_seen", log.clone(), json!({ "size": size })),
            Self::ViolationsSeen { count } => many("violations.seen", "browsers", count),
            Self::Keys(act) => act.parts(),
            Self::Sweep { id, act } => act.parts(*id),
            Self::Backup(act) => act.parts(),
            Self::Secret(act) => act.parts(),
            Self::Machine(act) => act.parts(),
            Self::Limit(act) => act.parts(),
            Self::Licence(act) => act.parts(),
            Self::Certificate(act) => act.parts(),
            Self::Posture(act) => act.parts(),
            Self::Disclosure(act) => act.parts(),
            Self::Release(act) => act.parts(),
            Self::Payment(act) => act.parts(),
        }
    }

    /// The entry of this deed.
    #[must_use]
    pub fn entry(&self, actor: Actor) -> Entry {
        let (kind, subject, detail) = self.parts();
        Entry { kind: Kind::stated(kind), actor: actor.to_string(), subject, detail }
    }
}

/// The entry of what happened to an account.
#[must_use]
pub fn entry(event: &Event, actor: Actor) -> Entry {
    let subject = event.account().map_or_else(|| "accounts".to_owned(), |id| id.to_string());
    let kind = Kind::stated(event.kind());
    Entry { kind, actor: actor.to_string(), subject, detail: detail(event) }
}

/// The entries of several events.
#[must_use]
pub fn entries(events: &[Event], actor: Actor) -> Vec<Entry> {
    events.iter().map(|event| entry(event, actor)).collect()
}

/// What else identity says of the event, and the session it is about.
fn detail(event: &Event) -> Value {
    let facts = event.facts().into_iter().map(|(name, fact)| (name.to_owned(), fact.into()));
    let session = event.session().map(|id| ("session".to_owned(), id.to_string().into()));
    Value::Object(facts.chain(session).collect())
}

/// A hash in hexadecimal: its first digits are enough for a person.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What a list says of an entry in a few words.
#[must_use]
pub fn summary(entry: &Entry) -> String {
    let Value::Object(fields) = &entry.detail else { return String::new() };
    let word = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) if is_digest(text) => {
            Some(format!("{} {}…", name.replace('_', " "), text.get(..12).unwrap_or(text)))
        }
        Value::String(text) => Some(format!("{name} {text}")),
        other => Some(format!("{name} {other}")),
    };
    fields.iter().filter_map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

//! Backups, as who runs or watches the server sees them.

use crate::{
    desk::{BackupView, SnapshotView},
    server::{Answer, extract::Json, guard::Granted, state::App},
};
use axum::extract::State;
use backup::Trigger;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// How backups stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupsPage {
    /// Where they go; null where none are made.
    place: Option<String>,
    /// How many people elsewhere can open them after a loss.
    recipients: usize,
    /// How many daily, weekly and monthly ones are kept.
    rule: [usize; 3],
    /// When the next one is due.
    next: Option<String>,
    /// The last restore that was proved; null before there was one.
    proved: Option<ProofRow>,
    /// When the next proof is due.
    next_proof: Option<String>,
    /// What failed, since it last went well.
    failed: Vec<FailureRow>,
    /// Snapshots that are there, the newest first.
    snapshots: Vec<SnapshotRow>,
}

/// A restore into a scratch place, all of it compared.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProofRow {
    /// When.
    time: String,
    /// The snapshot's number.
    of: u64,
    files: u64,
    rows: u64,
    /// Entries of the audit log that verified.
    log_size: u64,
    seconds: u64,
}

/// What failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureRow {
    time: String,
    why: String,
}

/// A snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotRow {
    /// Its number in the ledger.
    number: u64,
    time: String,
    /// Its id, as restic shows it.
    id: String,
    /// `nightly`, `asked`, `upgrade`.
    trigger: &'static str,
    files: u64,
    bytes: u64,
    log_size: u64,
    /// Whether a restore of it was proved.
    proved: bool,
}

impl From<SnapshotView> for SnapshotRow {
    fn from(view: SnapshotView) -> Self {
        let SnapshotView { number, time, snapshot, proved } = view;
        let trigger = match snapshot.trigger {
            Trigger::Nightly => "nightly",
            Trigger::Asked => "asked",
            Trigger::Upgrade => "upgrade",
        };
        let (files, bytes, log_size) = (snapshot.files, snapshot.bytes, snapshot.log_size);
        let (time, id) = (time.to_string(), snapshot.id);
        Self { number, time, id, trigger, files, bytes, log_size, proved }
    }
}

impl From<BackupView> for BackupsPage {
    fn from(view: BackupView) -> Self {
        let text = |time: Timestamp| time.to_string();
        let proof = |(time, proof): (Timestamp, backup::Proof)| ProofRow {
            time: text(time),
            of: proof.of,
            files: proof.files,
            rows: proof.rows,
            log_size: proof.log_size,
            seconds: proof.seconds,
        };
        let failure = |(time, why): (Timestamp, String)| FailureRow { time: text(time), why };
        Self {
            place: view.place,
            recipients: view.recipients,
            rule: view.rule,
            next: view.next.map(text),
            proved: view.proved.map(proof),
            next_proof: view.next_drill.map(text),
            failed: view.failed.into_iter().map(failure).collect(),
            snapshots: view.snapshots.into_iter().map(SnapshotRow::from).collect(),
        }
    }
}

/// `GET /api/v1/backups`
pub async fn show(State(app): State<App>, _: Granted) -> Answer<Json<BackupsPage>> {
    Ok(Json(app.backups().view(app.desk()).await?.into()))
}

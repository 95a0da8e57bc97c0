//! The routes of the log that anyone can check, and of witnesses.

use super::{Cost, Rule, Table, Words, handlers::witnesses, intake::TEXT};

/// Bytes of a submission: a checkpoint with many signatures, and a proof.
const SUBMISSION_BYTES_MAX: usize = 32 * 1024;

pub(super) fn log_of(table: Table) -> Table {
    let public = Rule::Open("the log is there to be checked; it says what happened to nobody");
    let text = "text/plain";
    table
        .get(
            "/log/checkpoint",
            public,
            Words::new(Cost::Light, "The newest signed checkpoint of the audit log").media(text),
            witnesses::checkpoint,
        )
        .get(
            "/log/witnessed",
            public,
            Words::new(Cost::Light, "The newest checkpoint that witnesses cosigned").media(text),
            witnesses::witnessed,
        )
        .get(
            "/log/key",
            public,
            Words::new(Cost::Light, "The key that checks the log's checkpoints").media(text),
            witnesses::key,
        )
        .get(
            "/log/witness",
            public,
            Words::new(Cost::Light, "The key of this server as a witness of others").media(text),
            witnesses::witness,
        )
        .get(
            "/log/tile/{level}/{*place}",
            public,
            Words::new(Cost::Moderate, "256 hashes of the log's tree")
                .media("application/octet-stream"),
            witnesses::tile,
        )
        .post(
            "/log/add-checkpoint",
            Rule::Open("logs ask for cosignatures; the signature of a known log is the proof"),
            Words::new(Cost::Moderate, "Cosigns a checkpoint of a log that this server witnesses")
                .takes_as::<witnesses::NoteText>(TEXT)
                .at_most(SUBMISSION_BYTES_MAX)
                .media(text),
            witnesses::add_checkpoint,
        )
        .post(
            "/log/cosignatures",
            Rule::Open("witnesses bring cosignatures; the signature of a known one is the proof"),
            Words::new(Cost::Moderate, "Takes the cosignature of a witness of this log")
                .takes_as::<witnesses::NoteText>(TEXT)
                .at_most(SUBMISSION_BYTES_MAX),
            witnesses::cosignatures,
        )
}

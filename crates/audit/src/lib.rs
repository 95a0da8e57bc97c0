//! Knows: the tamper-evident log, its proofs and receipts; the register of claims, how they stand, and what is said of a release.
//! Never knows: what an event means.

#![forbid(unsafe_code)]

mod checkpoint;
mod claims;
mod cosignature;
mod entry;
mod export;
mod ledger;
mod note;
pub mod posture;
mod proof;
mod quorum;
mod receipt;
pub mod release;
mod replay;
mod retention;
pub mod simulate;
mod tile;
mod tree;
mod witness;

pub use checkpoint::Checkpoint;
pub use claims::{Build, Claim, ClaimKind, Duty, claim, claims};
pub use cosignature::{Cosignature, Cosigner, WitnessKey};
pub use entry::{BODY_BYTES_MAX, Entry, Kind, Leaf, Opening};
pub use export::{ExportCheck, ExportLine, Exported, verify_export};
pub use ledger::{Batch, Ledger, Record, Row};
pub use note::{Signer, Trust, Verifier};
pub use proof::{
    consistency_proof, inclusion_proof, nodes_for_consistency, nodes_for_inclusion,
    verify_consistency, verify_inclusion,
};
pub use quorum::{Quorum, Witnessed};
pub use receipt::{Receipt, Verified, verify_receipt};
pub use replay::{Replay, Summary};
pub use retention::{Ages, Purge, kept_until, sample};
pub use tile::{
    BundleId, TILE_WIDTH, TileId, node_in, read_bundle, read_tile, write_bundle, write_tile,
};
pub use tree::{Frontier, Hash, NodeId, empty_root, leaf_hash, node_hash};
pub use witness::{Fork, Objection, SUBMISSION_BYTES_MAX, Seen, Submission, judge};

use jiff::Timestamp;

/// Everything that can be wrong with a log, a proof or a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A kind is not two or more words joined by dots.
    #[error(
        "{text:?} is not a kind of event: lower-case words joined by dots, as in account.created, at most 64 bytes"
    )]
    Kind {
        /// The text, cut to 64 characters.
        text: String,
    },
    /// An actor or a subject is empty, too long, or holds control characters.
    #[error("the {field} of an entry is empty, longer than 256 bytes, or has control characters")]
    Name {
        /// `actor` or `subject`.
        field: &'static str,
    },
    /// A body is too large for the log.
    #[error("the body of an entry has {found} bytes; at most {BODY_BYTES_MAX} fit")]
    TooLarge {
        /// Bytes of the body.
        found: usize,
    },
    /// A time before the year 1 or after 9999, or not on a whole microsecond.
    #[error(
        "{text:?} is not a time of the log: years 1 to 9999, whole microseconds, as in 2026-01-31T09:30:00.000000Z"
    )]
    Time {
        /// The text as found.
        text: String,
    },
    /// An act must leave at least one entry.
    #[error("an act without an entry cannot be committed")]
    Silent,
    /// A text does not have its format.
    #[error("line {line} of the {what}: {problem}")]
    Malformed {
        /// Which format.
        what: &'static str,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A note has no signature by the key that is trusted.
    #[error("the note is not signed by {name}; it is signed by {found:?}")]
    Unsigned {
        /// The trusted key's name.
        name: String,
        /// The names that do sign it.
        found: Vec<String>,
    },
    /// A signature by the trusted key's name and id does not fit the text.
    #[error("the signature of {name} does not match the note: it was altered")]
    Signature {
        /// The key's name.
        name: String,
    },
    /// The key on offer is not the one that was seen before.
    #[error(
        "the log's key is {offered}, but {pinned} was trusted before: do not trust this log until its operator explains the change"
    )]
    KeyChanged {
        /// The key trusted before.
        pinned: String,
        /// The key on offer.
        offered: String,
    },
    /// A checkpoint is for another log.
    #[error("the checkpoint is of log {found:?}, expected {expected:?}")]
    Origin {
        /// The log at hand.
        expected: String,
        /// The log named.
        found: String,
    },
    /// An index lies outside the signed size.
    #[error("index {index} lies outside the log's signed size {size}")]
    Range {
        /// The index.
        index: u64,
        /// The size that the checkpoint signs.
        size: u64,
    },
    /// A proof does not lead to the signed root.
    #[error("the {what} proof does not lead to the signed root")]
    Proof {
        /// `inclusion` or `consistency`.
        what: &'static str,
    },
    /// A leaf is missing, doubled or out of order.
    #[error("leaf {expected} is missing: the next one found is {found}")]
    Gap {
        /// The index that should come.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// A leaf's stored hash is not the hash of its bytes.
    #[error("leaf {index} was altered: its hash does not match its bytes")]
    LeafAltered {
        /// Which leaf.
        index: u64,
    },
    /// A body does not open its leaf's commitment.
    #[error("the body of leaf {index} was altered: it does not open the leaf's commitment")]
    BodyAltered {
        /// Which leaf.
        index: u64,
    },
    /// The leaves do not add up to a root that was signed.
    #[error(
        "the first {size} leaves do not have the root that was signed for them: a leaf below {size} was altered, removed or reordered"
    )]
    RootMismatch {
        /// The size of the checkpoint that fails.
        size: u64,
    },
    /// Fewer or more leaves than the checkpoint signs.
    #[error(
        "the checkpoint signs {signed} leaves, {found} were found: leaves were cut off or added unsigned"
    )]
    SizeMismatch {
        /// Leaves that the last checkpoint signs.
        signed: u64,
        /// Leaves found.
        found: u64,
    },
    /// Two signed checkpoints of one size and different roots.
    #[error(
        "two signed checkpoints of size {size} have different roots: the log was forked; keep both, they are proof"
    )]
    Fork {
        /// The size.
        size: u64,
    },
    /// A checkpoint seen before is larger than the log is now.
    #[error("a checkpoint of size {seen} was seen before, the log now has {size}: it was cut back")]
    RolledBack {
        /// The size seen before.
        seen: u64,
        /// The size now.
        size: u64,
    },
    /// A node of the tree is missing from its source, or is not the one that the leaves make.
    #[error("node {index} of level {level} of the tree is missing or altered")]
    Node {
        /// The level, leaves being 0.
        level: u8,
        /// The place in its level.
        index: u64,
    },
    /// A purge of bodies that are not seven years old.
    #[error(
        "entries before {before} are kept until {until}: nothing is pruned before it is seven years old"
    )]
    TooEarly {
        /// The end of what was to be pruned.
        before: Timestamp,
        /// Until when the youngest of it is kept.
        until: Timestamp,
    },
    /// A body is gone that had to be there.
    #[error("the body of leaf {index} is gone, and had to be kept until {until}")]
    PrunedEarly {
        /// Which leaf.
        index: u64,
        /// Until when.
        until: Timestamp,
    },
    /// More witnesses are asked for than there are.
    #[error("{need} witnesses are asked for, and {witnesses} different keys were given")]
    Quorum {
        /// How many are asked for.
        need: usize,
        /// How many there are.
        witnesses: usize,
    },
    /// A cosignature of a time that has not come.
    #[error(
        "the witness {witness} signed at {time}, which has not come yet: its clock, or this one, is wrong"
    )]
    Future {
        /// Who signed.
        witness: String,
        /// When, by its word.
        time: String,
    },
    /// A sealed body does not open.
    #[error("the body of leaf {index} does not open: {source}")]
    Sealed {
        /// Which leaf.
        index: u64,
        /// Why.
        source: seal::Error,
    },
    /// A posture does not have its format, or says what no server may say.
    #[error("the posture is not believed: {problem}")]
    Posture {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What is said of a release does not have its format, or may not be said.
    #[error("the release is not believed: {problem}")]
    Release {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A posture speaks of another certificate than the one that is served.
    #[error(
        "the posture speaks of a certificate with key {found}, and {expected} is served: it is of another server"
    )]
    OtherCertificate {
        /// SHA-256 of the key that is served.
        expected: String,
        /// SHA-256 of the key in the posture.
        found: String,
    },
    /// A posture is older than one that was seen before.
    #[error(
        "the posture was made at {made}, and one of {seen} was seen before: an old one is played again"
    )]
    Replayed {
        /// When it was made.
        made: Timestamp,
        /// When the newer one was made.
        seen: Timestamp,
    },
    /// A posture is too old.
    #[error("the posture was made at {made}: it is too old to say how things stand")]
    Stale {
        /// When it was made.
        made: Timestamp,
    },
}

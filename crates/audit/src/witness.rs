//! What a witness does (<https://c2sp.org/tlog-witness>): it keeps the last checkpoint of each log that it
//! knows, and cosigns the next one only if that extends it.
//!
//! The judgement is here; who calls it keeps the new [`Seen`] before the cosignature leaves, and only if the
//! old one still is what was judged against.

use crate::{
    Checkpoint, Error, Hash, Verifier, checkpoint::decode_hash, note::NOTE_BYTES_MAX,
    verify_consistency,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Hashes of a consistency proof, at most.
const PROOF_HASHES_MAX: usize = 63;
/// The largest submission that is read at all.
pub const SUBMISSION_BYTES_MAX: usize = NOTE_BYTES_MAX + 4096;

/// The last checkpoint of a log that a witness cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its size and root.
    pub checkpoint: Checkpoint,
    /// The note itself, as the log signed it: the half of a proof, should the log ever fork.
    pub note: String,
}

/// A checkpoint for a witness, with the proof that it extends the one that the witness has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The size that the witness is believed to have; 0 if it has none.
    pub old: u64,
    /// The consistency proof from there; empty from 0.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// No key that is trusted for this log signed it.
    #[error("{0}")]
    Unsigned(Error),
    /// It is not a submission, or one that no log makes.
    #[error("{0}")]
    Malformed(Error),
    /// The proof begins elsewhere than at what the witness has.
    #[error("this witness has size {size}")]
    Elsewhere {
        /// The size that it has; 0 if it never saw the log.
        size: u64,
    },
    /// It has another root than what the witness has for the same size.
    #[error("{0}")]
    Forked(Box<Fork>),
    /// It does not extend what the witness has.
    #[error(
        "this does not extend the log that was seen at size {size}: it was rewritten, or the proof is wrong"
    )]
    Rewritten {
        /// The size that the witness has.
        size: u64,
    },
}

impl Objection {
    /// The status code that the protocol has for it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unsigned(_) => 403,
            Self::Malformed(_) => 400,
            Self::Elsewhere { .. } | Self::Forked(_) => 409,
            Self::Rewritten { .. } => 422,
        }
    }
}

/// What a witness of `log` has to keep and may cosign after this submission.
pub fn judge(
    submission: &Submission,
    log: &Verifier,
    seen: Option<&Seen>,
) -> Result<Seen, Objection> {
    let next = Checkpoint::verify(&submission.note, log).map_err(|problem| match problem {
        Error::Unsigned { .. } | Error::Signature { .. } => Objection::Unsigned(problem),
        _ => Objection::Malformed(problem),
    })?;
    if submission.old > next.size {
        let (seen, size) = (submission.old, next.size);
        return Err(Objection::Malformed(Error::RolledBack { seen, size }));
    }
    let kept = || Seen { checkpoint: next.clone(), note: submission.note.clone() };
    let size = seen.map_or(0, |seen| seen.checkpoint.size);
    if submission.old != size {
        // A smaller one with another root is no less a fork, but only one of the same size proves it.
        return Err(Objection::Elsewhere { size });
    }
    let Some(seen) = seen else {
        return if submission.proof.is_empty() {
            Ok(kept())
        } else {
            Err(Objection::Rewritten { size })
        };
    };
    if next.size == size && next.root != seen.checkpoint.root {
        let fork = Fork { first: seen.note.clone(), second: submission.note.clone() };
        return Err(Objection::Forked(Box::new(fork)));
    }
    let (old, new) = ((size, &seen.checkpoint.root), (next.size, &next.root));
    match verify_consistency(old, new, &submission.proof) {
        Ok(()) => Ok(kept()),
        Err(_) => Err(Objection::Rewritten { size }),
    }
}

impl Submission {
    /// The body of `add-checkpoint`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Reads the body of `add-checkpoint`; nothing in it is believed before [`judge`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |line, problem| Error::Malformed { what: "submission", line, problem };
        if text.len() > SUBMISSION_BYTES_MAX {
            return Err(malformed(1, "larger than 260 KiB"));
        }
        let (head, note) =
            text.split_once("\n\n").ok_or(malformed(1, "no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let digits = lines.next().and_then(|line| line.strip_prefix("old "));
        let digits = digits.ok_or(malformed(1, "no `old` with a size"))?;
        let old: u64 = digits.parse().map_err(|_| malformed(1, "not a tree size"))?;
        if old.to_string() != digits {
            return Err(malformed(1, "a tree size has no sign and no leading zero"));
        }
        let proof = lines
            .zip(2..)
            .map(|(line, at)| decode_hash(line).ok_or(malformed(at, "not the base64 of a hash")))
            .collect::<Result<Vec<_>, _>>()?;
        if proof.len() > PROOF_HASHES_MAX {
            return Err(malformed(2, "more than 63 hashes"));
        }
        Ok(Self { old, proof, note: note.to_owned() })
    }

    /// The name of the log that it claims to be of; the witness looks its key up by it.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.note.split('\n').next().unwrap_or_default()
    }
}

/// Two checkpoints of one size and different roots, both signed by the log: whoever has its key sees that it
/// told two stories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log signed two roots for one size: it was forked, and these two checkpoints prove it")]
pub struct Fork {
    /// What was seen first.
    pub first: String,
    /// What was shown later.
    pub second: String,
}

impl Fork {
    /// Whether it proves anything: the size for which there are two roots.
    pub fn verify(&self, log: &Verifier) -> Result<u64, Error> {
        let first = Checkpoint::verify(&self.first, log)?;
        let second = Checkpoint::verify(&self.second, log)?;
        if first.size == second.size && first.root != second.root {
            return Ok(first.size);
        }
        let problem = "the two checkpoints do not contradict each other";
        Err(Error::Malformed { what: "proof of a fork", line: 1, problem })
    }

    /// Both notes, an empty line between them.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n{}", self.first, self.second)
    }

    /// Reads what [`Fork::to_text`] writes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |problem| Error::Malformed { what: "proof of a fork", line: 1, problem };
        if text.len() > 2 * NOTE_BYTES_MAX {
            return Err(malformed("larger than two checkpoints"));
        }
        // Neither a text nor its signatures have an empty line: the second one ends the first note.
        let (at, _) = text
            .match_indices("\n\n")
            .nth(1)
            .ok_or(malformed("not two checkpoints with an empty line between them"))?;
        let (first, rest) = text.split_at(at + 1);
        let second = rest.strip_prefix('\n').unwrap_or(rest);
        Ok(Self { first: first.to_owned(), second: second.to_owned() })
    }
}

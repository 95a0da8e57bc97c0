//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): the signed size and root of a log.

use crate::{Error, Hash, Signer, Verifier};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// How large a log is, and what its leaves add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves; the only figure of a log's size that is believed.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The signed note, under the signer's name as origin.
    pub fn sign(size: u64, root: &Hash, signer: &Signer) -> Result<String, Error> {
        let origin = signer.verifier().name();
        signer.sign(&format!("{origin}\n{size}\n{}\n", STANDARD.encode(root)))
    }

    /// Reads a checkpoint and checks that `key`, whose name is the log's origin, signed it.
    pub fn verify(note: &str, key: &Verifier) -> Result<Self, Error> {
        let checkpoint = Self::parse(key.verify(note)?)?;
        if checkpoint.origin == key.name() {
            Ok(checkpoint)
        } else {
            Err(Error::Origin { expected: key.name().to_owned(), found: checkpoint.origin })
        }
    }

    /// Reads the text of a note whose signature was checked.
    fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |line, problem| Error::Malformed { what: "checkpoint", line, problem };
        let mut lines = text.split('\n');
        let origin = lines.next().unwrap_or_default();
        if origin.is_empty() {
            return Err(malformed(1, "the origin is empty"));
        }
        let digits = lines.next().unwrap_or_default();
        let size: u64 = digits.parse().map_err(|_| malformed(2, "not a tree size"))?;
        if size.to_string() != digits {
            return Err(malformed(2, "a tree size has no sign and no leading zero"));
        }
        let root = decode_hash(lines.next().unwrap_or_default())
            .ok_or(malformed(3, "not the base64 of a 32-byte root"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// A hash as base64, in its one spelling.
pub(crate) fn decode_hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

//! Receipts (<https://c2sp.org/tlog-proof>): one leaf, the proof that the log holds it, the checkpoint.

use crate::{
    Checkpoint, Entry, Error, Hash, Leaf, Opening, Verifier, checkpoint::decode_hash,
    note::NOTE_BYTES_MAX, verify_inclusion,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const MAGIC: &str = "c2sp.org/tlog-proof@v1";

/// A proof that a log holds a leaf, checkable without the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The leaf's place in the log.
    pub index: u64,
    /// The leaf.
    pub leaf: Leaf,
    /// What opens it, if its reader may know.
    pub opening: Option<Opening>,
    /// The siblings from the leaf up.
    pub proof: Vec<Hash>,
    /// The signed checkpoint that the proof leads to.
    pub checkpoint: String,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The leaf's place in the log.
    pub index: u64,
    /// The leaf.
    pub leaf: Leaf,
    /// The entry, if the receipt opens it.
    pub entry: Option<Entry>,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
}

impl Receipt {
    /// The receipt's text, for a file that ends in `.tlog-proof`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut extra = self.leaf.to_text();
        if let Some(opening) = &self.opening {
            extra.push_str(&hex::encode(opening.salt()));
            extra.push('\n');
            extra.push_str(opening.body());
            extra.push('\n');
        }
        let mut text = format!("{MAGIC}\nextra {}\nindex {}\n", STANDARD.encode(extra), self.index);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads a receipt; nothing in it is believed before [`Receipt::verify`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |line, problem| Error::Malformed { what: "receipt", line, problem };
        if text.len() > NOTE_BYTES_MAX {
            return Err(malformed(1, "larger than 256 KiB"));
        }
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed(1, "no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(MAGIC) {
            return Err(malformed(1, "not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let (leaf, opening) = parse_extra(extra.ok_or(malformed(2, "no leaf in `extra`"))?)?;
        let digits = lines.next().and_then(|line| line.strip_prefix("index "));
        let digits = digits.ok_or(malformed(3, "no index"))?;
        let index: u64 = digits.parse().map_err(|_| malformed(3, "not an index"))?;
        if index.to_string() != digits {
            return Err(malformed(3, "an index has no sign and no leading zero"));
        }
        let proof = lines
            .zip(4..)
            .map(|(line, at)| decode_hash(line).ok_or(malformed(at, "not the base64 of a hash")))
            .collect::<Result<Vec<_>, _>>()?;
        if proof.len() > 64 {
            return Err(malformed(4, "more than 64 hashes"));
        }
        Ok(Self { index, leaf, opening, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Checks the whole chain: body to leaf, leaf to root, root to the signature by `key`.
    pub fn verify(&self, key: &Verifier) -> Result<Verified, Error> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, key)?;
        let (size, root) = (checkpoint.size, &checkpoint.root);
        verify_inclusion(&self.leaf.hash(), self.index, size, &self.proof, root)?;
        let entry = match &self.opening {
            None => None,
            Some(opening) if self.leaf.commits_to(opening) => {
                Some(opening.entry(self.leaf.kind().clone())?)
            }
            Some(_) => return Err(Error::BodyAltered { index: self.index }),
        };
        Ok(Verified { index: self.index, leaf: self.leaf.clone(), entry, checkpoint })
    }
}

/// Reads and checks a receipt's text.
pub fn verify_receipt(text: &str, key: &Verifier) -> Result<Verified, Error> {
    Receipt::parse(text)?.verify(key)
}

/// The four lines of a leaf and, perhaps, one of salt and one of body.
fn parse_extra(text: &str) -> Result<(Leaf, Option<Opening>), Error> {
    let malformed = |problem| Error::Malformed { what: "receipt", line: 2, problem };
    let bytes = STANDARD.decode(text).map_err(|_| malformed("`extra` is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| malformed("`extra` is not UTF-8"))?;
    let end = text.match_indices('\n').nth(3).map(|(at, _)| at + 1);
    let (leaf, rest) = text.split_at(end.ok_or(malformed("`extra` holds no whole leaf"))?);
    let leaf = Leaf::parse(leaf)?;
    if rest.is_empty() {
        return Ok((leaf, None));
    }
    let (salt, body) = rest
        .strip_suffix('\n')
        .and_then(|rest| rest.split_once('\n'))
        .ok_or(malformed("`extra` holds half an opening"))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(salt, &mut bytes).map_err(|_| malformed("the salt is not hexadecimal"))?;
    Ok((leaf, Some(Opening::from_parts(bytes, body.to_owned())?)))
}

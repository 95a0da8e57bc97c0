//! The export: JSON lines that verify without the server.

use crate::{
    Checkpoint, Error, Hash, Leaf, Ledger, Opening, Replay, Row, Summary, Trust, Verifier,
    entry::{parse_time, time_text},
};
use serde::{Deserialize, Serialize};

/// One line of an export: the key first, the checkpoint second, then every leaf in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields)]
pub enum ExportLine {
    /// The log's name and key; believed only if the reader knows it from elsewhere.
    Key {
        /// As `name+id+key`.
        key: String,
    },
    /// One leaf.
    Leaf {
        /// Its place in the log, from 0.
        index: u64,
        /// SHA-256 as the tree holds it, hexadecimal.
        leaf_hash: String,
        /// When the act was committed.
        time: String,
        /// What sort of event.
        kind: String,
        /// HMAC-SHA256(salt, body), hexadecimal.
        commitment: String,
        /// Hexadecimal; absent once the body was pruned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        salt: Option<String>,
        /// The body's very text, so that its bytes are beyond doubt: JSON with `actor`, `subject`, `detail`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// The signed note that covers all leaves below it: no more and no fewer may follow.
    Checkpoint {
        /// The note.
        note: String,
    },
}

/// What a whole export proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// What was found whole.
    pub summary: Summary,
    /// Why the key is believed.
    pub trust: Trust,
    /// The key that signs.
    pub key: Verifier,
}

impl ExportLine {
    /// The line for a row, its body opened by the log's own keys.
    pub fn leaf(row: &Row, ledger: &Ledger) -> Result<Self, Error> {
        let opening = ledger.open(row)?;
        Ok(Self::Leaf {
            index: row.index,
            leaf_hash: hex::encode(row.hash),
            time: time_text(row.leaf.time()),
            kind: row.leaf.kind().to_string(),
            commitment: hex::encode(row.leaf.commitment()),
            salt: opening.as_ref().map(|opening| hex::encode(opening.salt())),
            body: opening.map(|opening| opening.body().to_owned()),
        })
    }

    /// The line, with its line end.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("strings and numbers have a JSON text");
        text.push('\n');
        text
    }
}

/// Checks an export line by line: however long it is, little of it is held.
///
/// `pinned` is the key known from elsewhere, `seen` are the checkpoints kept from earlier.
pub fn verify_export<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    pinned: Option<&Verifier>,
    seen: &[String],
) -> Result<Exported, Error> {
    let mut check = ExportCheck::new(pinned.cloned(), seen.to_vec());
    for line in lines {
        check.line(line)?;
    }
    check.finish()
}

/// The check of an export that arrives line by line.
#[derive(Debug)]
pub struct ExportCheck {
    pinned: Option<Verifier>,
    seen: Vec<String>,
    line: usize,
    key: Option<(Verifier, Trust)>,
    replay: Option<Replay>,
}

impl ExportCheck {
    /// `pinned` is the key known from elsewhere, `seen` are the checkpoints kept from earlier.
    #[must_use]
    pub const fn new(pinned: Option<Verifier>, seen: Vec<String>) -> Self {
        Self { pinned, seen, line: 0, key: None, replay: None }
    }

    /// Takes in the next line.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        self.line += 1;
        let line = self.line;
        let malformed = |problem| Error::Malformed { what: "export", line, problem };
        let read = serde_json::from_str(text)
            .map_err(|_| malformed("not a record of this export: key, checkpoint or leaf"))?;
        match (read, &self.key, &mut self.replay) {
            (ExportLine::Key { key }, None, None) => {
                let key: Verifier = key.parse()?;
                let trust = key.trust(self.pinned.as_ref())?;
                self.key = Some((key, trust));
            }
            (ExportLine::Checkpoint { note }, Some((key, _)), None) => {
                self.replay = Some(begin(&note, &self.seen, key)?);
            }
            (leaf @ ExportLine::Leaf { .. }, Some(_), Some(replay)) => {
                let (row, opening) = parse_leaf(leaf, malformed)?;
                replay.push(&row, opening.as_ref())?;
            }
            _ => return Err(malformed("out of order: a key, a checkpoint, then leaves")),
        }
        Ok(())
    }

    /// There are no more lines.
    pub fn finish(self) -> Result<Exported, Error> {
        let problem = "it ends before its checkpoint: the file was cut off";
        let missing = Error::Malformed { what: "export", line: self.line + 1, problem };
        match (self.key, self.replay) {
            (Some((key, trust)), Some(replay)) => {
                Ok(Exported { summary: replay.finish()?, trust, key })
            }
            _ => Err(missing),
        }
    }
}

/// A replay against the export's checkpoint and those seen before, none of which may be larger.
fn begin(note: &str, seen: &[String], key: &Verifier) -> Result<Replay, Error> {
    let size = Checkpoint::verify(note, key)?.size;
    for note in seen {
        let seen = Checkpoint::verify(note, key)?.size;
        if seen > size {
            return Err(Error::RolledBack { seen, size });
        }
    }
    Replay::new(seen.iter().map(String::as_str).chain([note]), key)
}

/// A leaf's line as values.
fn parse_leaf(
    line: ExportLine,
    malformed: impl Fn(&'static str) -> Error,
) -> Result<(Row, Option<Opening>), Error> {
    let ExportLine::Leaf { index, leaf_hash, time, kind, commitment, salt, body } = line else {
        return Err(malformed("not a leaf"));
    };
    let bytes = |text: &str| -> Result<Hash, Error> {
        let mut out = [0; 32];
        hex::decode_to_slice(text, &mut out).map_err(|_| malformed("not 64 hexadecimal digits"))?;
        Ok(out)
    };
    let leaf = Leaf::new(parse_time(&time)?, kind.parse()?, bytes(&commitment)?)?;
    let opening = match (salt, body) {
        (Some(salt), Some(body)) => Some(Opening::from_parts(bytes(&salt)?, body)?),
        (None, None) => None,
        _ => return Err(malformed("a salt and a body come together or not at all")),
    };
    Ok((Row { index, leaf, hash: bytes(&leaf_hash)?, sealed: None }, opening))
}

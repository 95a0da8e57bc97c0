//! Appending: entries in, rows and a signed checkpoint out; whoever stores them sees no plaintext.

use crate::{
    Checkpoint, Entry, Error, Frontier, Hash, Kind, Leaf, NodeId, Opening, Signer, Verifier,
};
use jiff::Timestamp;
use seal::{Aad, Entropy, SealingKey, random};

/// The keys of a log: one signs its checkpoints, one seals the bodies of its entries.
#[derive(Debug)]
pub struct Ledger {
    signer: Signer,
    bodies: SealingKey,
}

/// One leaf as it is kept: what is hashed in plain, the body sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place in the log, from 0.
    pub index: u64,
    /// What the tree holds.
    pub leaf: Leaf,
    /// The leaf's hash.
    pub hash: Hash,
    /// Salt and body under the retention key; `None` once the body was pruned.
    pub sealed: Option<Vec<u8>>,
}

/// All that one act adds to a log; kept whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The leaves, in order.
    pub rows: Vec<Row>,
    /// The inner nodes that they complete (level 1 and above).
    pub nodes: Vec<(NodeId, Hash)>,
    /// The size after the batch.
    pub size: u64,
    /// The root after the batch.
    pub root: Hash,
    /// The signed checkpoint over it.
    pub checkpoint: String,
}

/// An entry read back, its body opened and checked against its leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its place in the log, from 0.
    pub index: u64,
    /// When the act was committed.
    pub time: Timestamp,
    /// What was recorded; `None` if the body was pruned.
    pub entry: Option<Entry>,
    /// The kind, which the leaf itself states.
    pub kind: Kind,
    /// The leaf's hash.
    pub hash: Hash,
}

impl Ledger {
    /// Of the key that signs and the key from which the bodies' key is derived.
    #[must_use]
    pub fn new(signer: Signer, retention: &SealingKey) -> Self {
        Self { signer, bodies: retention.column("audit_leaves", "body") }
    }

    /// The key that checks this log's checkpoints; its name is the log's origin.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        self.signer.verifier()
    }

    /// Appends the entries of one act to the tree and signs the checkpoint over it.
    ///
    /// The frontier moves on only if all goes well.
    pub fn append(
        &self,
        frontier: &mut Frontier,
        entries: &[Entry],
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Batch, Error> {
        if entries.is_empty() {
            return Err(Error::Silent);
        }
        let mut grown = frontier.clone();
        let mut rows = Vec::with_capacity(entries.len());
        let mut nodes = Vec::new();
        for entry in entries {
            let index = grown.size();
            let opening = Opening::new(entry, random(entropy))?;
            let leaf = Leaf::new(now, entry.kind.clone(), opening.commitment())?;
            let hash = leaf.hash();
            grown.append(hash, |id, hash| {
                if id.level > 0 {
                    nodes.push((id, hash));
                }
            });
            let sealed =
                self.aad(index, |aad| self.bodies.seal(&aad, &opening.to_bytes(), entropy));
            rows.push(Row { index, leaf, hash, sealed: Some(sealed) });
        }
        let (size, root) = (grown.size(), grown.root());
        let checkpoint = self.checkpoint(&grown)?;
        *frontier = grown;
        Ok(Batch { rows, nodes, size, root, checkpoint })
    }

    /// The signed checkpoint of a tree as it stands.
    pub fn checkpoint(&self, frontier: &Frontier) -> Result<String, Error> {
        Checkpoint::sign(frontier.size(), &frontier.root(), &self.signer)
    }

    /// Opens a row's body and checks it against its leaf; `None` if the body was pruned.
    pub fn open(&self, row: &Row) -> Result<Option<Opening>, Error> {
        let index = row.index;
        if !seal::equal(&row.leaf.hash(), &row.hash) {
            return Err(Error::LeafAltered { index });
        }
        let Some(sealed) = &row.sealed else { return Ok(None) };
        let plain = self
            .aad(index, |aad| self.bodies.open(&aad, sealed))
            .map_err(|source| Error::Sealed { index, source })?;
        let opening = Opening::from_bytes(plain.expose())?;
        if row.leaf.commits_to(&opening) {
            Ok(Some(opening))
        } else {
            Err(Error::BodyAltered { index })
        }
    }

    /// A row as something to read.
    pub fn record(&self, row: &Row) -> Result<Record, Error> {
        let kind = row.leaf.kind().clone();
        let entry = match self.open(row)? {
            Some(opening) => Some(opening.entry(kind.clone())?),
            None => None,
        };
        Ok(Record { index: row.index, time: row.leaf.time(), entry, kind, hash: row.hash })
    }

    /// The place that a body is sealed for.
    fn aad<T>(&self, index: u64, work: impl FnOnce(Aad<'_>) -> T) -> T {
        work(Aad {
            tenant: self.verifier().name(),
            table: "audit_leaves",
            row: &index.to_string(),
            column: "body",
            kind: "json",
        })
    }
}

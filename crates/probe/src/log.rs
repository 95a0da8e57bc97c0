//! The audit log from outside: its key, its newest checkpoint, and whether it only grew since the last visit.

use crate::{
    Miss, Probe, Seen, failed,
    run::Walk,
    unseen,
    visit::{Request, Visit},
};
use audit::{
    Checkpoint, Hash, NodeId, TileId, Verifier, consistency_proof, node_in, nodes_for_consistency,
    read_tile, verify_consistency,
};
use std::collections::{BTreeMap, btree_map::Entry};

/// Clocks of witnesses may be ahead of this one by so many seconds.
const SKEW: i64 = 300;

/// The probe that decides whether a log takes the place of the remembered one.
pub(crate) const CONSISTENCY: &str = "log-consistency";

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "log-signature",
        what: "The log's newest checkpoint is signed by the key that is known",
        command: "curl -s https://$HOST/log/checkpoint https://$HOST/log/key",
        look: signature,
    },
    Probe {
        name: CONSISTENCY,
        what: "The log holds all that it held at the last visit, unchanged",
        command: "stockade audit verify https://$HOST",
        look: consistency,
    },
    Probe {
        name: "log-witnesses",
        what: "Witnesses whose keys are known saw the same log",
        command: "curl -s https://$HOST/log/witnessed",
        look: witnesses,
    },
];

/// The log as it stands now.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub key: Verifier,
    pub note: String,
    pub checkpoint: Checkpoint,
}

impl Walk<'_> {
    /// The newest checkpoint, by the key that the server itself gives.
    pub(crate) fn head(&mut self) -> Result<Head, Miss> {
        if let Some(head) = &self.head {
            return head.clone();
        }
        let read = self.read_head();
        self.head = Some(read.clone());
        read
    }

    fn read_head(&mut self) -> Result<Head, Miss> {
        let known = self.ask.log_key.is_some() || self.ask.memory.is_some();
        let key = match text(&mut self.visit, "/log/key")? {
            Some(key) => key,
            // A log that was there and is not shown any more is no mere absence.
            None if known => return failed("its log is not shown any more"),
            None => return unseen("no log is shown at /log/key"),
        };
        let key: Verifier = key.parse().map_err(wrong)?;
        let Some(note) = text(&mut self.visit, "/log/checkpoint")? else {
            return failed("there is a key and no checkpoint");
        };
        let checkpoint = Checkpoint::verify(&note, &key).map_err(wrong)?;
        Ok(Head { key, note, checkpoint })
    }
}

/// What `audit` finds wrong is wrong.
#[allow(clippy::needless_pass_by_value, reason = "it is the end of an error's way")]
pub(crate) fn wrong(error: audit::Error) -> Miss {
    Miss::Failed(error.to_string())
}

fn text(visit: &mut Visit<'_>, path: &str) -> Result<Option<String>, Miss> {
    let answer = visit.ask(&Request::get(path))?;
    match answer.status {
        200 => Ok(Some(answer.text())),
        404 => Ok(None),
        status => unseen(format!("{path} answers {status}")),
    }
}

fn signature(walk: &mut Walk<'_>) -> Seen {
    let pinned = walk.ask.log_key.as_ref().or(walk.ask.memory.as_ref().map(|seen| &seen.log_key));
    let pinned = pinned.cloned();
    let head = walk.head()?;
    head.key.trust(pinned.as_ref()).map_err(wrong)?;
    let size = head.checkpoint.size;
    if pinned.is_none() {
        return unseen(format!(
            "first use, not checked: {size} entries are signed by {}; pin it with --log-key",
            head.key
        ));
    }
    Ok(format!("{size} entries, signed by {}", head.key.name()))
}

fn consistency(walk: &mut Walk<'_>) -> Seen {
    let head = walk.head()?;
    let Some(seen) = walk.ask.memory.as_ref() else {
        return unseen("first use, not checked: what is seen now is held against the next visit");
    };
    head.key.trust(Some(&seen.log_key)).map_err(wrong)?;
    let old = Checkpoint::verify(&seen.checkpoint, &seen.log_key).map_err(wrong)?;
    continues(&mut walk.visit, &old, &head.checkpoint)?;
    Ok(format!(
        "{} entries, which continue the {} of {:.0}",
        head.checkpoint.size, old.size, seen.at
    ))
}

fn witnesses(walk: &mut Walk<'_>) -> Seen {
    let Some(quorum) = walk.ask.quorum.clone().filter(|quorum| quorum.need() > 0) else {
        return unseen("no witness's key was given; name one with --witness");
    };
    let head = walk.head()?;
    let Some(note) = text(&mut walk.visit, "/log/witnessed")? else {
        return failed("no witness has cosigned");
    };
    let cosigned = Checkpoint::verify(&note, &head.key).map_err(wrong)?;
    let said = quorum.check(&note, walk.visit.now(), SKEW).map_err(wrong)?;
    if !said.is_enough() {
        return failed(format!("not seen by {}", said.missing.join(", ")));
    }
    continues(&mut walk.visit, &cosigned, &head.checkpoint)?;
    let by: Vec<String> =
        said.by.iter().map(|one| format!("{} at {}", one.witness, one.time)).collect();
    Ok(format!("{} entries, seen by {}", cosigned.size, by.join(", ")))
}

/// That one tree is a beginning of the other, by the tiles; what is in them is true only if it leads to
/// both roots.
pub(crate) fn continues(
    visit: &mut Visit<'_>,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<(), Miss> {
    let mut nodes: BTreeMap<NodeId, Hash> = BTreeMap::new();
    let mut tiles: BTreeMap<TileId, Vec<Hash>> = BTreeMap::new();
    for node in nodes_for_consistency(old.size, new.size).map_err(wrong)? {
        let missing = || wrong(audit::Error::Node { level: node.level, index: node.index });
        let tile = TileId::holding(node, new.size).ok_or_else(missing)?;
        let hashes = match tiles.entry(tile) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(fetched(visit, tile)?),
        };
        nodes.insert(node, node_in(tile, hashes, node).ok_or_else(missing)?);
    }
    let proof = consistency_proof(old.size, new.size, |node| nodes.get(&node).copied());
    let proof = proof.map_err(wrong)?;
    verify_consistency((old.size, &old.root), (new.size, &new.root), &proof).map_err(wrong)
}

fn fetched(visit: &mut Visit<'_>, tile: TileId) -> Result<Vec<Hash>, Miss> {
    let path = format!("/log/tile/{tile}");
    let answer = visit.ask(&Request::get(&path))?;
    match answer.status {
        200 => read_tile(tile, &answer.body).map_err(wrong),
        404 => failed(format!("{path} is not there")),
        status => unseen(format!("{path} answers {status}")),
    }
}

//! A log at an address, verified from its tiles alone: rebuilt leaf by leaf, and held against the checkpoint
//! that was seen before and against what its witnesses say.

use super::{Error, Memory, Site};
use audit::{
    Checkpoint, Cosignature, Frontier, Quorum, TILE_WIDTH, TileId, Trust, Verifier, node_in,
    read_tile,
};
use jiff::Timestamp;
use std::ops::ControlFlow;

/// Clocks of witnesses may be ahead of this one by so many seconds.
const SKEW: i64 = 300;

/// What a verifier wants to know.
pub struct Question {
    /// The log's key, if it is known from elsewhere.
    pub key: Option<Verifier>,
    /// Whose word counts, and how many of them are enough.
    pub quorum: Quorum,
    /// Checkpoints that were kept from earlier days.
    pub seen: Vec<String>,
    /// Now.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Online {
    /// The log's key.
    pub key: Verifier,
    /// Why it is believed.
    pub trust: Trust,
    /// The newest checkpoint, which the tiles add up to.
    pub checkpoint: Checkpoint,
    /// The size that was seen before, which this log continues.
    pub continues: Option<u64>,
    /// The size that the witnesses saw, and who they are.
    pub witnessed: Option<(u64, Vec<Cosignature>)>,
    /// Witnesses that were asked for and did not see it.
    pub missing: Vec<String>,
    /// Whether there were as many witnesses as were asked for.
    pub is_witnessed: bool,
}

/// Verifies the log, and remembers what it saw.
pub async fn verify(
    site: &mut Site,
    memory: &Memory,
    question: &Question,
    mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Online, Error> {
    let address = site.address().to_string();
    let known = memory.of(&address)?;
    let offered = site.key().await?;
    let pinned = question.key.as_ref().or(known.as_ref().map(|(key, _)| key));
    let trust = offered.trust(pinned)?;
    let note = site.checkpoint().await?;
    let head = Checkpoint::verify(&note, &offered)?;
    let cosigned = site.witnessed().await?;
    let said = match &cosigned {
        Some(note) => Some((
            Checkpoint::verify(note, &offered)?,
            question.quorum.check(note, question.now, SKEW)?,
        )),
        None => None,
    };
    // Everything that must be a beginning of this log, the smallest first.
    let mut stops: Vec<Checkpoint> =
        known.iter().map(|(_, seen)| seen.checkpoint.clone()).collect();
    for note in &question.seen {
        stops.push(Checkpoint::verify(note, &offered)?);
    }
    let continues = stops.iter().map(|seen| seen.size).max();
    stops.extend(said.iter().map(|(checkpoint, _)| checkpoint.clone()));
    stops.push(head.clone());
    stops.sort_by_key(|checkpoint| checkpoint.size);
    if let Some(largest) = stops.last().filter(|largest| largest.size > head.size) {
        return Err(audit::Error::RolledBack { seen: largest.size, size: head.size }.into());
    }
    rebuild(site, &stops, &mut progress).await?;
    memory.keep(&address, &offered, &note)?;
    let nobody = || question.quorum.check(&note, question.now, SKEW);
    let (witnessed, word) = match said {
        Some((checkpoint, word)) if !word.by.is_empty() => {
            (Some((checkpoint.size, word.by.clone())), word)
        }
        Some((_, word)) => (None, word),
        None => (None, nobody()?),
    };
    Ok(Online {
        key: offered,
        trust,
        checkpoint: head,
        continues,
        witnessed,
        is_witnessed: word.is_enough(),
        missing: word.missing,
    })
}

/// Takes every leaf's hash from the tiles of level 0; at each stop the root must be the one that was signed.
async fn rebuild(
    site: &mut Site,
    stops: &[Checkpoint],
    progress: &mut impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<(), Error> {
    let all = stops.last().map_or(0, |last| last.size);
    let mut frontier = Frontier::new();
    let mut ahead = stops.iter().peekable();
    let mut met = |frontier: &Frontier| {
        while let Some(stop) = ahead.next_if(|stop| stop.size == frontier.size()) {
            if stop.root != frontier.root() {
                return Err(audit::Error::RootMismatch { size: stop.size });
            }
        }
        Ok(())
    };
    met(&frontier)?;
    for tile in TileId::all(all).filter(|tile| tile.level == 0) {
        if progress(frontier.size(), all).is_break() {
            return Err(Error::Stopped);
        }
        let bytes = site.tile(tile).await?;
        for hash in read_tile(tile, &bytes)? {
            frontier.append(hash, |_, _| ());
            met(&frontier)?;
        }
    }
    Ok(())
}

/// The proof that a log of `new` leaves continues one of `old`, from its tiles.
pub async fn extension(site: &mut Site, old: u64, new: u64) -> Result<Vec<audit::Hash>, Error> {
    let mut nodes = std::collections::BTreeMap::new();
    for node in audit::nodes_for_consistency(old, new)? {
        let missing = || audit::Error::Node { level: node.level, index: node.index };
        let tile = TileId::holding(node, new).ok_or_else(missing)?;
        let hashes = read_tile(tile, &site.tile(tile).await?)?;
        debug_assert!(hashes.len() <= usize::from(TILE_WIDTH), "a tile is read by its width");
        nodes.insert(node, node_in(tile, &hashes, node).ok_or_else(missing)?);
    }
    Ok(audit::consistency_proof(old, new, |node| nodes.get(&node).copied())?)
}

//! Blocks of ticks, chained by their hashes.

use super::{
    entry::{Damaged, Entries},
    wire::Wire,
};
use crate::Digest;
use market::Money;
use portfolio::{InstrumentId, Position};
use sha2::{Digest as _, Sha256};

/// Ticks that a block holds; the last one of a run may hold fewer.
pub const TICKS_PER_BLOCK: u64 = 4096;

/// Bytes of one block that are accepted; 4,096 ticks of busy trading need a hundredth.
const BYTES_MAX: usize = 64 << 20;

/// Consecutive ticks: what happened, where the account stood after them, and the hash over both
/// and over the block before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The first tick's number, from 1.
    pub first: u64,
    /// How many there are.
    pub ticks: u64,
    /// The entries, see [`Block::entries`].
    pub payload: Vec<u8>,
    /// Cash, fees, number of working orders and the positions that are not flat, as bytes.
    pub state: Vec<u8>,
    /// SHA-256 of the hash before, the numbers, the payload and the state.
    pub hash: Digest,
}

/// Why a chain of blocks is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// A block does not begin where the one before it ends.
    #[error("a block begins with tick {found}, the one before it ends before tick {expected}")]
    Gap {
        /// The tick that should come.
        expected: u64,
        /// The tick that comes.
        found: u64,
    },
    /// A block's hash is not that of its content and the block before it.
    #[error("the block of tick {first} was altered: its hash is {found}, not {expected}")]
    Altered {
        /// The block's first tick.
        first: u64,
        /// The hash of what it holds.
        found: Digest,
        /// The hash that it claims.
        expected: Digest,
    },
    /// A block's entries are for another number of ticks than it says.
    #[error("the block of tick {first} says {said} ticks, its entries are for {found}")]
    Count {
        /// The block's first tick.
        first: u64,
        /// What it says.
        said: u64,
        /// What its entries come to.
        found: u64,
    },
    /// The bytes are no block.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

impl Block {
    /// What it says, in order.
    #[must_use]
    pub fn entries(&self) -> Entries<'_> {
        Entries::of(&self.payload)
    }

    /// The hash of a block after another one.
    #[must_use]
    pub(super) fn hash_of(
        previous: Digest,
        (first, ticks): (u64, u64),
        parts: [&[u8]; 2],
    ) -> Digest {
        let mut hash = Sha256::new();
        hash.update(previous.0);
        hash.update(first.to_le_bytes());
        hash.update(ticks.to_le_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Digest(hash.finalize().into())
    }

    /// As bytes of a file.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.first.put(out);
        self.ticks.put(out);
        for part in [&self.payload, &self.state] {
            (part.len() as u64).put(out);
            out.extend_from_slice(part);
        }
        out.extend_from_slice(&self.hash.0);
    }

    /// Takes one off the front of a file's bytes.
    pub fn read(bytes: &mut &[u8]) -> Result<Self, BlockError> {
        let damaged = Damaged { left: bytes.len() };
        let mut parse = || {
            let (first, ticks) = (u64::read(bytes)?, u64::read(bytes)?);
            let (payload, state) = (part(bytes)?, part(bytes)?);
            let (hash, rest) = bytes.split_first_chunk::<32>()?;
            *bytes = rest;
            Some(Self { first, ticks, payload, state, hash: Digest(*hash) })
        };
        parse().ok_or(BlockError::Damaged(damaged))
    }
}

fn part(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::read(bytes)?).ok().filter(|length| *length <= BYTES_MAX)?;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part.to_vec())
}

/// Where an account stands, as bytes: cash, fees, working orders, positions that are not flat.
pub(super) fn state_of(
    (cash, fees, working): (Money, Money, u64),
    held: impl Iterator<Item = (InstrumentId, Position)>,
) -> Vec<u8> {
    let mut out = Vec::new();
    cash.put(&mut out);
    fees.put(&mut out);
    working.put(&mut out);
    for (id, position) in held {
        id.put(&mut out);
        position.lots.put(&mut out);
        position.basis.put(&mut out);
        position.realised.put(&mut out);
    }
    out
}

/// What a file of ticks begins with.
const MAGIC: &[u8] = b"stockade ticks 1\n";

/// A chain as the bytes of a file: the name of the run that it begins with, then its blocks.
#[must_use]
pub fn write_chain(beginning: Digest, blocks: &[Block]) -> Vec<u8> {
    let mut out = [MAGIC, &beginning.0].concat();
    for block in blocks {
        block.write(&mut out);
    }
    out
}

/// Reads what [`write_chain`] wrote, and verifies it.
pub fn read_chain(bytes: &[u8]) -> Result<(Digest, Vec<Block>), BlockError> {
    let damaged = Damaged { left: bytes.len() };
    let rest = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<32>());
    let (beginning, mut rest) = rest.ok_or(damaged)?;
    let beginning = Digest(*beginning);
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        blocks.push(Block::read(&mut rest)?);
    }
    verify(beginning, &blocks)?;
    Ok((beginning, blocks))
}

/// Checks that blocks follow one another from a beginning, and gives the hash of the last one.
pub fn verify(beginning: Digest, blocks: &[Block]) -> Result<Digest, BlockError> {
    let (mut previous, mut expected) = (beginning, 1);
    for block in blocks {
        if block.first != expected {
            return Err(BlockError::Gap { expected, found: block.first });
        }
        let (first, said) = (block.first, block.ticks);
        let found = Block::hash_of(previous, (first, said), [&block.payload, &block.state]);
        if found != block.hash {
            return Err(BlockError::Altered { first, found, expected: block.hash });
        }
        let mut count = 0_u64;
        for entry in block.entries() {
            count = count.saturating_add(entry?.ticks());
        }
        if count != said {
            return Err(BlockError::Count { first, said, found: count });
        }
        (previous, expected) = (block.hash, expected.saturating_add(said));
    }
    Ok(previous)
}

//! The log that the kernel writes while it runs.

use super::{
    block::{Block, TICKS_PER_BLOCK, state_of},
    entry,
    wire::Wire,
};
use crate::{
    Action, Command, Digest, TimerId,
    order::{Order, Refusal, Update},
};
use market::{Money, Timestamp};
use portfolio::{CashFlow, InstrumentId, Position};

/// What is kept of the ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Nothing, not even hashes: sweeps, whose runs can be made again one by one.
    Nothing,
    /// The chain's head, not its blocks.
    Chain,
    /// Every block, until it is taken.
    Blocks,
}

/// Writes ticks down, block after block.
#[derive(Debug, Clone)]
pub struct Log {
    recording: Recording,
    head: Digest,
    /// The first tick of the open block.
    first: u64,
    /// The latest tick that was told.
    latest: u64,
    /// Ticks of the tape that are not written yet.
    run: u64,
    payload: Vec<u8>,
    blocks: Vec<Block>,
}

impl Log {
    /// A chain that begins with a run's name.
    #[must_use]
    pub fn new(recording: Recording, beginning: Digest) -> Self {
        let (first, latest, run) = (1, 0, 0);
        Self {
            recording,
            head: beginning,
            first,
            latest,
            run,
            payload: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// The hash of the last full block, or the beginning.
    #[must_use]
    pub const fn head(&self) -> Digest {
        self.head
    }

    /// Blocks that are full and were not taken yet, in order.
    pub fn take(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.blocks)
    }

    fn is_off(&self) -> bool {
        self.recording == Recording::Nothing
    }

    /// The last tick of the open block.
    pub(crate) fn boundary(&self) -> u64 {
        if self.is_off() { u64::MAX } else { self.first + TICKS_PER_BLOCK - 1 }
    }

    /// Whether this tick ends its block.
    #[inline]
    pub(crate) fn is_due(&self, tick: u64) -> bool {
        tick >= self.boundary()
    }

    /// Whether there are ticks in the open block.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_off() && self.latest >= self.first
    }

    /// All ticks up to this one came from the tape.
    #[inline]
    pub(crate) fn market(&mut self, tick: u64) {
        self.run += tick - self.latest;
        self.latest = tick;
    }

    pub(crate) fn update(&mut self, tick: u64, update: &Update) {
        if self.begin(tick) {
            entry::update(&mut self.payload, update);
        }
    }

    pub(crate) fn adopt(&mut self, tick: u64, order: &Order) {
        if self.begin(tick) {
            entry::Entry::Adopted(*order).put(&mut self.payload);
        }
    }

    pub(crate) fn flow(&mut self, flow: &CashFlow) {
        if !self.is_off() {
            self.flush();
            entry::flow(&mut self.payload, flow);
        }
    }

    pub(crate) fn booked(&mut self, tick: u64, flow: &CashFlow, now: Timestamp) {
        if self.begin(tick) {
            entry::Entry::Booked(*flow, now).put(&mut self.payload);
        }
    }

    pub(crate) fn timer(&mut self, tick: u64, timer: TimerId, now: Timestamp) {
        if self.begin(tick) {
            entry::Entry::Timer(timer, now).put(&mut self.payload);
        }
    }

    pub(crate) fn command(&mut self, tick: u64, command: Command, now: Timestamp) {
        if self.begin(tick) {
            entry::Entry::Command(command, now).put(&mut self.payload);
        }
    }

    pub(crate) fn action(&mut self, action: &Action) {
        if !self.is_off() {
            self.flush();
            entry::action(&mut self.payload, action);
        }
    }

    pub(crate) fn refusal(&mut self, refusal: &Refusal) {
        if !self.is_off() {
            self.flush();
            entry::refusal(&mut self.payload, refusal);
        }
    }

    /// Ends the open block with where the account stands.
    pub(crate) fn close(
        &mut self,
        account: (Money, Money, u64),
        held: impl Iterator<Item = (InstrumentId, Position)>,
    ) {
        self.flush();
        let state = state_of(account, held);
        let (first, ticks) = (self.first, self.latest + 1 - self.first);
        let hash = Block::hash_of(self.head, (first, ticks), [&self.payload, &state]);
        (self.head, self.first) = (hash, self.latest + 1);
        if self.recording == Recording::Blocks {
            let payload = std::mem::take(&mut self.payload);
            self.blocks.push(Block { first, ticks, payload, state, hash });
        }
        self.payload.clear();
    }

    fn begin(&mut self, tick: u64) -> bool {
        self.latest = tick;
        if self.is_off() {
            return false;
        }
        self.flush();
        true
    }

    fn flush(&mut self) {
        if self.run > 0 {
            entry::market(&mut self.payload, self.run);
            self.run = 0;
        }
    }
}

//! The whole log over again: every leaf from the first, against every checkpoint that was signed.

use crate::{Ages, Checkpoint, Error, Frontier, Hash, NodeId, Opening, Row, Verifier};
use jiff::Timestamp;

/// Rebuilds a log leaf by leaf and stops at the first that does not fit.
#[derive(Debug)]
pub struct Replay {
    frontier: Frontier,
    /// Checkpoints whose size is not reached yet, the largest first.
    ahead: Vec<Checkpoint>,
    last: Option<Checkpoint>,
    checkpoints: usize,
    bodies: u64,
    ages: Ages,
    /// The last entry whose body is gone, and whose age only a later one can tell.
    ageless: Option<u64>,
    /// The entry whose body is gone and would be kept the longest.
    gone: Option<(Timestamp, u64)>,
}

/// What a replay found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The checkpoint that the leaves add up to; its size is the log's.
    pub checkpoint: Checkpoint,
    /// How many signed checkpoints were met on the way.
    pub checkpoints: usize,
    /// How many bodies were there and opened their leaf; the others are pruned.
    pub bodies: u64,
}

impl Replay {
    /// Against these signed notes, in any order; the largest is the log's head.
    ///
    /// A checkpoint that somebody kept from an earlier day belongs among them.
    pub fn new<'a>(
        notes: impl IntoIterator<Item = &'a str>,
        key: &Verifier,
    ) -> Result<Self, Error> {
        let mut replay = Self {
            frontier: Frontier::new(),
            checkpoints: 0,
            last: None,
            ahead: Vec::new(),
            bodies: 0,
            ages: Ages::default(),
            ageless: None,
            gone: None,
        };
        replay.add(notes, key)?;
        Ok(replay)
    }

    /// Against these too, none of which covers less than what was taken in: whoever has many brings them page
    /// by page.
    pub fn add<'a>(
        &mut self,
        notes: impl IntoIterator<Item = &'a str>,
        key: &Verifier,
    ) -> Result<(), Error> {
        let found = self.size();
        for note in notes {
            let checkpoint = Checkpoint::verify(note, key)?;
            if checkpoint.size < found {
                return Err(Error::SizeMismatch { signed: checkpoint.size, found });
            }
            self.checkpoints += 1;
            self.ahead.push(checkpoint);
        }
        self.ahead.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        for pair in self.ahead.windows(2) {
            if let [a, b] = pair
                && a.size == b.size
                && a.root != b.root
            {
                return Err(Error::Fork { size: a.size });
            }
        }
        self.meet()
    }

    /// How many leaves were taken in.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Takes in the next row, with its body if that is at hand; yields the inner nodes it completes.
    pub fn push(
        &mut self,
        row: &Row,
        opening: Option<&Opening>,
    ) -> Result<Vec<(NodeId, Hash)>, Error> {
        let (index, expected) = (row.index, self.frontier.size());
        if index != expected {
            return Err(Error::Gap { expected, found: index });
        }
        let hash = row.leaf.hash();
        if hash != row.hash {
            return Err(Error::LeafAltered { index });
        }
        if let Some(opening) = opening {
            if !row.leaf.commits_to(opening) {
                return Err(Error::BodyAltered { index });
            }
            self.bodies += 1;
        }
        self.ages.push(row.leaf.time());
        self.age(index, opening.is_none());
        let mut nodes = Vec::new();
        self.frontier.append(hash, |id, hash| {
            if id.level > 0 {
                nodes.push((id, hash));
            }
        });
        self.meet()?;
        Ok(nodes)
    }

    /// Notes until when the bodies that are gone should have been kept.
    fn age(&mut self, index: u64, is_gone: bool) {
        let index = is_gone.then_some(index).or(self.ageless);
        let Some(index) = index else { return };
        match self.ages.kept_until() {
            Some(until) => {
                self.gone = self.gone.max(Some((until, index)));
                self.ageless = None;
            }
            None => self.ageless = Some(index),
        }
    }

    /// The log is at its end: it must be the end that was signed, and every body that is gone was seven
    /// years old by what the log itself confirms of the time.
    pub fn finish(self) -> Result<Summary, Error> {
        let ageless = self.ageless.map(|index| (Timestamp::MAX, index));
        if let Some((until, index)) = self.gone.max(ageless)
            && until > self.ages.confirmed()
        {
            return Err(Error::PrunedEarly { index, until });
        }
        let found = self.frontier.size();
        if let Some(head) = self.ahead.first() {
            return Err(Error::SizeMismatch { signed: head.size, found });
        }
        match self.last {
            Some(checkpoint) if checkpoint.size == found => {
                Ok(Summary { checkpoint, checkpoints: self.checkpoints, bodies: self.bodies })
            }
            last => Err(Error::SizeMismatch { signed: last.map_or(0, |last| last.size), found }),
        }
    }

    /// Compares the root with the checkpoints of the size just reached.
    fn meet(&mut self) -> Result<(), Error> {
        let size = self.frontier.size();
        while let Some(checkpoint) = self.ahead.pop_if(|next| next.size == size) {
            if self.frontier.root() != checkpoint.root {
                return Err(Error::RootMismatch { size });
            }
            self.last = Some(checkpoint);
        }
        Ok(())
    }
}

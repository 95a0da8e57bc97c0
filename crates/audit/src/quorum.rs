//! How many witnesses must have seen a checkpoint before it is believed.

use crate::{Cosignature, Error, WitnessKey};
use jiff::Timestamp;

/// Witnesses, and how many of them are enough. They are the verifier's choice, never the log's: a log that
/// names its own witnesses has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    need: usize,
    witnesses: Vec<WitnessKey>,
}

/// What the witnesses of a quorum said of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Who saw it, and when.
    pub by: Vec<Cosignature>,
    /// Who did not.
    pub missing: Vec<String>,
    need: usize,
}

impl Quorum {
    /// So many of these witnesses; a key that stands twice counts once.
    pub fn new(need: usize, mut witnesses: Vec<WitnessKey>) -> Result<Self, Error> {
        witnesses.sort();
        witnesses.dedup();
        if need > witnesses.len() {
            return Err(Error::Quorum { need, witnesses: witnesses.len() });
        }
        Ok(Self { need, witnesses })
    }

    /// How many are enough.
    #[must_use]
    pub const fn need(&self) -> usize {
        self.need
    }

    /// Who of them cosigned the note. A cosignature from the future is an error: that clock, or this one, is
    /// wrong by more than `skew` seconds, and the newest witnessed state cannot be told.
    pub fn check(&self, note: &str, now: Timestamp, skew: i64) -> Result<Witnessed, Error> {
        let (mut by, mut missing) = (Vec::new(), Vec::new());
        for key in &self.witnesses {
            match key.verify(note)? {
                None => missing.push(key.name().to_owned()),
                Some(said) if said.time.as_second() > now.as_second().saturating_add(skew) => {
                    let (witness, time) = (said.witness, said.time.to_string());
                    return Err(Error::Future { witness, time });
                }
                Some(said) => by.push(said),
            }
        }
        Ok(Witnessed { by, missing, need: self.need })
    }
}

impl Witnessed {
    /// Whether enough of them saw it.
    #[must_use]
    pub const fn is_enough(&self) -> bool {
        self.by.len() >= self.need
    }

    /// The oldest sight among the newest `need`: from then on a quorum had seen this checkpoint.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        let mut times: Vec<Timestamp> = self.by.iter().map(|said| said.time).collect();
        times.sort_unstable();
        times.get(self.need.checked_sub(1)?).copied()
    }
}

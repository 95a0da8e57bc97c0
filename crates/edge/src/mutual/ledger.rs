//! Which machines belong, of which epoch, and which tokens are out: lines of words in a file.
//!
//! ```text
//! stockade-machines/1
//! machine     ROLE/NAME  EPOCH  in|out
//! invitation  SHA256     ROLE/NAME  EXPIRES
//! ```

use super::{Badge, Machine};
use crate::{
    Error,
    files::{self, Readers},
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

const MAGIC: &str = "stockade-machines/1";
const MACHINES_MAX: usize = 1000;
const INVITATIONS_MAX: usize = 100;

/// What may be told of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineLine {
    /// Which.
    pub machine: Machine,
    /// The epoch that its certificates must be of.
    pub epoch: u32,
    /// Whether it belongs.
    pub is_in: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    epoch: u32,
    is_in: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Invitation {
    machine: Machine,
    expires: Timestamp,
}

/// The ledger; what is changed is on disk before it counts.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    path: PathBuf,
    machines: BTreeMap<Machine, Standing>,
    /// By the SHA-256 of the token.
    invitations: BTreeMap<String, Invitation>,
}

impl Ledger {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let text = files::read_private(path)?;
        let empty =
            Self { path: path.to_owned(), machines: BTreeMap::new(), invitations: BTreeMap::new() };
        let Some(text) = text else { return Ok(empty) };
        read(empty, &text).ok_or_else(|| Error::Damaged { path: path.to_owned() })
    }

    /// Whether a certificate's bearer belongs at this moment.
    pub(super) fn admits(&self, badge: &Badge) -> bool {
        let standing = self.machines.get(&badge.machine);
        standing.is_some_and(|standing| standing.is_in && standing.epoch == badge.epoch)
    }

    pub(super) fn lines(&self) -> Vec<MachineLine> {
        let line = |(machine, standing): (&Machine, &Standing)| MachineLine {
            machine: machine.clone(),
            epoch: standing.epoch,
            is_in: standing.is_in,
        };
        self.machines.iter().map(line).collect()
    }

    /// Keeps a token's hash; one that is out for the same machine is of no use any more.
    pub(super) fn invite(
        &mut self,
        hash: String,
        machine: &Machine,
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<(), Error> {
        let mut next = self.clone();
        next.invitations.retain(|_, other| other.expires > now && other.machine != *machine);
        if next.invitations.len() >= INVITATIONS_MAX || next.machines.len() >= MACHINES_MAX {
            return Err(Error::MachinesFull { limit: MACHINES_MAX });
        }
        next.invitations.insert(hash, Invitation { machine: machine.clone(), expires });
        self.keep(next)
    }

    /// Uses a token up: who it was for, and the epoch that begins. Certificates of the epochs before
    /// are refused from now on.
    pub(super) fn redeem(&mut self, hash: &str, now: Timestamp) -> Result<Badge, Error> {
        let mut next = self.clone();
        let invitation = next.invitations.remove(hash);
        let invitation = invitation.filter(|invitation| invitation.expires > now);
        let invitation = invitation.ok_or(Error::Invitation)?;
        let badge = next.advance(&invitation.machine, true);
        self.keep(next)?;
        Ok(badge)
    }

    /// Puts a machine out; whether it was in.
    pub(super) fn revoke(&mut self, machine: &Machine) -> Result<bool, Error> {
        if !self.machines.get(machine).is_some_and(|standing| standing.is_in) {
            return Ok(false);
        }
        let mut next = self.clone();
        next.invitations.retain(|_, invitation| invitation.machine != *machine);
        next.advance(machine, false);
        self.keep(next)?;
        Ok(true)
    }

    fn advance(&mut self, machine: &Machine, is_in: bool) -> Badge {
        let epoch = self.machines.get(machine).map_or(0, |standing| standing.epoch) + 1;
        self.machines.insert(machine.clone(), Standing { epoch, is_in });
        Badge { machine: machine.clone(), epoch }
    }

    fn keep(&mut self, next: Self) -> Result<(), Error> {
        files::write_whole(&next.path, &next.text(), Readers::Owner)?;
        *self = next;
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = format!("{MAGIC}\n");
        for (machine, Standing { epoch, is_in }) in &self.machines {
            let word = if *is_in { "in" } else { "out" };
            text.push_str(&format!("machine {machine} {epoch} {word}\n"));
        }
        for (hash, Invitation { machine, expires }) in &self.invitations {
            text.push_str(&format!("invitation {hash} {machine} {expires}\n"));
        }
        text
    }
}

/// The ledger of a text, if every line is one that this version writes.
fn read(mut ledger: Ledger, text: &str) -> Option<Ledger> {
    let mut lines = text.lines();
    if lines.next()? != MAGIC {
        return None;
    }
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["machine", machine, epoch, word] => {
                let standing = Standing { epoch: epoch.parse().ok()?, is_in: *word == "in" };
                ledger.machines.insert(machine.parse().ok()?, standing);
            }
            ["invitation", hash, machine, expires] => {
                let (machine, expires) = (machine.parse().ok()?, expires.parse().ok()?);
                ledger.invitations.insert((*hash).to_owned(), Invitation { machine, expires });
            }
            _ => return None,
        }
    }
    (ledger.text() == text).then_some(ledger)
}

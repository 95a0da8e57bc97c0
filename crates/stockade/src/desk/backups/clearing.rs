//! What is no longer kept, let go: by whoever makes the backups, or by somebody else with rights of their own.

use super::{
    child,
    kits::{keys, open_kit},
};
use crate::desk::{Result, now};
use ::backup::{Act, Child, Error as Fault, Hold, Ledger, Order, Place, Taken, old_key_sets, plan};
use jiff::Timestamp;
use kms::Purpose;
use seal::{AgeIdentity, Secret, SigningKey};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

/// Whoever may let go, at work in a place.
pub(super) struct Clearing {
    pub(super) hold: Hold,
    pub(super) child: Child,
    pub(super) password: Secret<String>,
    pub(super) signer: SigningKey,
}

/// What was let go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Numbers of snapshots.
    pub snapshots: Vec<u64>,
    /// Sets of wrapped keys, by the numbers of the snapshots that they came with.
    pub keys: Vec<u64>,
    /// Sets of wrapped keys that a run left behind which was killed.
    pub strays: u64,
    /// How many snapshots stay.
    pub kept: usize,
}

impl Clearing {
    /// Lets go what the rule lets go; a set of keys by its age alone, and at once where no record names it. Each
    /// step may be the last one of a run that is killed: the next run does it again.
    pub(super) fn clear(
        &self,
        mut ledger: Ledger,
        now: Timestamp,
        stop: &AtomicBool,
    ) -> Result<Pruned> {
        let live = ledger.live();
        let gone = plan(&live, now).allowed(ledger.taken_since())?.forget;
        if !gone.is_empty() {
            self.forget(&live, &gone, stop)?;
            ledger.add(now, Act::Forgotten { of: gone.iter().copied().collect() });
        }
        let sets = ledger.key_sets();
        let old = old_key_sets(&sets, now);
        if !old.is_empty() {
            let names = sets.iter().filter(|one| old.contains(&one.number));
            self.hold.drop_keys(names.map(|one| one.snapshot.keys.as_str()))?;
            ledger.add(now, Act::KeysForgotten { of: old.iter().copied().collect() });
        }
        self.hold.keep_ledger(&ledger, &self.signer)?;
        let strays = self.strays(&ledger)?;
        let live: BTreeSet<u64> = ledger.live().iter().map(|one| one.number).collect();
        self.hold.drop_before(&live)?;
        let (snapshots, keys) = (gone.into_iter().collect(), old.into_iter().collect());
        Ok(Pruned { snapshots, keys, strays, kept: live.len() })
    }

    fn forget(&self, live: &[Taken], gone: &BTreeSet<u64>, stop: &AtomicBool) -> Result<()> {
        let ids = live.iter().filter(|one| gone.contains(&one.number));
        let snapshots = ids.map(|one| one.snapshot.id.clone()).collect();
        let repository = self.hold.place().repository();
        self.child.run((&repository, &self.password), Order::Forget { snapshots }, stop)?;
        Ok(())
    }

    /// Sets of wrapped keys that no record names: nobody knows how old they are, and a later record may have their
    /// number.
    fn strays(&self, ledger: &Ledger) -> Result<u64> {
        let sets = ledger.key_sets();
        let known: BTreeSet<&str> = sets.iter().map(|one| one.snapshot.keys.as_str()).collect();
        let names = self.hold.key_names()?;
        let strays = || names.iter().map(String::as_str).filter(|name| !known.contains(name));
        self.hold.drop_keys(strays())?;
        Ok(strays().count() as u64)
    }
}

/// Where old backups are let go, and by whom.
#[derive(Debug)]
pub struct Pruning {
    /// The place of the backups, with the rights of whoever asks.
    pub from: Place,
    /// Whom the recovery kit was sealed to.
    pub identity: AgeIdentity,
    /// The program that works, if it is not this one.
    pub worker: Option<PathBuf>,
}

/// Lets go what the rule lets go, by nothing of the server's: an identity opens the kit, and the place's own
/// rights do the rest. The server's log hears of it at its next backup.
pub fn prune(ask: &Pruning, stop: &Arc<AtomicBool>) -> Result<Pruned> {
    let Pruning { from, identity, worker } = ask;
    if !from.is_founded()? {
        return Err(Fault::Nothing { place: from.root() }.into());
    }
    let hold = from.hold()?;
    let kit = open_kit(from, identity)?;
    let signer = keys(&kit)?.signing(Purpose::Backups);
    let ledger = from.ledger(signer.verifying_key())?;
    let terms = super::BackupTerms { worker: worker.clone(), ..super::BackupTerms::default() };
    let clearing = Clearing { hold, child: child(&terms)?, password: kit.password, signer };
    // What another run has marked is taken away, also where nothing goes today.
    clearing.forget(&[], &BTreeSet::new(), stop)?;
    clearing.clear(ledger, now(), stop)
}

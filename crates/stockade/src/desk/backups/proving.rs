//! A snapshot brought back and compared, by nothing but what a loss leaves: the place of the backups, and an
//! identity that the recovery kit was sealed to.

use super::{
    Drilled, Ground,
    keysets::{KeySet, open_all},
    kits::{keys, open_kit},
    own::Own,
    seconds_since,
    staging::{DATABASE, clean},
    taking::{unexpected, write_private},
    telling::standings_of,
};
use crate::desk::{Error, Paths, Result, era_of, ledger};
use ::backup::{
    Act, Answer, Child, Error as Fault, Kit, Ledger, Manifest, Order, Place, Proof, Taken,
};
use jiff::Timestamp;
use kms::{KeyRing, Purpose, SystemEntropy};
use seal::{AgeIdentity, Secret};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};
use store::{Database, Store, WrappedKey};

/// What a snapshot is brought back by.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) place: Place,
    pub(super) identity: AgeIdentity,
    pub(super) child: Child,
    /// The number in the ledger; the newest unless named.
    pub(super) number: Option<u64>,
    /// An empty directory to work in: the tree comes to stand in `tree`.
    pub(super) work: PathBuf,
}

/// A tree that is what was backed up.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) tree: PathBuf,
    pub(super) taken: Taken,
    pub(super) manifest: Manifest,
    pub(super) ledger: Ledger,
    pub(super) keys: KeyRing,
    pub(super) password: Secret<String>,
    pub(super) wrapped: Vec<WrappedKey>,
    /// Who was erased after the snapshot, and has no key in it.
    pub(super) erased: BTreeSet<String>,
    /// What must outlive the database, if it was written.
    pub(super) standings: Option<String>,
}

impl Means {
    /// Brings it back to be served: every file is compared, and the keys lie where a server has its own.
    pub(super) fn bring(&self, stop: &AtomicBool) -> Result<Brought> {
        let (brought, kit) = self.look(stop)?;
        let paths = Paths::new(&brought.tree);
        write_private(&paths.key_file(), kit.key_file.expose())?;
        write_private(&paths.key_ring(), kit.ring.expose())?;
        Ok(brought)
    }

    /// Brings it back to be looked at: the keys stay in memory.
    fn look(&self, stop: &AtomicBool) -> Result<(Brought, Kit)> {
        let kit = open_kit(&self.place, &self.identity)?;
        // The keys first: by them the ledger is known to be ours.
        let keys = keys(&kit)?;
        let signer = keys.signing(Purpose::Backups);
        let ledger = self.place.ledger(signer.verifying_key())?;
        let standings = self.place.standings(signer.verifying_key())?;
        let live = ledger.live();
        let taken = match self.number {
            None => live.last(),
            Some(number) => live.iter().find(|one| one.number == number),
        };
        let taken = taken.cloned().ok_or(Error::NotFound { what: "snapshot" })?;
        let tree = self.work.join("tree");
        let order = Order::Restore { snapshot: taken.snapshot.id.clone(), into: tree.clone() };
        let repository = self.place.repository();
        match self.child.run((&repository, &kit.password), order, stop)? {
            Answer::Snapshot(_) => {}
            other => return Err(unexpected(&other)),
        }
        let manifest = Manifest::prove(&tree, &taken.snapshot.manifest)?;
        let keys = keys.of_era(era_of(&Paths::new(&tree))?);
        let since = standings.as_deref().map(standings_of).transpose()?;
        let since = since.as_ref().map(|since| since.accounts.as_slice());
        let set = KeySet::of(&self.place, (&ledger, &taken), &keys, since)?;
        let (KeySet { wrapped, erased }, password) = (set, kit.password.clone());
        let brought =
            Brought { tree, taken, manifest, ledger, keys, password, wrapped, erased, standings };
        Ok((brought, kit))
    }
}

impl Brought {
    /// Compares every table, brings the schema up to date, verifies the log, and opens everybody's name; the open
    /// database.
    pub(super) async fn open(&self, now: Timestamp) -> Result<Store> {
        let file = self.tree.join(DATABASE);
        let sums = store::sums_of(&file).await?;
        let same = sums.len() == self.manifest.tables.len()
            && sums.iter().zip(&self.manifest.tables).all(|(sum, line)| {
                (sum.table, sum.rows, &sum.digest) == (line.table.as_str(), line.rows, &line.digest)
            });
        if !same {
            return Err(Fault::Differs { what: "a table of the database".to_owned() }.into());
        }
        let own = ledger(&self.keys);
        let entropy = Box::new(SystemEntropy::new());
        let store = Store::open(&Database::file(&file), own, entropy, now).await?;
        let seen = [self.manifest.checkpoint.clone()];
        let size = store.verify_log(&seen).await?.checkpoint.size;
        if size != self.manifest.log_size || size != self.taken.snapshot.log_size {
            return Err(Fault::Differs { what: "the size of the audit log".to_owned() }.into());
        }
        open_all(&store, &self.keys, (&self.wrapped, &self.erased)).await?;
        Ok(store)
    }
}

/// A drill: the newest snapshot, into a scratch place that is cleared afterwards.
pub(super) async fn drill(
    ground: &Ground,
    start: Timestamp,
    stop: &Arc<AtomicBool>,
) -> Result<Drilled> {
    let scratch = ground.paths.backup().join("scratch");
    let hold = ground.place.hold()?;
    let (own, work, halt) = (ground.clone(), scratch.clone(), Arc::clone(stop));
    let brought = tokio::task::spawn_blocking(move || {
        clean(&work)?;
        // The one thing of this machine: the test identity, which stands for a recipient's.
        let identity = Own::of(&own).drill()?;
        let means = Means { place: own.place, identity, child: own.child, number: None, work };
        means.look(&halt).map(|(brought, _)| brought)
    })
    .await??;
    brought.open(start).await?.close().await;
    let proof = Proof {
        of: brought.taken.number,
        files: brought.manifest.files.len() as u64,
        rows: brought.manifest.rows(),
        log_size: brought.manifest.log_size,
        seconds: seconds_since(start),
    };
    let own = ground.clone();
    let kept = proof.clone();
    tokio::task::spawn_blocking(move || {
        let mut ledger = own.ledger()?;
        ledger.add(start, Act::Proved(kept));
        hold.keep_ledger(&ledger, &own.signer())?;
        clean(&scratch)
    })
    .await??;
    let Proof { of: number, files, rows, log_size, seconds } = proof;
    Ok(Drilled { number, files, rows, log_size, seconds })
}

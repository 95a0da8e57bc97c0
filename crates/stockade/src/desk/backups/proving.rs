//! A snapshot brought back and compared, by nothing but what a loss leaves: the place of the backups, and an
//! identity that the recovery kit was sealed to.

use super::{
    Drilled, Ground, seconds_since,
    staging::{DATABASE, clean},
    taking::{identity, keys_of, unexpected, write_private},
};
use crate::desk::{Error, Paths, Result, era_of, ledger};
use ::backup::{
    Act, Answer, Child, Error as Fault, Kit, Ledger, Manifest, Order, Place, Proof, Taken,
};
use identity::{AccountId, Vault};
use jiff::Timestamp;
use kms::{Holder, KeyFile, KeyRing, Purpose, RingFile, SoftRoot, SystemEntropy};
use seal::{AgeIdentity, Secret};
use std::{
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
    /// What must outlive the database, if it was written.
    pub(super) standings: Option<String>,
}

impl Means {
    /// Brings it back: every file is compared, every wrapped key opened.
    pub(super) fn bring(&self, stop: &AtomicBool) -> Result<Brought> {
        let kit = open_kit(&self.place, &self.identity)?;
        // The keys first: by them the ledger is known to be ours.
        let own = Paths::new(&self.work);
        let keys = keys(&own, &kit)?;
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
        let paths = Paths::new(&tree);
        for (from, to) in [(own.key_file(), paths.key_file()), (own.key_ring(), paths.key_ring())] {
            std::fs::rename(&from, to).map_err(|source| Error::File {
                doing: "move",
                path: from,
                source,
            })?;
        }
        let keys = keys.of_era(era_of(&paths)?);
        let wrapped = self.wrapped(&ledger, &taken, &keys)?;
        let password = kit.password;
        Ok(Brought { tree, taken, manifest, ledger, keys, password, wrapped, standings })
    }

    /// The newest set of wrapped keys: what an account has lost since, it does not get back.
    fn wrapped(&self, ledger: &Ledger, taken: &Taken, keys: &KeyRing) -> Result<Vec<WrappedKey>> {
        let sets = ledger.key_sets();
        let set = sets.last().map_or(&taken.snapshot.keys, |newest| &newest.snapshot.keys);
        let text = self.place.keys(set, &keys.sealing(Purpose::Backups))?;
        let wrapped = keys_of(text.expose())?;
        let vault = Vault::new(keys.sealing(Purpose::Accounts), keys.mac(Purpose::BlindIndex))
            .with_retired(keys.retired(Purpose::Accounts));
        for key in &wrapped {
            let account: AccountId = key.account.parse()?;
            vault.open_data_key(account, &key.sealed)?;
        }
        Ok(wrapped)
    }
}

/// What an identity opens in a place.
pub(super) fn open_kit(place: &Place, identity: &AgeIdentity) -> Result<Kit> {
    let (sealed, path) = place.kit()?;
    Ok(Kit::open(&sealed, identity, &path)?)
}

/// The keys that a kit holds, written where a server has its own.
pub(super) fn keys(paths: &Paths, kit: &Kit) -> Result<KeyRing> {
    write_private(&paths.key_file(), kit.key_file.expose())?;
    write_private(&paths.key_ring(), kit.ring.expose())?;
    let file = KeyFile::open(&paths.key_file())?;
    let head = RingFile::head(&paths.key_ring())?;
    let root = SoftRoot::new(Holder::KeyFile(&file), Some(&head), &mut SystemEntropy::new())?;
    Ok(RingFile::open(&paths.key_ring(), &root)?.1)
}

impl Brought {
    /// Compares every table, brings the schema up to date, and verifies the log; the open database.
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
        let identity = identity(&own.paths.backup().join("drill.identity"))?;
        let means = Means { place: own.place, identity, child: own.child, number: None, work };
        means.bring(&halt)
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

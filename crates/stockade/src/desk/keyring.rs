//! The installation's keys: opened at the start, moved, wrapped anew, replaced.

use super::{
    Actor, Deed, Desk, Error, HolderTerms, Home, KeyAct, KeyTerms, Lock, Paths, Result, now,
};
use identity::{AccountId, PasskeyId, SealedProfile, SessionId, Vault};
use kms::{
    Attestation, Guard, KeyFile, KeyRing, Label, Purpose, RingFile, RingLine, Root, SystemEntropy,
    Versions,
};
use seal::{Identity, Recipient};
use std::{ops::ControlFlow, sync::Arc};
use store::{Rekeyed, Store};
use tokio::runtime::Handle;

/// Data keys that one entry of the log speaks for.
const BATCH: u32 = 200;
/// What is wrapped and unwrapped to see whether a holder is there.
const PROBE: Label<'static> = Label { purpose: "presence", tenant: "house", version: 1 };

/// The keys, and the root key where they are wrapped.
pub(super) struct OpenKeys {
    pub ring: KeyRing,
    pub root: Option<Arc<dyn Root>>,
}

/// What may be told of the keys.
#[derive(Debug, Clone)]
pub struct KeyStatus {
    /// The holder, for people.
    pub holder: String,
    /// The versions of the root key, if there is a ring under it.
    pub versions: Option<Versions>,
    /// Each key in the ring; none where all are derived from the key file.
    pub lines: Vec<RingLine>,
    /// Who can open them offline.
    pub recovery: Option<Recipient>,
    /// A key file lies beside a ring that does not need it.
    pub is_key_file_left: bool,
    /// Accounts' data keys, and how many of them lie under keys that were replaced.
    pub data_keys: (u64, u64),
}

/// What was done to the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrapped {
    /// The version of the root key.
    pub version: u32,
    /// How many keys are wrapped under it.
    pub keys: u64,
}

/// Whether a token's or a service's key may be made for an installation without anybody who could open
/// the keys offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecoverable {
    /// It is an error.
    Refuse,
    /// The operator wants it so.
    Accept,
}

/// Does what blocks where that is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&Handle) -> Result<T> + Send + 'static,
) -> Result<T> {
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || work(&handle)).await?
}

/// Opens the keys of an installation; a directory that has no database gets new ones. A database
/// without its keys is not given others, because nothing in it would open.
pub(super) async fn open(home: &Home) -> Result<OpenKeys> {
    let is_founded = Store::is_founded(home.database()).await?;
    of_era(home, open_as(home, if is_founded { Founded::Yes } else { Founded::No }).await?)
}

/// Opens keys that must be there.
pub(super) async fn open_existing(home: &Home) -> Result<OpenKeys> {
    of_era(home, open_as(home, Founded::Yes).await?)
}

/// After a restore the log's key is another one.
fn of_era(home: &Home, keys: OpenKeys) -> Result<OpenKeys> {
    let era = super::era_of(&Paths::new(home.root()))?;
    Ok(OpenKeys { ring: keys.ring.of_era(era), ..keys })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Founded {
    Yes,
    No,
}

async fn open_as(home: &Home, founded: Founded) -> Result<OpenKeys> {
    let (paths, terms) = (Paths::new(home.root()), home.keys().clone());
    blocking(move |handle| {
        let (path, mut entropy) = (paths.key_ring(), SystemEntropy::new());
        if path.symlink_metadata().is_ok() {
            let root = root_of_ring(&paths, &terms, handle)?;
            let (_, ring) = RingFile::open_and_complete(&path, &*root, now(), &mut entropy)?;
            return Ok(OpenKeys { ring, root: Some(root) });
        }
        let file = paths.key_file();
        if let HolderTerms::File = terms.holder {
            let file = match founded {
                Founded::Yes => KeyFile::open(&file)?,
                Founded::No => KeyFile::open_or_create(&file, &mut entropy)?,
            };
            return Ok(OpenKeys { ring: KeyRing::of_file(&file), root: None });
        }
        if founded == Founded::Yes || file.symlink_metadata().is_ok() {
            let (ring, under) = (file, "file".to_owned());
            return Err(Error::KeysElsewhere { ring, under, holder: terms.holder.kind() });
        }
        let root = terms.holder.root(&paths, None, handle)?;
        let ring = KeyRing::generate(&mut entropy);
        RingFile::create(&path, &ring, (&*root, terms.recovery), now(), &mut entropy)?;
        Ok(OpenKeys { ring, root: Some(root) })
    })
    .await
}

/// The root key that the ring is wrapped under, if it is the one that is configured.
fn root_of_ring(paths: &Paths, terms: &KeyTerms, handle: &Handle) -> Result<Arc<dyn Root>> {
    let path = paths.key_ring();
    let head = RingFile::head(&path)?;
    if head.kind != terms.holder.kind() {
        let holder = terms.holder.kind();
        return Err(Error::KeysElsewhere { ring: path, under: head.kind, holder });
    }
    terms.holder.root(paths, Some(&head), handle)
}

/// What the accounts' fields are sealed with.
pub(super) fn vault(ring: &KeyRing) -> Vault {
    Vault::new(ring.sealing(Purpose::Accounts), ring.mac(Purpose::BlindIndex))
        .with_retired(ring.retired(Purpose::Accounts))
}

/// Whether the root key wraps and unwraps at this moment.
pub(super) fn look(root: &dyn Root) -> std::result::Result<(), kms::Error> {
    let wrapped = root.wrap(&PROBE, b"here", &mut SystemEntropy::new())?;
    root.unwrap(&PROBE, &wrapped).map(drop)
}

/// What the holder says of its root key.
pub async fn attest(home: &Home) -> Result<(String, Attestation)> {
    let (paths, terms) = (Paths::new(home.root()), home.keys().clone());
    blocking(move |handle| {
        if paths.key_ring().symlink_metadata().is_err() {
            KeyFile::open(&paths.key_file())?;
            let said = Attestation {
                guard: Guard::Software,
                device: vec![("holder", paths.key_file().display().to_string())],
                extractable: true,
                never_extractable: false,
                made_inside: false,
            };
            return Ok(("the key file".to_owned(), said));
        }
        let root = root_of_ring(&paths, &terms, handle)?;
        Ok((root.place(), root.attest()?))
    })
    .await
}

/// What may be told of the keys of an installation, beside a server that may be running.
pub async fn key_status(home: &Home) -> Result<KeyStatus> {
    let (paths, terms) = (Paths::new(home.root()), home.keys().clone());
    let keys = open_existing(home).await?;
    let (vault, root) = (vault(&keys.ring), keys.root.clone());
    let mut status = blocking(move |_| {
        let (holder, recovery) = ("the key file".to_owned(), None);
        let (lines, data_keys) = (Vec::new(), (0, 0));
        let mut status = KeyStatus {
            holder,
            versions: None,
            lines,
            recovery,
            is_key_file_left: false,
            data_keys,
        };
        if let Some(root) = root {
            let (file, _) = RingFile::open(&paths.key_ring(), &*root)?;
            status.holder = root.place();
            status.versions = Some(root.versions()?);
            status.lines = file.lines();
            status.recovery = file.wrapped_under().recovery;
            let needed = matches!(terms.holder, HolderTerms::File);
            status.is_key_file_left = !needed && paths.key_file().symlink_metadata().is_ok();
        }
        Ok(status)
    })
    .await?;
    if Store::is_founded(home.database()).await? {
        let store = Store::open_read_only(home.database(), super::ledger(&keys.ring)).await?;
        status.data_keys = count(&store, &vault).await?;
        store.close().await;
    }
    Ok(status)
}

/// Data keys, and those of them that lie under keys that were replaced.
async fn count(store: &Store, vault: &Vault) -> Result<(u64, u64)> {
    let (mut after, mut all, mut old) = (None, 0, 0);
    loop {
        let page = store.data_keys(after, BATCH).await?;
        let Some((last, _)) = page.last() else { return Ok((all, old)) };
        after = Some(*last);
        all += page.len() as u64;
        old += page.iter().filter(|(_, sealed)| !vault.is_current(sealed)).count() as u64;
    }
}

/// Opens the ring by the offline identity and wraps it under the configured holder.
pub async fn recover_keys(home: &Home, identity: Identity) -> Result<Rewrapped> {
    let (paths, terms) = (Paths::new(home.root()), home.keys().clone());
    let lock = Lock::take(&paths, "a recovery of its keys")?;
    let done = blocking(move |handle| {
        let path = paths.key_ring();
        let (mut file, ring) = RingFile::recover(&path, &identity)?;
        let root = terms.holder.root(&paths, None, handle)?;
        let recovery = terms.recovery.or(Some(identity.recipient()));
        let keys = file.rewrap(&ring, (&*root, recovery), &mut SystemEntropy::new())?;
        Ok(Rewrapped { version: file.wrapped_under().version, keys: keys as u64 })
    })
    .await?;
    drop(lock);
    let desk = Desk::open(home, "a recovery of its keys", now()).await?;
    let (to, ring) = (home.keys().holder.kind().to_owned(), desk.ring_digest().await?);
    desk.note_keys(KeyAct::Recovered { to, ring }).await?;
    desk.close().await;
    Ok(done)
}

impl Desk {
    /// Wraps all keys under another holder. What held them before has them still, until it is
    /// removed.
    pub async fn move_keys(
        &self,
        to: HolderTerms,
        recovery: Option<Recipient>,
        unrecoverable: Unrecoverable,
    ) -> Result<Rewrapped> {
        if recovery.is_none() && unrecoverable == Unrecoverable::Refuse {
            return Err(Error::NoRecipient);
        }
        let (paths, ring, old) = (self.paths().clone(), self.keys().clone(), self.root().cloned());
        let kind = to.kind().to_owned();
        let (done, digest) = blocking(move |handle| {
            let (path, mut entropy) = (paths.key_ring(), SystemEntropy::new());
            let root = to.root(&paths, None, handle)?;
            let file = match old {
                Some(old) => {
                    let (mut file, ring) = RingFile::open(&path, &*old)?;
                    file.rewrap(&ring, (&*root, recovery), &mut entropy)?;
                    file
                }
                None => RingFile::create(&path, &ring, (&*root, recovery), now(), &mut entropy)?,
            };
            drop(file);
            // Read back by the new root alone: the old one may be taken away after this.
            let (file, _) = RingFile::open(&path, &*root)?;
            let version = file.wrapped_under().version;
            Ok((Rewrapped { version, keys: file.lines().len() as u64 }, file.digest()))
        })
        .await?;
        self.note_keys(KeyAct::Moved { to: kind, ring: digest }).await?;
        Ok(done)
    }

    /// Wraps all keys anew: by the newest version of the root key, and to the configured recipient.
    pub async fn rewrap_keys(&self, recovery: Option<Recipient>) -> Result<Rewrapped> {
        let (done, ring) = self.wrap_anew(recovery, Turn::No).await?;
        self.note_keys(KeyAct::Rewrapped { keys: done.keys, ring }).await?;
        Ok(done)
    }

    /// Gives the root key another version, and wraps all keys by it.
    pub async fn rotate_root(&self, recovery: Option<Recipient>) -> Result<Rewrapped> {
        let (done, ring) = self.wrap_anew(recovery, Turn::Yes).await?;
        self.note_keys(KeyAct::RootRotated { version: done.version, ring }).await?;
        Ok(done)
    }

    async fn wrap_anew(
        &self,
        recovery: Option<Recipient>,
        turn: Turn,
    ) -> Result<(Rewrapped, String)> {
        let root = self.root().cloned().ok_or(Error::NoRing)?;
        let path = self.paths().key_ring();
        blocking(move |_| {
            let mut entropy = SystemEntropy::new();
            let (mut file, ring) = RingFile::open(&path, &*root)?;
            let recovery = recovery.or(file.wrapped_under().recovery);
            if turn == Turn::Yes {
                root.rotate(&mut entropy)?;
            }
            let keys = file.rewrap(&ring, (&*root, recovery), &mut entropy)?;
            let version = file.wrapped_under().version;
            Ok((Rewrapped { version, keys: keys as u64 }, file.digest()))
        })
        .await
    }

    /// Gives the accounts another key, and each of them another data key under it, with its fields sealed
    /// anew; what was interrupted goes on.
    pub async fn rotate_accounts(
        &self,
        progress: &mut (dyn FnMut(u64, u64) -> ControlFlow<()> + Send),
    ) -> Result<u32> {
        let root = self.root().cloned().ok_or(Error::NoRing)?;
        let path = self.paths().key_ring();
        let (ring, version, digest) = blocking(move |_| {
            let mut entropy = SystemEntropy::new();
            let (mut file, mut ring) = RingFile::open(&path, &*root)?;
            let keys = (&mut ring, &*root);
            let version = file.advance(Purpose::Accounts, keys, now(), &mut entropy)?;
            Ok((ring, version, file.digest()))
        })
        .await?;
        let purpose = Purpose::Accounts.name();
        self.note_keys(KeyAct::Rotated { purpose, version, ring: digest }).await?;
        self.reseal_data_keys(&vault(&ring), progress).await?;
        Ok(version)
    }

    /// Gives another data key to whose lies under a key that was replaced, batch by batch, each with its
    /// entry; how many. It may stop at any moment, because the keys before still open.
    pub async fn reseal_data_keys(
        &self,
        vault: &Vault,
        progress: &mut (dyn FnMut(u64, u64) -> ControlFlow<()> + Send),
    ) -> Result<u64> {
        let (_, total) = count(self.store(), vault).await?;
        let (mut after, mut done) = (None, 0);
        while done < total && progress(done, total).is_continue() {
            let page = self.store().data_keys(after, BATCH).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            let moved = self.reseal_page(vault, &page, (done, total)).await?;
            done += moved;
        }
        Ok(done)
    }

    /// Goes on where a rotation of the accounts' key was interrupted; how many data keys were left.
    pub async fn go_on_resealing(
        &self,
        progress: &mut (dyn FnMut(u64, u64) -> ControlFlow<()> + Send),
    ) -> Result<u64> {
        self.reseal_data_keys(&vault(self.keys()), progress).await
    }

    async fn reseal_page(
        &self,
        vault: &Vault,
        page: &[(AccountId, Vec<u8>)],
        (before, total): (u64, u64),
    ) -> Result<u64> {
        let old: Vec<_> = page.iter().filter(|(_, sealed)| !vault.is_current(sealed)).collect();
        if old.is_empty() {
            return Ok(0);
        }
        let mut fresh = Vec::new();
        for (account, sealed) in old {
            fresh.extend(self.fresh(vault, *account, sealed).await?);
        }
        let (mut act, mut moved) = (self.store().begin().await?, 0);
        for account in &fresh {
            // Whoever was erased meanwhile has no key any more, and gets none.
            if act.rekey(&account.row()).await? {
                moved += 1;
            }
        }
        let left = total.saturating_sub(before + moved);
        let deed = Deed::Keys(KeyAct::Resealed { done: moved, left });
        act.commit(deed.entry(Actor::Host), now()).await?;
        Ok(moved)
    }

    /// An account's fields under a new data key; nothing for who is erased.
    async fn fresh(&self, vault: &Vault, id: AccountId, sealed: &[u8]) -> Result<Option<Fresh>> {
        let Some(member) = self.store().member(id).await? else { return Ok(None) };
        let factors = self.store().factors(id).await?;
        let clients = self.store().clients(id).await?;
        let mut entropy = SystemEntropy::new();
        let key = vault.open_data_key(id, sealed)?;
        let next = key.next(&mut entropy);
        let (old, new) = (vault.of_account(&key), vault.of_account(&next));
        let profile = old.open_profile(id, &member.profile)?;
        let (mut totp, mut passkeys) = (None, Vec::new());
        if let Some(factors) = factors {
            if let Some((before, _)) = factors.totp {
                let after = new.seal_totp(id, &old.open_totp(id, &before)?, &mut entropy);
                totp = Some((before.0, after.0));
            }
            for before in factors.passkeys {
                let after = new.seal_passkey(old.open_passkey(&before)?, &mut entropy);
                passkeys.push((before.row.id, before.row.cose, after.row.cose));
            }
        }
        let mut sessions = Vec::new();
        for (session, before) in clients {
            let client = old.open_client((id, session), &before)?;
            let after = new.seal_client((id, session), &client, &mut entropy);
            sessions.push((session, before.0, after.0));
        }
        Ok(Some(Fresh {
            account: id,
            data_key: (sealed.to_vec(), vault.seal_data_key(id, &next, &mut entropy)),
            profile: (member.profile, new.seal_profile(id, &profile, &mut entropy)),
            totp,
            passkeys,
            clients: sessions,
        }))
    }

    async fn ring_digest(&self) -> Result<String> {
        let root = self.root().cloned().ok_or(Error::NoRing)?;
        let path = self.paths().key_ring();
        blocking(move |_| Ok(RingFile::open(&path, &*root)?.0.digest())).await
    }

    pub(super) async fn note_keys(&self, act: KeyAct) -> Result<()> {
        let kept = self.store().begin().await?;
        kept.commit(Deed::Keys(act).entry(Actor::Host), now()).await?;
        Ok(())
    }
}

/// Each field as it was and as it shall be.
struct Fresh {
    account: AccountId,
    data_key: (Vec<u8>, Vec<u8>),
    profile: (SealedProfile, SealedProfile),
    totp: Option<(Vec<u8>, Vec<u8>)>,
    passkeys: Vec<(PasskeyId, Vec<u8>, Vec<u8>)>,
    clients: Vec<(SessionId, Vec<u8>, Vec<u8>)>,
}

impl Fresh {
    fn row(&self) -> Rekeyed<'_> {
        Rekeyed {
            account: self.account,
            data_key: (&self.data_key.0, &self.data_key.1),
            profile: (&self.profile.0, &self.profile.1),
            totp: self.totp.as_ref().map(|(before, after)| (before.as_slice(), after.as_slice())),
            passkeys: &self.passkeys,
            clients: &self.clients,
        }
    }
}

/// Whether the root key gets another version first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Yes,
    No,
}

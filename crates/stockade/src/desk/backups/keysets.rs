//! The wrapped keys that lie beside the snapshots: which set a restore takes, and whether everybody opens by it.

use crate::desk::Result;
use ::backup::{Error as Fault, Ledger, Place, Taken};
use identity::{AccountId, Vault};
use kms::{KeyRing, Purpose};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};
use store::{AccountSearch, AccountStanding, Store, WrappedKey};

/// Accounts that are looked at together.
const PAGE: u32 = 200;

/// A line of a set.
#[derive(Serialize, Deserialize)]
struct KeyLine {
    account: String,
    sealed: String,
}

/// The wrapped keys of a restore.
#[derive(Debug)]
pub(super) struct KeySet {
    pub(super) wrapped: Vec<WrappedKey>,
    /// Who was erased after the snapshot, and has no key in it any more.
    pub(super) erased: BTreeSet<String>,
}

/// Wrapped keys, one a line.
pub(super) fn lines(keys: &[WrappedKey]) -> String {
    let line = |key: &WrappedKey| {
        let line = KeyLine { account: key.account.clone(), sealed: hex::encode(&key.sealed) };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    };
    keys.iter().map(line).collect()
}

/// The wrapped keys of such lines.
pub(super) fn keys_of(text: &[u8]) -> Result<Vec<WrappedKey>> {
    let differs = |what: String| Fault::Differs { what };
    let text = std::str::from_utf8(text).map_err(|error| differs(error.to_string()))?;
    let key = |line: &str| {
        let KeyLine { account, sealed } = serde_json::from_str(line)
            .map_err(|error| differs(format!("the wrapped keys: {error}")))?;
        let sealed = hex::decode(sealed).map_err(|error| differs(error.to_string()))?;
        Ok(WrappedKey { account, sealed })
    };
    text.lines().map(key).collect()
}

impl KeySet {
    /// The set that a snapshot was taken with, where it is there yet, and else the newest one; without those who
    /// were erased since. An account has few keys at a time: the newest set may open nothing of long ago.
    pub(super) fn of(
        place: &Place,
        (ledger, taken): (&Ledger, &Taken),
        keys: &KeyRing,
        standings: Option<&[AccountStanding]>,
    ) -> Result<Self> {
        let sealing = keys.sealing(Purpose::Backups);
        let read = |one: &Taken| keys_of(place.keys(&one.snapshot.keys, &sealing)?.expose());
        let sets = ledger.key_sets();
        let newest = sets.last().unwrap_or(taken);
        let own = sets.iter().find(|one| one.number == taken.number).unwrap_or(newest);
        let mut wrapped = match read(own) {
            // Whoever let it go was killed before the ledger had it.
            Err(error) if own.number != newest.number && is_missing(&error) => read(newest)?,
            found => found?,
        };
        let erased: BTreeSet<String> = if let Some(standings) = standings {
            let erased = standings.iter().filter(|one| one.erased.is_some());
            erased.map(|one| one.account.clone()).collect()
        } else {
            let kept: BTreeSet<String> = read(newest)?.into_iter().map(|key| key.account).collect();
            let gone = wrapped.iter().filter(|key| !kept.contains(&key.account));
            gone.map(|key| key.account.clone()).collect()
        };
        wrapped.retain(|key| !erased.contains(&key.account));
        Ok(Self { wrapped, erased })
    }
}

/// Opens the name and the address of everybody who is there and was not erased since: who does not open could not
/// come in.
pub(super) async fn open_all(
    store: &Store,
    keys: &KeyRing,
    (wrapped, erased): (&[WrappedKey], &BTreeSet<String>),
) -> Result<()> {
    let vault = Vault::new(keys.sealing(Purpose::Accounts), keys.mac(Purpose::BlindIndex))
        .with_retired(keys.retired(Purpose::Accounts));
    let mut opened = BTreeMap::new();
    for key in wrapped {
        let account: AccountId = key.account.parse()?;
        opened.insert(account, vault.open_data_key(account, &key.sealed)?);
    }
    let mut before = None;
    loop {
        let search = AccountSearch { before, limit: PAGE, ..AccountSearch::default() };
        let rows = store.find_accounts(&search).await?;
        for row in &rows {
            let account = row.state.account;
            if erased.contains(&account.to_string()) {
                continue;
            }
            // One from before accounts had keys lies under the server's.
            let own = opened.get(&account).map(|key| vault.of_account(key));
            let profile = own.as_ref().unwrap_or(&vault).open_profile(account, &row.profile);
            profile.map_err(|error| Fault::Differs {
                what: format!("account {account} does not open by the wrapped keys: {error}"),
            })?;
        }
        let Some(last) = rows.last() else { return Ok(()) };
        before = Some((last.created, last.state.account));
    }
}

fn is_missing(error: &crate::desk::Error) -> bool {
    match error {
        crate::desk::Error::Backup(Fault::File { source, .. }) => {
            source.kind() == io::ErrorKind::NotFound
        }
        _ => false,
    }
}

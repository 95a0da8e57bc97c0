//! Backups looked at from the command line, beside a server that may run.

use super::{
    BackupTerms, Ground, own::Own, pulling::keys_of_kit, taking::unexpected, telling::SnapshotView,
};
use crate::desk::{Home, Paths, Result, keyring};
use ::backup::{Act, Answer, Order};
use jiff::Timestamp;
use kms::KeyRing;
use std::sync::atomic::AtomicBool;

/// What there is.
#[derive(Debug, Clone)]
pub struct BackupList {
    /// Where.
    pub place: String,
    /// Snapshots of the ledger, the oldest first.
    pub snapshots: Vec<SnapshotView>,
    /// Snapshots in the repository that the ledger does not know: of others, or of a run that was killed.
    /// They count for nothing, and nothing lets them go.
    pub foreign: Vec<String>,
    /// Snapshots of the ledger that the repository has lost.
    pub lost: Vec<u64>,
    /// When a restore was last proved.
    pub proved: Option<Timestamp>,
}

async fn ground(home: &Home, terms: &BackupTerms) -> Result<Ground> {
    let paths = Paths::new(home.root());
    let keys: KeyRing = match &terms.place {
        // A machine that pulls has no keys of its own: the kit has what it was given.
        Some(place) if paths.machine().exists() => keys_of_kit(&paths, place)?,
        _ => keyring::open_existing(home).await?.ring,
    };
    Ground::new((paths, keys, home.database().clone()), terms)
}

/// Lists ledger and repository beside each other.
pub async fn backups_of(home: &Home, terms: &BackupTerms) -> Result<BackupList> {
    let ground = ground(home, terms).await?;
    let ledger = ground.ledger()?;
    let stored = if ground.place.is_founded()? {
        match work(&ground, Order::List)? {
            Answer::Snapshots { list } => list,
            other => return Err(unexpected(&other)),
        }
    } else {
        Vec::new()
    };
    let is_proved = |number: u64| {
        ledger
            .records()
            .iter()
            .any(|record| matches!(&record.act, Act::Proved(p) if p.of == number))
    };
    let live = ledger.live();
    let is_lost = |id: &str| stored.iter().all(|one| one.id != id);
    let lost = live.iter().filter(|one| is_lost(&one.snapshot.id)).map(|one| one.number).collect();
    let foreign = ledger.foreign(stored.iter().map(|one| one.id.as_str()));
    let view = |one: ::backup::Taken| SnapshotView {
        number: one.number,
        time: one.time,
        proved: is_proved(one.number),
        snapshot: one.snapshot,
    };
    Ok(BackupList {
        place: ground.place.root().display().to_string(),
        foreign: foreign.into_iter().map(str::to_owned).collect(),
        lost,
        proved: ledger.last_proof().map(|(record, _)| record.time),
        snapshots: live.into_iter().map(view).collect(),
    })
}

/// What is damaged in the repository; every byte is read, or the structure alone.
pub async fn damage_of(home: &Home, terms: &BackupTerms, read_data: bool) -> Result<Vec<String>> {
    let ground = ground(home, terms).await?;
    if !ground.place.is_founded()? {
        return Err(::backup::Error::Nothing { place: ground.place.root() }.into());
    }
    let _hold = ground.place.hold()?;
    match work(&ground, Order::Check { read_data })? {
        Answer::Findings { list } => Ok(list),
        other => Err(unexpected(&other)),
    }
}

fn work(ground: &Ground, order: Order) -> Result<Answer> {
    let repository = ground.place.repository();
    let password = Own::of(ground).password(&ground.place)?;
    Ok(ground.child.run((&repository, &password), order, &AtomicBool::new(false))?)
}

//! A backup before the schema of the database changes: the upgrade does not begin without it.

use super::{BackupTerms, Ground, taking::take};
use crate::desk::{Home, Lock, Paths, Result, keyring};
use ::backup::Trigger;
use jiff::Timestamp;
use std::sync::Arc;
use store::Store;

/// Backs up where this program is about to change the schema of a file of SQLite, and a place is named. On a
/// server of PostgreSQL the migration copies the tables inside of the database, in its own transaction.
///
/// The log hears of it after the upgrade: under the old schema this program writes nothing.
pub(crate) async fn before_upgrade(home: &Home, terms: &BackupTerms, now: Timestamp) -> Result<()> {
    if terms.place.is_none() || home.database().path().is_none() {
        return Ok(());
    }
    let Some(schema) = Store::schema_to_leave(home.database()).await? else { return Ok(()) };
    let paths = Paths::new(home.root());
    let _lock = Lock::take(&paths, "a backup before an upgrade")?;
    let keys = keyring::open_existing(home).await?.ring;
    let ground = Ground::new((paths, keys, home.database().clone()), terms)?;
    let done = take(&ground, (Trigger::Upgrade, now), &Arc::default()).await?;
    tracing::info!(schema, number = done.number, "a backup was made before the upgrade");
    Ok(())
}

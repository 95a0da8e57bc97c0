//! Room: how many backtests a person keeps, and how many bytes their results and sweeps take on the disk.

use super::{Actor, Deed, Desk, Error, Result, now, results};
use identity::Tenant;
use std::{fs, io, path::PathBuf};
use uuid::Uuid;

/// Backtests that a person may keep.
pub const BACKTESTS_MAX: u64 = 10_000;
/// Bytes that a person's results and sweeps may take before nothing more is taken on.
pub const ROOM_BYTES_MAX: u64 = 20 << 30;

impl Desk {
    /// Refuses what would make more results where there are as many as there may be.
    pub(super) async fn check_room(&self, tenant: &Tenant) -> Result<()> {
        if self.store().count_backtests(tenant).await? >= BACKTESTS_MAX {
            let limit = usize::try_from(BACKTESTS_MAX).unwrap_or(usize::MAX);
            return Err(Error::Limit { what: "backtests: remove some", limit });
        }
        let root = self.paths().tenant(tenant.account());
        let place = root.clone();
        let counted = tokio::task::spawn_blocking(move || bytes_below(root)).await?;
        let bytes = counted.map_err(|source| {
            // A person without results has no directory yet, which counts as none.
            Error::File { doing: "measure", path: place, source }
        })?;
        if bytes >= ROOM_BYTES_MAX {
            let limit = usize::try_from(ROOM_BYTES_MAX).unwrap_or(usize::MAX);
            return Err(Error::Limit { what: "bytes of results: remove some", limit });
        }
        Ok(())
    }

    /// Removes a backtest that is over, with its result if no other backtest has the same.
    pub async fn remove_backtest(&self, tenant: &Tenant, id: Uuid) -> Result<()> {
        let mut act = self.store().begin().await?;
        let Some(removed) = act.remove_backtest(tenant, id).await? else {
            drop(act);
            // It waits or runs, or it is nobody's.
            self.backtest(tenant, id).await?;
            return Err(Error::Busy {
                what: "the backtest itself: stop it first",
                retry_after_s: 1,
            });
        };
        let deed = Deed::BacktestRemoved { id };
        act.commit(deed.entry(Actor::Account(tenant.account())), now()).await?;
        let Some(result) = removed.result else { return Ok(()) };
        // The row is gone; what a kill leaves of the directory goes at the next start.
        let directory = self.paths().results(tenant.account()).join(result);
        tokio::task::spawn_blocking(move || results::remove_directory(&directory)).await?
    }
}

/// The bytes of all files below a directory; links are not followed, and what goes meanwhile is not counted.
fn bytes_below(root: PathBuf) -> io::Result<u64> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let (mut waiting, mut bytes) = (vec![root], 0_u64);
    while let Some(directory) = waiting.pop() {
        let entries = match fs::read_dir(&directory) {
            Err(error) if gone(&error) => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(found) if found.is_dir() => waiting.push(entry.path()),
                Ok(found) => bytes = bytes.saturating_add(found.len()),
                Err(error) if gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}

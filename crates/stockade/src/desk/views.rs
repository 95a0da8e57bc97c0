//! Who looks at the log: that is logged too, once a quarter of an hour for each, so that the log
//! does not fill with looks at itself.

use super::{Actor, Deed, Desk, Result};
use identity::AccountId;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// For how long one entry stands for all looks of an account.
const PERIOD: SignedDuration = SignedDuration::from_mins(15);
/// Accounts remembered at once; beyond them a look is logged again, never left out.
const ACCOUNTS_MAX: usize = 10_000;

/// When each account's last logged look was.
#[derive(Debug, Default)]
pub struct Views(Mutex<BTreeMap<AccountId, Timestamp>>);

impl Views {
    /// Whether this look begins a new period; if so, it is remembered.
    fn is_new(&self, account: AccountId, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, time| now.duration_since(*time) < PERIOD);
        if last.contains_key(&account) {
            return false;
        }
        if last.len() < ACCOUNTS_MAX {
            last.insert(account, now);
        }
        true
    }

    /// The look was not written down after all.
    fn forget(&self, account: AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
    }
}

impl Desk {
    /// Writes down that a person looks at the log, before they see it.
    pub async fn log_view(&self, views: &Views, account: AccountId, now: Timestamp) -> Result<()> {
        if !views.is_new(account, now) {
            return Ok(());
        }
        let entry = Deed::LogViewed.entry(Actor::Account(account));
        let written = async { self.store().begin().await?.commit(entry, now).await };
        if let Err(error) = written.await {
            views.forget(account);
            return Err(error.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_a_period_is_new() {
        let views = Views::default();
        let account: AccountId =
            "01a20752-967e-70a5-8ed1-000000000001".parse().expect("an account");
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let news: Vec<bool> = [0, 1, 14, 15, 16].map(|m| views.is_new(account, at(m))).into();
        assert_eq!(news, [true, false, false, true, false]);
        views.forget(account);
        assert!(views.is_new(account, at(17)));
    }
}

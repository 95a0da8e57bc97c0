//! Who looks at the log and at other people's accounts: that is logged too, once a quarter of an hour
//! for each and each thing looked at, so that the log does not fill with looks.

use super::{Actor, Deed, Desk, Result};
use identity::AccountId;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// For how long one entry stands for all looks of an account.
const PERIOD: SignedDuration = SignedDuration::from_mins(15);
/// Looks remembered at once; beyond them a look is logged again, never left out.
const LOOKS_MAX: usize = 10_000;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// The audit log.
    Log,
    /// The list of accounts, or of who may do what.
    Accounts,
    /// One account.
    Account(AccountId),
}

impl Sight {
    const fn deed(self) -> Deed {
        match self {
            Self::Log => Deed::LogViewed,
            Self::Accounts => Deed::AccountsViewed { account: None },
            Self::Account(account) => Deed::AccountsViewed { account: Some(account) },
        }
    }
}

/// When each account's last logged look at each thing was.
#[derive(Debug, Default)]
pub struct Views(Mutex<BTreeMap<(AccountId, Sight), Timestamp>>);

impl Views {
    /// Whether this look begins a new period; if so, it is remembered.
    fn is_new(&self, look: (AccountId, Sight), now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, time| now.duration_since(*time) < PERIOD);
        if last.contains_key(&look) {
            return false;
        }
        if last.len() < LOOKS_MAX {
            last.insert(look, now);
        }
        true
    }

    /// The look was not written down after all.
    fn forget(&self, look: (AccountId, Sight)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&look);
    }
}

impl Desk {
    /// Writes down that a person looks at something, before they see it.
    pub async fn note_view(
        &self,
        views: &Views,
        look: (AccountId, Sight),
        now: Timestamp,
    ) -> Result<()> {
        // Of one's own account there is nothing to tell.
        if look.1 == Sight::Account(look.0) || !views.is_new(look, now) {
            return Ok(());
        }
        let entry = look.1.deed().entry(Actor::Account(look.0));
        if let Err(error) = self.store().record(entry, now).await {
            views.forget(look);
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
        let look = (account, Sight::Log);
        let news: Vec<bool> = [0, 1, 14, 15, 16].map(|m| views.is_new(look, at(m))).into();
        assert_eq!(news, [true, false, false, true, false]);
        views.forget(look);
        assert!(views.is_new(look, at(17)));
        assert!(views.is_new((account, Sight::Accounts), at(17)), "another thing");
        assert!(views.is_new((account, Sight::Account(account)), at(17)), "and another");
    }
}

//! The quarter's review of who may do what: the list, who signed it, and whether it is overdue.

use super::{Accounts, Actor, Error, Result, keeping::Plan, now};
use identity::{
    AccountId, Authenticated, Duty, GrantLine, GrantList, Profile, Review, Role, SignOff,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use std::collections::BTreeMap;
use store::Part;

/// Lines of the list that are shown: whoever runs or watches the server first, then those whom
/// tokens act for. The digest is of all.
const SHOWN_MAX: usize = 1000;

/// Where the review stands, and what is to be signed.
#[derive(Debug, Clone)]
pub struct ReviewView {
    /// Whether it is done, due or overdue.
    pub duty: Duty,
    /// The task that waits for a name, if one does.
    pub open: Option<Review>,
    /// When the next one opens, if none waits.
    pub opens: Timestamp,
    /// The last one that was signed.
    pub signed: Option<SignOff>,
    /// What is signed: the digest of the whole list.
    pub digest: [u8; 32],
    /// How many accounts have each role.
    pub counts: BTreeMap<Role, u64>,
    /// The lines, as far as they are shown.
    pub lines: Vec<GrantLine>,
    /// Lines that are not.
    pub more: u64,
    /// What those are called who are named.
    pub names: BTreeMap<AccountId, Profile>,
}

impl Accounts {
    /// Where the review stands, with the list as it is now.
    pub async fn review(&self) -> Result<ReviewView> {
        let store = self.0.desk.store();
        let (newest, signed) = (store.newest_review().await?, store.signed_review().await?);
        let list = store.grants().await?;
        let digest = list.digest();
        let mut counts: BTreeMap<Role, u64> = BTreeMap::new();
        for line in list.lines() {
            *counts.entry(line.role).or_default() += 1;
        }
        let (lines, more) = shown(&list);
        let opens = Review::opens(self.reviewed_last(signed.as_ref()).await?);
        let open = newest.filter(|review| review.signed.is_none());
        let duty = match (&open, &signed) {
            (Some(review), _) | (None, Some(review)) => review.duty(now()),
            (None, None) => Duty::Done,
        };
        let signed = signed.and_then(|review| review.signed);
        let persons = lines.iter().map(|line| line.account).chain(signed.map(|signed| signed.by));
        let names = self.names(persons).await?;
        Ok(ReviewView { duty, open, opens, signed, digest, counts, lines, more, names })
    }

    /// Signs the list that was read, by its digest.
    pub async fn sign_review(&self, by: &Authenticated, read: &[u8; 32]) -> Result<()> {
        let (now, store) = (now(), self.0.desk.store());
        let newest = store.newest_review().await?.filter(|review| review.signed.is_none());
        let before = newest.ok_or(Error::NotFound { what: "review that waits for a name" })?;
        let (after, event) = before.sign(by, read, &store.grants().await?, now)?;
        let actor = Actor::Account(by.session().account);
        let plan = Plan::of(actor).part(Part::Review(Some(&before), &after)).events([event]);
        self.keep(plan, now).await?;
        Ok(())
    }

    /// Opens the quarter's review when it is time, and notes once that it is overdue.
    pub(super) async fn tend_review(&self, now: Timestamp) -> Result<()> {
        let store = self.0.desk.store();
        let newest = store.newest_review().await?;
        if let Some(before) = newest.filter(|review| review.signed.is_none()) {
            let Some((after, event)) = before.overdue(now) else { return Ok(()) };
            let plan = Plan::of(Actor::Server).part(Part::Review(Some(&before), &after));
            let plan = plan.events([event]).mail(after.reminder());
            return self.keep(plan, now).await.map(drop);
        }
        // Nobody to ask before there is an owner.
        if store.owner().await?.is_none() {
            return Ok(());
        }
        let last = self.reviewed_last(store.signed_review().await?.as_ref()).await?;
        if now < Review::opens(last) {
            return Ok(());
        }
        let (review, event, mail) = Review::open(last, now, &mut SystemEntropy::new());
        let plan = Plan::of(Actor::Server).part(Part::Review(None, &review));
        self.keep(plan.events([event]).mail(mail), now).await.map(drop)
    }

    /// When the last review was signed, or when the server got its owner.
    async fn reviewed_last(&self, signed: Option<&Review>) -> Result<Timestamp> {
        if let Some(signed) = signed.and_then(|review| review.signed) {
            return Ok(signed.at);
        }
        let store = self.0.desk.store();
        let Some(owner) = store.owner().await? else { return Ok(now()) };
        let row = store.accounts_named(&[owner]).await?.pop();
        Ok(row.map_or_else(now, |row| row.created))
    }
}

/// The lines that people look through one by one, and how many are left.
fn shown(list: &GrantList) -> (Vec<GrantLine>, u64) {
    let mut lines: Vec<GrantLine> = list.lines().to_vec();
    lines.sort_by_key(|line| (line.role, line.credentials == 0, line.account));
    let more = lines.len().saturating_sub(SHOWN_MAX);
    lines.truncate(SHOWN_MAX);
    (lines, u64::try_from(more).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::Standing;

    #[test]
    fn the_strongest_roles_are_shown_first_and_the_rest_is_counted() {
        let line = |number: u32, role, credentials| GrantLine {
            account: AccountId::new(
                Timestamp::UNIX_EPOCH,
                &mut seal::SeededEntropy::new(number.into()),
            ),
            role,
            standing: Standing::Active,
            credentials,
        };
        let mut all: Vec<GrantLine> = (0..1200).map(|n| line(n, Role::Trader, 0)).collect();
        all.push(line(2000, Role::Trader, 3));
        all.push(line(2001, Role::Owner, 0));
        let (lines, more) = shown(&GrantList::new(all));
        assert_eq!((lines.len(), more), (SHOWN_MAX, 202));
        let first: Vec<(Role, u32)> =
            lines.iter().take(3).map(|l| (l.role, l.credentials)).collect();
        assert_eq!(first, [(Role::Owner, 0), (Role::Trader, 3), (Role::Trader, 0)]);
    }
}

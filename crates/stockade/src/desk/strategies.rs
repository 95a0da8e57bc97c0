//! Strategies: kept texts, checked as they are written.

use super::{Actor, Deed, Desk, Error, Result, new_id, now, sha256_hex};
use identity::Tenant;
use store::{StrategyLine, StrategyRow, StrategyWords};
use uuid::Uuid;

/// The longest strategy text, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 120;
/// How many a person may keep.
const KEPT_MAX: u32 = 1000;

impl Desk {
    /// A person's strategies, the last changed first.
    pub async fn strategies(&self, tenant: &Tenant) -> Result<Vec<StrategyLine>> {
        Ok(self.store().strategies(tenant, KEPT_MAX).await?)
    }

    /// One of a person's strategies.
    pub async fn strategy(&self, tenant: &Tenant, id: Uuid) -> Result<StrategyRow> {
        let found = self.store().strategy(tenant, id).await?;
        found.ok_or(Error::NotFound { what: "strategy" })
    }

    /// Keeps a new strategy. Its text may still have errors: it is the person's draft.
    pub async fn create_strategy(
        &self,
        tenant: &Tenant,
        name: Option<&str>,
        text: &str,
    ) -> Result<Uuid> {
        check(name.unwrap_or_default(), text)?;
        if self.store().strategies(tenant, KEPT_MAX).await?.len() >= KEPT_MAX as usize {
            return Err(Error::Limit { what: "strategies", limit: KEPT_MAX as usize });
        }
        let name = name.map_or_else(|| title(text), str::to_owned);
        let now = now();
        let id = new_id(now);
        let mut act = self.store().begin().await?;
        act.insert_strategy(tenant, id, StrategyWords { name: &name, text }, now).await?;
        let deed = Deed::StrategyCreated { id, text: sha256_hex(text.as_bytes()) };
        act.commit(deed.entry(Actor::Account(tenant.account())), now).await?;
        Ok(id)
    }

    /// Changes a strategy that still has the revision `seen`; its new revision.
    pub async fn change_strategy(
        &self,
        tenant: &Tenant,
        seen: (Uuid, i64),
        name: Option<&str>,
        text: &str,
    ) -> Result<i64> {
        check(name.unwrap_or_default(), text)?;
        let (id, revision) = (seen.0, seen.1 + 1);
        let name = name.map_or_else(|| title(text), str::to_owned);
        let now = now();
        let mut act = self.store().begin().await?;
        let words = StrategyWords { name: &name, text };
        if !act.update_strategy(tenant, seen, words, now).await? {
            drop(act);
            self.strategy(tenant, id).await?;
            return Err(Error::Changed { what: "the strategy" });
        }
        let text = sha256_hex(text.as_bytes());
        let deed = Deed::StrategyChanged { id, text, revision };
        act.commit(deed.entry(Actor::Account(tenant.account())), now).await?;
        Ok(revision)
    }

    /// Removes a strategy; its backtests stay.
    pub async fn remove_strategy(&self, tenant: &Tenant, id: Uuid) -> Result<()> {
        let mut act = self.store().begin().await?;
        if !act.remove_strategy(tenant, id).await? {
            return Err(Error::NotFound { what: "strategy" });
        }
        let deed = Deed::StrategyRemoved { id };
        act.commit(deed.entry(Actor::Account(tenant.account())), now()).await?;
        Ok(())
    }
}

fn check(name: &str, text: &str) -> Result<()> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Error::Limit { what: "bytes of a strategy", limit: TEXT_BYTES_MAX });
    }
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Error::Limit { what: "printable characters of a name", limit: NAME_CHARS_MAX });
    }
    Ok(())
}

/// What a strategy calls itself, even while its text has errors.
#[must_use]
pub fn title(text: &str) -> String {
    let named = text.lines().find_map(|line| line.strip_prefix("name:"));
    let name = named.unwrap_or_default().trim().trim_matches(['"', '\'']);
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    if name.is_empty() { "Unnamed strategy".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_has_a_title_too() {
        let check = |text: &str, want: &str| assert_eq!(title(text), want);
        check("version: 1\nname: EMA cross\n", "EMA cross");
        check("name: \"Quoted\"\nsignals: [", "Quoted");
        check("version: 1", "Unnamed strategy");
        check(&format!("name: {}", "x".repeat(500)), &"x".repeat(120));
    }
}

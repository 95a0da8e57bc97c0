//! How many expressions were tried on a dataset: each counts once, and each is in the log.

use super::{Actor, Deed, Desk, Result, now, sha256_hex};
use identity::Tenant;

impl Desk {
    /// Counts expressions, by their canonical texts, as tried on a dataset; how many distinct ones
    /// have been tried on it by now, by this person or by the operator of a machine without accounts.
    pub async fn count_trials(
        &self,
        tenant: Option<&Tenant>,
        dataset: &str,
        canonical: &[String],
    ) -> Result<u64> {
        let now = now();
        let mut act = self.store().begin().await?;
        let mut fresh = Vec::new();
        for text in canonical {
            let text = sha256_hex(text.as_bytes());
            if act.try_expression(tenant, dataset, &text, now).await? {
                let tried = act.trials(tenant, dataset).await?;
                fresh.push(Deed::FactorTried { dataset: dataset.to_owned(), text, tried });
            }
        }
        let tried = act.trials(tenant, dataset).await?;
        if !fresh.is_empty() {
            let actor = tenant.map_or(Actor::Host, |tenant| Actor::Account(tenant.account()));
            let entries = fresh.iter().map(|deed| deed.entry(actor)).collect();
            act.commit_all(entries, now).await?;
        }
        Ok(tried)
    }
}

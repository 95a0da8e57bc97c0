//! How many expressions were tried on a dataset: each counts once, and each is in the log.

use super::{Actor, Deed, Desk, Error, Result, now, sha256_hex};
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
        let digests: Vec<String> = canonical.iter().map(|t| sha256_hex(t.as_bytes())).collect();
        self.count_digests(tenant, dataset, &digests).await
    }

    /// Counts expressions, by the SHA-256 of their canonical texts in hexadecimal digits.
    pub async fn count_digests(
        &self,
        tenant: Option<&Tenant>,
        dataset: &str,
        digests: &[String],
    ) -> Result<u64> {
        if !digests.iter().all(|digest| is_digest(digest)) {
            return Err(Error::Refused("a digest has 64 hexadecimal digits".to_owned()));
        }
        let now = now();
        let mut act = self.store().begin().await?;
        let mut fresh = Vec::new();
        // Nobody else writes during an act: one count and then one more for each is the count.
        let mut tried = act.trials(tenant, dataset).await?;
        for text in digests {
            if act.try_expression(tenant, dataset, text, now).await? {
                tried += 1;
                let (dataset, text) = (dataset.to_owned(), text.clone());
                fresh.push(Deed::FactorTried { dataset, text, tried });
            }
        }
        if !fresh.is_empty() {
            let actor = tenant.map_or(Actor::Host, |tenant| Actor::Account(tenant.account()));
            let entries = fresh.iter().map(|deed| deed.entry(actor)).collect();
            act.commit_all(entries, now).await?;
        }
        Ok(tried)
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

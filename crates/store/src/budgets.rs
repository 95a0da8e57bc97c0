//! Budgets that several servers count together: one statement takes from one, whoever else does so
//! at the same moment. One server alone counts in memory and has no rows here.

use crate::{
    Error, Store,
    sql::{Link, sql},
};
use jiff::Timestamp;

/// One attempt's part of one budget; times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// The budget's name.
    pub budget: &'static str,
    /// MAC of whose it is.
    pub holder: [u8; 32],
    /// In which time one attempt grows back.
    pub every_ms: i64,
    /// In which time an empty budget is full again.
    pub capacity_ms: i64,
}

impl Store {
    /// Takes one from a budget (GCRA: the row is the time at which it is full again). `None`: it is
    /// taken, or there is no other server to share with; else how many milliseconds there is none.
    pub async fn take(&self, take: &Take, now: Timestamp) -> Result<Option<i64>, Error> {
        let fault = |error| self.place().fault(error);
        let Some(mut link) = self.pools().counting().await.map_err(fault)? else { return Ok(None) };
        let now_ms = now.as_millisecond();
        // A clock that is ahead, or was set back, makes no budget emptier than empty.
        let taken =
            sql("INSERT INTO budgets AS b (budget, holder, full_ms) VALUES ($1, $2, $3 + $4)
             ON CONFLICT (budget, holder) DO UPDATE
             SET full_ms = GREATEST(LEAST(b.full_ms, $3 + $5), $3) + $4
             WHERE GREATEST(LEAST(b.full_ms, $3 + $5), $3) + $4 - $5 <= $3")
            .bind(take.budget)
            .bind(take.holder.as_slice())
            .bind(now_ms)
            .bind(take.every_ms)
            .bind(take.capacity_ms)
            .execute(&mut link)
            .await
            .map_err(fault)?;
        let wait = if taken == 1 { None } else { Some(self.wait(&mut link, take, now_ms).await?) };
        link.commit(self.place()).await?;
        Ok(wait)
    }

    async fn wait(&self, link: &mut Link, take: &Take, now_ms: i64) -> Result<i64, Error> {
        let fault = |error| self.place().fault(error);
        let row = sql("SELECT full_ms FROM budgets WHERE budget = $1 AND holder = $2")
            .bind(take.budget)
            .bind(take.holder.as_slice())
            .fetch_optional(link)
            .await
            .map_err(fault)?;
        let full: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(fault)?;
        let full = full.unwrap_or(now_ms).min(now_ms.saturating_add(take.capacity_ms));
        Ok((full + take.every_ms - take.capacity_ms - now_ms).max(1))
    }

    /// Deletes budgets that are full again; how many.
    pub async fn prune_budgets(&self, now: Timestamp) -> Result<u64, Error> {
        let fault = |error| self.place().fault(error);
        let Some(mut link) = self.pools().counting().await.map_err(fault)? else { return Ok(0) };
        let full = sql("DELETE FROM budgets WHERE full_ms <= $1").bind(now.as_millisecond());
        let gone = full.execute(&mut link).await.map_err(fault)?;
        link.commit(self.place()).await?;
        Ok(gone)
    }
}

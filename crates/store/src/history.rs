//! Whom an entry of the log tells of: found by account, and shown to nobody else.

use crate::{
    Error, Store,
    error::Place,
    log::{self, PAGE_ROWS_MAX, ROWS_AT_ONCE, integer},
    scope::Scope,
    sql::{Link, placeholders, sql},
};
use audit::{Entry, Receipt, Record};
use identity::{AccountId, Tenant};
use sqlx::AssertSqlSafe;

/// How many entries are looked at at once where the index is made anew.
const ENTRIES_AT_ONCE: u32 = 256;

impl Store {
    /// A person's own entries, newest first, below an index: what they did and what was done to
    /// their account. At most `limit`, and never more than 500; 0 stands for 50.
    pub async fn own_log(
        &self,
        tenant: &Tenant,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Record>, Error> {
        let limit = if limit == 0 { 50 } else { limit.min(PAGE_ROWS_MAX) };
        let before = before.map_or(i64::MAX, |index| i64::try_from(index).unwrap_or(i64::MAX));
        let rows = sql("SELECT l.leaf_index, l.time_us, l.kind, l.commitment, l.leaf_hash, \
             l.sealed_body FROM audit_accounts o JOIN audit_leaves l ON l.leaf_index = o.leaf_index \
             WHERE o.account_id = $1 AND o.leaf_index < $2 ORDER BY o.leaf_index DESC LIMIT $3")
        .bind(tenant.account().to_string())
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&mut self.snapshot(tenant).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        let mut records = Vec::new();
        for row in &rows {
            let record = self.ledger().record(&log::leaf(row, self.place())?)?;
            // The index is not signed; what an entry says of itself decides.
            if record.entry.as_ref().is_some_and(|entry| tells_of(entry, tenant.account())) {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// The receipt for one of a person's own entries; `None` for any other.
    pub async fn own_receipt(&self, tenant: &Tenant, index: u64) -> Result<Option<Receipt>, Error> {
        let row = sql("SELECT 1 FROM audit_accounts WHERE account_id = $1 AND leaf_index = $2")
            .bind(tenant.account().to_string())
            .bind(i64::try_from(index).unwrap_or(i64::MAX))
            .fetch_optional(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        if row.is_none() {
            return Ok(None);
        }
        let mut reading = self.snapshot(Scope::House).await?;
        let row = log::leaves(&mut reading, self.place(), index, 1).await?.pop();
        drop(reading);
        let entry = row.map(|row| self.ledger().record(&row)).transpose()?;
        let own = entry.and_then(|record| record.entry);
        if own.is_some_and(|entry| tells_of(&entry, tenant.account())) {
            self.receipt(index).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// Makes the index of a log that was written before there was one.
    pub(crate) async fn index_accounts(&self) -> Result<(), Error> {
        let mut reading = self.snapshot(Scope::House).await?;
        let one = async |link: &mut Link, text: &'static str| {
            let row = sql(text).fetch_optional(link).await;
            row.map(|row| row.is_some()).map_err(|error| self.place().fault(error))
        };
        let is_there = one(&mut reading, "SELECT 1 FROM audit_accounts LIMIT 1").await?;
        let is_needed = one(&mut reading, "SELECT 1 FROM accounts LIMIT 1").await?;
        drop(reading);
        if is_there || !is_needed {
            return Ok(());
        }
        let mut act = self.begin().await?;
        let mut next = 0;
        loop {
            let (link, place) = act.parts(Scope::House).await?;
            let rows = log::leaves(link, place, next, ENTRIES_AT_ONCE).await?;
            let Some(last) = rows.last() else { break };
            next = last.index + 1;
            let mut entries = Vec::new();
            for row in &rows {
                if let Some(entry) = self.ledger().record(row)?.entry {
                    entries.push((row.index, entry));
                }
            }
            let entries = entries.iter().map(|(index, entry)| (*index, entry));
            index((link, place), entries).await?;
        }
        act.keep_unlogged().await
    }
}

/// Notes whom entries tell of, each under its index; in the scope of the house, as one entry may tell of two.
pub(crate) async fn index(
    (link, place): (&mut Link, &Place),
    entries: impl Iterator<Item = (u64, &Entry)>,
) -> Result<(), Error> {
    let told: Vec<(AccountId, u64)> = entries
        .flat_map(|(index, entry)| named(entry).into_iter().map(move |account| (account, index)))
        .collect();
    for some in told.chunks(ROWS_AT_ONCE) {
        let pairs: Vec<String> =
            (0..some.len()).map(|pair| format!("({})", placeholders(pair * 2 + 1, 2))).collect();
        // An id that is no account's is of something else: a strategy, a backtest.
        let text = format!(
            "WITH told (account_id, leaf_index) AS (VALUES {})
             INSERT INTO audit_accounts (account_id, leaf_index)
             SELECT told.account_id, told.leaf_index
             FROM told JOIN accounts ON accounts.account_id = told.account_id",
            pairs.join(", ")
        );
        some.iter()
            .fold(sql(AssertSqlSafe(text)), |statement, (account, index)| {
                statement.bind(account.to_string()).bind(integer(*index))
            })
            .execute(link)
            .await
            .map_err(|error| place.fault(error))?;
    }
    Ok(())
}

/// The accounts that an entry may tell of, each once.
fn named(entry: &Entry) -> Vec<AccountId> {
    let mut named: Vec<AccountId> =
        [&entry.actor, &entry.subject].into_iter().filter_map(|name| name.parse().ok()).collect();
    named.dedup();
    named
}

fn tells_of(entry: &Entry, account: AccountId) -> bool {
    let id = account.to_string();
    entry.actor == id || entry.subject == id
}

//! Expressions that were tried on data: the evidence that a deflated figure rests on.

use crate::{Act, Error, sql::sql};
use identity::Tenant;
use jiff::Timestamp;

/// Who tried it: a person, or the operator of a machine without accounts.
fn tried_by(tenant: Option<&Tenant>) -> String {
    tenant.map_or_else(|| "host".to_owned(), |tenant| tenant.account().to_string())
}

impl Act {
    /// Writes down that an expression was tried on a dataset, once; whether it is new there.
    pub async fn try_expression(
        &mut self,
        tenant: Option<&Tenant>,
        dataset: &str,
        text_sha256: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql("INSERT INTO factor_trials (tried_by, dataset_name, text_sha256, first_us)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(tried_by(tenant))
        .bind(dataset)
        .bind(text_sha256)
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(done == 1)
    }

    /// How many distinct expressions were tried on a dataset, those of this act included.
    pub async fn trials(&mut self, tenant: Option<&Tenant>, dataset: &str) -> Result<u64, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let row =
            sql("SELECT COUNT(*) FROM factor_trials WHERE tried_by = $1 AND dataset_name = $2")
                .bind(tried_by(tenant))
                .bind(dataset)
                .fetch_one(connection)
                .await
                .map_err(|error| place.fault(error))?;
        let count: i64 = row.try_get(0).map_err(|error| place.fault(error))?;
        Ok(count.unsigned_abs())
    }
}

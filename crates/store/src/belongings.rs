//! What an account has beside what it works with: read as a whole, to be taken away.

use crate::{
    Error, PostingRow, SessionRow, Store, postings, sessions,
    sql::{Row, sql},
    strategies::time,
};
use identity::{DeviceId, Tenant};
use jiff::Timestamp;

/// The most rows of one kind that are taken away at once.
const ROWS_MAX: i64 = 100_000;

/// A device that an account knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its name in its cookie.
    pub device: DeviceId,
    /// When it was seen first.
    pub first: Timestamp,
    /// When somebody signed in on it last.
    pub last: Timestamp,
}

impl Store {
    /// All sessions of a person, those that are over too, the newest first; at most 100,000.
    pub async fn own_sessions(&self, tenant: &Tenant) -> Result<Vec<SessionRow>, Error> {
        let text = format!(
            "{} WHERE s.account_id = $1 ORDER BY s.opened_us DESC, s.session_id DESC LIMIT $2",
            sessions::COLUMNS
        );
        let rows = self.own(tenant, sql(sqlx::AssertSqlSafe(text))).await?;
        rows.iter().map(|row| sessions::session(row, self.place())).collect()
    }

    /// The devices that a person's account knows, the newest first; at most 100,000.
    pub async fn own_devices(&self, tenant: &Tenant) -> Result<Vec<DeviceRow>, Error> {
        let text = "SELECT device_id, first_us, last_us FROM devices WHERE account_id = $1
             ORDER BY last_us DESC, device_id LIMIT $2";
        let rows = self.own(tenant, sql(text)).await?;
        let device = |row: &Row| {
            Ok(DeviceRow {
                device: crate::accounts::parsed(row, "device_id", self.place())?,
                first: time(row, "first_us", self.place())?,
                last: time(row, "last_us", self.place())?,
            })
        };
        rows.iter().map(device).collect()
    }

    /// The letters about a person's account, the newest first; at most 100,000. Of one that is over
    /// the texts are gone.
    pub async fn own_postings(&self, tenant: &Tenant) -> Result<Vec<PostingRow>, Error> {
        let text = format!(
            "{} WHERE account_id = $1 ORDER BY since_us DESC, posting_id LIMIT $2",
            postings::COLUMNS
        );
        let rows = self.own(tenant, sql(sqlx::AssertSqlSafe(text))).await?;
        rows.iter().map(|row| postings::posting(row, self.place())).collect()
    }

    /// When a person enrolled their authenticator, if there is one.
    pub async fn totp_since(&self, tenant: &Tenant) -> Result<Option<Timestamp>, Error> {
        let text = "SELECT enrolled_us FROM totp WHERE account_id = $1 LIMIT $2";
        let rows = self.own(tenant, sql(text)).await?;
        rows.first().map(|row| time(row, "enrolled_us", self.place())).transpose()
    }

    async fn own(
        &self,
        tenant: &Tenant,
        statement: crate::sql::Statement,
    ) -> Result<Vec<Row>, Error> {
        statement
            .bind(tenant.account().to_string())
            .bind(ROWS_MAX)
            .fetch_all(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))
    }
}

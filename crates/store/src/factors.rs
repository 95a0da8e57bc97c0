//! Factors: named expressions that a person keeps, in versions that never change.

use crate::{
    Act, Error, Store,
    error::Place,
    sql::{Row, sql},
    strategies::time,
};
use identity::Tenant;
use jiff::Timestamp;
use uuid::Uuid;

/// A factor with its newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorLine {
    /// Its name for good.
    pub id: Uuid,
    /// What the person calls it.
    pub name: String,
    /// Its newest version.
    pub newest: FactorVersion,
    /// When it was made.
    pub created: Timestamp,
    /// When it was put away, if it was.
    pub archived: Option<Timestamp>,
}

/// One version of a factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorVersion {
    /// Counts from 1.
    pub version: i64,
    /// The expression.
    pub text: String,
    /// What the person says of it.
    pub note: String,
    /// The leaf of the log that holds the text's hash.
    pub leaf_index: i64,
    /// When it was made.
    pub created: Timestamp,
}

/// The words of a new version.
#[derive(Debug, Clone, Copy)]
pub struct FactorWords<'a> {
    /// The expression.
    pub text: &'a str,
    /// What the person says of it.
    pub note: &'a str,
}

const LINE: &str = "SELECT f.factor_id, f.name, f.created_us AS made_us, f.archived_us,
     v.version, v.factor_text, v.note, v.leaf_index, v.created_us
     FROM factors f JOIN factor_versions v ON v.factor_id = f.factor_id AND v.version = f.version";

impl Act {
    /// Adds a factor with its first version; whether the name was free.
    pub async fn insert_factor(
        &mut self,
        tenant: &Tenant,
        (id, name): (Uuid, &str),
        words: FactorWords<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql(
            "INSERT INTO factors (factor_id, account_id, name, version, created_us, updated_us)
             VALUES ($1, $2, $3, 1, $4, $4)",
        )
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .bind(name)
        .bind(now.as_microsecond())
        .execute(connection)
        .await;
        match done.map_err(|error| place.fault(error)) {
            Err(Error::Conflict { .. }) => return Ok(false),
            other => other?,
        };
        self.insert_version(tenant, (id, 1), words, now).await?;
        Ok(true)
    }

    /// Adds a version after the one that the person saw, if that is still the newest; whether it is.
    pub async fn add_factor_version(
        &mut self,
        tenant: &Tenant,
        (id, seen): (Uuid, i64),
        words: FactorWords<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql("UPDATE factors SET version = version + 1, updated_us = $1
             WHERE factor_id = $2 AND account_id = $3 AND version = $4 AND archived_us IS NULL")
        .bind(now.as_microsecond())
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .bind(seen)
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        if done != 1 {
            return Ok(false);
        }
        self.insert_version(tenant, (id, seen + 1), words, now).await?;
        Ok(true)
    }

    async fn insert_version(
        &mut self,
        tenant: &Tenant,
        (id, version): (Uuid, i64),
        words: FactorWords<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let leaf = i64::try_from(self.first_index().await?).unwrap_or(i64::MAX);
        let (connection, place) = self.parts(tenant).await?;
        sql(
            "INSERT INTO factor_versions (factor_id, version, factor_text, note, leaf_index, created_us)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id.to_string())
        .bind(version)
        .bind(words.text)
        .bind(words.note)
        .bind(leaf)
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(())
    }

    /// Puts a factor away, which frees its name; whether there was one.
    pub async fn archive_factor(
        &mut self,
        tenant: &Tenant,
        id: Uuid,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql("UPDATE factors SET archived_us = $1
             WHERE factor_id = $2 AND account_id = $3 AND archived_us IS NULL")
        .bind(now.as_microsecond())
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(done == 1)
    }
}

impl Store {
    /// A person's factors, archived ones too, the last changed first; at most `limit`.
    pub async fn kept_factors(
        &self,
        tenant: &Tenant,
        limit: u32,
    ) -> Result<Vec<FactorLine>, Error> {
        let text = format!(
            "{LINE} WHERE f.account_id = $1 ORDER BY f.updated_us DESC, f.factor_id DESC LIMIT $2"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(tenant.account().to_string())
            .bind(i64::from(limit))
            .fetch_all(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| line(row, self.place())).collect()
    }

    /// One of a person's factors.
    pub async fn kept_factor(
        &self,
        tenant: &Tenant,
        id: Uuid,
    ) -> Result<Option<FactorLine>, Error> {
        let text = format!("{LINE} WHERE f.factor_id = $1 AND f.account_id = $2");
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(id.to_string())
            .bind(tenant.account().to_string())
            .fetch_optional(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| line(&row, self.place())).transpose()
    }

    /// The versions of one of a person's factors, the newest first; none if it is not theirs.
    pub async fn factor_versions(
        &self,
        tenant: &Tenant,
        id: Uuid,
    ) -> Result<Vec<FactorVersion>, Error> {
        let rows = sql("SELECT v.version, v.factor_text, v.note, v.leaf_index, v.created_us
             FROM factor_versions v JOIN factors f ON f.factor_id = v.factor_id
             WHERE f.factor_id = $1 AND f.account_id = $2 ORDER BY v.version DESC")
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .fetch_all(&mut self.reading(tenant).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| version(row, self.place())).collect()
    }
}

fn line(row: &Row, place: &Place) -> Result<FactorLine, Error> {
    let fault = |error| place.fault(error);
    let text: String = row.try_get("factor_id").map_err(fault)?;
    let id = Uuid::try_parse(&text).map_err(|e| place.damaged("factors", &text, e))?;
    let archived: Option<i64> = row.try_get("archived_us").map_err(fault)?;
    Ok(FactorLine {
        id,
        name: row.try_get("name").map_err(fault)?,
        newest: version(row, place)?,
        created: time(row, "made_us", place)?,
        archived: archived.is_some().then(|| time(row, "archived_us", place)).transpose()?,
    })
}

fn version(row: &Row, place: &Place) -> Result<FactorVersion, Error> {
    let fault = |error| place.fault(error);
    Ok(FactorVersion {
        version: row.try_get("version").map_err(fault)?,
        text: row.try_get("factor_text").map_err(fault)?,
        note: row.try_get("note").map_err(fault)?,
        leaf_index: row.try_get("leaf_index").map_err(fault)?,
        created: time(row, "created_us", place)?,
    })
}

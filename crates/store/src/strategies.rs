//! Strategies: texts that a person keeps.

use crate::{
    Act, Error, Store,
    error::Place,
    sql::{Row, sql},
};
use identity::Tenant;
use jiff::Timestamp;
use uuid::Uuid;

/// A strategy without its text, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyLine {
    /// Its name for good.
    pub id: Uuid,
    /// What the person calls it.
    pub name: String,
    /// Counts its changes, from 1.
    pub revision: i64,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// A strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyRow {
    /// What lists show of it.
    pub line: StrategyLine,
    /// Its text, YAML.
    pub text: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A strategy's new words.
#[derive(Debug, Clone, Copy)]
pub struct StrategyWords<'a> {
    /// What the person calls it.
    pub name: &'a str,
    /// Its text, YAML.
    pub text: &'a str,
}

impl Act {
    /// Adds a strategy in its first revision.
    pub async fn insert_strategy(
        &mut self,
        tenant: &Tenant,
        id: Uuid,
        words: StrategyWords<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (connection, place) = self.parts(tenant).await?;
        sql(
            "INSERT INTO strategies (strategy_id, account_id, name, strategy_text, revision, created_us, updated_us)
             VALUES ($1, $2, $3, $4, 1, $5, $5)",
        )
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .bind(words.name)
        .bind(words.text)
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(())
    }

    /// Changes a strategy if it still has the revision that the person saw; whether it did.
    pub async fn update_strategy(
        &mut self,
        tenant: &Tenant,
        seen: (Uuid, i64),
        words: StrategyWords<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql(
            "UPDATE strategies SET name = $1, strategy_text = $2, revision = revision + 1, updated_us = $3
             WHERE strategy_id = $4 AND account_id = $5 AND revision = $6",
        )
        .bind(words.name)
        .bind(words.text)
        .bind(now.as_microsecond())
        .bind(seen.0.to_string())
        .bind(tenant.account().to_string())
        .bind(seen.1)
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(done == 1)
    }

    /// Removes a strategy; whether there was one.
    pub async fn remove_strategy(&mut self, tenant: &Tenant, id: Uuid) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql("DELETE FROM strategies WHERE strategy_id = $1 AND account_id = $2")
            .bind(id.to_string())
            .bind(tenant.account().to_string())
            .execute(connection)
            .await
            .map_err(|error| place.fault(error))?;
        Ok(done == 1)
    }
}

impl Store {
    /// A person's strategies, the last changed first; at most `limit`.
    pub async fn strategies(
        &self,
        tenant: &Tenant,
        limit: u32,
    ) -> Result<Vec<StrategyLine>, Error> {
        let rows = sql("SELECT strategy_id, name, revision, updated_us FROM strategies
             WHERE account_id = $1 ORDER BY updated_us DESC, strategy_id DESC LIMIT $2")
        .bind(tenant.account().to_string())
        .bind(i64::from(limit))
        .fetch_all(&mut self.reading(tenant).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| line(row, self.place())).collect()
    }

    /// One of a person's strategies.
    pub async fn strategy(&self, tenant: &Tenant, id: Uuid) -> Result<Option<StrategyRow>, Error> {
        let fault = |error| self.place().fault(error);
        let row = sql(
            "SELECT strategy_id, name, revision, updated_us, strategy_text, created_us FROM strategies
             WHERE strategy_id = $1 AND account_id = $2",
        )
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .fetch_optional(&mut self.reading(tenant).await?)
        .await
        .map_err(fault)?;
        let Some(row) = row else { return Ok(None) };
        let line = line(&row, self.place())?;
        let text = row.try_get("strategy_text").map_err(fault)?;
        let created = time(&row, "created_us", self.place())?;
        Ok(Some(StrategyRow { line, text, created }))
    }
}

fn line(row: &Row, place: &Place) -> Result<StrategyLine, Error> {
    let fault = |error| place.fault(error);
    let text: String = row.try_get("strategy_id").map_err(fault)?;
    let id = Uuid::try_parse(&text).map_err(|e| place.damaged("strategies", &text, e))?;
    Ok(StrategyLine {
        id,
        name: row.try_get("name").map_err(fault)?,
        revision: row.try_get("revision").map_err(fault)?,
        updated: time(row, "updated_us", place)?,
    })
}

/// A time column.
pub(crate) fn time(row: &Row, column: &str, place: &Place) -> Result<Timestamp, Error> {
    let micros: i64 = row.try_get(column).map_err(|error| place.fault(error))?;
    Timestamp::from_microsecond(micros)
        .map_err(|error| place.damaged("a time column", column, error))
}

/// A time that may be missing.
pub(crate) fn optional_time(
    row: &Row,
    column: &str,
    place: &Place,
) -> Result<Option<Timestamp>, Error> {
    let micros: Option<i64> = row.try_get(column).map_err(|error| place.fault(error))?;
    micros.map(|_| time(row, column, place)).transpose()
}

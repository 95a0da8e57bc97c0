//! What the log last said of each dataset; the prices themselves lie in the catalogue.

use crate::{
    Act, Error, Store,
    scope::Scope,
    sql::{Row, sql},
};
use std::collections::BTreeMap;

impl Act {
    /// Writes down that a dataset has this digest.
    pub async fn keep_dataset(&mut self, name: &str, digest: &str) -> Result<(), Error> {
        let (connection, place) = self.parts(Scope::House).await?;
        sql("INSERT INTO datasets (dataset_name, digest) VALUES ($1, $2)
             ON CONFLICT (dataset_name) DO UPDATE SET digest = excluded.digest")
        .bind(name)
        .bind(digest)
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(())
    }

    /// Writes down that a dataset is gone.
    pub async fn drop_dataset(&mut self, name: &str) -> Result<(), Error> {
        let (connection, place) = self.parts(Scope::House).await?;
        sql("DELETE FROM datasets WHERE dataset_name = $1")
            .bind(name)
            .execute(connection)
            .await
            .map_err(|error| place.fault(error))?;
        Ok(())
    }
}

impl Store {
    /// The digest of each dataset, as the log last said.
    pub async fn dataset_digests(&self) -> Result<BTreeMap<String, String>, Error> {
        let fault = |error| self.place().fault(error);
        let rows = sql("SELECT dataset_name, digest FROM datasets ORDER BY dataset_name")
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(fault)?;
        let pair = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(pair).collect::<Result<_, _>>().map_err(fault)
    }
}

//! Passkeys: sealed public keys and counters; nothing in their rows is secret.

use crate::{
    Act, Error, Store,
    accounts::{parsed, state, u32_of},
    deed::{Overtaken, Stop, one},
    error::Place,
    scope::Scope,
    sql::{Link, Row, sql},
    strategies::time,
};
use identity::{AccountId, AccountState, Passkey, PasskeyId, SealedPasskey};

const COLUMNS: &str = "SELECT p.passkey_id, p.account_id, p.label, p.credential, p.cose,
     p.counter, p.may_be_copied, p.created_us, a.role, a.standing, a.epoch
     FROM passkeys p JOIN accounts a ON a.account_id = p.account_id";

impl Act {
    /// Adds a passkey that no account has.
    pub(crate) async fn insert_passkey(&mut self, sealed: &SealedPasskey) -> Result<(), Stop> {
        let passkey = &sealed.row;
        let row = sql("INSERT INTO passkeys (passkey_id, account_id, label, credential, cose,
                 counter, may_be_copied, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT DO NOTHING")
        .bind(passkey.id.as_bytes().as_slice())
        .bind(passkey.account.to_string())
        .bind(passkey.label.as_str())
        .bind(&passkey.credential)
        .bind(&passkey.cose)
        .bind(i64::from(passkey.counter))
        .bind(i64::from(passkey.may_be_copied))
        .bind(passkey.created.as_microsecond());
        one(self.run(Scope::Account(passkey.account), row).await?, Overtaken::Passkey)
    }
}

impl Store {
    /// A passkey by its id, with its account: for who signs in with nothing else.
    pub async fn passkey(
        &self,
        id: &PasskeyId,
    ) -> Result<Option<(SealedPasskey, AccountState)>, Error> {
        let text = format!("{COLUMNS} WHERE p.passkey_id = $1");
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((passkey(&row, self.place())?, state(&row, self.place())?)))
    }
}

/// An account's passkeys, the oldest first.
pub(crate) async fn passkeys(
    link: &mut Link,
    place: &Place,
    account: AccountId,
) -> Result<Vec<SealedPasskey>, Error> {
    let text = format!("{COLUMNS} WHERE p.account_id = $1 ORDER BY p.created_us, p.passkey_id");
    let rows = sql(sqlx::AssertSqlSafe(text))
        .bind(account.to_string())
        .fetch_all(link)
        .await
        .map_err(|error| place.fault(error))?;
    rows.iter().map(|row| passkey(row, place)).collect()
}

fn passkey(row: &Row, place: &Place) -> Result<SealedPasskey, Error> {
    let fault = |error| place.fault(error);
    let id: Vec<u8> = row.try_get("passkey_id").map_err(fault)?;
    let id = PasskeyId::from_bytes(&id)
        .map_err(|error| place.damaged("passkeys", hex::encode(&id), error))?;
    let may_be_copied: i64 = row.try_get("may_be_copied").map_err(fault)?;
    let row = Passkey {
        id,
        account: parsed(row, "account_id", place)?,
        label: parsed(row, "label", place)?,
        credential: row.try_get("credential").map_err(fault)?,
        cose: row.try_get("cose").map_err(fault)?,
        counter: u32_of(row, "counter", place)?,
        may_be_copied: may_be_copied == 1,
        created: time(row, "created_us", place)?,
    };
    Ok(SealedPasskey { row })
}

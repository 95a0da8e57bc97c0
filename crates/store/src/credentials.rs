//! API tokens and bots: found by a hash, or by the digest of a certificate's key.

use crate::{
    Act, Error, PostingRow, Store,
    accounts::{parsed, state},
    deed::{Overtaken, Stop, one},
    error::Place,
    scope::Scope,
    sql::{Row, sql},
    strategies::{optional_time, time},
};
use identity::{AccountState, Credential, Permission, Proof, Scope as Grants, Tenant, TokenHash};
use jiff::Timestamp;
use uuid::Uuid;

/// The most tokens and bots of one account.
pub const CREDENTIALS_MAX: u32 = 100;

const COLUMNS: &str = "SELECT c.credential_id, c.account_id, c.sort, c.proof, c.label, c.scope,
     c.created_us, c.expires_us, c.used_us, a.role, a.standing, a.epoch
     FROM credentials c JOIN accounts a ON a.account_id = c.account_id";

impl Act {
    /// Adds a token or a bot, unless there are as many as there may be, or the proof is known.
    pub(crate) async fn write_credential(&mut self, new: &Credential) -> Result<(), Stop> {
        let (sort, proof) = proof_parts(&new.proof);
        let scope: Vec<&str> = new.scope.permissions().map(Permission::as_str).collect();
        let row = sql("INSERT INTO credentials (credential_id, account_id, sort, proof, label,
                 scope, created_us, expires_us)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE (
                 SELECT COUNT(*) FROM credentials c WHERE c.account_id = $2) < $9
               AND EXISTS (SELECT 1 FROM accounts a
                           WHERE a.account_id = $2 AND a.standing = 'active')
             ON CONFLICT DO NOTHING")
        .bind(new.id.to_string())
        .bind(new.account.to_string())
        .bind(sort)
        .bind(proof)
        .bind(new.label.as_str())
        .bind(scope.join(" "))
        .bind(new.created.as_microsecond())
        .bind(new.expires.as_microsecond())
        .bind(i64::from(CREDENTIALS_MAX));
        one(self.run(Scope::Account(new.account), row).await?, Overtaken::Credential)
    }

    /// Revokes a token or a bot: its row goes.
    pub(crate) async fn revoke(&mut self, old: &Credential) -> Result<(), Stop> {
        let row = sql("DELETE FROM credentials WHERE credential_id = $1 AND account_id = $2")
            .bind(old.id.to_string())
            .bind(old.account.to_string());
        one(self.run(Scope::Account(old.account), row).await?, Overtaken::Credential)
    }
}

impl Store {
    /// The token or bot that this proof belongs to, with its account.
    pub async fn credential(
        &self,
        proof: &Proof,
    ) -> Result<Option<(Credential, AccountState)>, Error> {
        let (sort, proof) = proof_parts(proof);
        let text = format!("{COLUMNS} WHERE c.sort = $1 AND c.proof = $2");
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(sort)
            .bind(proof)
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((credential(&row, self.place())?, state(&row, self.place())?)))
    }

    /// A person's tokens and bots, the oldest first.
    pub async fn own_credentials(&self, tenant: &Tenant) -> Result<Vec<Credential>, Error> {
        let text =
            format!("{COLUMNS} WHERE c.account_id = $1 ORDER BY c.created_us, c.credential_id");
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(tenant.account().to_string())
            .fetch_all(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| credential(row, self.place())).collect()
    }

    /// The tokens that end before a time and whose owners have not been told; at most 100.
    pub async fn ending_tokens(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Credential>, Error> {
        let text = format!(
            "{COLUMNS} WHERE c.reminded_us IS NULL AND c.sort = 'token' AND c.expires_us > $1
             AND c.expires_us <= $2 AND a.standing = 'active' ORDER BY c.expires_us LIMIT $3"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(now.as_microsecond())
            .bind(until.as_microsecond())
            .bind(i64::from(CREDENTIALS_MAX))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| credential(row, self.place())).collect()
    }

    /// Notes that the owner of a token is told of its end, and queues the letters that do; `false`,
    /// with nothing kept, if another server was faster. It is no act and makes no leaf.
    pub async fn note_reminder(
        &self,
        credential: &Credential,
        letters: &[PostingRow],
        at: Timestamp,
    ) -> Result<bool, Error> {
        let mut act = self.begin().await?;
        let row = sql("UPDATE credentials SET reminded_us = $1
             WHERE credential_id = $2 AND reminded_us IS NULL")
        .bind(at.as_microsecond())
        .bind(credential.id.to_string());
        if act.run(Scope::Account(credential.account), row).await? != 1 {
            return Ok(false);
        }
        for letter in letters {
            act.insert_posting(letter).await?;
        }
        act.keep_unlogged().await?;
        Ok(true)
    }

    /// Notes a use, unless a later one is noted. It is no act and makes no leaf.
    pub async fn note_use(&self, credential: &Credential, at: Timestamp) -> Result<(), Error> {
        let mut act = self.begin().await?;
        let row = sql("UPDATE credentials SET used_us = $1
             WHERE credential_id = $2 AND (used_us IS NULL OR used_us < $1)")
        .bind(at.as_microsecond())
        .bind(credential.id.to_string());
        act.run(Scope::Account(credential.account), row).await?;
        act.keep_unlogged().await
    }
}

fn proof_parts(proof: &Proof) -> (&'static str, &[u8]) {
    match proof {
        Proof::Token(hash) => ("token", hash.as_bytes().as_slice()),
        Proof::Bot(key) => ("bot", key.as_slice()),
    }
}

fn credential(row: &Row, place: &Place) -> Result<Credential, Error> {
    let fault = |error| place.fault(error);
    let text: String = row.try_get("credential_id").map_err(fault)?;
    let damaged = |problem: &str| place.damaged("credentials", &text, problem);
    let sort: String = row.try_get("sort").map_err(fault)?;
    let proof: Vec<u8> = row.try_get("proof").map_err(fault)?;
    let proof = match sort.as_str() {
        "token" => TokenHash::from_bytes(&proof).ok().map(Proof::Token),
        _ => proof.try_into().ok().map(Proof::Bot),
    };
    let scope: String = row.try_get("scope").map_err(fault)?;
    let scope = scope.split(' ').map(Permission::from_name).collect::<Option<Vec<_>>>();
    let scope = scope.and_then(|permissions| Grants::new(permissions).ok());
    Ok(Credential {
        id: Uuid::try_parse(&text).map_err(|_| damaged("its id"))?,
        account: parsed(row, "account_id", place)?,
        label: parsed(row, "label", place)?,
        scope: scope.ok_or_else(|| damaged("its scope"))?,
        proof: proof.ok_or_else(|| damaged("its proof"))?,
        created: time(row, "created_us", place)?,
        expires: time(row, "expires_us", place)?,
        used: optional_time(row, "used_us", place)?,
    })
}

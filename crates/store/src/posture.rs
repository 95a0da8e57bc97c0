//! What the rows of accounts show of how they are protected: counts, and nobody's row.

use crate::{
    Error, Store,
    scope::Scope,
    sql::{Row, sql},
};
use identity::Role;

/// How passwords lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PasswordCounts {
    /// All of them.
    pub all: u64,
    /// As Argon2id.
    pub argon2id: u64,
    /// At today's cost.
    pub current: u64,
    /// Taken over from another system and not used since.
    pub imported: u64,
}

impl Store {
    /// How passwords lie; `head` is how the text of one at today's cost begins.
    pub async fn password_counts(&self, head: &str) -> Result<PasswordCounts, Error> {
        let row = sql("SELECT COUNT(*) AS every_hash,
                 COUNT(CASE WHEN password_hash LIKE $2 THEN 1 END) AS argon,
                 COUNT(CASE WHEN password_hash LIKE $1 THEN 1 END) AS today,
                 COUNT(CASE WHEN password_hash LIKE '%|%' THEN 1 END) AS taken
             FROM passwords")
        .bind(format!("{head}%"))
        .bind("$argon2id$v=19$%".to_owned())
        .fetch_one(&mut self.reading(Scope::House).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        Ok(PasswordCounts {
            all: self.count(&row, "every_hash")?,
            argon2id: self.count(&row, "argon")?,
            current: self.count(&row, "today")?,
            imported: self.count(&row, "taken")?,
        })
    }

    /// How many accounts of a role there are that are not erased, and how many of them have no second factor.
    pub async fn factor_counts(&self, role: Role) -> Result<(u64, u64), Error> {
        let row = sql("SELECT COUNT(*) AS members,
                 COUNT(CASE WHEN NOT EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.account_id)
                     AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.account_id = a.account_id)
                     THEN 1 END) AS bare
             FROM accounts a WHERE a.erased_us IS NULL AND a.role = $1")
        .bind(role.as_str().to_owned())
        .fetch_one(&mut self.reading(Scope::House).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        Ok((self.count(&row, "members")?, self.count(&row, "bare")?))
    }

    fn count(&self, row: &Row, column: &str) -> Result<u64, Error> {
        let found: i64 = row.try_get(column).map_err(|error| self.place().fault(error))?;
        Ok(u64::try_from(found).unwrap_or(0))
    }
}

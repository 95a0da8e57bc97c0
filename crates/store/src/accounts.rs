//! Accounts, their credentials, and the one-time token that makes the first.

use crate::{Act, Error, Store, error::Place, strategies::time};
use identity::{
    AccountId, AccountState, Credentials, DeviceId, DeviceStanding, EmailIndex, NewAccount,
    PasswordHash, RecoveryHash, Role, SealedFactors, SealedProfile, SealedTotp, SessionId,
    SetupGrant, Standing, Step, Tenant, TokenHash,
};
use jiff::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};
use std::str::FromStr;

/// An account as its owner sees it, before the vault opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its role, epoch and standing.
    pub state: AccountState,
    /// Name and address, sealed.
    pub profile: SealedProfile,
    /// When it was made.
    pub created: Timestamp,
}

const STATE: &str = "a.account_id, a.role, a.standing, a.epoch";

impl Act {
    /// Keeps a set-up token and drops every older one; `false` if there is an account already.
    pub async fn issue_setup(&mut self, grant: &SetupGrant, now: Timestamp) -> Result<bool, Error> {
        let (connection, place) = self.parts();
        let fault = |error| place.fault(error);
        sqlx::query("DELETE FROM setup_tokens WHERE used_us IS NULL")
            .execute(&mut *connection)
            .await
            .map_err(fault)?;
        let done = sqlx::query(
            "INSERT INTO setup_tokens (token_hash, issued_us, expires_us)
             SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM accounts)",
        )
        .bind(grant.hash.as_bytes().as_slice())
        .bind(now.as_microsecond())
        .bind(grant.expires.as_microsecond())
        .execute(connection)
        .await
        .map_err(fault)?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes the first account as a whole and uses up its set-up token; `false`, with nothing to
    /// keep, if the token is used or over, or another account came first.
    pub async fn create_owner(
        &mut self,
        new: &NewAccount,
        sealed: (&SealedProfile, &SealedTotp),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts();
        let used = sqlx::query(
            "UPDATE setup_tokens SET used_us = $1
             WHERE token_hash = $2 AND used_us IS NULL AND expires_us > $1
               AND NOT EXISTS (SELECT 1 FROM accounts)",
        )
        .bind(now.as_microsecond())
        .bind(new.token.as_bytes().as_slice())
        .execute(&mut *connection)
        .await
        .map_err(|error| place.fault(error))?;
        if used.rows_affected() != 1 {
            return Ok(false);
        }
        self.insert_account(new, sealed.0, now).await?;
        self.insert_factors(new, sealed.1, now).await?;
        Ok(true)
    }

    async fn insert_account(
        &mut self,
        new: &NewAccount,
        profile: &SealedProfile,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (connection, place) = self.parts();
        sqlx::query(
            "INSERT INTO accounts (account_id, email_index, email, display_name, role, standing,
                                   epoch, password_hash, created_us)
             VALUES ($1, $2, $3, $4, $5, 'active', 0, $6, $7)",
        )
        .bind(new.account.id.to_string())
        .bind(profile.email_index.as_bytes().as_slice())
        .bind(&profile.email)
        .bind(&profile.display_name)
        .bind(new.account.role.as_str())
        .bind(new.password.as_str())
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(())
    }

    async fn insert_factors(
        &mut self,
        new: &NewAccount,
        totp: &SealedTotp,
        now: Timestamp,
    ) -> Result<(), Error> {
        let account = new.account.id.to_string();
        let (connection, place) = self.parts();
        let fault = |error| place.fault(error);
        sqlx::query(
            "INSERT INTO totp (account_id, secret, last_step, enrolled_us) VALUES ($1, $2, $3, $4)",
        )
        .bind(&account)
        .bind(&totp.0)
        .bind(number(new.totp_step))
        .bind(now.as_microsecond())
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
        for code in &new.recovery {
            sqlx::query(
                "INSERT INTO recovery_codes (account_id, code_index, code_hash) VALUES ($1, $2, $3)",
            )
            .bind(&account)
            .bind(i64::from(code.index))
            .bind(code.hash.as_str())
            .execute(&mut *connection)
            .await
            .map_err(fault)?;
        }
        Ok(())
    }

    /// Replaces a password's hash by the same password's under new parameters, if it is still the
    /// one that was checked; whether it was.
    pub async fn replace_hash(
        &mut self,
        account: AccountId,
        checked: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts();
        let done = sqlx::query(
            "UPDATE accounts SET password_hash = $1 WHERE account_id = $2 AND password_hash = $3",
        )
        .bind(new.as_str())
        .bind(account.to_string())
        .bind(checked.as_str())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets an account in or shuts it out, and raises its epoch; shut out, its sessions end.
    /// Returns its new state and the sessions that ended; `None`: there is no such account.
    pub async fn set_standing(
        &mut self,
        account: AccountId,
        standing: Standing,
        now: Timestamp,
    ) -> Result<Option<(AccountState, Vec<SessionId>)>, Error> {
        let ended = match standing {
            Standing::Active => Vec::new(),
            Standing::Disabled => self.end_all_sessions(account, now).await?,
        };
        let state = self.change("standing", name(standing), account).await?;
        Ok(state.map(|state| (state, ended)))
    }

    /// Changes what an account may do, and raises its epoch, so that tokens of the old role die.
    pub async fn set_role(
        &mut self,
        account: AccountId,
        role: Role,
    ) -> Result<Option<AccountState>, Error> {
        self.change("role", role.as_str(), account).await
    }

    async fn change(
        &mut self,
        column: &'static str,
        value: &'static str,
        account: AccountId,
    ) -> Result<Option<AccountState>, Error> {
        let (connection, place) = self.parts();
        let sql = format!(
            "UPDATE accounts AS a SET {column} = $1, epoch = a.epoch + 1 WHERE a.account_id = $2
             RETURNING account_id, role, standing, epoch"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(value)
            .bind(account.to_string())
            .fetch_optional(connection)
            .await
            .map_err(|error| place.fault(error))?;
        row.map(|row| state(&row, place)).transpose()
    }
}

impl Store {
    /// The owner's account, once it is made: for [`Tenant::host`].
    pub async fn owner(&self) -> Result<Option<AccountId>, Error> {
        let fault = |error| self.place().fault(error);
        let row = sqlx::query(
            "SELECT account_id FROM accounts WHERE role = 'owner' ORDER BY created_us, account_id LIMIT 1",
        )
        .fetch_optional(self.readers())
        .await
        .map_err(fault)?;
        row.map(|row| parsed(&row, "account_id", self.place())).transpose()
    }

    /// What is stored of a set-up token that is not used yet.
    pub async fn setup_grant(&self, hash: &TokenHash) -> Result<Option<SetupGrant>, Error> {
        let row = sqlx::query(
            "SELECT expires_us FROM setup_tokens WHERE token_hash = $1 AND used_us IS NULL",
        )
        .bind(hash.as_bytes().as_slice())
        .fetch_optional(self.readers())
        .await
        .map_err(|error| self.place().fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let expires = time(&row, "expires_us", self.place())?;
        Ok(Some(SetupGrant { hash: *hash, expires }))
    }

    /// What a sign-in compares with.
    pub async fn credentials(&self, email: &EmailIndex) -> Result<Option<Credentials>, Error> {
        let sql =
            format!("SELECT {STATE}, a.password_hash FROM accounts a WHERE a.email_index = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(email.as_bytes().as_slice())
            .fetch_optional(self.readers())
            .await
            .map_err(|error| self.place().fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let password = parsed(&row, "password_hash", self.place())?;
        Ok(Some(Credentials { state: state(&row, self.place())?, password }))
    }

    /// Whether the account of an address has signed in on this device before.
    pub async fn device_standing(
        &self,
        email: &EmailIndex,
        device: DeviceId,
    ) -> Result<DeviceStanding, Error> {
        let row = sqlx::query(
            "SELECT 1 FROM devices d JOIN accounts a ON a.account_id = d.account_id
             WHERE a.email_index = $1 AND d.device_id = $2",
        )
        .bind(email.as_bytes().as_slice())
        .bind(device.to_string())
        .fetch_optional(self.readers())
        .await
        .map_err(|error| self.place().fault(error))?;
        Ok(row.map_or(DeviceStanding::Unknown, |_| DeviceStanding::Known(device)))
    }

    /// An account's second factors, for the vault to open.
    pub async fn factors(&self, account: AccountId) -> Result<Option<SealedFactors>, Error> {
        let fault = |error| self.place().fault(error);
        // One transaction: state, secret and codes are of one moment.
        let mut reading = self.readers().begin().await.map_err(fault)?;
        let sql = format!(
            "SELECT {STATE}, t.secret, t.last_step FROM accounts a
             LEFT JOIN totp t ON t.account_id = a.account_id WHERE a.account_id = $1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(account.to_string())
            .fetch_optional(&mut *reading)
            .await
            .map_err(fault)?;
        let Some(row) = row else { return Ok(None) };
        let codes = sqlx::query(
            "SELECT code_index, code_hash FROM recovery_codes
             WHERE account_id = $1 AND used_us IS NULL ORDER BY code_index",
        )
        .bind(account.to_string())
        .fetch_all(&mut *reading)
        .await
        .map_err(fault)?;
        Ok(Some(SealedFactors {
            state: state(&row, self.place())?,
            totp: totp(&row, self.place())?,
            recovery: codes
                .iter()
                .map(|row| recovery(row, self.place()))
                .collect::<Result<_, _>>()?,
        }))
    }

    /// A person's own account.
    pub async fn account(&self, tenant: &Tenant) -> Result<Option<AccountRow>, Error> {
        let fault = |error| self.place().fault(error);
        let sql = format!(
            "SELECT {STATE}, a.email_index, a.email, a.display_name, a.created_us
             FROM accounts a WHERE a.account_id = $1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant.account().to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(fault)?;
        let Some(row) = row else { return Ok(None) };
        let index: Vec<u8> = row.try_get("email_index").map_err(fault)?;
        let profile = SealedProfile {
            email_index: EmailIndex::from_bytes(&index)
                .map_err(|error| self.place().damaged("accounts", tenant.account(), error))?,
            email: row.try_get("email").map_err(fault)?,
            display_name: row.try_get("display_name").map_err(fault)?,
        };
        let created = time(&row, "created_us", self.place())?;
        Ok(Some(AccountRow { state: state(&row, self.place())?, profile, created }))
    }
}

/// A step as a number of the database; it stays below `i64::MAX` for some 10^12 years.
pub(crate) fn number(step: Step) -> i64 {
    i64::try_from(step.number()).unwrap_or(i64::MAX)
}

/// The columns of [`STATE`].
pub(crate) fn state(row: &SqliteRow, place: &Place) -> Result<AccountState, Error> {
    let fault = |error| place.fault(error);
    let account = parsed(row, "account_id", place)?;
    let epoch: i64 = row.try_get("epoch").map_err(fault)?;
    let standing: String = row.try_get("standing").map_err(fault)?;
    let standing = match standing.as_str() {
        "active" => Standing::Active,
        "disabled" => Standing::Disabled,
        other => return Err(place.damaged("accounts", account, format!("standing {other:?}"))),
    };
    Ok(AccountState {
        account,
        role: parsed(row, "role", place)?,
        epoch: u32::try_from(epoch).map_err(|error| place.damaged("accounts", account, error))?,
        standing,
    })
}

const fn name(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Disabled => "disabled",
    }
}

fn totp(row: &SqliteRow, place: &Place) -> Result<Option<(SealedTotp, Step)>, Error> {
    let secret: Option<Vec<u8>> = row.try_get("secret").map_err(|error| place.fault(error))?;
    let Some(secret) = secret else { return Ok(None) };
    let step: i64 = row.try_get("last_step").map_err(|error| place.fault(error))?;
    let step = u64::try_from(step).map_err(|error| place.damaged("totp", step, error))?;
    Ok(Some((SealedTotp(secret), Step::new(step))))
}

fn recovery(row: &SqliteRow, place: &Place) -> Result<RecoveryHash, Error> {
    let index: i64 = row.try_get("code_index").map_err(|error| place.fault(error))?;
    let hash = parsed(row, "code_hash", place)?;
    let index =
        u8::try_from(index).map_err(|error| place.damaged("recovery_codes", index, error))?;
    Ok(RecoveryHash { index, hash })
}

/// A text column that one of identity's types reads; what it says never holds the text itself.
pub(crate) fn parsed<T: FromStr<Err = identity::Error>>(
    row: &SqliteRow,
    column: &'static str,
    place: &Place,
) -> Result<T, Error> {
    let text: String = row.try_get(column).map_err(|error| place.fault(error))?;
    text.parse().map_err(|error| place.damaged("an account column", column, error))
}

//! Accounts, their credentials, and the one-time token that makes the first.

use crate::{
    Act, Change, Error, Sealed, Store,
    error::Place,
    passkeys::passkeys,
    scope::Scope,
    sql::{Row, sql},
    strategies::time,
};
use identity::{
    AccountId, AccountState, Credentials, DeviceId, DeviceStanding, EmailIndex, NewAccount,
    PasswordHash, RecoveryHash, Role, SealedFactors, SealedProfile, SealedTotp, SessionId,
    SetupGrant, Standing, Step, Tenant, TokenHash,
};
use jiff::Timestamp;
use std::str::FromStr;

/// An account as its owner sees it, before the vault opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its role, epoch and standing.
    pub state: AccountState,
    /// Name and address, sealed.
    pub profile: SealedProfile,
    /// The key of its sealed fields, sealed; without one they lie under the server's.
    pub data_key: Option<Vec<u8>>,
    /// When it was made.
    pub created: Timestamp,
}

const STATE: &str = "a.account_id, a.role, a.standing, a.epoch";
/// An account with its profile.
pub(crate) const ACCOUNT: &str = "SELECT a.account_id, a.role, a.standing, a.epoch, a.email_index, \
     a.email, a.display_name, a.created_us, k.data_key FROM accounts a \
     LEFT JOIN data_keys k ON k.account_id = a.account_id";

impl Act {
    /// Keeps a set-up token and drops every older one; `false` if there is an account already.
    pub async fn issue_setup(&mut self, grant: &SetupGrant, now: Timestamp) -> Result<bool, Error> {
        let (connection, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        sql("DELETE FROM setup_tokens WHERE used_us IS NULL")
            .execute(connection)
            .await
            .map_err(fault)?;
        let done = sql("INSERT INTO setup_tokens (token_hash, issued_us, expires_us)
             SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM accounts)")
        .bind(grant.hash.as_bytes().as_slice())
        .bind(now.as_microsecond())
        .bind(grant.expires.as_microsecond())
        .execute(connection)
        .await
        .map_err(fault)?;
        Ok(done == 1)
    }

    /// Makes the first account as a whole and uses up its set-up token; `false`, with nothing to
    /// keep, if the token is used or over, or another account came first.
    pub async fn create_owner(
        &mut self,
        new: &NewAccount,
        sealed: (Sealed<'_>, &SealedTotp),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(Scope::House).await?;
        let used = sql("UPDATE setup_tokens SET used_us = $1
             WHERE token_hash = $2 AND used_us IS NULL AND expires_us > $1
               AND NOT EXISTS (SELECT 1 FROM accounts)")
        .bind(now.as_microsecond())
        .bind(new.token.as_bytes().as_slice())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        if used != 1 {
            return Ok(false);
        }
        self.insert_account(new, sealed.0.profile, now).await?;
        self.insert_factors(new, sealed.1, now).await?;
        self.give_data_key(new.account.id, sealed.0.data_key).await
    }

    async fn insert_account(
        &mut self,
        new: &NewAccount,
        profile: &SealedProfile,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (connection, place) = self.parts(Scope::Account(new.account.id)).await?;
        sql("INSERT INTO accounts (account_id, email_index, email, display_name, role, standing,
                                   epoch, created_us)
             VALUES ($1, $2, $3, $4, $5, 'active', 0, $6)")
        .bind(new.account.id.to_string())
        .bind(profile.email_index.as_bytes().as_slice())
        .bind(&profile.email)
        .bind(&profile.display_name)
        .bind(new.account.role.as_str())
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        sql("INSERT INTO passwords (account_id, password_hash) VALUES ($1, $2)")
            .bind(new.account.id.to_string())
            .bind(new.password.as_str())
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
        let (connection, place) = self.parts(Scope::Account(new.account.id)).await?;
        let fault = |error| place.fault(error);
        sql(
            "INSERT INTO totp (account_id, secret, last_step, enrolled_us) VALUES ($1, $2, $3, $4)",
        )
        .bind(&account)
        .bind(&totp.0)
        .bind(number(new.totp_step))
        .bind(now.as_microsecond())
        .execute(connection)
        .await
        .map_err(fault)?;
        for code in &new.recovery {
            sql(
                "INSERT INTO recovery_codes (account_id, code_index, code_hash) VALUES ($1, $2, $3)",
            )
            .bind(&account)
            .bind(i64::from(code.index))
            .bind(code.hash.as_str())
            .execute(connection)
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
        let (connection, place) = self.parts(Scope::Account(account)).await?;
        let done = sql(
            "UPDATE passwords SET password_hash = $1 WHERE account_id = $2 AND password_hash = $3",
        )
        .bind(new.as_str())
        .bind(account.to_string())
        .bind(checked.as_str())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        Ok(done == 1)
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
        let state = self.change("standing", standing_name(standing), account).await?;
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
        let (connection, place) = self.parts(Scope::House).await?;
        let text = format!(
            "UPDATE accounts AS a SET {column} = $1, epoch = a.epoch + 1 WHERE a.account_id = $2
             RETURNING account_id, role, standing, epoch"
        );
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(value)
            .bind(account.to_string())
            .fetch_optional(connection)
            .await
            .map_err(|error| place.fault(error))?;
        let changed = row.map(|row| state(&row, place)).transpose()?;
        self.tell(Change::Account(account));
        Ok(changed)
    }
}

impl Store {
    /// The owner's account, once it is made: for [`Tenant::host`].
    pub async fn owner(&self) -> Result<Option<AccountId>, Error> {
        let fault = |error| self.place().fault(error);
        let row = sql("SELECT account_id FROM accounts WHERE role = 'owner' AND erased_us IS NULL
             ORDER BY created_us, account_id LIMIT 1")
        .fetch_optional(&mut self.reading(Scope::House).await?)
        .await
        .map_err(fault)?;
        row.map(|row| parsed(&row, "account_id", self.place())).transpose()
    }

    /// What is stored of a set-up token that is not used yet.
    pub async fn setup_grant(&self, hash: &TokenHash) -> Result<Option<SetupGrant>, Error> {
        let row =
            sql("SELECT expires_us FROM setup_tokens WHERE token_hash = $1 AND used_us IS NULL")
                .bind(hash.as_bytes().as_slice())
                .fetch_optional(&mut self.reading(Scope::House).await?)
                .await
                .map_err(|error| self.place().fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let expires = time(&row, "expires_us", self.place())?;
        Ok(Some(SetupGrant { hash: *hash, expires }))
    }

    /// What a sign-in compares with; an account without a password looks like none.
    pub async fn credentials(&self, email: &EmailIndex) -> Result<Option<Credentials>, Error> {
        let text = format!(
            "SELECT {STATE}, w.password_hash FROM accounts a
                 JOIN passwords w ON w.account_id = a.account_id WHERE a.email_index = $1"
        );
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(email.as_bytes().as_slice())
            .fetch_optional(&mut self.reading(Scope::House).await?)
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
        let row = sql("SELECT 1 FROM devices d JOIN accounts a ON a.account_id = d.account_id
             WHERE a.email_index = $1 AND d.device_id = $2")
        .bind(email.as_bytes().as_slice())
        .bind(device.to_string())
        .fetch_optional(&mut self.reading(Scope::House).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        Ok(row.map_or(DeviceStanding::Unknown, |_| DeviceStanding::Known(device)))
    }

    /// An account's second factors, for the vault to open.
    pub async fn factors(&self, account: AccountId) -> Result<Option<SealedFactors>, Error> {
        let fault = |error| self.place().fault(error);
        // One transaction: state, secret and codes are of one moment.
        let mut reading = self.snapshot(Scope::Account(account)).await?;
        let text = format!(
            "SELECT {STATE}, t.secret, t.last_step FROM accounts a
             LEFT JOIN totp t ON t.account_id = a.account_id WHERE a.account_id = $1"
        );
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(account.to_string())
            .fetch_optional(&mut reading)
            .await
            .map_err(fault)?;
        let Some(row) = row else { return Ok(None) };
        let codes = sql("SELECT code_index, code_hash FROM recovery_codes
             WHERE account_id = $1 AND used_us IS NULL ORDER BY code_index")
        .bind(account.to_string())
        .fetch_all(&mut reading)
        .await
        .map_err(fault)?;
        Ok(Some(SealedFactors {
            state: state(&row, self.place())?,
            totp: totp(&row, self.place())?,
            recovery: codes
                .iter()
                .map(|row| recovery(row, self.place()))
                .collect::<Result<_, _>>()?,
            passkeys: passkeys(&mut reading, self.place(), account).await?,
        }))
    }

    /// The key of an account's sealed fields, sealed; `None` where they lie under the server's.
    pub async fn data_key(&self, account: AccountId) -> Result<Option<Vec<u8>>, Error> {
        let row = sql("SELECT data_key FROM data_keys WHERE account_id = $1")
            .bind(account.to_string())
            .fetch_optional(&mut self.reading(Scope::Account(account)).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| row.try_get("data_key").map_err(|error| self.place().fault(error)))
            .transpose()
    }

    /// A person's own account.
    pub async fn account(&self, tenant: &Tenant) -> Result<Option<AccountRow>, Error> {
        let fault = |error| self.place().fault(error);
        let text = format!("{ACCOUNT} WHERE a.account_id = $1 AND a.erased_us IS NULL");
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(tenant.account().to_string())
            .fetch_optional(&mut self.reading(tenant).await?)
            .await
            .map_err(fault)?;
        row.map(|row| account_row(&row, self.place())).transpose()
    }
}

/// The columns of [`ACCOUNT`].
pub(crate) fn account_row(row: &Row, place: &Place) -> Result<AccountRow, Error> {
    let fault = |error| place.fault(error);
    let state = state(row, place)?;
    let index: Vec<u8> = row.try_get("email_index").map_err(fault)?;
    let profile = SealedProfile {
        email_index: EmailIndex::from_bytes(&index)
            .map_err(|error| place.damaged("accounts", state.account, error))?,
        email: row.try_get("email").map_err(fault)?,
        display_name: row.try_get("display_name").map_err(fault)?,
    };
    let data_key = row.try_get("data_key").map_err(fault)?;
    Ok(AccountRow { state, profile, data_key, created: time(row, "created_us", place)? })
}

/// A step as a number of the database; it stays below `i64::MAX` for some 10^12 years.
pub(crate) fn number(step: Step) -> i64 {
    i64::try_from(step.number()).unwrap_or(i64::MAX)
}

/// The columns of [`STATE`].
pub(crate) fn state(row: &Row, place: &Place) -> Result<AccountState, Error> {
    let fault = |error| place.fault(error);
    let account = parsed(row, "account_id", place)?;
    let standing: String = row.try_get("standing").map_err(fault)?;
    let standing = match standing.as_str() {
        "active" => Standing::Active,
        "disabled" => Standing::Disabled,
        other => return Err(place.damaged("accounts", account, format!("standing {other:?}"))),
    };
    Ok(AccountState {
        account,
        role: parsed(row, "role", place)?,
        epoch: u32_of(row, "epoch", place)?,
        standing,
    })
}

pub(crate) const fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Disabled => "disabled",
    }
}

fn totp(row: &Row, place: &Place) -> Result<Option<(SealedTotp, Step)>, Error> {
    let secret: Option<Vec<u8>> = row.try_get("secret").map_err(|error| place.fault(error))?;
    let Some(secret) = secret else { return Ok(None) };
    let step: i64 = row.try_get("last_step").map_err(|error| place.fault(error))?;
    let step = u64::try_from(step).map_err(|error| place.damaged("totp", step, error))?;
    Ok(Some((SealedTotp(secret), Step::new(step))))
}

fn recovery(row: &Row, place: &Place) -> Result<RecoveryHash, Error> {
    let index: i64 = row.try_get("code_index").map_err(|error| place.fault(error))?;
    let hash = parsed(row, "code_hash", place)?;
    let index =
        u8::try_from(index).map_err(|error| place.damaged("recovery_codes", index, error))?;
    Ok(RecoveryHash { index, hash })
}

/// A number column that holds a `u32`.
pub(crate) fn u32_of(row: &Row, column: &'static str, place: &Place) -> Result<u32, Error> {
    let number: i64 = row.try_get(column).map_err(|error| place.fault(error))?;
    u32::try_from(number).map_err(|error| place.damaged("an account column", column, error))
}

/// A text column that one of identity's types reads; what it says never holds the text itself.
pub(crate) fn parsed<T: FromStr<Err = identity::Error>>(
    row: &Row,
    column: &'static str,
    place: &Place,
) -> Result<T, Error> {
    let text: String = row.try_get(column).map_err(|error| place.fault(error))?;
    text.parse().map_err(|error| place.damaged("an account column", column, error))
}

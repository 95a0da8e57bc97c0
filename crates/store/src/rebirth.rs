//! A database that comes back from a backup: it begins a new log, and nothing that was ended, erased or
//! taken from somebody since lives again.

use crate::{
    Database, Error, LicenceState, Store,
    database::Purpose,
    pools::Pools,
    scope::Scope,
    snapshot::WrappedKey,
    sql::{Link, Row, sql},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How an account stands, kept outside of the database too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStanding {
    /// Which.
    pub account: String,
    /// What it may do.
    pub role: String,
    /// Whether it may.
    pub standing: String,
    /// The epoch of its sessions.
    pub epoch: i64,
    /// When it was erased, in microseconds.
    pub erased: Option<i64>,
}

/// How a licence stands, kept outside of the database too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceStanding {
    /// Which.
    pub licence: String,
    /// Whether it is good.
    pub state: LicenceState,
    /// Its epoch.
    pub epoch: i64,
}

/// What must outlive a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings {
    /// Of every account.
    pub accounts: Vec<AccountStanding>,
    /// Of every licence; none where they were written before licences were.
    pub licences: Vec<LicenceStanding>,
}

/// What was done to a database that came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reborn {
    /// Sessions that it had, all of which are gone.
    pub sessions: u64,
    /// API tokens and bots, likewise.
    pub credentials: u64,
    /// Accounts that were erased after the backup, and are again.
    pub erased: u64,
    /// Accounts that were disabled, or lost a role, after the backup.
    pub lowered: u64,
    /// Accounts whose sign-in changed after the backup, by their epoch: a password or a factor that was taken
    /// away since is there again, and nothing tells which.
    pub changed: Vec<String>,
    /// Licences that were suspended or revoked after the backup, and are again.
    pub licences: u64,
}

/// What somebody could use again who should not: all of it goes.
const GONE: [&str; 11] = [
    "DELETE FROM refresh_families",
    "DELETE FROM sessions",
    "DELETE FROM credentials",
    "DELETE FROM links",
    "DELETE FROM setup_tokens",
    "DELETE FROM losses",
    "DELETE FROM proposals",
    // Letters that wait may have been sent since.
    "DELETE FROM postings",
    // One that was put out since would be in again; all come in by another token.
    "UPDATE machines SET is_in = 0, epoch = epoch + 1000, token_hash = NULL, token_ends_us = NULL,
         certificate_ends_us = NULL",
    // Instances have heard of revocations since, and take no lease from before one.
    "UPDATE licences SET epoch = epoch + 1000",
    // The entries of notices are in the old log, and the new one gives the numbers of their leaves again.
    "UPDATE payment_notices SET leaf_index = NULL",
];
/// The old log; its entries lie in a file of their own by now.
const OLD_LOG: [&str; 6] = [
    "DELETE FROM audit_cosignatures",
    "DELETE FROM audit_checkpoints",
    "DELETE FROM audit_accounts",
    "DELETE FROM audit_nodes",
    "DELETE FROM audit_leaves",
    "DELETE FROM audit_log",
];
/// What belongs to an account that is erased.
const BELONGINGS: [&str; 16] = [
    "DELETE FROM passwords WHERE account_id = $1",
    "DELETE FROM totp WHERE account_id = $1",
    "DELETE FROM recovery_codes WHERE account_id = $1",
    "DELETE FROM passkeys WHERE account_id = $1",
    "DELETE FROM devices WHERE account_id = $1",
    "DELETE FROM erasures WHERE account_id = $1",
    "DELETE FROM data_keys WHERE account_id = $1",
    "DELETE FROM backtests WHERE account_id = $1",
    "DELETE FROM sweeps WHERE account_id = $1",
    "DELETE FROM strategies WHERE account_id = $1",
    "DELETE FROM factor_trials WHERE tried_by = $1",
    "DELETE FROM factor_versions WHERE factor_id IN
         (SELECT factor_id FROM factors WHERE account_id = $1)",
    "DELETE FROM factors WHERE account_id = $1",
    "DELETE FROM links WHERE invited_by = $1",
    "DELETE FROM losses WHERE vouched_by = $1",
    "DELETE FROM postings WHERE account_id = $1",
];
/// Epochs begin anew behind the second that it is, and end before what their columns hold.
const EPOCH_MAX: i64 = 4_000_000_000;
/// Whoever stopped an erasure since has this long to stop it once more.
const AGAIN: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Store {
    /// How every account and every licence stands, for whoever keeps it outside of the database.
    pub async fn standings(&self) -> Result<Standings, Error> {
        let fault = |error| self.place().fault(error);
        let mut link = self.snapshot(Scope::House).await?;
        let accounts = read(&mut link).await.map_err(fault)?;
        let rows = sql("SELECT licence_id, state, epoch FROM licences ORDER BY licence_id")
            .fetch_all(&mut link)
            .await
            .map_err(fault)?;
        let licence = |row: &Row| {
            let licence: String = row.try_get(0).map_err(fault)?;
            let state = LicenceState::named(&row.try_get::<String, _>(1).map_err(fault)?);
            let damaged = || self.place().damaged("licences", &licence, "its state is none");
            let (state, epoch) = (state.ok_or_else(damaged)?, row.try_get(2).map_err(fault)?);
            Ok(LicenceStanding { licence, state, epoch })
        };
        let licences = rows.iter().map(licence).collect::<Result<_, Error>>()?;
        Ok(Standings { accounts, licences })
    }
}

/// Makes a database that came back ready to be opened under new keys of the log, in one transaction: the
/// wrapped keys come in, the old log, sessions, tokens and links go, epochs rise above all that was and above
/// those of an earlier restore of the same backup, and what `standings` says of accounts and licences since the
/// backup holds.
///
/// Whoever calls it has verified and put away the old log.
pub async fn be_reborn(
    database: &Database,
    keys: &[WrappedKey],
    standings: &Standings,
    now: Timestamp,
) -> Result<Reborn, Error> {
    let place = database.place();
    let fault = |error| place.fault(error);
    let pools = Pools::open(database, Purpose::Writing).await?;
    let mut link = pools.writing(&place).await?;
    link.enter(Scope::House).await.map_err(fault)?;
    let reborn = reborn(&mut link, keys, standings, now).await.map_err(fault)?;
    link.commit(&place).await?;
    pools.close().await;
    Ok(reborn)
}

async fn reborn(
    link: &mut Link,
    keys: &[WrappedKey],
    standings: &Standings,
    now: Timestamp,
) -> Result<Reborn, sqlx::Error> {
    let mut reborn = Reborn {
        sessions: count(link, "SELECT COUNT(*) FROM sessions WHERE ended_us IS NULL").await?,
        credentials: count(link, "SELECT COUNT(*) FROM credentials").await?,
        ..Reborn::default()
    };
    for text in GONE.iter().chain(&OLD_LOG) {
        sql(*text).execute(link).await?;
    }
    for key in keys {
        sql("INSERT INTO data_keys (account_id, data_key)
             SELECT account_id, $2 FROM accounts WHERE account_id = $1 AND erased_us IS NULL")
        .bind(&key.account)
        .bind(&key.sealed)
        .execute(link)
        .await?;
    }
    let base = now.as_second().clamp(0, EPOCH_MAX);
    stand(link, (&standings.accounts, base), &mut reborn).await?;
    reborn.licences = withdraw(link, (&standings.licences, base), now).await?;
    raise(link, base).await?;
    let due = now.checked_add(AGAIN).unwrap_or(now).as_microsecond();
    sql("UPDATE erasures SET due_us = $1 WHERE due_us < $1").bind(due).execute(link).await?;
    Ok(reborn)
}

/// Every account as it stood last, with an epoch above all that it had.
async fn stand(
    link: &mut Link,
    (standings, base): (&[AccountStanding], i64),
    reborn: &mut Reborn,
) -> Result<(), sqlx::Error> {
    let since: BTreeMap<&str, &AccountStanding> =
        standings.iter().map(|one| (one.account.as_str(), one)).collect();
    for was in read(link).await? {
        let now_is = since.get(was.account.as_str()).copied().unwrap_or(&was);
        if let (None, Some(erased)) = (was.erased, now_is.erased) {
            erase(link, &was.account, erased).await?;
            reborn.erased += 1;
        } else if (&was.role, &was.standing) != (&now_is.role, &now_is.standing) {
            reborn.lowered += 1;
        }
        if now_is.epoch > was.epoch && now_is.erased.is_none() {
            // A browser that was known may be the one that was shut out.
            let devices = sql("DELETE FROM devices WHERE account_id = $1");
            devices.bind(&was.account).execute(link).await?;
            reborn.changed.push(was.account.clone());
        }
        let epoch = was.epoch.max(now_is.epoch).max(base);
        sql("UPDATE accounts SET role = $1, standing = $2, epoch = $3 WHERE account_id = $4")
            .bind(&now_is.role)
            .bind(&now_is.standing)
            .bind(epoch.saturating_add(1))
            .bind(&was.account)
            .execute(link)
            .await?;
    }
    Ok(())
}

/// Licences that were suspended or revoked since are so again, and none that is comes to be good: how many.
async fn withdraw(
    link: &mut Link,
    (standings, base): (&[LicenceStanding], i64),
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let (mut withdrawn, mut highest) = (0, base);
    for one in standings {
        highest = highest.max(one.epoch);
        let text = match one.state {
            LicenceState::Issued => continue,
            LicenceState::Suspended => {
                "UPDATE licences SET state = $1, changed_us = $2 WHERE licence_id = $3
                 AND state = 'issued'"
            }
            LicenceState::Revoked => {
                "UPDATE licences SET state = $1, changed_us = $2 WHERE licence_id = $3
                 AND state <> 'revoked'"
            }
        };
        let row = sql(text).bind(one.state.as_str()).bind(now.as_microsecond());
        withdrawn += row.bind(&one.licence).execute(link).await?;
    }
    // Also above what an instance heard of a licence that the backup does not know.
    let epoch = highest.min(EPOCH_MAX).saturating_add(1);
    sql("UPDATE licences SET epoch = $1 WHERE epoch < $1").bind(epoch).execute(link).await?;
    Ok(withdrawn)
}

/// Two restores of one backup would give machines the same epochs, if they only counted on.
async fn raise(link: &mut Link, base: i64) -> Result<(), sqlx::Error> {
    let machines = sql("UPDATE machines SET epoch = $1 WHERE epoch < $1");
    machines.bind(base).execute(link).await.map(drop)
}

/// As an erasure leaves an account: a row that has only its name in the log.
async fn erase(link: &mut Link, account: &String, erased: i64) -> Result<(), sqlx::Error> {
    for text in BELONGINGS {
        sql(text).bind(account).execute(link).await?;
    }
    // No address has this index: it is made of the name alone.
    let nobody = seal::sha256(account.as_bytes());
    sql("UPDATE accounts SET email_index = $1, email = $2, display_name = $2,
             standing = 'disabled', erased_us = $3 WHERE account_id = $4")
    .bind(nobody.get(..16).unwrap_or_default())
    .bind([].as_slice())
    .bind(erased)
    .bind(account)
    .execute(link)
    .await
    .map(drop)
}

async fn read(link: &mut Link) -> Result<Vec<AccountStanding>, sqlx::Error> {
    let rows = sql("SELECT account_id, role, standing, epoch, erased_us FROM accounts
         ORDER BY account_id")
    .fetch_all(link)
    .await?;
    let standing = |row: &Row| {
        Ok(AccountStanding {
            account: row.try_get(0)?,
            role: row.try_get(1)?,
            standing: row.try_get(2)?,
            epoch: row.try_get(3)?,
            erased: row.try_get(4)?,
        })
    };
    rows.iter().map(standing).collect()
}

async fn count(link: &mut Link, text: &'static str) -> Result<u64, sqlx::Error> {
    let count: i64 = sql(text).fetch_one(link).await?.try_get(0)?;
    Ok(count.unsigned_abs())
}

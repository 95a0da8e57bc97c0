//! Links that work once, invitations among them: hashed, for one purpose, until a time.

use crate::{
    Act, Error, Store,
    accounts::{parsed, u32_of},
    deed::{Overtaken, Stop, one},
    error::Place,
    scope::Scope,
    sql::{Row, sql},
    strategies::time,
};
use identity::{
    AccountId, DeviceId, EmailIndex, Purpose, SealedAddress, SealedGrant, SealedHolder, TokenHash,
};
use jiff::Timestamp;

/// The most invitations on one list.
const INVITATIONS_MAX: u32 = 500;

/// An invitation that is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// The link.
    pub link: SealedGrant,
    /// Who sent it.
    pub by: AccountId,
    /// When.
    pub issued: Timestamp,
}

const COLUMNS: &str = "SELECT token_hash, purpose, account_id, epoch, email_index, email, role,
     device_id, invited_by, issued_us, expires_us FROM links";

impl Act {
    /// Adds a link in place of the older ones of its purpose and holder.
    pub(crate) async fn write_link(
        &mut self,
        link: &SealedGrant,
        invited_by: Option<AccountId>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (account, epoch, address, role) = match &link.holder {
            SealedHolder::Account(account, epoch) => (Some(*account), Some(*epoch), None, None),
            SealedHolder::Address(address, role) => (None, None, Some(address), Some(*role)),
            SealedHolder::NewAddress(account, epoch, address) => {
                (Some(*account), Some(*epoch), Some(address), None)
            }
        };
        let scope = account.map_or(Scope::House, Scope::Account);
        let device = link.device.map(|device| device.to_string());
        let index = address.map(|address| address.index.as_bytes().as_slice());
        let older = match account {
            Some(account) => sql("DELETE FROM links WHERE account_id = $1 AND purpose = $2")
                .bind(account.to_string())
                .bind(link.purpose.as_str()),
            None => sql("DELETE FROM links WHERE account_id IS NULL AND email_index = $1
                     AND purpose = $2 AND device_id IS NOT DISTINCT FROM $3")
            .bind(index)
            .bind(link.purpose.as_str())
            .bind(device.clone()),
        };
        self.run(scope, older).await?;
        let row = sql("INSERT INTO links (token_hash, purpose, account_id, epoch, email_index,
                 email, role, device_id, invited_by, issued_us, expires_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
        .bind(link.hash.as_bytes().as_slice())
        .bind(link.purpose.as_str())
        .bind(account.map(|account| account.to_string()))
        .bind(epoch.map(i64::from))
        .bind(index)
        .bind(address.map(|address| address.sealed.as_slice()))
        .bind(role.map(|role| role.as_str().to_owned()))
        .bind(device)
        .bind(invited_by.map(|by| by.to_string()))
        .bind(now.as_microsecond())
        .bind(link.expires.as_microsecond());
        self.run(scope, row).await?;
        Ok(())
    }

    /// Takes an invitation back.
    pub(crate) async fn withdraw(&mut self, hash: &TokenHash) -> Result<(), Stop> {
        let gone = sql("DELETE FROM links WHERE token_hash = $1 AND purpose = 'invite'")
            .bind(hash.as_bytes().as_slice());
        one(self.run(Scope::House, gone).await?, Overtaken::Link)
    }

    /// Uses up a link for an address without an account.
    pub(crate) async fn spend_address(
        &mut self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<(), Stop> {
        let spent = sql("DELETE FROM links WHERE token_hash = $1 AND account_id IS NULL
             AND expires_us > $2")
        .bind(hash.as_bytes().as_slice())
        .bind(now.as_microsecond());
        one(self.run(Scope::House, spent).await?, Overtaken::Link)
    }
}

impl Store {
    /// The link of this value, if there is one.
    pub async fn link(&self, hash: &TokenHash) -> Result<Option<SealedGrant>, Error> {
        let text = format!("{COLUMNS} WHERE token_hash = $1");
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(hash.as_bytes().as_slice())
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| link(&row, self.place())).transpose()
    }

    /// The invitations that are out, the newest first; at most 500.
    pub async fn invitations(&self, now: Timestamp) -> Result<Vec<InvitationRow>, Error> {
        let text = format!(
            "{COLUMNS} WHERE purpose = 'invite' AND expires_us > $1
             ORDER BY issued_us DESC, token_hash LIMIT $2"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(now.as_microsecond())
            .bind(i64::from(INVITATIONS_MAX))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter()
            .map(|row| {
                Ok(InvitationRow {
                    link: link(row, self.place())?,
                    by: parsed(row, "invited_by", self.place())?,
                    issued: time(row, "issued_us", self.place())?,
                })
            })
            .collect()
    }

    /// Deletes links that are over; how many.
    pub async fn prune_links(&self, now: Timestamp) -> Result<u64, Error> {
        let mut act = self.begin().await?;
        let over = sql("DELETE FROM links WHERE expires_us <= $1").bind(now.as_microsecond());
        let gone = act.run(Scope::House, over).await?;
        act.keep_unlogged().await?;
        Ok(gone)
    }
}

fn link(row: &Row, place: &Place) -> Result<SealedGrant, Error> {
    let fault = |error| place.fault(error);
    let hash: Vec<u8> = row.try_get("token_hash").map_err(fault)?;
    let damaged = |problem: &str| place.damaged("links", hex::encode(&hash), problem);
    let purpose: String = row.try_get("purpose").map_err(fault)?;
    let purpose = Purpose::from_name(&purpose).ok_or_else(|| damaged("its purpose"))?;
    let device: Option<String> = row.try_get("device_id").map_err(fault)?;
    let device = device.map(|text| text.parse::<DeviceId>()).transpose();
    let account: Option<String> = row.try_get("account_id").map_err(fault)?;
    let has_account = account.is_some();
    let email: Option<Vec<u8>> = row.try_get("email").map_err(fault)?;
    let address = match email {
        None => None,
        Some(sealed) => {
            let index: Vec<u8> = row.try_get("email_index").map_err(fault)?;
            let index = EmailIndex::from_bytes(&index).map_err(|_| damaged("its address"))?;
            Some(SealedAddress { index, sealed })
        }
    };
    let holder = if has_account {
        let account = parsed(row, "account_id", place)?;
        let epoch = u32_of(row, "epoch", place)?;
        match address {
            None => SealedHolder::Account(account, epoch),
            Some(address) => SealedHolder::NewAddress(account, epoch, address),
        }
    } else {
        let address = address.ok_or_else(|| damaged("no holder"))?;
        SealedHolder::Address(address, parsed(row, "role", place)?)
    };
    Ok(SealedGrant {
        hash: TokenHash::from_bytes(&hash).map_err(|_| damaged("its hash"))?,
        purpose,
        holder,
        device: device.map_err(|_| damaged("its device"))?,
        expires: time(row, "expires_us", place)?,
    })
}

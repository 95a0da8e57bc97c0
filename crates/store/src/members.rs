//! Accounts as their owners' acts see them, and how new ones come to be.

use crate::{
    Act, Error, SessionRow, Store,
    accounts::{account_row, parsed, u32_of},
    deed::{Overtaken, Stop, one},
    error::Place,
    scope::Scope,
    sessions,
    sql::{Link, Row, sql},
    strategies::{optional_time, time},
};
use identity::{
    AccountId, AccountState, EmailIndex, Erasure, Event, Holdings, Imported, Loss, NewMember,
    PasswordHash, SealedClient, SealedPasskey, SealedProfile, SealedTotp, SessionId, Standing,
    TokenHash, Voucher,
};
use jiff::Timestamp;

/// The most sessions that are read at once.
const SESSIONS_MAX: u32 = 100_000;
/// The most erasures that are read at once.
const ERASURES_MAX: i64 = 100;

/// An account with all that judging its owner's acts takes, its profile sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// Role, epoch and standing.
    pub state: AccountState,
    /// Address and name, sealed.
    pub profile: SealedProfile,
    /// The key of its sealed fields, sealed; without one they lie under the server's.
    pub data_key: Option<Vec<u8>>,
    /// When it was made.
    pub created: Timestamp,
    /// What it can be entered with.
    pub holdings: Holdings,
    /// A lost second factor under way.
    pub loss: Option<Loss>,
    /// An erasure under way.
    pub erasure: Option<Erasure>,
}

/// A new account, to be stored as a whole.
#[derive(Debug)]
pub struct MemberSeed<'a> {
    state: AccountState,
    created: Timestamp,
    sealed: Sealed<'a>,
    password: Option<&'a PasswordHash>,
    passkey: Option<&'a SealedPasskey>,
    spend: Option<TokenHash>,
    pub(crate) events: &'a [Event],
}

/// A new account's sealed fields.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// Address and name, under the data key.
    pub profile: &'a SealedProfile,
    /// The data key, under the server's.
    pub data_key: &'a [u8],
}

/// Everything of an account from before data keys that lies sealed, sealed anew under one.
#[derive(Debug, Clone, Copy)]
pub struct Resealed<'a> {
    /// The account as it was read.
    pub state: &'a AccountState,
    /// The key and the profile.
    pub sealed: Sealed<'a>,
    /// The authenticator's secret, if there is one.
    pub totp: Option<&'a SealedTotp>,
    /// Where its sessions run or ran: all of them.
    pub clients: &'a [(SessionId, SealedClient)],
}

impl<'a> MemberSeed<'a> {
    /// Of a followed link; its passkey comes sealed, if it has one.
    #[must_use]
    pub fn registered(
        new: &'a NewMember,
        passkey: Option<&'a SealedPasskey>,
        sealed: Sealed<'a>,
    ) -> Self {
        Self {
            state: new.state,
            created: new.account.created,
            sealed,
            password: new.password.as_ref(),
            passkey,
            spend: Some(new.spend),
            events: &new.events,
        }
    }

    /// Of an import.
    #[must_use]
    pub fn imported(new: &'a Imported, sealed: Sealed<'a>) -> Self {
        Self {
            state: new.state,
            created: new.account.created,
            sealed,
            password: Some(&new.password),
            passkey: None,
            spend: None,
            events: &new.events,
        }
    }
}

impl Act {
    /// Makes an account and uses up its link; it is refused if the address has one by then.
    pub(crate) async fn write_member(
        &mut self,
        new: &MemberSeed<'_>,
        now: Timestamp,
    ) -> Result<(), Stop> {
        if let Some(link) = &new.spend {
            self.spend_address(link, now).await?;
        }
        let own = Scope::Account(new.state.account);
        let id = new.state.account.to_string();
        let profile = new.sealed.profile;
        let account = sql("INSERT INTO accounts (account_id, email_index, email, display_name,
                 role, standing, epoch, created_us)
             VALUES ($1, $2, $3, $4, $5, 'active', $6, $7) ON CONFLICT DO NOTHING")
        .bind(&id)
        .bind(profile.email_index.as_bytes().as_slice())
        .bind(&profile.email)
        .bind(&profile.display_name)
        .bind(new.state.role.as_str())
        .bind(i64::from(new.state.epoch))
        .bind(new.created.as_microsecond());
        one(self.run(own, account).await?, Overtaken::Address)?;
        self.give_data_key(new.state.account, new.sealed.data_key).await?;
        if let Some(hash) = new.password {
            let password = sql("INSERT INTO passwords (account_id, password_hash) VALUES ($1, $2)")
                .bind(&id)
                .bind(hash.as_str());
            self.run(own, password).await?;
        }
        match new.passkey {
            Some(passkey) => self.insert_passkey(passkey).await,
            None => Ok(()),
        }
    }

    /// Moves an account from before data keys under one; `false`, with nothing to keep, if it has one
    /// already, or is not any more as it was read.
    pub async fn reseal(&mut self, new: &Resealed<'_>) -> Result<bool, Error> {
        let (account, profile) = (new.state.account, new.sealed.profile);
        let (own, id) = (Scope::Account(account), account.to_string());
        let row = sql("UPDATE accounts SET email = $1, display_name = $2
             WHERE account_id = $3 AND epoch = $4 AND email_index = $5 AND erased_us IS NULL
               AND (SELECT COUNT(*) FROM sessions s WHERE s.account_id = $3) = $6
               AND (SELECT COUNT(*) FROM totp t WHERE t.account_id = $3) = $7")
        .bind(&profile.email)
        .bind(&profile.display_name)
        .bind(&id)
        .bind(i64::from(new.state.epoch))
        .bind(profile.email_index.as_bytes().as_slice())
        .bind(i64::try_from(new.clients.len()).unwrap_or(i64::MAX))
        .bind(i64::from(new.totp.is_some()));
        let same = self.run(own, row).await? == 1;
        if !same || !self.give_data_key(account, new.sealed.data_key).await? {
            return Ok(false);
        }
        if let Some(totp) = new.totp {
            let row = sql("UPDATE totp SET secret = $1 WHERE account_id = $2");
            self.run(own, row.bind(&totp.0).bind(&id)).await?;
        }
        for (session, client) in new.clients {
            let row = sql("UPDATE sessions SET client = $1
                 WHERE session_id = $2 AND account_id = $3")
            .bind(&client.0)
            .bind(session.to_string())
            .bind(&id);
            if self.run(own, row).await? != 1 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives an account that has none a data key: together with fields that are sealed under it,
    /// or before there are any. Whether it had none.
    pub async fn give_data_key(
        &mut self,
        account: AccountId,
        sealed: &[u8],
    ) -> Result<bool, Error> {
        let row = sql("INSERT INTO data_keys (account_id, data_key) VALUES ($1, $2)
             ON CONFLICT DO NOTHING")
        .bind(account.to_string())
        .bind(sealed);
        Ok(self.run(Scope::Account(account), row).await? == 1)
    }
}

impl Store {
    /// Sealed data keys in the order of their accounts, from behind `after` on; at most `limit`.
    pub async fn data_keys(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Vec<u8>)>, Error> {
        let fault = |error| self.place().fault(error);
        let rows = sql("SELECT account_id, data_key FROM data_keys WHERE account_id > $1
             ORDER BY account_id LIMIT $2")
        .bind(after.map(|account| account.to_string()).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&mut self.reading(Scope::House).await?)
        .await
        .map_err(fault)?;
        let row = |row: &_| {
            let account = parsed(row, "account_id", self.place())?;
            Ok((account, row.try_get("data_key").map_err(fault)?))
        };
        rows.iter().map(row).collect()
    }

    /// An account, unless it is erased.
    pub async fn member(&self, account: AccountId) -> Result<Option<MemberRow>, Error> {
        let mut link = self.snapshot(Scope::Account(account)).await?;
        self.read_member(&mut link, account).await
    }

    /// The account of an address, if there is one.
    pub async fn member_by_email(&self, email: &EmailIndex) -> Result<Option<MemberRow>, Error> {
        let mut link = self.snapshot(Scope::House).await?;
        let row = sql("SELECT account_id FROM accounts WHERE email_index = $1")
            .bind(email.as_bytes().as_slice())
            .fetch_optional(&mut link)
            .await
            .map_err(|error| self.place().fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let account = parsed(&row, "account_id", self.place())?;
        self.read_member(&mut link, account).await
    }

    async fn read_member(
        &self,
        link: &mut Link,
        account: AccountId,
    ) -> Result<Option<MemberRow>, Error> {
        let place = self.place();
        let row = sql("SELECT a.account_id, a.role, a.standing, a.epoch, a.email_index, a.email,
                 a.display_name, a.created_us, k.data_key,
                 (SELECT COUNT(*) FROM passwords w WHERE w.account_id = a.account_id) AS passwords,
                 (SELECT COUNT(*) FROM totp t WHERE t.account_id = a.account_id) AS totps,
                 (SELECT COUNT(*) FROM recovery_codes r WHERE r.account_id = a.account_id
                      AND r.used_us IS NULL) AS codes,
                 l.epoch AS loss_epoch, l.ready_us, l.voucher, l.vouched_by, e.due_us
             FROM accounts a
             LEFT JOIN data_keys k ON k.account_id = a.account_id
             LEFT JOIN losses l ON l.account_id = a.account_id
             LEFT JOIN erasures e ON e.account_id = a.account_id
             WHERE a.account_id = $1 AND a.erased_us IS NULL")
        .bind(account.to_string())
        .fetch_optional(link)
        .await
        .map_err(|error| place.fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let keys = crate::passkeys::passkeys(link, place, account).await?;
        let whole = account_row(&row, place)?;
        let count = |column| u32_of(&row, column, place);
        let holdings = Holdings {
            password: count("passwords")? > 0,
            totp: count("totps")? > 0,
            recovery: u8::try_from(count("codes")?).unwrap_or(u8::MAX),
            passkeys: keys.iter().map(|key| key.row.id).collect(),
        };
        let due = optional_time(&row, "due_us", place)?;
        Ok(Some(MemberRow {
            state: whole.state,
            profile: whole.profile,
            data_key: whole.data_key,
            created: whole.created,
            holdings,
            loss: loss(&row, account, place)?,
            erasure: due.map(|due| Erasure { account, due }),
        }))
    }

    /// Where all sessions of an account run or ran: to seal them anew.
    pub async fn clients(
        &self,
        account: AccountId,
    ) -> Result<Vec<(SessionId, SealedClient)>, Error> {
        let text = "SELECT session_id, client FROM sessions WHERE account_id = $1";
        let rows = sql(text)
            .bind(account.to_string())
            .fetch_all(&mut self.reading(Scope::Account(account)).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        let client = |row: &Row| {
            let client = row.try_get("client").map_err(|error| self.place().fault(error))?;
            Ok((parsed(row, "session_id", self.place())?, SealedClient(client)))
        };
        rows.iter().map(client).collect()
    }

    /// The sessions that live, the last used first: for the registry of a server that starts. At
    /// most `limit`, and never more than 100,000.
    pub async fn live_sessions(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionRow>, Error> {
        let text = format!(
            "{} WHERE s.ended_us IS NULL AND s.expires_us > $1 AND a.standing = $2
             ORDER BY f.used_us DESC, s.session_id DESC LIMIT $3",
            sessions::COLUMNS
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(now.as_microsecond())
            .bind(crate::accounts::standing_name(Standing::Active))
            .bind(i64::from(limit.min(SESSIONS_MAX)))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| sessions::session(row, self.place())).collect()
    }

    /// Erasures that are due, the longest due first.
    pub async fn due_erasures(&self, now: Timestamp) -> Result<Vec<Erasure>, Error> {
        let rows = sql("SELECT account_id, due_us FROM erasures WHERE due_us <= $1
             ORDER BY due_us, account_id LIMIT $2")
        .bind(now.as_microsecond())
        .bind(ERASURES_MAX)
        .fetch_all(&mut self.reading(Scope::House).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        let erasure = |row| {
            let account = parsed(row, "account_id", self.place())?;
            Ok(Erasure { account, due: time(row, "due_us", self.place())? })
        };
        rows.iter().map(erasure).collect()
    }
}

fn loss(row: &Row, account: AccountId, place: &Place) -> Result<Option<Loss>, Error> {
    let voucher: Option<String> = row.try_get("voucher").map_err(|error| place.fault(error))?;
    let voucher = match voucher.as_deref() {
        None => return Ok(None),
        Some("none") => Voucher::None,
        Some("awaited") => Voucher::Awaited,
        Some("given") => Voucher::Given(parsed(row, "vouched_by", place)?),
        Some(_) => return Err(place.damaged("losses", account, "its voucher")),
    };
    let epoch = u32_of(row, "loss_epoch", place)?;
    Ok(Some(Loss { account, epoch, ready: time(row, "ready_us", place)?, voucher }))
}

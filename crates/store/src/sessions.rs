//! Sessions and their refresh families; every single-use value is used up by compare-and-set.

use crate::{
    Act, Change, Error, Store,
    accounts::{parsed, state},
    error::Place,
    scope::Scope,
    sql::{Row, sql},
    strategies::time,
};
use identity::{
    AccountId, AccountState, EndOfAll, EndReason, FactorKind, FactorProof, Family, Means,
    OpenedSession, Reach, Role, Rotation, SealedClient, Session, SessionId, Standing, Tenant,
    TokenHash,
};
use jiff::Timestamp;

/// A session with all that judging a request or a refresh token takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session.
    pub session: Session,
    /// Its account's state.
    pub state: AccountState,
    /// Its refresh family; `used` is when the session was last used.
    pub family: Family,
    /// Where it runs, sealed.
    pub client: SealedClient,
}

/// A session with its account's state and its family.
pub(crate) const COLUMNS: &str =
    "SELECT s.session_id, s.account_id, s.device_id, s.factor, s.authenticated_us,
    s.opened_us, s.expires_us, s.client, s.end_reason, a.role, a.standing, a.epoch,
    f.generation, f.token_hash, f.repeated, f.used_us
    FROM sessions s
    JOIN accounts a ON a.account_id = s.account_id
    JOIN refresh_families f ON f.session_id = s.session_id";

impl Act {
    /// Uses up the second factor and keeps the session, its refresh family and its device;
    /// `false`, with nothing to keep, if the factor was used before, or the account has changed.
    pub async fn open_session(
        &mut self,
        opened: &OpenedSession,
        client: &SealedClient,
    ) -> Result<bool, Error> {
        let session = &opened.session;
        if !self.use_factor((&opened.state, opened.means), session.opened).await? {
            return Ok(false);
        }
        let (connection, place) = self.parts(Scope::Account(session.account)).await?;
        let fault = |error| place.fault(error);
        sql("INSERT INTO sessions (session_id, account_id, device_id, factor, authenticated_us,
                                   opened_us, expires_us, client)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(session.id.to_string())
        .bind(session.account.to_string())
        .bind(session.device.to_string())
        .bind(session.factor.as_str())
        .bind(session.authenticated.as_microsecond())
        .bind(session.opened.as_microsecond())
        .bind(session.expires.as_microsecond())
        .bind(&client.0)
        .execute(connection)
        .await
        .map_err(fault)?;
        sql("INSERT INTO refresh_families (session_id, generation, token_hash, repeated, used_us)
             VALUES ($1, $2, $3, 0, $4)")
        .bind(session.id.to_string())
        .bind(i64::from(opened.family.generation))
        .bind(opened.family.hash.as_bytes().as_slice())
        .bind(opened.family.used.as_microsecond())
        .execute(connection)
        .await
        .map_err(fault)?;
        sql(
            "INSERT INTO devices (account_id, device_id, first_us, last_us) VALUES ($1, $2, $3, $3)
             ON CONFLICT (account_id, device_id) DO UPDATE SET last_us = excluded.last_us",
        )
        .bind(session.account.to_string())
        .bind(session.device.to_string())
        .bind(session.opened.as_microsecond())
        .execute(connection)
        .await
        .map_err(fault)?;
        Ok(true)
    }

    /// Uses up the second factor and notes the fresh proof in a live session; `false`, with
    /// nothing to keep, if the factor was used before, or the account or session has changed.
    pub async fn step_up(&mut self, session: &Session, proof: &FactorProof) -> Result<bool, Error> {
        if !self.use_factor((&proof.state(), proof.means()), proof.at()).await? {
            return Ok(false);
        }
        let (connection, place) = self.parts(Scope::Account(proof.account())).await?;
        let done = sql("UPDATE sessions SET factor = $1, authenticated_us = $2
             WHERE session_id = $3 AND account_id = $4 AND ended_us IS NULL")
        .bind(session.factor.as_str())
        .bind(session.authenticated.as_microsecond())
        .bind(session.id.to_string())
        .bind(proof.account().to_string())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        self.tell(Change::Session(session.id));
        Ok(done == 1)
    }

    /// Whether the account is still as it was judged and the factor was still unused; it is used
    /// now. The enrolment's step was stored with the account, in this same transaction.
    async fn use_factor(
        &mut self,
        judged: (&AccountState, Means),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(Scope::Account(judged.0.account)).await?;
        let fault = |error| place.fault(error);
        let (expected, means) = judged;
        let account = expected.account.to_string();
        let row =
            sql("SELECT account_id, role, standing, epoch FROM accounts WHERE account_id = $1")
                .bind(&account)
                .fetch_optional(connection)
                .await
                .map_err(fault)?;
        let current = row.map(|row| state(&row, place)).transpose()?;
        if expected.standing != Standing::Active || current != Some(*expected) {
            return Ok(false);
        }
        self.use_up(expected.account, means, now).await
    }

    /// Keeps what came of presenting a refresh token; `false`, with nothing to keep, if the
    /// family has moved on since it was read: read it again and judge anew.
    pub async fn rotate(&mut self, rotation: &Rotation, now: Timestamp) -> Result<bool, Error> {
        let (connection, place) = self.parts(Scope::House).await?;
        let (before, after) = (&rotation.before, &rotation.family);
        let done = sql("UPDATE refresh_families
             SET generation = $1, token_hash = $2, repeated = $3, used_us = $4
             WHERE session_id = $5 AND generation = $6 AND repeated = $7 AND EXISTS (
                 SELECT 1 FROM sessions s JOIN accounts a ON a.account_id = s.account_id
                 WHERE s.session_id = $5 AND s.ended_us IS NULL AND a.standing = 'active')")
        .bind(i64::from(after.generation))
        .bind(after.hash.as_bytes().as_slice())
        .bind(i64::from(after.repeated))
        .bind(after.used.as_microsecond())
        .bind(before.session.to_string())
        .bind(i64::from(before.generation))
        .bind(i64::from(before.repeated))
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        if done != 1 {
            return Ok(false);
        }
        match rotation.ended() {
            Some(reason) => self.expire_session(before.session, reason, now).await,
            None => Ok(true),
        }
    }

    /// Ends one of a person's sessions; whether it was live.
    pub async fn end_session(
        &mut self,
        tenant: &Tenant,
        id: SessionId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(tenant).await?;
        let done = sql("UPDATE sessions SET ended_us = $1, end_reason = $2
             WHERE session_id = $3 AND account_id = $4 AND ended_us IS NULL")
        .bind(now.as_microsecond())
        .bind(reason.as_str())
        .bind(id.to_string())
        .bind(tenant.account().to_string())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        self.tell(Change::Session(id));
        Ok(done == 1)
    }

    /// Ends a session by a rule and nobody's wish (idle, absolute, reuse); whether it was live.
    pub async fn expire_session(
        &mut self,
        id: SessionId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (connection, place) = self.parts(Scope::House).await?;
        let done = sql("UPDATE sessions SET ended_us = $1, end_reason = $2
             WHERE session_id = $3 AND ended_us IS NULL")
        .bind(now.as_microsecond())
        .bind(reason.as_str())
        .bind(id.to_string())
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        self.tell(Change::Session(id));
        Ok(done == 1)
    }

    /// Ends everybody's live sessions that an act reaches; how many.
    pub async fn end_everybodys_sessions(
        &mut self,
        end: &EndOfAll,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let spared = match end.reach() {
            Reach::Everyone => "nobody",
            Reach::AllButOwners => Role::Owner.as_str(),
        };
        let (connection, place) = self.parts(Scope::House).await?;
        let done = sql("UPDATE sessions SET ended_us = $1, end_reason = $2
             WHERE ended_us IS NULL AND session_id <> $3 AND account_id NOT IN
                 (SELECT account_id FROM accounts WHERE role = $4)")
        .bind(now.as_microsecond())
        .bind(EndReason::Remote.as_str())
        .bind(end.kept().map(|id| id.to_string()).unwrap_or_default())
        .bind(spared)
        .execute(connection)
        .await
        .map_err(|error| place.fault(error))?;
        self.tell(Change::Everything);
        Ok(done)
    }

    /// Ends all sessions of an account that is shut out.
    pub(crate) async fn end_all_sessions(
        &mut self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, Error> {
        let (connection, place) = self.parts(Scope::House).await?;
        let rows = sql("UPDATE sessions SET ended_us = $1, end_reason = $2
             WHERE account_id = $3 AND ended_us IS NULL RETURNING session_id")
        .bind(now.as_microsecond())
        .bind(EndReason::Disabled.as_str())
        .bind(account.to_string())
        .fetch_all(connection)
        .await
        .map_err(|error| place.fault(error))?;
        rows.iter().map(|row| parsed(row, "session_id", place)).collect()
    }
}

impl Store {
    /// A session by its name, for the registry and for a refresh token that was read: ended ones
    /// too, so that the answer can say so.
    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, Error> {
        let text = format!("{COLUMNS} WHERE s.session_id = $1");
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(id.to_string())
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| session(&row, self.place())).transpose()
    }

    /// A person's live sessions, the last used first; at most `limit`.
    pub async fn sessions(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionRow>, Error> {
        let text = format!(
            "{COLUMNS} WHERE s.account_id = $1 AND s.ended_us IS NULL AND s.expires_us > $2
             ORDER BY f.used_us DESC, s.session_id DESC LIMIT $3"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(tenant.account().to_string())
            .bind(now.as_microsecond())
            .bind(i64::from(limit))
            .fetch_all(&mut self.reading(tenant).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| session(row, self.place())).collect()
    }
}

/// The columns of [`COLUMNS`].
pub(crate) fn session(row: &Row, place: &Place) -> Result<SessionRow, Error> {
    let fault = |error| place.fault(error);
    let id: SessionId = parsed(row, "session_id", place)?;
    let factor: String = row.try_get("factor").map_err(fault)?;
    let reason: Option<String> = row.try_get("end_reason").map_err(fault)?;
    let ended = match reason {
        Some(name) => Some(
            EndReason::from_name(&name).ok_or_else(|| place.damaged("sessions", id, "its end"))?,
        ),
        None => None,
    };
    let state = state(row, place)?;
    let session = Session {
        id,
        account: state.account,
        device: parsed(row, "device_id", place)?,
        factor: FactorKind::from_name(&factor)
            .ok_or_else(|| place.damaged("sessions", id, "its factor"))?,
        authenticated: time(row, "authenticated_us", place)?,
        opened: time(row, "opened_us", place)?,
        expires: time(row, "expires_us", place)?,
        ended,
    };
    let client = SealedClient(row.try_get("client").map_err(fault)?);
    Ok(SessionRow { session, state, family: family(row, id, place)?, client })
}

fn family(row: &Row, session: SessionId, place: &Place) -> Result<Family, Error> {
    let fault = |error| place.fault(error);
    let damaged = |problem: String| place.damaged("refresh_families", session, problem);
    let generation: i64 = row.try_get("generation").map_err(fault)?;
    let repeated: i64 = row.try_get("repeated").map_err(fault)?;
    let hash: Vec<u8> = row.try_get("token_hash").map_err(fault)?;
    Ok(Family {
        session,
        generation: u32::try_from(generation).map_err(|error| damaged(error.to_string()))?,
        hash: TokenHash::from_bytes(&hash).map_err(|error| damaged(error.to_string()))?,
        repeated: repeated == 1,
        used: time(row, "used_us", place)?,
    })
}

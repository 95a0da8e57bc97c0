//! Licences that this server issued: what each grants, how it stands, and its revocation's number. Who has their
//! seats is in `seats.rs`.

use crate::{
    Act, Error, Place, Store,
    scope::Scope,
    sql::{Row, Statement, sql},
    strategies::time,
};
use jiff::Timestamp;

/// Licences that are kept; more are not issued.
pub const LICENCES_MAX: u32 = 10_000;
/// Licences of one page.
pub const LICENCE_PAGE: u32 = 100;

/// How a licence stands by its issuer's will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenceState {
    /// It is good.
    Issued,
    /// Nobody gets a lease by it until it is resumed.
    Suspended,
    /// It was taken back for good.
    Revoked,
}

impl LicenceState {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }

    /// Of its word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [Self::Issued, Self::Suspended, Self::Revoked].into_iter().find(|one| one.as_str() == word)
    }
}

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceRow {
    /// Its id.
    pub id: String,
    /// What was bought.
    pub edition: String,
    /// What may be used, by name, with commas.
    pub entitlements: String,
    /// How many instances may run.
    pub instances: u32,
    /// `trial` or `paid`.
    pub term: String,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it begins.
    pub not_before: Timestamp,
    /// When what was paid for ends.
    pub paid_until: Timestamp,
    /// No grace reaches beyond this.
    pub hard_until: Timestamp,
    /// Hours of grace.
    pub grace_hours: u32,
    /// The version of the rules that it was issued under.
    pub policy: u32,
    /// Whose it is, sealed.
    pub note: Vec<u8>,
    /// How it stands.
    pub state: LicenceState,
    /// Since when.
    pub changed: Timestamp,
    /// Of a revoked one the number of its revocation.
    pub epoch: u64,
    /// Seats that are taken.
    pub taken: u32,
}

const COLUMNS: &str =
    "SELECT licence_id, edition, entitlements, instances, term, issued_us, not_before_us,
     paid_until_us, hard_until_us, grace_hours, policy, note, state, changed_us, epoch,
     (SELECT COUNT(*) FROM licence_instances i
      WHERE i.licence_id = l.licence_id AND i.released_us IS NULL) AS taken FROM licences l";

impl Store {
    /// A page of licences, the newest first: those that were issued before this time, or at it and have a lower id.
    pub async fn licences(
        &self,
        after: Option<(Timestamp, &str)>,
    ) -> Result<Vec<LicenceRow>, Error> {
        let text = format!(
            "{COLUMNS} WHERE issued_us < $1 OR (issued_us = $1 AND licence_id < $2)
             ORDER BY issued_us DESC, licence_id DESC LIMIT $3"
        );
        let (before, id) = after.map_or((i64::MAX, ""), |(at, id)| (at.as_microsecond(), id));
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(before)
            .bind(id)
            .bind(i64::from(LICENCE_PAGE))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| licence(row, self.place())).collect()
    }

    /// A licence by its id.
    pub async fn licence(&self, id: &str) -> Result<Option<LicenceRow>, Error> {
        let row = by_id(id)
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| licence(&row, self.place())).transpose()
    }
}

impl Act {
    /// A licence by its id, as this act finds it.
    pub async fn licence(&mut self, id: &str) -> Result<Option<LicenceRow>, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let row = by_id(id).fetch_optional(link).await.map_err(|error| place.fault(error))?;
        row.map(|row| licence(&row, place)).transpose()
    }

    /// The number of the last revocation, and 0 before the first: none comes before this act ends.
    pub async fn revocations(&mut self) -> Result<u64, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        let row = sql("SELECT COALESCE(MAX(epoch), 0) FROM licences").fetch_one(link).await;
        let number: i64 = row.map_err(fault)?.try_get(0).map_err(fault)?;
        u64::try_from(number).map_err(|_| place.damaged("licences", "epoch", "a number below zero"))
    }

    /// Keeps a new licence; `false` if there is one of this id, or as many as there may be. Its state is issued, and
    /// no seat of it is taken, whatever the row says.
    pub async fn keep_licence(&mut self, new: &LicenceRow) -> Result<bool, Error> {
        let micros = |time: Timestamp| time.as_microsecond();
        let row = sql("INSERT INTO licences (licence_id, edition, entitlements, instances, term,
             issued_us, not_before_us, paid_until_us, hard_until_us, grace_hours, policy, note,
             state, changed_us, epoch)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'issued', $6,
                 (SELECT COALESCE(MAX(epoch), 0) FROM licences)
             WHERE (SELECT COUNT(*) FROM licences) < $13
             ON CONFLICT (licence_id) DO NOTHING")
        .bind(&new.id)
        .bind(&new.edition)
        .bind(&new.entitlements)
        .bind(i64::from(new.instances))
        .bind(&new.term)
        .bind(micros(new.issued))
        .bind(micros(new.not_before))
        .bind(micros(new.paid_until))
        .bind(micros(new.hard_until))
        .bind(i64::from(new.grace_hours))
        .bind(i64::from(new.policy))
        .bind(&new.note)
        .bind(i64::from(LICENCES_MAX));
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Suspends or resumes a licence, if it stands as it must before that; whether it does.
    pub async fn turn_licence(
        &mut self,
        id: &str,
        (from, to): (LicenceState, LicenceState),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let row = sql("UPDATE licences SET state = $1, changed_us = $2
             WHERE licence_id = $3 AND state = $4")
        .bind(to.as_str())
        .bind(now.as_microsecond())
        .bind(id)
        .bind(from.as_str());
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Revokes a licence that is not yet; the number of the revocation, which only rises.
    pub async fn revoke_licence(&mut self, id: &str, now: Timestamp) -> Result<Option<u64>, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        let row = sql("UPDATE licences SET state = 'revoked', changed_us = $1,
             epoch = (SELECT MAX(epoch) FROM licences) + 1
             WHERE licence_id = $2 AND state <> 'revoked' RETURNING epoch")
        .bind(now.as_microsecond())
        .bind(id)
        .fetch_optional(link)
        .await
        .map_err(fault)?;
        let number: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(fault)?;
        let damaged = |_| place.damaged("licences", id, "its epoch is none");
        number.map(|number| u64::try_from(number).map_err(damaged)).transpose()
    }
}

fn by_id(id: &str) -> Statement {
    let text = format!("{COLUMNS} WHERE licence_id = $1");
    sql(sqlx::AssertSqlSafe(text)).bind(id)
}

fn licence(row: &Row, place: &Place) -> Result<LicenceRow, Error> {
    let fault = |error| place.fault(error);
    let text = |column: &str| -> Result<String, Error> { row.try_get(column).map_err(fault) };
    let id = text("licence_id")?;
    let number = |column: &str| -> Result<u64, Error> {
        let number: i64 = row.try_get(column).map_err(fault)?;
        u64::try_from(number)
            .map_err(|_| place.damaged("licences", &id, format!("its {column} is none")))
    };
    let small = |column: &str| -> Result<u32, Error> {
        let damaged = |_| place.damaged("licences", &id, format!("its {column} is none"));
        u32::try_from(number(column)?).map_err(damaged)
    };
    let state = LicenceState::named(&text("state")?);
    Ok(LicenceRow {
        edition: text("edition")?,
        entitlements: text("entitlements")?,
        instances: small("instances")?,
        term: text("term")?,
        issued: time(row, "issued_us", place)?,
        not_before: time(row, "not_before_us", place)?,
        paid_until: time(row, "paid_until_us", place)?,
        hard_until: time(row, "hard_until_us", place)?,
        grace_hours: small("grace_hours")?,
        policy: small("policy")?,
        note: row.try_get("note").map_err(fault)?,
        state: state.ok_or_else(|| place.damaged("licences", &id, "its state is none"))?,
        changed: time(row, "changed_us", place)?,
        epoch: number("epoch")?,
        taken: small("taken")?,
        id,
    })
}

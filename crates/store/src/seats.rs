//! The seats of licences: who has one, what each instance said last, and which questions were answered lately.

use crate::{
    Act, Error, LicenceRow, LicenceState, Place, Store,
    scope::Scope,
    sql::{Row, Statement, sql},
    strategies::{optional_time, time},
};
use audit::Entry;
use jiff::Timestamp;

/// Instances that ever had a seat of one licence.
const INSTANCES_EVER_MAX: i64 = 10_000;
/// Questions of one instance that are remembered at a time; it may ask no more until they are forgotten.
const QUESTIONS_MAX: i64 = 100;

/// An instance that has a seat of a licence, or had one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Its id.
    pub id: String,
    /// Of which licence.
    pub licence: String,
    /// The key that it signs with.
    pub key: [u8; 32],
    /// The version that it ran when it last asked.
    pub version: String,
    /// How often it had been started by then.
    pub boots: u32,
    /// When it took the seat.
    pub activated: Timestamp,
    /// When it last asked.
    pub seen: Timestamp,
    /// When the seat was given back, if it was.
    pub released: Option<Timestamp>,
    /// When the log last told of a check.
    pub told: Option<Timestamp>,
    /// When the log last told that its counter of starts went back.
    pub told_back: Option<Timestamp>,
}

/// What an instance asked, and signed.
#[derive(Debug, Clone, Copy)]
pub struct InstanceWord<'a> {
    /// Of which licence.
    pub licence: &'a str,
    /// Its id; where it has none yet, the one that it gets.
    pub instance: &'a str,
    /// The version that it runs.
    pub version: &'a str,
    /// How often it was started.
    pub boots: u32,
    /// Its question, which is answered once.
    pub challenge: &'a [u8; 32],
    /// When the question is too old to be asked again, and is forgotten.
    pub until: Timestamp,
}

/// What is written of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// The entry, where one is due.
    pub entry: Option<Entry>,
    /// When the log last told of a check.
    pub told: Option<Timestamp>,
    /// When it last told that the counter went back.
    pub told_back: Option<Timestamp>,
}

/// A seat, as the act found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The instance that has it.
    pub instance: String,
    /// The number of the last revocation at that moment.
    pub revocations: u64,
}

/// What became of a request for a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seating {
    /// The instance took a seat, and the log holds it.
    Taken(Seat),
    /// It had one already; that it asked is told as a check is.
    Kept(Seat),
    /// No seat is free, or the licence gives none any more.
    Full,
    /// The question was answered before.
    Again,
    /// It asks too often.
    TooMany,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// It is noted.
    Heard {
        /// The number of the last revocation at that moment.
        revocations: u64,
    },
    /// The instance has no seat any more, and its licence was not revoked.
    Gone,
    /// The question was answered before.
    Again,
    /// It asks too often.
    TooMany,
}

/// Whether a question is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Novelty {
    New,
    Again,
    TooMany,
}

const COLUMNS: &str =
    "SELECT instance_id, licence_id, public_key, version, boots, activated_us, seen_us,
     released_us, told_us, told_back_us FROM licence_instances";

impl Store {
    /// The instances of a licence: those with a seat first, the one that asked last at the front; 2,000 at most.
    pub async fn licence_instances(&self, licence: &str) -> Result<Vec<InstanceRow>, Error> {
        let text = format!(
            "{COLUMNS} WHERE licence_id = $1 ORDER BY CASE WHEN released_us IS NULL THEN 0 ELSE 1 END,
             seen_us DESC, instance_id LIMIT 2000"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(licence)
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| instance(row, self.place())).collect()
    }

    /// An instance of a licence.
    pub async fn licence_instance(
        &self,
        (licence, id): (&str, &str),
    ) -> Result<Option<InstanceRow>, Error> {
        let row = by_id(licence, id)
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| instance(&row, self.place())).transpose()
    }

    /// Gives an instance a seat, which is an act with its entry. The same key has one seat however often it asks:
    /// who has one asks as in a check, and the log is told where `tell` finds an entry due.
    pub async fn seat_instance(
        &self,
        (heard, key): (&InstanceWord<'_>, &[u8; 32]),
        entry: impl FnOnce(&str) -> Entry + Send,
        tell: impl FnOnce(&LicenceRow, &InstanceRow) -> Telling + Send,
        now: Timestamp,
    ) -> Result<Seating, Error> {
        let mut act = self.begin().await?;
        let licence = act.licence(heard.licence).await?;
        let Some(licence) = licence.filter(|one| gives_seats(one, now)) else {
            return Ok(Seating::Full);
        };
        let before = act.instance_of_key(heard.licence, key).await?;
        let before = before.filter(|one| one.released.is_none());
        let taken = match &before {
            Some(one) => Some(one.id.clone()),
            None => act.take_seat(heard, key, now).await?,
        };
        let Some(instance) = taken else { return Ok(Seating::Full) };
        let asked = InstanceWord { instance: &instance, ..*heard };
        match act.note_question(&asked, now).await? {
            Novelty::New => {}
            Novelty::Again => return Ok(Seating::Again),
            Novelty::TooMany => return Ok(Seating::TooMany),
        }
        let revocations = act.revocations().await?;
        if let Some(before) = before {
            act.keep_word(&asked, tell(&licence, &before), now).await?;
            return Ok(Seating::Kept(Seat { instance, revocations }));
        }
        act.commit(entry(&instance), now).await?;
        Ok(Seating::Taken(Seat { instance, revocations }))
    }

    /// Notes what an instance asked that has a seat, and tells the log of it where an entry is due: `tell` judges by
    /// what was known of licence and instance before. Of a revoked licence whoever gave the seat back is heard too:
    /// the revocation is what they are to hear.
    pub async fn hear_instance(
        &self,
        heard: &InstanceWord<'_>,
        tell: impl FnOnce(&LicenceRow, &InstanceRow) -> Telling + Send,
        now: Timestamp,
    ) -> Result<Hearing, Error> {
        let mut act = self.begin().await?;
        let Some(licence) = act.licence(heard.licence).await? else { return Ok(Hearing::Gone) };
        let before = act.licence_instance(heard).await?;
        let is_revoked = licence.state == LicenceState::Revoked;
        let Some(before) = before.filter(|one| is_revoked || one.released.is_none()) else {
            return Ok(Hearing::Gone);
        };
        match act.note_question(heard, now).await? {
            Novelty::New => {}
            Novelty::Again => return Ok(Hearing::Again),
            Novelty::TooMany => return Ok(Hearing::TooMany),
        }
        let revocations = act.revocations().await?;
        act.keep_word(heard, tell(&licence, &before), now).await?;
        Ok(Hearing::Heard { revocations })
    }
}

impl Act {
    async fn licence_instance(
        &mut self,
        heard: &InstanceWord<'_>,
    ) -> Result<Option<InstanceRow>, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let row = by_id(heard.licence, heard.instance).fetch_optional(link).await;
        let row = row.map_err(|error| place.fault(error))?;
        row.map(|row| instance(&row, place)).transpose()
    }

    /// The instance with this key, whether or not it has its seat still.
    async fn instance_of_key(
        &mut self,
        licence: &str,
        key: &[u8; 32],
    ) -> Result<Option<InstanceRow>, Error> {
        let text = format!("{COLUMNS} WHERE licence_id = $1 AND public_key = $2");
        let row = sql(sqlx::AssertSqlSafe(text)).bind(licence).bind(key.as_slice());
        let (link, place) = self.parts(Scope::House).await?;
        let row = row.fetch_optional(link).await.map_err(|error| place.fault(error))?;
        row.map(|row| instance(&row, place)).transpose()
    }

    /// Keeps what an instance said last, with the entry where one is due.
    async fn keep_word(
        mut self,
        heard: &InstanceWord<'_>,
        telling: Telling,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Telling { entry, told, told_back } = telling;
        let row = sql("UPDATE licence_instances SET version = $1, boots = $2, seen_us = $3,
             told_us = $4, told_back_us = $5 WHERE instance_id = $6")
        .bind(heard.version)
        .bind(i64::from(heard.boots))
        .bind(now.as_microsecond())
        .bind(told.map(Timestamp::as_microsecond))
        .bind(told_back.map(Timestamp::as_microsecond))
        .bind(heard.instance);
        self.run(Scope::House, row).await?;
        match entry {
            Some(entry) => self.commit(entry, now).await.map(drop),
            None => self.keep_unlogged().await,
        }
    }

    /// A free seat of a licence that is good. Who gave one back and takes one again keeps its id.
    async fn take_seat(
        &mut self,
        heard: &InstanceWord<'_>,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        let row = sql("INSERT INTO licence_instances
             (instance_id, licence_id, public_key, version, boots, activated_us, seen_us)
             SELECT $1, $2, $3, $4, $5, $6, $6
             WHERE (SELECT COUNT(*) FROM licence_instances
                    WHERE licence_id = $2 AND released_us IS NULL) <
                   (SELECT instances FROM licences
                    WHERE licence_id = $2 AND state = 'issued' AND paid_until_us > $6)
               AND (SELECT COUNT(*) FROM licence_instances WHERE licence_id = $2) < $7
             ON CONFLICT (licence_id, public_key) DO UPDATE SET version = excluded.version,
                 boots = excluded.boots, activated_us = excluded.activated_us,
                 seen_us = excluded.seen_us, released_us = NULL
             RETURNING instance_id")
        .bind(heard.instance)
        .bind(heard.licence)
        .bind(key.as_slice())
        .bind(heard.version)
        .bind(i64::from(heard.boots))
        .bind(now.as_microsecond())
        .bind(INSTANCES_EVER_MAX);
        let (link, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        let row = row.fetch_optional(link).await.map_err(fault)?;
        row.map(|row| row.try_get(0)).transpose().map_err(fault)
    }

    /// Remembers a question until it is too old to be asked again.
    async fn note_question(
        &mut self,
        heard: &InstanceWord<'_>,
        now: Timestamp,
    ) -> Result<Novelty, Error> {
        let old =
            sql("DELETE FROM licence_questions WHERE until_us <= $1").bind(now.as_microsecond());
        self.run(Scope::House, old).await?;
        let row =
            sql("SELECT COUNT(*), COALESCE(SUM(CASE WHEN challenge = $2 THEN 1 ELSE 0 END), 0)
             FROM licence_questions WHERE instance_id = $1")
            .bind(heard.instance)
            .bind(heard.challenge.as_slice());
        let (link, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        let row = row.fetch_one(link).await.map_err(fault)?;
        let (asked, same): (i64, i64) =
            (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
        if same > 0 {
            return Ok(Novelty::Again);
        }
        if asked >= QUESTIONS_MAX {
            return Ok(Novelty::TooMany);
        }
        let row = sql("INSERT INTO licence_questions (instance_id, challenge, until_us)
             VALUES ($1, $2, $3)")
        .bind(heard.instance)
        .bind(heard.challenge.as_slice())
        .bind(heard.until.as_microsecond());
        self.run(Scope::House, row).await?;
        Ok(Novelty::New)
    }

    /// Gives the seat of an instance back; whether it had one.
    pub async fn release_instance(
        &mut self,
        (licence, id): (&str, &str),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let row = sql("UPDATE licence_instances SET released_us = $1
             WHERE licence_id = $2 AND instance_id = $3 AND released_us IS NULL")
        .bind(now.as_microsecond())
        .bind(licence)
        .bind(id);
        Ok(self.run(Scope::House, row).await? == 1)
    }
}

/// Whether seats of a licence are given at this time.
fn gives_seats(licence: &LicenceRow, now: Timestamp) -> bool {
    licence.state == LicenceState::Issued && licence.paid_until > now
}

fn by_id(licence: &str, id: &str) -> Statement {
    let text = format!("{COLUMNS} WHERE licence_id = $1 AND instance_id = $2");
    sql(sqlx::AssertSqlSafe(text)).bind(licence).bind(id)
}

fn instance(row: &Row, place: &Place) -> Result<InstanceRow, Error> {
    let fault = |error| place.fault(error);
    let text = |column: &str| -> Result<String, Error> { row.try_get(column).map_err(fault) };
    let id = text("instance_id")?;
    let damaged = |why: &str| place.damaged("licence_instances", &id, why);
    let key: Vec<u8> = row.try_get("public_key").map_err(fault)?;
    let boots: i64 = row.try_get("boots").map_err(fault)?;
    Ok(InstanceRow {
        licence: text("licence_id")?,
        key: key.try_into().map_err(|_| damaged("its key is none"))?,
        version: text("version")?,
        boots: u32::try_from(boots).map_err(|_| damaged("its starts are none"))?,
        activated: time(row, "activated_us", place)?,
        seen: time(row, "seen_us", place)?,
        released: optional_time(row, "released_us", place)?,
        told: optional_time(row, "told_us", place)?,
        told_back: optional_time(row, "told_back_us", place)?,
        id,
    })
}

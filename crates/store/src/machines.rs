//! The installation's machines: who belongs, which tokens are out, what each last said, and the sealed key of
//! their authority.

use crate::{
    Act, Error, Store,
    error::Place,
    scope::Scope,
    sql::{Row, sql},
    strategies::{optional_time, time},
};
use identity::AccountId;
use jiff::Timestamp;

/// Machines that ever belonged, and tokens that are out.
pub const MACHINES_MAX: u32 = 1000;

/// A machine, as it stands and as it last spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRow {
    /// `ROLE/NAME`.
    pub machine: String,
    /// The epoch that its certificates must be of; 0 before the first.
    pub epoch: u32,
    /// Whether it belongs.
    pub is_in: bool,
    /// Whose it is; `None` for what was let in on the host.
    pub keeper: Option<AccountId>,
    /// When it was added first.
    pub added: Timestamp,
    /// Until when a token for it can be used, if one is out.
    pub token_ends: Option<Timestamp>,
    /// When the certificate runs out that was issued last.
    pub certificate_ends: Option<Timestamp>,
    /// When it last spoke, by this server's clock.
    pub seen: Option<Timestamp>,
    /// What it said then.
    pub said: Option<MachineWord>,
    /// Its key as a witness of the log.
    pub witness: Option<String>,
}

/// What a machine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineWord {
    /// The version that it runs.
    pub version: String,
    /// `live` or `paper`.
    pub world: String,
    /// In one word.
    pub state: String,
    /// When its loop last went round, by its own clock.
    pub ticked: Option<Timestamp>,
}

const COLUMNS: &str =
    "SELECT machine, epoch, is_in, keeper, added_us, token_ends_us, certificate_ends_us, seen_us,
     version, world, state, ticked_us, witness FROM machines";

/// Whether a machine's keeper may come in still.
const IS_KEPT: &str = "(machines.keeper IS NULL OR EXISTS (SELECT 1 FROM accounts a
     WHERE a.account_id = machines.keeper AND a.standing = 'active' AND a.erased_us IS NULL))";

impl Store {
    /// Every machine, by its name.
    pub async fn machines(&self) -> Result<Vec<MachineRow>, Error> {
        let text = format!("{COLUMNS} ORDER BY machine");
        let rows = sql(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| self.machine(row)).collect()
    }

    fn machine(&self, row: &Row) -> Result<MachineRow, Error> {
        let (place, fault) = (self.place(), |error| self.place().fault(error));
        let machine: String = row.try_get("machine").map_err(fault)?;
        let (epoch, is_in): (i64, i64) =
            (row.try_get("epoch").map_err(fault)?, row.try_get("is_in").map_err(fault)?);
        let epoch = u32::try_from(epoch)
            .map_err(|_| place.damaged("machines", &machine, "its epoch is none"))?;
        let texts = ["version", "world", "state"].map(|column| row.try_get(column).map_err(fault));
        let [version, world, state]: [Result<Option<String>, Error>; 3] = texts;
        let ticked = optional_time(row, "ticked_us", place)?;
        let said = match (version?, world?, state?) {
            (Some(version), Some(world), Some(state)) => {
                Some(MachineWord { version, world, state, ticked })
            }
            _ => None,
        };
        Ok(MachineRow {
            epoch,
            is_in: is_in == 1,
            keeper: keeper(row, place)?,
            added: time(row, "added_us", place)?,
            token_ends: optional_time(row, "token_ends_us", place)?,
            certificate_ends: optional_time(row, "certificate_ends_us", place)?,
            seen: optional_time(row, "seen_us", place)?,
            said,
            witness: row.try_get("witness").map_err(fault)?,
            machine,
        })
    }

    /// The machines that belong, each with its epoch: none whose keeper is disabled or gone.
    pub async fn machine_roll(&self) -> Result<Vec<(String, u32)>, Error> {
        let fault = |error| self.place().fault(error);
        let text = format!(
            "SELECT machine, epoch FROM machines WHERE is_in = 1 AND {IS_KEPT} ORDER BY machine"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(fault)?;
        let line = |row: &Row| {
            let (machine, epoch): (String, i64) =
                (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
            let damaged = |_| self.place().damaged("machines", &machine, "its epoch is none");
            Ok((machine.clone(), u32::try_from(epoch).map_err(damaged)?))
        };
        rows.iter().map(line).collect()
    }

    /// The machines whose keeper is disabled or gone, and that were not put out yet.
    pub async fn machines_left(&self) -> Result<Vec<String>, Error> {
        let fault = |error| self.place().fault(error);
        let text = format!(
            "SELECT machine FROM machines WHERE is_in = 1 AND NOT {IS_KEPT} ORDER BY machine"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(fault)?;
        rows.iter().map(|row| row.try_get(0).map_err(fault)).collect()
    }

    /// The sealed key of the authority, if there is one.
    pub async fn machine_authority(&self) -> Result<Option<Vec<u8>>, Error> {
        let fault = |error| self.place().fault(error);
        let row = sql("SELECT sealed_key FROM machine_authority WHERE id = 1")
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(fault)?;
        row.map(|row| row.try_get(0)).transpose().map_err(fault)
    }

    /// Notes what a machine says of itself, if it belongs with this epoch and its keeper may come in still; whether
    /// it does. It is no act and makes no leaf.
    pub async fn note_machine(
        &self,
        (machine, epoch): (&str, u32),
        word: &MachineWord,
        witness: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut act = self.begin().await?;
        let text = format!(
            "UPDATE machines SET seen_us = $1, version = $2, world = $3, state = $4,
             ticked_us = $5, witness = COALESCE($6, witness)
             WHERE machine = $7 AND epoch = $8 AND is_in = 1 AND {IS_KEPT}"
        );
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(now.as_microsecond())
            .bind(&word.version)
            .bind(&word.world)
            .bind(&word.state)
            .bind(word.ticked.map(Timestamp::as_microsecond))
            .bind(witness.map(str::to_owned))
            .bind(machine)
            .bind(i64::from(epoch));
        let kept = act.run(Scope::House, row).await? == 1;
        act.keep_unlogged().await?;
        Ok(kept)
    }
}

impl Act {
    /// Keeps the sealed key of a new authority; `false` if there is one already.
    pub async fn keep_machine_authority(&mut self, sealed: &[u8]) -> Result<bool, Error> {
        let row = sql("INSERT INTO machine_authority (id, sealed_key) VALUES (1, $1)
             ON CONFLICT (id) DO NOTHING")
        .bind(sealed);
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Keeps the hash of a token by which a machine comes in, in place of one that is out for it; `false` if
    /// there are as many machines as there may be. Until it is used nothing else changes; then the machine is
    /// `keeper`'s.
    pub async fn invite_machine(
        &mut self,
        (machine, keeper): (&str, Option<AccountId>),
        hash: &[u8; 32],
        (now, ends): (Timestamp, Timestamp),
    ) -> Result<bool, Error> {
        let row = sql("INSERT INTO machines AS m
                 (machine, epoch, is_in, added_us, token_hash, token_ends_us, token_keeper)
             SELECT $1, 0, 0, $2, $3, $4, $6
             WHERE (SELECT COUNT(*) FROM machines WHERE machine <> $1) < $5
             ON CONFLICT (machine) DO UPDATE
             SET token_hash = $3, token_ends_us = $4, token_keeper = $6")
        .bind(machine)
        .bind(now.as_microsecond())
        .bind(hash.as_slice())
        .bind(ends.as_microsecond())
        .bind(i64::from(MACHINES_MAX))
        .bind(keeper.map(|keeper| keeper.to_string()));
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Uses a token up: who it was for, and the epoch that begins. Certificates of the epochs before are
    /// refused from then on. A token of somebody who is disabled or gone lets nothing in.
    pub async fn redeem_machine(
        &mut self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(String, u32)>, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        let row = sql("UPDATE machines SET epoch = epoch + 1, is_in = 1, token_hash = NULL,
             token_ends_us = NULL, witness = NULL, keeper = token_keeper, token_keeper = NULL
             WHERE token_hash = $1 AND token_ends_us > $2 AND (token_keeper IS NULL OR EXISTS
                 (SELECT 1 FROM accounts a WHERE a.account_id = machines.token_keeper
                  AND a.standing = 'active' AND a.erased_us IS NULL))
             RETURNING machine, epoch")
        .bind(hash.as_slice())
        .bind(now.as_microsecond())
        .fetch_optional(link)
        .await
        .map_err(fault)?;
        let Some(row) = row else { return Ok(None) };
        let (machine, epoch): (String, i64) =
            (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
        let epoch = u32::try_from(epoch)
            .map_err(|_| place.damaged("machines", &machine, "its epoch is none"))?;
        Ok(Some((machine, epoch)))
    }

    /// Notes when the certificate runs out that a machine is given, if it belongs with this epoch; whether it
    /// does.
    pub async fn certify_machine(
        &mut self,
        (machine, epoch): (&str, u32),
        ends: Timestamp,
    ) -> Result<bool, Error> {
        let text = format!(
            "UPDATE machines SET certificate_ends_us = $1
             WHERE machine = $2 AND epoch = $3 AND is_in = 1 AND {IS_KEPT}"
        );
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(ends.as_microsecond())
            .bind(machine)
            .bind(i64::from(epoch));
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Puts a machine out, and takes back a token that is out for it; whether there was anything to end.
    pub async fn put_machine_out(&mut self, machine: &str) -> Result<bool, Error> {
        let row = sql("UPDATE machines SET epoch = epoch + 1, is_in = 0, token_hash = NULL,
             token_ends_us = NULL, token_keeper = NULL, certificate_ends_us = NULL
             WHERE machine = $1 AND (is_in = 1 OR token_hash IS NOT NULL)")
        .bind(machine);
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Puts a machine out whose keeper is disabled or gone; whether it was in, and still is theirs. A token that is
    /// out for it may be another keeper's, and stays.
    pub async fn put_left_machine_out(&mut self, machine: &str) -> Result<bool, Error> {
        let text = format!(
            "UPDATE machines SET epoch = epoch + 1, is_in = 0, certificate_ends_us = NULL
             WHERE machine = $1 AND is_in = 1 AND NOT {IS_KEPT}"
        );
        let row = sql(sqlx::AssertSqlSafe(text)).bind(machine);
        Ok(self.run(Scope::House, row).await? == 1)
    }

    /// Takes back every token that somebody made and that was not used yet.
    pub(crate) async fn void_machine_tokens(&mut self, keeper: AccountId) -> Result<(), Error> {
        let row = sql("UPDATE machines SET token_hash = NULL, token_ends_us = NULL,
             token_keeper = NULL WHERE token_keeper = $1")
        .bind(keeper.to_string());
        self.run(Scope::House, row).await.map(drop)
    }
}

/// The account in the column `keeper`.
fn keeper(row: &Row, place: &Place) -> Result<Option<AccountId>, Error> {
    let text: Option<String> = row.try_get("keeper").map_err(|error| place.fault(error))?;
    let wrong = |error| place.damaged("machines", "keeper", error);
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

//! Proposals of acts that need two persons; every step is a compare-and-set of their state.

use crate::{
    Act, Error, Store,
    accounts::parsed,
    deed::{Overtaken, Stop, council, council_rows, one},
    error::Place,
    scope::Scope,
    sql::{Row, Statement, sql},
    strategies::{optional_time, time},
};
use identity::{AccountId, Council, HighAct, Proposal, ProposalState, Resolution};
use jiff::Timestamp;
use uuid::Uuid;

/// The most proposals on one list.
const PROPOSALS_MAX: i64 = 500;

const COLUMNS: &str = "SELECT proposal_id, act, target, role, days, digest, proposed_by,
     proposed_us, not_before_us, expires_us, state, approved_by FROM proposals";

impl Act {
    /// Stores a step, if the proposal still is in the state that was judged.
    pub(crate) async fn write_step(
        &mut self,
        step: &Resolution,
        now: Timestamp,
    ) -> Result<(), Stop> {
        let statement = match step.before {
            None => new_row(&step.proposal),
            Some(before) => moved(before, &step.proposal, now),
        };
        one(self.run(Scope::House, statement).await?, Overtaken::Proposal)
    }
}

impl Store {
    /// Those who decide about others.
    pub async fn council(&self) -> Result<Council, Error> {
        let mut link = self.reading(Scope::House).await?;
        let rows = council_rows().fetch_all(&mut link).await;
        council(&rows.map_err(|error| self.place().fault(error))?, self.place())
    }

    /// A proposal.
    pub async fn proposal(&self, id: Uuid) -> Result<Option<Proposal>, Error> {
        let text = format!("{COLUMNS} WHERE proposal_id = $1");
        let row = sql(sqlx::AssertSqlSafe(text))
            .bind(id.to_string())
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| proposal(&row, self.place())).transpose()
    }

    /// The proposals that can be decided or carried out, or are to expire: the next to end first.
    pub async fn open_proposals(&self) -> Result<Vec<Proposal>, Error> {
        let text = format!(
            "{COLUMNS} WHERE state IN ('open', 'approved') ORDER BY expires_us, proposal_id LIMIT $1"
        );
        let rows = sql(sqlx::AssertSqlSafe(text))
            .bind(PROPOSALS_MAX)
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| proposal(row, self.place())).collect()
    }
}

fn new_row(proposal: &Proposal) -> Statement {
    let (act, role, days, digest) = match &proposal.act {
        HighAct::SetRole { role, .. } => ("set-role", Some(role.as_str().to_owned()), None, None),
        HighAct::Disable { .. } => ("disable", None, None, None),
        HighAct::BulkExport => ("bulk-export", None, None, None),
        HighAct::Retention { days } => ("retention", None, Some(i64::from(*days)), None),
        HighAct::RootKey { digest } => ("root-key", None, None, Some(digest.as_slice())),
    };
    sql("INSERT INTO proposals (proposal_id, act, target, role, days, digest, proposed_by,
             proposed_us, not_before_us, expires_us, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open') ON CONFLICT DO NOTHING")
    .bind(proposal.id.to_string())
    .bind(act)
    .bind(proposal.act.target().map(|target| target.to_string()))
    .bind(role)
    .bind(days)
    .bind(digest)
    .bind(proposal.by.to_string())
    .bind(proposal.at.as_microsecond())
    .bind(proposal.not_before.map(Timestamp::as_microsecond))
    .bind(proposal.expires.as_microsecond())
}

/// Who approved stays in the row when the proposal moves on.
fn moved(before: ProposalState, after: &Proposal, now: Timestamp) -> Statement {
    let (was, was_approved) = state_parts(before);
    let (is, approved) = state_parts(after.state);
    let closed = !matches!(after.state, ProposalState::Open | ProposalState::Approved(_));
    let now = now.as_microsecond();
    sql("UPDATE proposals SET state = $1, approved_by = COALESCE($2, approved_by),
             approved_us = COALESCE($3, approved_us), closed_us = $4
         WHERE proposal_id = $5 AND state = $6 AND approved_by IS NOT DISTINCT FROM $7")
    .bind(is)
    .bind(approved.map(|by| by.to_string()))
    .bind(approved.map(|_| now))
    .bind(closed.then_some(now))
    .bind(after.id.to_string())
    .bind(was)
    .bind(was_approved.map(|by| by.to_string()))
}

const fn state_parts(state: ProposalState) -> (&'static str, Option<AccountId>) {
    match state {
        ProposalState::Open => ("open", None),
        ProposalState::Approved(by) => ("approved", Some(by)),
        ProposalState::Cancelled => ("cancelled", None),
        ProposalState::Expired => ("expired", None),
        ProposalState::Carried => ("carried", None),
    }
}

fn proposal(row: &Row, place: &Place) -> Result<Proposal, Error> {
    let fault = |error| place.fault(error);
    let text: String = row.try_get("proposal_id").map_err(fault)?;
    let damaged = |problem: &str| place.damaged("proposals", &text, problem);
    let state: String = row.try_get("state").map_err(fault)?;
    let state = match state.as_str() {
        "open" => ProposalState::Open,
        "approved" => ProposalState::Approved(parsed(row, "approved_by", place)?),
        "cancelled" => ProposalState::Cancelled,
        "expired" => ProposalState::Expired,
        "carried" => ProposalState::Carried,
        _ => return Err(damaged("its state")),
    };
    Ok(Proposal {
        id: Uuid::try_parse(&text).map_err(|_| damaged("its id"))?,
        act: act(row, place)?.ok_or_else(|| damaged("its act"))?,
        by: parsed(row, "proposed_by", place)?,
        at: time(row, "proposed_us", place)?,
        not_before: optional_time(row, "not_before_us", place)?,
        expires: time(row, "expires_us", place)?,
        state,
    })
}

fn act(row: &Row, place: &Place) -> Result<Option<HighAct>, Error> {
    let fault = |error| place.fault(error);
    let name: String = row.try_get("act").map_err(fault)?;
    Ok(match name.as_str() {
        "set-role" => Some(HighAct::SetRole {
            account: parsed(row, "target", place)?,
            role: parsed(row, "role", place)?,
        }),
        "disable" => Some(HighAct::Disable { account: parsed(row, "target", place)? }),
        "bulk-export" => Some(HighAct::BulkExport),
        "retention" => {
            let days: i64 = row.try_get("days").map_err(fault)?;
            u32::try_from(days).ok().map(|days| HighAct::Retention { days })
        }
        "root-key" => {
            let digest: Vec<u8> = row.try_get("digest").map_err(fault)?;
            digest.try_into().ok().map(|digest| HighAct::RootKey { digest })
        }
        _ => None,
    })
}

//! Acts of two persons: one proposes, another approves, the first carries it out.

use super::{Accounts, Actor, Error, Result, keeping::Plan, now};
use identity::{
    AccountId, Authenticated, Council, HighAct, Profile, Proposal, ProposalState, Resolution, Rule,
    Standing,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use std::collections::BTreeMap;
use store::Part;
use uuid::Uuid;

/// Proposals that wait at a time: more than any council decides.
const OPEN_MAX: usize = 100;

/// The proposals that can be decided or carried out.
#[derive(Debug, Clone)]
pub struct Approvals {
    /// The next to end first.
    pub open: Vec<Proposal>,
    /// What those are called who are named in them.
    pub names: BTreeMap<AccountId, Profile>,
}

impl Accounts {
    /// What waits for a decision.
    pub async fn approvals(&self) -> Result<Approvals> {
        let now = now();
        let mut open = self.0.desk.store().open_proposals().await?;
        // One whose time is over counts as expired before anybody tidies up.
        open.retain(|proposal| now < proposal.expires);
        let approver = |one: &Proposal| match one.state {
            ProposalState::Approved(by) => Some(by),
            _ => None,
        };
        let all = open.iter().flat_map(|one| [Some(one.by), one.act.target(), approver(one)]);
        let persons: Vec<AccountId> = all.flatten().collect();
        let names = self.names(persons).await?;
        Ok(Approvals { open, names })
    }

    /// Proposes to give or take a role, or to disable an account, where that needs two. The other
    /// acts of two persons have no work behind them here, so nobody proposes them.
    pub async fn propose(&self, by: &Authenticated, act: HighAct) -> Result<Uuid> {
        let (now, council) = (now(), self.0.desk.store().council().await?);
        let step = Proposal::propose(act, by, &council, now, &mut SystemEntropy::new())?;
        let whose = act.target().ok_or(Error::NotFound { what: "act" })?;
        let known = self.known(whose).await?.ok_or(Error::NotFound { what: "account" })?;
        let state = known.member.state;
        let is_so = match act {
            HighAct::SetRole { role, .. } => {
                state.role == role && state.standing == Standing::Active
            }
            _ => state.standing == Standing::Disabled,
        };
        if is_so {
            return Err(identity::Error::from(Rule::Unchanged).into());
        }
        let open = self.0.desk.store().open_proposals().await?.len();
        if open >= OPEN_MAX {
            return Err(Error::Limit { what: "proposals that wait", limit: OPEN_MAX });
        }
        let id = step.proposal.id;
        self.keep_step(by, &step, now).await?;
        Ok(id)
    }

    /// Another person approves.
    pub async fn approve(&self, by: &Authenticated, id: Uuid) -> Result<()> {
        self.step(by, id, |proposal, council, now| proposal.approve(by, council, now)).await
    }

    /// Takes it back, or refuses it.
    pub async fn cancel(&self, by: &Authenticated, id: Uuid) -> Result<()> {
        self.step(by, id, |proposal, council, now| proposal.cancel(by, council, now)).await
    }

    async fn step(
        &self,
        by: &Authenticated,
        id: Uuid,
        judge: impl FnOnce(&Proposal, &Council, Timestamp) -> Result<Resolution, identity::Error>,
    ) -> Result<()> {
        let (now, council) = (now(), self.0.desk.store().council().await?);
        let mut step = judge(&self.proposal(id).await?, &council, now)?;
        // Whoever decides must still sit there when it is kept.
        step.council = Some(council);
        self.keep_step(by, &step, now).await
    }

    async fn keep_step(&self, by: &Authenticated, step: &Resolution, now: Timestamp) -> Result<()> {
        let actor = Actor::Account(by.session().account);
        self.keep(Plan::of(actor).part(Part::Step(step)), now).await?;
        Ok(())
    }

    /// Carries it out: the step and the change that it decides are one act, kept only if the council
    /// still is the one that was read.
    pub async fn carry(&self, by: &Authenticated, id: Uuid) -> Result<()> {
        let (now, council) = (now(), self.0.desk.store().council().await?);
        let proposal = self.proposal(id).await?;
        let (mandate, step) = proposal.carry(by, &council, now)?;
        let whose = mandate.act().target().ok_or(Error::NotFound { what: "act" })?;
        let known = self.known(whose).await?.ok_or(Error::NotFound { what: "account" })?;
        let change = match mandate.act() {
            HighAct::SetRole { role, .. } => known.member.set_role_by(&mandate, &council, *role)?,
            _ => known.member.disable_by(&mandate, &council)?,
        };
        let actor = Actor::Account(by.session().account);
        let plan = Plan::of(actor).part(Part::Step(&step)).change(&known, change);
        self.keep(plan, now).await?;
        Ok(())
    }

    async fn proposal(&self, id: Uuid) -> Result<Proposal> {
        let proposal = self.0.desk.store().proposal(id).await?;
        proposal.ok_or(Error::NotFound { what: "proposal" })
    }
}

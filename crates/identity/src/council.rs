//! Who decides about others, and what one of them may do alone.

use crate::{
    AccountId, Authenticated, Change, EndReason, Ends, Error, Event, HighAct, Letter, Mandate,
    Member, Permission, Role, Rule, Standing, Write,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The active accounts whose role decides about others, as read for the act at hand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Council(BTreeMap<AccountId, Role>);

impl Council {
    /// Of what is stored; other roles are left out.
    #[must_use]
    pub fn new(active: impl IntoIterator<Item = (AccountId, Role)>) -> Self {
        Self(active.into_iter().filter(|(_, role)| role.governs()).collect())
    }

    /// Whether someone sits in it.
    #[must_use]
    pub fn has(&self, account: AccountId) -> bool {
        self.0.contains_key(&account)
    }

    /// Who they are.
    pub fn members(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.0.keys().copied()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anyone could approve what `by` proposes about `target`: neither of the two can.
    #[must_use]
    pub fn has_another(&self, by: AccountId, target: Option<AccountId>) -> bool {
        self.0.keys().any(|account| *account != by && Some(*account) != target)
    }

    /// Whether this one is an owner.
    #[must_use]
    pub fn is_owner(&self, account: AccountId) -> bool {
        self.0.get(&account) == Some(&Role::Owner)
    }

    /// Whether this one is the only owner.
    #[must_use]
    pub fn is_last_owner(&self, account: AccountId) -> bool {
        let mut owners = self.0.iter().filter(|(_, role)| **role == Role::Owner);
        owners.next().is_some_and(|(id, _)| *id == account) && owners.next().is_none()
    }

    /// Whether only one or none would be left without this one: such a removal needs two.
    #[must_use]
    pub fn needs(&self, account: AccountId) -> bool {
        self.has(account) && self.len() <= 2
    }
}

impl Member {
    /// Changes a role among those that decide nothing about others. Sessions, tokens and bots end
    /// with the old role, on the next request.
    pub fn set_role(
        &self,
        by: &Authenticated,
        role: Role,
        now: Timestamp,
    ) -> Result<Change, Error> {
        by.authorize(Permission::RoleGrant, now)?;
        if by.session().account == self.state.account {
            return Err(Rule::OwnAct.into());
        }
        if role.governs() || self.state.role.governs() {
            return Err(Rule::SecondPerson.into());
        }
        self.with_role(role)
    }

    /// Gives or takes a role that decides about others, as two persons decided. Enrolling a
    /// second factor is not asked for here: without one, the role can do nothing.
    pub fn set_role_by(
        &self,
        mandate: &Mandate,
        council: &Council,
        role: Role,
    ) -> Result<Change, Error> {
        mandate.covers(&HighAct::SetRole { account: self.state.account, role })?;
        if self.state.role == Role::Owner && council.is_last_owner(self.state.account) {
            return Err(Rule::LastOwner.into());
        }
        self.with_role(role).map(|change| change.under(council))
    }

    fn with_role(&self, role: Role) -> Result<Change, Error> {
        if self.state.role == role {
            return Err(Rule::Unchanged.into());
        }
        let account = self.state.account;
        let mut change = Change::of(self.state)
            .next_epoch()
            .ending(Ends::All(EndReason::Role))
            .write(Write::DropGrants)
            .write(Write::DropLoss)
            .write(Write::DropCredentials)
            .event(Event::RoleChanged { account, role })
            .mail(self.letter(Letter::RoleChanged(role)));
        change.after.role = role;
        Ok(change)
    }

    /// Disables an account: what it has open ends on the next request. One of the last two who
    /// decide about others is removed by two persons only.
    pub fn disable(
        &self,
        by: &Authenticated,
        council: &Council,
        now: Timestamp,
    ) -> Result<Change, Error> {
        by.authorize(Permission::AccountManage, now)?;
        let account = self.state.account;
        if by.session().account == account {
            return Err(Rule::OwnAct.into());
        }
        if self.state.role == Role::Owner && by.role() != Role::Owner {
            return Err(Rule::OwnersOnly.into());
        }
        if council.is_last_owner(account) {
            return Err(Rule::LastOwner.into());
        }
        if council.needs(account) {
            return Err(Rule::SecondPerson.into());
        }
        self.disabled().map(|change| change.under(council))
    }

    /// Disables an account as two persons decided.
    pub fn disable_by(&self, mandate: &Mandate, council: &Council) -> Result<Change, Error> {
        mandate.covers(&HighAct::Disable { account: self.state.account })?;
        if council.is_last_owner(self.state.account) {
            return Err(Rule::LastOwner.into());
        }
        self.disabled().map(|change| change.under(council))
    }

    fn disabled(&self) -> Result<Change, Error> {
        if self.state.standing == Standing::Disabled {
            return Err(Rule::Unchanged.into());
        }
        let account = self.state.account;
        Ok(Change::of(self.state)
            .next_epoch()
            .standing(Standing::Disabled)
            .ending(Ends::All(EndReason::Disabled))
            .write(Write::DropGrants)
            .write(Write::DropLoss)
            .write(Write::DropCredentials)
            .event(Event::AccountDisabled { account }))
    }

    /// Lets a disabled account in again; one whose role decides about others only as two persons
    /// decided (give the role anew).
    pub fn enable(&self, by: &Authenticated, now: Timestamp) -> Result<Change, Error> {
        by.authorize(Permission::AccountManage, now)?;
        if self.state.standing == Standing::Active {
            return Err(Rule::Unchanged.into());
        }
        if self.state.role.governs() {
            return Err(Rule::SecondPerson.into());
        }
        let account = self.state.account;
        Ok(Change::of(self.state)
            .next_epoch()
            .standing(Standing::Active)
            .event(Event::AccountEnabled { account }))
    }
}

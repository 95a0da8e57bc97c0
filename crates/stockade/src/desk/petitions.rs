//! A program asks for a token, and whoever is signed in grants or refuses it.

use super::{Accounts, Actor, Plan, Result, Visitor, now};
use identity::{
    ApiSecret, Authenticated, DisplayName, Event, Life, Permission, Petition, PetitionState, Scope,
    Stage,
};
use jiff::{SignedDuration, Timestamp};
use kms::SystemEntropy;
use store::Part;

/// A petition as it came.
#[derive(Debug, Clone)]
pub struct PetitionAsked {
    /// What the program calls itself.
    pub program: DisplayName,
    /// What it wants to do.
    pub scope: Vec<Permission>,
    /// For how many days.
    pub days: u16,
    /// SHA-256 of the secret that it made.
    pub digest: [u8; 32],
}

/// A petition as the person sees it who decides.
#[derive(Debug, Clone)]
pub struct PetitionShown {
    /// What was asked for.
    pub petition: Petition,
    /// Permissions among them that the person's role cannot give.
    pub beyond: Vec<Permission>,
}

impl Accounts {
    /// Takes a program's petition in: the code to show, and when it is over.
    pub async fn petition(
        &self,
        visitor: &Visitor,
        asked: PetitionAsked,
    ) -> Result<(String, Timestamp)> {
        let now = now();
        let source = visitor.source();
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        let lifetime = SignedDuration::from_hours(24 * i64::from(asked.days));
        if !(1..=365).contains(&asked.days) {
            return Err(identity::Error::Scope.into());
        }
        let petition = Petition {
            program: asked.program,
            scope: Scope::new(asked.scope)?,
            lifetime,
            hash: ApiSecret::hash_of(&asked.digest),
            address: visitor.address,
            asked: now,
        };
        let expires = petition.expires();
        let taken = self.live().petitions.ask(petition, source, now, &mut SystemEntropy::new());
        let code = taken.map_err(|error| self.refuse(source, Stage::Throttled, now, error))?;
        Ok((code.to_string(), expires))
    }

    /// How far the petition of a program's secret is.
    pub fn petition_state(&self, visitor: &Visitor, digest: &[u8; 32]) -> Result<PetitionState> {
        let now = now();
        let state = self.live().petitions.look(&ApiSecret::hash_of(digest), now);
        state.map_err(|error| self.refuse(visitor.source(), Stage::Token, now, error))
    }

    /// What the program wants whose code somebody typed.
    pub fn petition_of(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        code: &str,
    ) -> Result<PetitionShown> {
        let now = now();
        let found = self.live().petitions.find(code, by.session().account, now).cloned();
        let refused = |error| self.refuse(visitor.source(), Stage::Token, now, error);
        let petition = found.map_err(refused)?;
        let given = |one: &Permission| by.role().allows(*one);
        let beyond = petition.scope.permissions().filter(|one| !given(one)).collect();
        Ok(PetitionShown { petition, beyond })
    }

    /// Grants a petition: from then on the program's secret is a token of whoever grants it.
    pub async fn grant_petition(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        code: &str,
    ) -> Result<()> {
        let now = now();
        let petition = self.petition_of(visitor, by, code)?.petition;
        let order = petition.order();
        let (row, event) = order.granted(by, petition.hash, now, &mut SystemEntropy::new())?;
        let plan = Plan::of(Actor::Account(row.account)).asked_by(visitor);
        self.keep(plan.part(Part::Credential(&row)).events([event]), now).await?;
        self.live().petitions.settle(&petition.hash, PetitionState::Granted);
        Ok(())
    }

    /// Refuses a petition.
    pub async fn refuse_petition(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        code: &str,
    ) -> Result<()> {
        let petition = self.petition_of(visitor, by, code)?.petition;
        let account = by.session().account;
        let plan = Plan::of(Actor::Account(account))
            .events([Event::Life { account, what: Life::TokenRefused }]);
        self.keep(plan, now()).await?;
        self.live().petitions.settle(&petition.hash, PetitionState::Refused);
        Ok(())
    }

    /// Where a person types the code that a program shows.
    #[must_use]
    pub fn petition_page(&self) -> String {
        format!("{}/account/grant", self.origin())
    }
}

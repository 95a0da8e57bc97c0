//! Staying in: what is dangerous asks for all factors again, and the session is fresh.

use super::{Accounts, Actor, ProofForm, Result, Visitor, entries, now};
use identity::{Authenticated, Stage};

impl Accounts {
    /// Takes all factors of whoever is signed in once more; the session, and every access token of it,
    /// counts as fresh from then on.
    pub async fn step_up(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        form: ProofForm,
    ) -> Result<()> {
        let known = self.own(by).await?;
        let proof = self.prove(visitor, &known, form).await?;
        let refused = |error| self.refuse(visitor.source(), Stage::Factor, now(), error);
        let (session, events) = by.session().step_up(&proof).map_err(refused)?;
        let mut act = self.0.desk.store().begin().await?;
        if !act.step_up(&session, &proof).await? {
            return Err(refused(identity::Error::Code));
        }
        act.commit_all(entries(&events, Actor::Account(session.account)), now()).await?;
        self.live().registry.insert(session, proof.state());
        Ok(())
    }
}

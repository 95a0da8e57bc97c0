//! Staying in: what is dangerous asks for all factors again, and the session is fresh.

use super::{
    Accounts, Actor, Error, ProofForm, Result, Visitor, entries, now, sessions::ROTATIONS,
};
use identity::{Authenticated, FactorProof, Session, Stage};
use jiff::Timestamp;
use seal::Secret;

/// What a browser keeps of a session that was proved anew.
#[derive(Debug)]
pub struct Renewed {
    /// The access token.
    pub access: Secret<String>,
    /// The refresh token.
    pub refresh: Secret<String>,
    /// The session ends then, whatever happens.
    pub expires: Timestamp,
}

impl Accounts {
    /// Takes all factors of whoever is signed in once more. The session goes on, fresh, under new
    /// tokens; those before are over.
    pub async fn step_up(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        form: ProofForm,
    ) -> Result<Renewed> {
        let known = self.own(by).await?;
        let proof = self.prove(visitor, &known, form).await?;
        for _ in 0..ROTATIONS {
            if let Some(renewed) = self.renew(visitor, by.session(), &proof).await? {
                return Ok(renewed);
            }
        }
        Err(Error::Busy { what: "other tabs", retry_after_s: 1 })
    }

    /// One try; `None` if another tab exchanged the refresh token in between.
    async fn renew(
        &self,
        visitor: &Visitor,
        session: &Session,
        proof: &FactorProof,
    ) -> Result<Option<Renewed>> {
        let now = now();
        let refused = |error| self.refuse(visitor.source(), Stage::Factor, now, error);
        let (session, mut events) = session.step_up(proof).map_err(refused)?;
        let row = self.0.desk.store().session(session.id).await?;
        let row = row.filter(|row| row.session.ended.is_none());
        let row = row.ok_or_else(|| refused(identity::Error::Code))?;
        let rotation = row.family.renew(&session, &self.0.refresh_key, now);
        let mut act = self.0.desk.store().begin().await?;
        if !act.rotate(&rotation, now).await? {
            return Ok(None);
        }
        if !act.step_up(&session, proof).await? {
            return Err(refused(identity::Error::Code));
        }
        events.extend(rotation.events);
        act.commit_all(entries(&events, Actor::Account(session.account)), now).await?;
        let state = proof.state();
        self.live().registry.insert(session, state);
        let access = self.reissue(&session, &state, now);
        let refresh = rotation.token.as_ref().map(identity::RefreshToken::text);
        let refresh = refresh.ok_or_else(|| refused(identity::Error::Code))?;
        Ok(Some(Renewed { access, refresh, expires: session.expires }))
    }
}

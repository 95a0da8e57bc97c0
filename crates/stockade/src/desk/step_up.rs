//! Staying in: what is dangerous asks for both factors again, and the session is fresh.

use super::{Accounts, Actor, Error, Result, Visitor, entries, now};
use identity::{Authenticated, FactorKind, SignIn, Stage};
use seal::Secret;

impl Accounts {
    /// Takes both factors of whoever is signed in once more; the session, and every access token
    /// of it, counts as fresh from then on. Limits, hashing and refusals are those of a sign-in,
    /// so that a stolen session is no shorter way to the password.
    pub async fn step_up(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        password: Secret<String>,
        factor: (FactorKind, &str),
    ) -> Result<()> {
        let now = now();
        let source = visitor.source();
        let store = self.0.desk.store();
        let row = store.account(&by.tenant()).await?;
        let row = row.ok_or(Error::NotFound { what: "account" })?;
        let profile = self.0.vault.open_profile(row.state.account, &row.profile)?;
        let (stored, device) = self.aimed(visitor, &profile.email, now).await?;
        let proven = self.check_password(source, stored, password, now).await?;
        let sign_in = SignIn::new(&proven, device);
        let proof = self.check_factor(source, sign_in, factor, now).await?;
        let refused = |error| self.refuse(source, Stage::Factor, now, error);
        let (session, events) = by.session().step_up(&proof).map_err(refused)?;
        let mut act = store.begin().await?;
        if !act.step_up(&session, &proof).await? {
            return Err(refused(identity::Error::Code));
        }
        act.commit_all(entries(&events, Actor::Account(session.account)), now).await?;
        self.live().registry.insert(session, proof.state());
        Ok(())
    }
}

//! A lost second factor: declared and replaced with the password and a mailed link, a day apart.

use super::{
    Accounts, Actor, Error, FactorMade, FreshFactor, Known, Plan, Result, Visitor, links::Followed,
    now,
};
use identity::{
    AccountId, Authenticated, Helpers, Loss, LossProof, PasswordProof, Purpose, RecoveryCode,
    Voucher,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::Arc;

/// How far the recovery of a second factor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossStage {
    /// Nothing was declared.
    Open,
    /// It was declared, and waits for its day, and for a voucher if one is needed.
    Waiting {
        /// Not before this time.
        ready: Timestamp,
        /// Whether another administrator must vouch yet.
        voucher: Voucher,
    },
    /// The factor can be replaced.
    Ready,
}

/// What the page of a loss shows, and the new factor to enrol when it is time.
#[derive(Debug)]
pub struct LossPage {
    /// How far it is.
    pub stage: LossStage,
    /// To enrol; only where it is time.
    pub factor: Option<FreshFactor>,
}

/// A password and a link, proved in one browser.
struct Proven {
    followed: Followed,
    known: Known,
    password: PasswordProof,
}

impl Accounts {
    /// Says how far a recovery is; the link is not used up.
    pub async fn loss_page(&self, visitor: &Visitor, token: &str) -> Result<LossPage> {
        let now = now();
        let (followed, known) = self.followed_by(visitor, Purpose::Loss, token, now).await?;
        let device = self.browser(visitor, now)?;
        let grant = &followed.grant;
        grant
            .admits(Purpose::Loss, &followed.token, Some(device), now)
            .and_then(|()| grant.concerns(&known.member.state))
            .map_err(|error| self.link_refused(visitor, now, error))?;
        let stage = stage(&known, now);
        let factor = match stage {
            LossStage::Ready => Some(self.begin_factor(&known).await?),
            _ => None,
        };
        Ok(LossPage { stage, factor })
    }

    /// Takes the password beside the link, within the budgets of a sign-in. What is refused for want
    /// of work takes nothing: else a source that has one try left at a time would never come through.
    async fn loss_proof(
        &self,
        visitor: &Visitor,
        token: &str,
        password: Secret<String>,
    ) -> Result<Proven> {
        let (now, source) = (now(), visitor.source());
        self.worked(visitor, now).await?;
        let (followed, known) = self.followed_by(visitor, Purpose::Loss, token, now).await?;
        // Before the password is looked at: a link of another browser tries none.
        let device = self.browser(visitor, now)?;
        followed
            .grant
            .admits(Purpose::Loss, &followed.token, Some(device), now)
            .map_err(|error| self.link_refused(visitor, now, error))?;
        let account = self.0.vault.index(&known.profile.email);
        let standing = self.standing(visitor, &account).await?;
        self.admitted(source, now, |live| live.throttle.admit_password_of(account, standing, now))
            .await?;
        let stored = self.0.desk.store().credentials(&account).await?;
        let password = self.check_password((source, standing), stored, password, now).await?;
        Ok(Proven { followed, known, password })
    }

    /// Says that the second factor is lost. Nothing changes yet but that every channel hears of it.
    pub async fn declare_loss(
        &self,
        visitor: &Visitor,
        token: &str,
        password: Secret<String>,
    ) -> Result<LossStage> {
        let Proven { followed, known, password } =
            self.loss_proof(visitor, token, password).await?;
        let now = now();
        let account = known.member.state.account;
        let council = self.0.desk.store().council().await?;
        let others = council.members().any(|member| member != account);
        let helpers = if others { Helpers::Present } else { Helpers::Absent };
        let proof = LossProof {
            member: &known.member,
            password: &password,
            token: &followed.token,
            grant: &followed.grant,
            device: self.browser(visitor, now)?,
        };
        let change = Loss::declare(&proof, helpers, now, &mut SystemEntropy::new());
        self.by_link(visitor, &known, change, now).await?;
        let known = self.known(account).await?.ok_or_else(|| self.no_link(visitor, now))?;
        Ok(stage(&known, now))
    }

    /// Enrols another second factor in place of all old ones; fresh recovery codes.
    pub async fn replace_factor(
        &self,
        visitor: &Visitor,
        token: &str,
        password: Secret<String>,
        made: FactorMade,
    ) -> Result<Vec<Secret<String>>> {
        let Proven { followed, known, password } =
            self.loss_proof(visitor, token, password).await?;
        let now = now();
        let device = self.browser(visitor, now)?;
        let loss = known.row.loss.ok_or_else(|| self.no_link(visitor, now))?;
        let fresh = self.find_factor(visitor, &known, made, now)?;
        let passwords = Arc::clone(&self.0.passwords);
        let member = known.member.clone();
        let work = move || {
            let proof = LossProof {
                member: &member,
                password: &password,
                token: &followed.token,
                grant: &followed.grant,
                device,
            };
            let by = (&*passwords, now);
            loss.replace(&proof, fresh.factor(), by, &mut SystemEntropy::new())
        };
        let enrolled = self.0.pool.run(work).await?;
        let enrolled = enrolled.map_err(|error| self.link_refused(visitor, now, error))?;
        self.by_link(visitor, &known, Ok(enrolled.change), now).await?;
        Ok(enrolled.codes.iter().map(RecoveryCode::text).collect())
    }

    /// Stops a recovery by the link of its letter, from whatever browser. Every session ends.
    pub async fn stop_loss_by_link(&self, visitor: &Visitor, token: &str) -> Result<()> {
        let now = now();
        let (followed, known) = self.followed_by(visitor, Purpose::LossStop, token, now).await?;
        let loss = known.row.loss.ok_or_else(|| self.no_link(visitor, now))?;
        let change = loss.stop_by_link(followed.link(), &known.member, now);
        self.by_link(visitor, &known, change, now).await
    }

    /// Another administrator vouches for whoever lost a factor.
    pub async fn vouch_for(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        account: AccountId,
    ) -> Result<()> {
        let (known, loss) = self.lost(account).await?;
        let now = now();
        let change = loss.vouch(by, &known.member, now)?;
        self.decided(visitor, by, (&known, change), now).await
    }

    /// Stops a recovery from a session of its account, or by an administrator.
    pub async fn stop_loss(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        account: AccountId,
    ) -> Result<()> {
        let (known, loss) = self.lost(account).await?;
        let now = now();
        let change = loss.stop(by, &known.member, now)?;
        self.decided(visitor, by, (&known, change), now).await
    }

    async fn lost(&self, account: AccountId) -> Result<(Known, Loss)> {
        let nothing = || Error::NotFound { what: "recovery" };
        let known = self.known(account).await?.ok_or_else(nothing)?;
        let loss = known.row.loss.ok_or_else(nothing)?;
        Ok((known, loss))
    }

    async fn decided(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        (known, change): (&Known, identity::Change),
        now: Timestamp,
    ) -> Result<()> {
        let actor = Actor::Account(by.tenant().account());
        self.keep(Plan::of(actor).asked_by(visitor).change(known, change), now).await?;
        Ok(())
    }
}

/// How far an account's recovery is. One of an older epoch is over.
fn stage(known: &Known, now: Timestamp) -> LossStage {
    let current = |loss: &Loss| loss.epoch == known.member.state.epoch;
    match known.row.loss.filter(current) {
        None => LossStage::Open,
        Some(loss) if now < loss.ready || loss.voucher == Voucher::Awaited => {
            LossStage::Waiting { ready: loss.ready, voucher: loss.voucher }
        }
        Some(_) => LossStage::Ready,
    }
}

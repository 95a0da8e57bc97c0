//! A forgotten password: the mailed link, and never less than the second factor.

use super::{Accounts, Given, PasskeyAsk, Result, Visitor, now};
use identity::{Answer, FactorKind, Holdings, PasskeyProof, Purpose, RecoveryCode, Reset};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::Arc;

/// What a reset asks for beside the new password.
#[derive(Debug)]
pub struct ResetAsks {
    /// The second factors that the account has, recovery codes among them; none: nothing is asked.
    pub factors: Vec<FactorKind>,
    /// For an answer by a passkey.
    pub passkey: Option<PasskeyAsk>,
}

/// A second factor that was read, and is judged with what is stored.
enum Read {
    Nothing,
    Totp(String),
    Recovery(RecoveryCode),
    Passkey(PasskeyProof),
}

impl Read {
    const fn answer(&self) -> Answer<'_> {
        match self {
            Self::Nothing => Answer::Nothing,
            Self::Totp(code) => Answer::Totp(code.as_str()),
            Self::Recovery(code) => Answer::Recovery(code),
            Self::Passkey(proof) => Answer::Passkey(*proof),
        }
    }
}

impl Accounts {
    /// Says what a reset asks for; its link is not used up.
    pub async fn begin_reset(&self, visitor: &Visitor, token: &str) -> Result<ResetAsks> {
        let now = now();
        let (reset, holdings) = self.reset(visitor, token, now).await?;
        let mut asks = ResetAsks { factors: Vec::new(), passkey: None };
        if !reset.needs_factor() {
            return Ok(asks);
        }
        if holdings.totp {
            asks.factors.push(FactorKind::Totp);
        }
        if !holdings.passkeys.is_empty() && self.passkey_origin().is_some() {
            asks.factors.push(FactorKind::Passkey);
            let account = reset.sign_in().account();
            asks.passkey = Some(self.ask_own_passkey(account, now).await?);
        }
        if holdings.recovery > 0 {
            asks.factors.push(FactorKind::Recovery);
        }
        Ok(asks)
    }

    async fn reset(
        &self,
        visitor: &Visitor,
        token: &str,
        now: Timestamp,
    ) -> Result<(Reset, Holdings)> {
        let (followed, known) = self.followed_by(visitor, Purpose::Reset, token, now).await?;
        let device = self.browser(visitor, now)?;
        let holdings = known.member.holdings.clone();
        let reset = Reset::begin(followed.link(), known.member, device, now);
        let reset = reset.map_err(|error| self.link_refused(visitor, now, error))?;
        Ok((reset, holdings))
    }

    /// Sets the new password and ends every session. The budget of the second factor is the very
    /// one of a sign-in; a password that is too weak costs none of it.
    pub async fn finish_reset(
        &self,
        visitor: &Visitor,
        token: &str,
        password: Secret<String>,
        factor: Option<Given>,
    ) -> Result<()> {
        let now = now();
        self.worked(visitor, now).await?;
        let (reset, _) = self.reset(visitor, token, now).await?;
        let account = reset.sign_in().account();
        let known = self.known(account).await?.ok_or_else(|| self.no_link(visitor, now))?;
        let factors = known.member.holdings.factors();
        let new = self.new_password(password, known.profile.clone(), factors).await?;
        if factor.is_some() {
            let email = self.0.vault.index(&known.profile.email);
            let device = self.standing(visitor, &email).await?;
            // Following the link took from the source already.
            let source = visitor.source();
            self.admitted(source, now, |live| live.throttle.admit_factor(account, device, now))
                .await?;
        }
        let read = self.read_factor(visitor, factor, now).await?;
        let sealed = self.0.desk.store().factors(account).await?;
        let stored =
            known.vault.open_factors(&sealed.ok_or_else(|| self.no_link(visitor, now))?)?;
        let passwords = Arc::clone(&self.0.passwords);
        let chosen = move || {
            let answer = (&read.answer(), &stored);
            reset.finish(answer, (&new, &passwords), now, &mut SystemEntropy::new())
        };
        let change = self.0.pool.run(chosen).await?;
        self.by_link(visitor, &known, change, now).await
    }

    async fn read_factor(
        &self,
        visitor: &Visitor,
        factor: Option<Given>,
        now: Timestamp,
    ) -> Result<Read> {
        Ok(match factor {
            None => Read::Nothing,
            Some(Given::Totp(code)) => Read::Totp(code),
            Some(Given::Recovery(code)) => {
                let code = code.parse::<RecoveryCode>();
                Read::Recovery(code.map_err(|error| self.link_refused(visitor, now, error))?)
            }
            Some(Given::Passkey(answer)) => {
                let shown = self.verify_passkey(&answer, now).await;
                Read::Passkey(shown.map_err(|error| self.overtaken(visitor, now, error))?)
            }
        })
    }
}

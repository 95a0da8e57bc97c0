//! All factors of an account once more, for an act that asks for them.

use super::{Accounts, Known, PasskeyAnswer, Result, Visitor, now};
use identity::{
    DeviceStanding, Error as Refused, FactorProof, RecoveryCode, SignIn, Source, Stage,
};
use jiff::Timestamp;
use seal::Secret;
use std::sync::Arc;

/// What somebody gives as proof; either part is left out where the account has no such thing.
#[derive(Debug, Default)]
pub struct ProofForm {
    /// The password; a passkey that verifies its user stands without one.
    pub password: Option<Secret<String>>,
    /// The second factor.
    pub factor: Option<Given>,
}

/// A second factor as it came in.
#[derive(Debug)]
pub enum Given {
    /// An authenticator's code.
    Totp(String),
    /// A recovery code.
    Recovery(String),
    /// A passkey's answer.
    Passkey(PasskeyAnswer),
}

impl Accounts {
    /// Takes all factors of an account. Limits, hashing and refusals are those of a sign-in, so that
    /// a stolen session is no shorter way to the password. What the proof stands on is used up by
    /// the change that it admits.
    pub(super) async fn prove(
        &self,
        visitor: &Visitor,
        known: &Known,
        form: ProofForm,
    ) -> Result<FactorProof> {
        let now = now();
        let source = visitor.source();
        let Some(password) = form.password else {
            return self.prove_alone(visitor, known, form.factor, now).await;
        };
        let (stored, device) = self.aimed(visitor, &known.profile.email, now).await?;
        let proven = self.check_password((source, device), stored, password, now).await?;
        self.check_factor(source, SignIn::new(&proven, device), form.factor, now).await
    }

    /// A passkey that verifies its user is both factors.
    async fn prove_alone(
        &self,
        visitor: &Visitor,
        known: &Known,
        factor: Option<Given>,
        now: Timestamp,
    ) -> Result<FactorProof> {
        let source = visitor.source();
        let Some(Given::Passkey(answer)) = factor else {
            return Err(self.refuse(source, Stage::Password, now, Refused::Credentials));
        };
        let account = known.member.state.account;
        let email = self.0.vault.index(&known.profile.email);
        // A signature is not guessed: of the budgets for guesses it takes what a stranger's visit does.
        if self.standing(visitor, &email).await? == DeviceStanding::Unknown {
            self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        }
        let proof = self.passkey_alone(source, &answer, now).await?;
        if proof.account() == account {
            Ok(proof)
        } else {
            Err(self.refuse(source, Stage::Factor, now, Refused::Credentials))
        }
    }

    /// Verifies a passkey that stands alone, whoever's it is.
    pub(super) async fn passkey_alone(
        &self,
        source: Source,
        answer: &PasskeyAnswer,
        now: Timestamp,
    ) -> Result<FactorProof> {
        let shown = self.verify_passkey(answer, now).await;
        let shown = shown.map_err(|error| self.count(source, Stage::Factor, now, error))?;
        let sealed = self.0.desk.store().factors(shown.account()).await?;
        let sealed = sealed.ok_or(Refused::Ticket)?;
        let stored = self.vault_of(shown.account()).await?.open_factors(&sealed)?;
        FactorProof::by_passkey(&shown, &stored, now)
            .map_err(|error| self.refuse(source, Stage::Factor, now, error))
    }

    /// Admits and checks a second factor after a right password; it is not used up yet. Without
    /// one, the password must be all that the account has. The source's budget is the caller's: a
    /// request that brings both factors takes one of it, not two.
    pub(super) async fn check_factor(
        &self,
        source: Source,
        sign_in: SignIn,
        factor: Option<Given>,
        now: Timestamp,
    ) -> Result<FactorProof> {
        let (account, device) = (sign_in.account(), sign_in.device());
        // A passkey's signature is not guessed: the password's budget was asked already.
        if matches!(factor, Some(Given::Totp(_) | Given::Recovery(_))) {
            self.admitted(source, now, |live| live.throttle.admit_factor(account, device, now))
                .await?;
        }
        let refused = |error| self.refuse(source, Stage::Factor, now, error);
        let sealed = self.0.desk.store().factors(account).await?;
        let sealed = sealed.ok_or(Refused::Ticket)?;
        let stored = self.vault_of(account).await?.open_factors(&sealed)?;
        let proof = match factor {
            None => sign_in.alone(&stored, now),
            Some(Given::Totp(code)) => sign_in.totp(&code, &stored, now),
            Some(Given::Recovery(code)) => match code.parse::<RecoveryCode>() {
                Ok(code) => {
                    let passwords = Arc::clone(&self.0.passwords);
                    let checked = move || sign_in.recovery(&code, &stored, &passwords, now);
                    self.0.pool.run_for(device.into(), checked).await?
                }
                Err(error) => Err(error),
            },
            Some(Given::Passkey(answer)) => {
                let shown = self.verify_passkey(&answer, now).await;
                let shown = shown.map_err(|error| self.count(source, Stage::Factor, now, error))?;
                sign_in.passkey(&shown, &stored, now)
            }
        };
        proof.map_err(refused)
    }
}

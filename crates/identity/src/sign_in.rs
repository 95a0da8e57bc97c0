//! Signing in: a password's proof, then a second factor's, in this order and no other.

use crate::{
    AccountId, AccountState, DeviceStanding, Error, FactorKind, PasswordProof, Passwords,
    RecoveryCode, RecoveryHash, Standing, Step, TotpSecret,
};
use jiff::Timestamp;

/// A sign-in whose password was right and whose second factor is awaited. Only a
/// [`PasswordProof`] begins one; keep it in [`Pending`](crate::Pending) meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct SignIn {
    state: AccountState,
    device: DeviceStanding,
    began: Timestamp,
}

/// What is stored of an account's second factors, opened, read after the code came in.
#[derive(Debug)]
pub struct StoredFactors {
    /// The account as it is now.
    pub state: AccountState,
    /// The authenticator's secret and the last step used.
    pub totp: Option<(TotpSecret, Step)>,
    /// The recovery codes not used yet.
    pub recovery: Vec<RecoveryHash>,
}

/// By what the second factor was proved, and what the database must use up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// This step: compare-and-set against the last used one.
    Totp(Step),
    /// This recovery code: mark it used if it is not.
    Recovery(u8),
    /// The enrolment's own code, whose step is stored with the new account.
    Enrolment,
}

impl Means {
    /// What kind of factor it is.
    #[must_use]
    pub const fn kind(self) -> FactorKind {
        match self {
            Self::Totp(_) | Self::Enrolment => FactorKind::Totp,
            Self::Recovery(_) => FactorKind::Recovery,
        }
    }
}

/// Proof of password and second factor, good for one session or one step-up.
///
/// It proves that the code is right; that it is used once is the database's compare-and-set, in
/// the transaction that opens the session (`store`'s `open_session` does both or neither).
#[derive(Debug)]
pub struct FactorProof {
    state: AccountState,
    means: Means,
    at: Timestamp,
}

impl SignIn {
    /// Goes on from a right password.
    #[must_use]
    pub const fn new(password: &PasswordProof, device: DeviceStanding) -> Self {
        Self { state: password.state(), device, began: password.at() }
    }

    /// Who signs in.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.state.account
    }

    /// Whether the account knows the device.
    #[must_use]
    pub const fn device(&self) -> DeviceStanding {
        self.device
    }

    /// When the password was checked.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// Goes on with an authenticator's code.
    pub fn totp(
        &self,
        code: &str,
        stored: &StoredFactors,
        now: Timestamp,
    ) -> Result<FactorProof, Error> {
        let state = self.unchanged(stored)?;
        let (secret, last) = stored.totp.as_ref().ok_or(Error::Code)?;
        let step = secret.accept(code, now, Some(*last))?;
        Ok(FactorProof { state, means: Means::Totp(step), at: now })
    }

    /// Goes on with a recovery code; costs one hash: run it on the bounded pool.
    pub fn recovery(
        &self,
        code: &RecoveryCode,
        stored: &StoredFactors,
        passwords: &Passwords,
        now: Timestamp,
    ) -> Result<FactorProof, Error> {
        let row = stored.recovery.iter().find(|row| row.index == code.index());
        let index = code.accept(self.state.account, passwords, row)?;
        let state = self.unchanged(stored)?;
        Ok(FactorProof { state, means: Means::Recovery(index), at: now })
    }

    /// A password changed, a role changed or an account disabled meanwhile ends the ceremony.
    fn unchanged(&self, stored: &StoredFactors) -> Result<AccountState, Error> {
        let same = stored.state.account == self.state.account
            && stored.state.epoch == self.state.epoch
            && stored.state.standing == Standing::Active;
        if same { Ok(stored.state) } else { Err(Error::Ticket) }
    }
}

impl FactorProof {
    /// The code that enrolled the factor, at the account's making.
    pub(crate) const fn enrolment(state: AccountState, at: Timestamp) -> Self {
        Self { state, means: Means::Enrolment, at }
    }

    /// Spends the proof: account, what must be used up, when.
    pub(crate) fn spend(self) -> (AccountState, Means, Timestamp) {
        (self.state, self.means, self.at)
    }

    /// Whose proof it is.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.state.account
    }

    /// The account's rights at that moment.
    #[must_use]
    pub const fn state(&self) -> AccountState {
        self.state
    }

    /// What must be used up.
    #[must_use]
    pub const fn means(&self) -> Means {
        self.means
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

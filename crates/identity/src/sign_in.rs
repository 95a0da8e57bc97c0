//! Signing in: a password's proof, then a second factor's, in this order and no other.

use crate::{
    AccountId, AccountState, DeviceStanding, Error, FactorKind, Factors, Passkey, PasskeyId,
    PasskeyProof, PasswordProof, Passwords, RecoveryCode, RecoveryHash, Standing, Step, TotpSecret,
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
    /// The passkeys.
    pub passkeys: Vec<Passkey>,
}

impl StoredFactors {
    /// Beside how many factors the account's password stands.
    #[must_use]
    pub fn factors(&self) -> Factors {
        let alone = self.totp.is_none() && self.passkeys.is_empty();
        if alone { Factors::PasswordOnly } else { Factors::WithSecond }
    }

    fn has(&self, proof: &PasskeyProof) -> bool {
        self.passkeys.iter().any(|key| key.id == proof.id() && key.account == proof.account())
    }
}

/// What a person answers when the second factor is asked for.
#[derive(Debug, Clone)]
pub enum Answer<'a> {
    /// An authenticator's code.
    Totp(&'a str),
    /// A recovery code.
    Recovery(&'a RecoveryCode),
    /// A passkey's answer, verified.
    Passkey(PasskeyProof),
    /// Nothing: good only where the account has no second factor at all.
    Nothing,
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
    /// This passkey: compare-and-set of its counter, from the first to the second.
    Passkey(PasskeyId, (u32, u32)),
    /// Nothing beside the password.
    Alone,
}

impl Means {
    /// What kind of factor it is.
    #[must_use]
    pub const fn kind(self) -> FactorKind {
        match self {
            Self::Totp(_) | Self::Enrolment => FactorKind::Totp,
            Self::Recovery(_) => FactorKind::Recovery,
            Self::Passkey(..) => FactorKind::Passkey,
            Self::Alone => FactorKind::Password,
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

    /// Goes on from a mailed link: for a reset, which opens no session.
    pub(crate) const fn by_mail(state: AccountState, now: Timestamp) -> Self {
        Self { state, device: DeviceStanding::Unknown, began: now }
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

    /// Goes on with whatever the person answers; a recovery code costs a hash: run it on the
    /// bounded pool.
    pub fn answer(
        &self,
        answer: &Answer<'_>,
        stored: &StoredFactors,
        passwords: &Passwords,
        now: Timestamp,
    ) -> Result<FactorProof, Error> {
        match answer {
            Answer::Totp(code) => self.totp(code, stored, now),
            Answer::Recovery(code) => self.recovery(code, stored, passwords, now),
            Answer::Passkey(proof) => self.passkey(proof, stored, now),
            Answer::Nothing => self.alone(stored, now),
        }
    }

    /// Ends with the password alone, where the account has no second factor. A role that asks for
    /// one gets a session, but may do nothing in it than enrol one.
    pub fn alone(&self, stored: &StoredFactors, now: Timestamp) -> Result<FactorProof, Error> {
        let state = self.unchanged(stored)?;
        match stored.factors() {
            Factors::PasswordOnly => Ok(FactorProof { state, means: Means::Alone, at: now }),
            Factors::WithSecond => Err(Error::Code),
        }
    }

    /// Goes on with a passkey as the second factor.
    pub fn passkey(
        &self,
        proof: &PasskeyProof,
        stored: &StoredFactors,
        now: Timestamp,
    ) -> Result<FactorProof, Error> {
        let state = self.unchanged(stored)?;
        if proof.account() != state.account || !stored.has(proof) {
            return Err(Error::Code);
        }
        Ok(FactorProof { state, means: Means::Passkey(proof.id(), proof.counter), at: now })
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

    /// The password just chosen, at a registration by a mailed link.
    pub(crate) const fn alone_at_registration(state: AccountState, at: Timestamp) -> Self {
        Self { state, means: Means::Alone, at }
    }

    /// The passkey just made, at a registration by a mailed link.
    pub(crate) fn passkey_at_registration(
        shown: &PasskeyProof,
        passkey: &Passkey,
        state: AccountState,
        at: Timestamp,
    ) -> Result<Self, Error> {
        if shown.id() != passkey.id || passkey.account != state.account || !shown.is_verified() {
            return Err(crate::PasskeyFault::Verification.into());
        }
        Ok(Self { state, means: Means::Enrolment, at })
    }

    /// A passkey alone: two factors in one, if it verified its user.
    pub fn by_passkey(
        shown: &PasskeyProof,
        stored: &StoredFactors,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let state = stored.state;
        let own = shown.account() == state.account && stored.has(shown);
        if !(own && shown.is_verified() && state.standing == Standing::Active) {
            return Err(Error::Credentials);
        }
        Ok(Self { state, means: Means::Passkey(shown.id(), shown.counter), at: now })
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

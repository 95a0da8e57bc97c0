//! Second factors come and go: each with proof of all that there are, and with a letter.

use crate::{
    Change, EndReason, Ends, Error, Event, FactorKind, FactorProof, Letter, Life, Member,
    NewPassword, Passkey, PasskeyId, Passwords, RecoveryCode, Rule, SessionId, TotpSecret, Write,
};
use jiff::Timestamp;
use seal::Entropy;

/// A new second factor that its owner has just shown to work.
#[derive(Debug, Clone)]
pub enum NewFactor<'a> {
    /// An authenticator, and the code that it shows.
    Totp(&'a TotpSecret, &'a str),
    /// A passkey, registered and verified.
    Passkey(Passkey),
}

/// A second factor to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldFactor {
    /// The authenticator.
    Totp,
    /// This passkey.
    Passkey(PasskeyId),
}

/// A change, and the recovery codes that came with it, to be shown once.
#[derive(Debug)]
pub struct Enrolled {
    /// What to store.
    pub change: Change,
    /// The codes; none if the old set goes on.
    pub codes: Vec<RecoveryCode>,
}

/// At most so many passkeys an account.
pub const PASSKEYS_MAX: usize = 10;

impl NewFactor<'_> {
    pub(crate) const fn kind(&self) -> FactorKind {
        match self {
            Self::Totp(..) => FactorKind::Totp,
            Self::Passkey(_) => FactorKind::Passkey,
        }
    }

    /// The row to write. The enrolment's own code is used with it: its step is the first "last".
    pub(crate) fn write(self, now: Timestamp) -> Result<Write, Error> {
        match self {
            Self::Totp(secret, code) => {
                let step = secret.accept(code, now, None)?;
                Ok(Write::Totp(secret.clone(), step))
            }
            Self::Passkey(passkey) => Ok(Write::AddPasskey(passkey)),
        }
    }
}

impl Member {
    /// Enrols a second factor, or another one. With the first one come recovery codes, which cost
    /// ten hashes: run it on the bounded pool. All other sessions end.
    pub fn enrol(
        &self,
        proof: &FactorProof,
        factor: NewFactor<'_>,
        by: (&Passwords, SessionId, Timestamp),
        entropy: &mut dyn Entropy,
    ) -> Result<Enrolled, Error> {
        let (passwords, session, now) = by;
        let change = self.proven(proof, now)?;
        let is_passkey = matches!(factor, NewFactor::Passkey(_));
        if is_passkey && self.holdings.passkeys.len() >= PASSKEYS_MAX {
            return Err(Rule::PasskeysFull { max: PASSKEYS_MAX }.into());
        }
        let kind = factor.kind();
        let mut change = change
            .next_epoch()
            .ending(Ends::AllBut(session, EndReason::Changed))
            .write(factor.write(now)?)
            .write(Write::DropGrants)
            .event(Event::FactorEnrolled { account: self.state.account, factor: kind })
            .mail(self.letter(Letter::FactorEnrolled(kind)));
        let mut codes = Vec::new();
        if self.holdings.recovery == 0 {
            let (write, fresh) = self.fresh_codes(passwords, entropy);
            let factor = FactorKind::Recovery;
            let event = Event::FactorEnrolled { account: self.state.account, factor };
            change = change.write(write).event(event);
            codes = fresh;
        }
        Ok(Enrolled { change, codes })
    }

    /// Makes a fresh set of recovery codes; the old ones are worth nothing from then on.
    pub fn renew_codes(
        &self,
        proof: &FactorProof,
        by: (&Passwords, SessionId, Timestamp),
        entropy: &mut dyn Entropy,
    ) -> Result<Enrolled, Error> {
        if self.holdings.second_factors() == 0 {
            return Err(Error::FactorNeeded);
        }
        let (passwords, session, now) = by;
        let change = self.proven(proof, now)?;
        let (write, codes) = self.fresh_codes(passwords, entropy);
        let kind = FactorKind::Recovery;
        let change = change
            .next_epoch()
            .ending(Ends::AllBut(session, EndReason::Changed))
            .write(write)
            .event(Event::FactorEnrolled { account: self.state.account, factor: kind })
            .mail(self.letter(Letter::FactorEnrolled(kind)));
        Ok(Enrolled { change, codes })
    }

    /// Removes a second factor that is not the last one.
    pub fn remove_factor(
        &self,
        proof: &FactorProof,
        factor: OldFactor,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Change, Error> {
        let change = self.proven(proof, now)?;
        if self.holdings.second_factors() <= 1 {
            return Err(Rule::LastFactor.into());
        }
        // An authenticator alone opens nothing.
        let is_last_passkey = matches!(factor, OldFactor::Passkey(_))
            && self.holdings.passkeys.len() == 1
            && !self.holdings.password;
        if is_last_passkey {
            return Err(Rule::LastPasskey.into());
        }
        self.removal(change, factor, session)
    }

    /// Removes the last second factor, where the role can do without: the password that then
    /// stands alone is chosen anew, as long as such a one must be. Recovery codes go too. Costs a
    /// hash: run it on the bounded pool.
    pub fn remove_last_factor(
        &self,
        proof: &FactorProof,
        new: (&NewPassword, &Passwords),
        here: (SessionId, Timestamp),
        entropy: &mut dyn Entropy,
    ) -> Result<Change, Error> {
        let (session, now) = here;
        let change = self.proven(proof, now)?;
        if self.state.role.is_staff() {
            return Err(Error::FactorNeeded);
        }
        let (password, passwords) = new;
        password.suits(crate::Factors::PasswordOnly)?;
        let factor = match (self.holdings.totp, self.holdings.passkeys.as_slice()) {
            (true, []) => OldFactor::Totp,
            (false, [only]) => OldFactor::Passkey(*only),
            (false, []) => return Err(Error::FactorNeeded),
            _ => return Err(Rule::NotLastFactor.into()),
        };
        let hash = passwords.hash(self.state.account, password, entropy);
        let change = change.write(Write::Password(hash)).write(Write::Recovery(Vec::new()));
        self.removal(change, factor, session)
    }

    fn removal(
        &self,
        change: Change,
        factor: OldFactor,
        session: SessionId,
    ) -> Result<Change, Error> {
        let (kind, write) = match factor {
            OldFactor::Totp if self.holdings.totp => (FactorKind::Totp, Write::NoTotp),
            OldFactor::Passkey(id) if self.holdings.passkeys.contains(&id) => {
                (FactorKind::Passkey, Write::DropPasskey(id))
            }
            _ => return Err(Error::Code),
        };
        Ok(change
            .next_epoch()
            .ending(Ends::AllBut(session, EndReason::Changed))
            .write(write)
            .write(Write::DropGrants)
            .event(self.life(Life::FactorRemoved(kind)))
            .mail(self.letter(Letter::FactorRemoved(kind))))
    }

    pub(crate) fn fresh_codes(
        &self,
        passwords: &Passwords,
        entropy: &mut dyn Entropy,
    ) -> (Write, Vec<RecoveryCode>) {
        let codes = RecoveryCode::set(entropy);
        let account = self.state.account;
        let hashes = codes.iter().map(|code| code.hash(account, passwords, entropy)).collect();
        (Write::Recovery(hashes), codes)
    }
}

//! An account as its owner's acts see it: what it is, and what its owner can prove.

use crate::{
    AccountState, Change, DisplayName, EmailAddress, EndReason, Ends, Error, Event, FactorProof,
    Factors, Grant, Holder, Letter, Life, Mail, NewPassword, OneTimeToken, PasskeyId, Passwords,
    Purpose, SessionId, Standing, Write,
};
use jiff::{SignedDuration, Timestamp};
use seal::Entropy;

/// What an account can be entered with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Whether it has a password.
    pub password: bool,
    /// Whether it has an authenticator.
    pub totp: bool,
    /// How many recovery codes are left.
    pub recovery: u8,
    /// Its passkeys.
    pub passkeys: Vec<PasskeyId>,
}

impl Holdings {
    /// Second factors in their own right; recovery codes only stand in for one.
    #[must_use]
    pub fn second_factors(&self) -> usize {
        self.passkeys.len() + usize::from(self.totp)
    }

    /// Beside how many factors its password stands.
    #[must_use]
    pub fn factors(&self) -> Factors {
        if self.second_factors() > 0 { Factors::WithSecond } else { Factors::PasswordOnly }
    }
}

/// An account, its address and what it can be entered with, read at the act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Role, epoch and standing.
    pub state: AccountState,
    /// Where its mail goes.
    pub email: EmailAddress,
    /// What it can be entered with.
    pub holdings: Holdings,
}

/// A proof that opens nothing later than this.
const PROOF_FRESH: SignedDuration = SignedDuration::from_mins(5);

impl Member {
    /// Whether it is neither disabled nor erased.
    #[must_use]
    pub fn may_come_in(&self) -> bool {
        self.state.standing == Standing::Active
    }

    /// Changes how its owner is called.
    pub fn rename(&self, name: DisplayName) -> Result<Change, Error> {
        let change = Change::of(self.active()?);
        Ok(change.write(Write::DisplayName(name)).event(self.life(Life::Renamed)))
    }

    /// Changes the password; costs a hash: run it on the bounded pool. All other sessions end,
    /// the one that changes it goes on under a new access token.
    pub fn change_password(
        &self,
        proof: &FactorProof,
        new: (&NewPassword, &Passwords),
        here: (SessionId, Timestamp),
        entropy: &mut dyn Entropy,
    ) -> Result<Change, Error> {
        let (session, now) = here;
        let change = self.proven(proof, now)?;
        new.0.suits(self.holdings.factors())?;
        let hash = new.1.hash(self.state.account, new.0, entropy);
        Ok(change
            .next_epoch()
            .ending(Ends::AllBut(session, EndReason::Changed))
            .write(Write::Password(hash))
            .write(Write::DropGrants)
            .event(self.life(Life::PasswordChanged))
            .mail(self.letter(Letter::PasswordChanged)))
    }

    /// Asks for another address: a link goes to the new one, and one to stop it to the old one.
    /// Whether the new one has an account already is not looked at, so that nobody can ask.
    pub fn ask_address(
        &self,
        proof: &FactorProof,
        email: EmailAddress,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Change, Error> {
        let change = self.proven(proof, now)?;
        let (account, epoch) = (self.state.account, self.state.epoch);
        let holder = Holder::NewAddress { account, epoch, email: email.clone() };
        let (confirm, confirmed) =
            Grant::issue(Purpose::AddressConfirm, holder, None, now, entropy);
        let (stop, stopped) =
            Grant::for_account(Purpose::AddressStop, &self.state, None, now, entropy);
        Ok(change
            .write(Write::Grant(confirmed))
            .write(Write::Grant(stopped))
            .event(self.life(Life::AddressAsked))
            .mail(Mail::to_address(email, Letter::AddressConfirm(confirm)))
            .mail(self.letter(Letter::AddressChanging(stop))))
    }

    /// Changes the address by the link that went to the new one; the old one hears of it.
    pub fn confirm_address(
        &self,
        link: (&OneTimeToken, &Grant),
        now: Timestamp,
    ) -> Result<Change, Error> {
        let change = self.admitted(Purpose::AddressConfirm, link, now)?;
        let Holder::NewAddress { email, .. } = &link.1.holder else { return Err(Error::Ticket) };
        Ok(change
            .next_epoch()
            .ending(Ends::All(EndReason::Changed))
            .write(Write::Email(email.clone()))
            .write(Write::DropGrants)
            .event(self.life(Life::AddressChanged))
            .mail(Mail::to_address(self.email.clone(), Letter::AddressChanged))
            .mail(self.letter(Letter::AddressChanged)))
    }

    /// Stops a change of address by the link that went to the old one. Whoever asked for it had
    /// both factors: all sessions end.
    pub fn stop_address(
        &self,
        link: (&OneTimeToken, &Grant),
        now: Timestamp,
    ) -> Result<Change, Error> {
        let change = self.admitted(Purpose::AddressStop, link, now)?;
        Ok(change
            .next_epoch()
            .ending(Ends::All(EndReason::Suspected))
            .write(Write::DropGrants)
            .event(self.life(Life::AddressKept))
            .mail(self.letter(Letter::SessionRevoked)))
    }

    /// Makes the browser that asked for the link a known device: it gets budgets of its own, so
    /// that an attacker cannot keep the owner's new browser out. It is never a factor.
    pub fn vouch_device(
        &self,
        link: (&OneTimeToken, &Grant),
        device: crate::DeviceId,
        now: Timestamp,
    ) -> Result<Change, Error> {
        link.1.admits(Purpose::Device, link.0, Some(device), now)?;
        link.1.concerns(&self.state)?;
        Ok(Change::of(self.active()?)
            .spending(link.1.hash)
            .write(Write::Device(device))
            .event(self.life(Life::DeviceVouched(device)))
            .mail(self.letter(Letter::NewDevice)))
    }

    /// Ends every session of an account whose doings look like a thief's (M25): the owner signs
    /// in anew with all factors.
    #[must_use]
    pub fn suspect(&self) -> Change {
        Change::of(self.state)
            .next_epoch()
            .ending(Ends::All(EndReason::Suspected))
            .write(Write::DropGrants)
            .event(self.life(Life::Suspected))
            .mail(self.letter(Letter::SessionRevoked))
    }

    /// A passkey's counter went back: it may have been copied. It is refused and the owner hears
    /// of it; whether to remove it is theirs to say, as some authenticators miscount.
    #[must_use]
    pub fn passkey_cloned(&self) -> Change {
        Change::of(self.state)
            .event(self.life(Life::PasskeyCloned))
            .mail(self.letter(Letter::PasskeyCloned))
    }

    /// Begins a change that all factors of the account were just proved for.
    pub(crate) fn proven(&self, proof: &FactorProof, now: Timestamp) -> Result<Change, Error> {
        let state = self.active()?;
        let same = proof.state().account == state.account && proof.state().epoch == state.epoch;
        if !same {
            return Err(Error::Ticket);
        }
        if now.duration_since(proof.at()) >= PROOF_FRESH {
            return Err(Error::Stale);
        }
        Ok(Change::of(state).write(Write::Use(proof.means())))
    }

    /// Begins a change that a mailed link admits.
    pub(crate) fn admitted(
        &self,
        purpose: Purpose,
        link: (&OneTimeToken, &Grant),
        now: Timestamp,
    ) -> Result<Change, Error> {
        link.1.admits(purpose, link.0, link.1.device, now)?;
        link.1.concerns(&self.state)?;
        Ok(Change::of(self.active()?).spending(link.1.hash))
    }

    pub(crate) fn active(&self) -> Result<AccountState, Error> {
        if self.may_come_in() { Ok(self.state) } else { Err(Error::Ticket) }
    }

    pub(crate) const fn life(&self, what: Life) -> Event {
        Event::Life { account: self.state.account, what }
    }

    pub(crate) const fn letter(&self, letter: Letter) -> Mail {
        Mail::to_account(self.state.account, letter)
    }
}

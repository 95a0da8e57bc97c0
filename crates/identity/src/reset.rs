//! A forgotten password: a mailed link and, where there is one, the second factor; never less.

use crate::{
    Answer, Change, DeviceId, EndReason, Ends, Error, Grant, Letter, Life, Member, NewPassword,
    OneTimeToken, Passwords, Purpose, SignIn, StoredFactors, TokenHash, Write,
};
use jiff::Timestamp;
use seal::Entropy;

/// A reset whose link was followed. It opens no session and shows nothing of the account; the
/// link is not used up before the new password is stored.
#[derive(Debug, Clone)]
pub struct Reset {
    member: Member,
    spend: TokenHash,
    expires: Timestamp,
    sign_in: SignIn,
}

impl Reset {
    /// Follows a link, in the browser that asked for it.
    pub fn begin(
        link: (&OneTimeToken, &Grant),
        member: Member,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let (token, grant) = link;
        grant.admits(Purpose::Reset, token, Some(device), now)?;
        grant.concerns(&member.state)?;
        let state = member.active()?;
        if !member.holdings.password {
            return Err(Error::Ticket);
        }
        let sign_in = SignIn::by_mail(state, now);
        Ok(Self { member, spend: grant.hash, expires: grant.expires, sign_in })
    }

    /// Whether a second factor must be given.
    #[must_use]
    pub fn needs_factor(&self) -> bool {
        self.member.holdings.second_factors() > 0
    }

    /// Whose second factor's budget an answer takes from: the very one of a sign-in.
    #[must_use]
    pub const fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// Sets the new password and ends all sessions; the person then signs in as always. What
    /// is stored is read after the answer came in. Costs one or two hashes: run it on the bounded pool.
    pub fn finish(
        &self,
        answer: (&Answer<'_>, &StoredFactors),
        new: (&NewPassword, &Passwords),
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Change, Error> {
        if now >= self.expires {
            return Err(Error::Ticket);
        }
        let ((answer, stored), (password, passwords)) = (answer, new);
        let proof = self.sign_in.answer(answer, stored, passwords, now)?;
        password.suits(stored.factors())?;
        let change = self.member.proven(&proof, now)?;
        let hash = passwords.hash(self.member.state.account, password, entropy);
        Ok(change
            .next_epoch()
            .spending(self.spend)
            .ending(Ends::All(EndReason::Changed))
            .write(Write::Password(hash))
            .write(Write::DropGrants)
            .write(Write::DropLoss)
            .event(self.member.life(Life::PasswordReset))
            .mail(self.member.letter(Letter::PasswordChanged)))
    }
}

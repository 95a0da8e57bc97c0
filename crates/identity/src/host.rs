//! The way back in that only the operator of the machine has: `stockade recover`.

use crate::{
    Change, EndReason, Ends, Enrolled, Error, Event, Grant, Letter, Life, Mail, Member, NewFactor,
    NewPassword, OneTimeToken, Passwords, Purpose, Write,
};
use jiff::Timestamp;
use seal::Entropy;

/// A recovery link printed on the host. Whoever can print it can read the key file too; what it
/// adds is a time limit, a leaf in the log and a letter to everyone who runs the server.
#[derive(Debug)]
pub struct HostRecovery;

impl HostRecovery {
    /// Issues the link for an account, a disabled one too: it may be the last owner's.
    #[must_use]
    pub fn issue(
        member: &Member,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> (OneTimeToken, Change) {
        let (token, grant) =
            Grant::for_account(Purpose::Recover, &member.state, None, now, entropy);
        let expires = grant.expires;
        let change = Change::of(member.state)
            .write(Write::Grant(grant))
            .event(member.life(Life::RecoverIssued(expires)))
            .mail(Mail::to_admins(Letter::RecoverIssued(expires)))
            .mail(member.letter(Letter::RecoverIssued(expires)));
        (token, change)
    }

    /// Follows the link: a new password and a new second factor in place of all old ones, the
    /// account active again. It opens no session. Costs eleven hashes: run it on the bounded pool.
    pub fn finish(
        link: (&OneTimeToken, &Grant),
        member: &Member,
        new: (&NewPassword, NewFactor<'_>),
        by: (&Passwords, Timestamp),
        entropy: &mut dyn Entropy,
    ) -> Result<Enrolled, Error> {
        let ((token, grant), (password, factor), (passwords, now)) = (link, new, by);
        grant.admits(Purpose::Recover, token, None, now)?;
        grant.concerns(&member.state)?;
        let account = member.state.account;
        let kind = factor.kind();
        let mut change = Change::of(member.state)
            .next_epoch()
            .standing(crate::Standing::Active)
            .spending(grant.hash)
            .ending(Ends::All(EndReason::Changed))
            .write(Write::NoTotp);
        for old in &member.holdings.passkeys {
            change = change.write(Write::DropPasskey(*old));
        }
        let hash = passwords.hash(account, password, entropy);
        let (codes_row, codes) = member.fresh_codes(passwords, entropy);
        let change = change
            .write(factor.write(now)?)
            .write(codes_row)
            .write(Write::Password(hash))
            .write(Write::DropGrants)
            .write(Write::DropLoss)
            .write(Write::DropDevices)
            .write(Write::DropCredentials)
            .event(member.life(Life::Recovered))
            .event(Event::FactorEnrolled { account, factor: kind })
            .mail(Mail::to_admins(Letter::Recovered))
            .mail(member.letter(Letter::Recovered));
        Ok(Enrolled { change, codes })
    }
}

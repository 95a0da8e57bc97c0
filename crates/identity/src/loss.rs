//! A lost second factor: replaced by proof as strong as its enrolment, told to every channel,
//! after 24 hours in which its owner can stop it.
//!
//! Proof: the password and a link mailed to the confirmed address, both when the loss is declared
//! and when the new factor is enrolled. For those who run or watch the server, another
//! administrator vouches for the person too, where there is one.

use crate::{
    AccountId, Authenticated, Change, DeviceId, EndReason, Ends, Enrolled, Error, Event, Grant,
    Letter, Life, Member, NewFactor, OneTimeToken, PasswordProof, Passwords, Permission, Purpose,
    Rule, Write,
};
use jiff::{SignedDuration, Timestamp};
use seal::Entropy;

/// So long everyone concerned can stop it.
pub const LOSS_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// So long the new factor can be enrolled, afterwards.
const LOSS_OPEN: SignedDuration = SignedDuration::from_hours(72);

/// The recovery of a lost second factor, under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Whose.
    pub account: AccountId,
    /// The epoch in which it was declared: any change of credentials ends it.
    pub epoch: u32,
    /// From when on the factor can be replaced.
    pub ready: Timestamp,
    /// Who must vouch, or who did.
    pub voucher: Voucher,
}

/// Whether another administrator vouches for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voucher {
    /// Nobody must.
    None,
    /// Somebody must yet.
    Awaited,
    /// This one did.
    Given(AccountId),
}

/// The second link: it is mailed when the first has done its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helpers {
    /// Another administrator exists, who can vouch.
    Present,
    /// Nobody else runs this server.
    Absent,
}

/// A password and a link, proved together in one browser.
#[derive(Debug)]
pub struct LossProof<'a> {
    /// Whose account it is.
    pub member: &'a Member,
    /// The password was right.
    pub password: &'a PasswordProof,
    /// The value from the mail.
    pub token: &'a OneTimeToken,
    /// Its row.
    pub grant: &'a Grant,
    /// The browser.
    pub device: DeviceId,
}

impl LossProof<'_> {
    fn begin(&self, now: Timestamp) -> Result<Change, Error> {
        let member = self.member;
        self.grant.admits(Purpose::Loss, self.token, Some(self.device), now)?;
        self.grant.concerns(&member.state)?;
        let state = member.active()?;
        let proven = self.password.state();
        let fresh = now.duration_since(self.password.at()) < SignedDuration::from_mins(10);
        if proven.account == state.account && proven.epoch == state.epoch && fresh {
            Ok(Change::of(state).spending(self.grant.hash))
        } else {
            Err(Error::Ticket)
        }
    }
}

impl Loss {
    /// Declares the loss. Nothing changes yet but that every channel hears of it.
    pub fn declare(
        proof: &LossProof<'_>,
        helpers: Helpers,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Change, Error> {
        let (change, member) = (proof.begin(now)?, proof.member);
        if member.holdings.second_factors() == 0 {
            return Err(Error::Code);
        }
        let ready = now.saturating_add(LOSS_WAIT).unwrap_or(Timestamp::MAX);
        let voucher = match (member.state.role.is_staff(), helpers) {
            (true, Helpers::Present) => Voucher::Awaited,
            _ => Voucher::None,
        };
        let (account, epoch) = (member.state.account, member.state.epoch);
        let (stop, grant) =
            Grant::for_account(Purpose::LossStop, &member.state, None, now, entropy);
        let mut change = change
            .write(Write::Loss(Self { account, epoch, ready, voucher }))
            .write(Write::Grant(grant))
            .event(member.life(Life::FactorLost(ready)))
            .mail(member.letter(Letter::FactorLost(stop, ready)));
        if voucher == Voucher::Awaited {
            change = change.mail(crate::Mail::to_admins(Letter::ActProposed(Some(ready))));
        }
        Ok(change)
    }

    /// Another administrator vouches that this is the person (having seen or called them).
    pub fn vouch(
        &self,
        by: &Authenticated,
        member: &Member,
        now: Timestamp,
    ) -> Result<Change, Error> {
        by.authorize(Permission::AccountReset, now)?;
        let by = by.session().account;
        if by == self.account {
            return Err(Rule::OwnAct.into());
        }
        if self.voucher != Voucher::Awaited || !self.is_of(member) {
            return Err(Error::Ticket);
        }
        let vouched = Self { voucher: Voucher::Given(by), ..*self };
        Ok(Change::of(member.active()?)
            .write(Write::Loss(vouched))
            .event(member.life(Life::LossVouched)))
    }

    /// Stops it: by the link in the letter, from whatever browser.
    pub fn stop_by_link(
        &self,
        link: (&OneTimeToken, &Grant),
        member: &Member,
        now: Timestamp,
    ) -> Result<Change, Error> {
        let change = member.admitted(Purpose::LossStop, link, now)?;
        self.stopped(change, member)
    }

    /// Stops it: from a session of the account, or by an administrator.
    pub fn stop(
        &self,
        by: &Authenticated,
        member: &Member,
        now: Timestamp,
    ) -> Result<Change, Error> {
        if by.session().account != self.account {
            by.authorize(Permission::AccountManage, now)?;
        }
        self.stopped(Change::of(member.active()?), member)
    }

    /// A sign-in with the second factor shows that it is not lost: add this to what it stores.
    #[must_use]
    pub fn disproved(&self, member: &Member) -> (Write, Event) {
        (Write::DropLoss, member.life(Life::FactorKept))
    }

    /// Whoever declared it knows the password: it counts as stolen, and all sessions end.
    fn stopped(&self, change: Change, member: &Member) -> Result<Change, Error> {
        if !self.is_of(member) {
            return Err(Error::Ticket);
        }
        Ok(change
            .next_epoch()
            .ending(Ends::All(EndReason::Suspected))
            .write(Write::DropLoss)
            .write(Write::DropGrants)
            .event(member.life(Life::FactorKept))
            .mail(member.letter(Letter::FactorKept)))
    }

    fn is_of(&self, member: &Member) -> bool {
        self.account == member.state.account && self.epoch == member.state.epoch
    }

    /// Enrols the new factor in place of all old ones, by password and a second mailed link, when
    /// the wait is over and whoever must vouch did. Costs ten hashes: run it on the bounded pool.
    pub fn replace(
        &self,
        proof: &LossProof<'_>,
        factor: NewFactor<'_>,
        by: (&Passwords, Timestamp),
        entropy: &mut dyn Entropy,
    ) -> Result<Enrolled, Error> {
        let (passwords, now) = by;
        let (mut change, member) = (proof.begin(now)?, proof.member);
        if !self.is_of(member) {
            return Err(Error::Ticket);
        }
        if now < self.ready {
            return Err(Rule::Waiting { until: self.ready }.into());
        }
        if now.duration_since(self.ready) >= LOSS_OPEN {
            return Err(Error::Ticket);
        }
        if self.voucher == Voucher::Awaited {
            return Err(Rule::SecondPerson.into());
        }
        let kind = factor.kind();
        change = change.write(Write::NoTotp);
        for old in &member.holdings.passkeys {
            change = change.write(Write::DropPasskey(*old));
        }
        let (codes_row, codes) = member.fresh_codes(passwords, entropy);
        let change = change
            .next_epoch()
            .ending(Ends::All(EndReason::Changed))
            .write(factor.write(now)?)
            .write(codes_row)
            .write(Write::TakeLoss(*self))
            .write(Write::DropGrants)
            .event(member.life(Life::FactorReplaced))
            .event(Event::FactorEnrolled { account: self.account, factor: kind })
            .mail(member.letter(Letter::FactorReplaced));
        Ok(Enrolled { change, codes })
    }
}

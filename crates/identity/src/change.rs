//! A change of one account, as a value: stored as a whole, or not at all.

use crate::{
    AccountState, Belonging, Council, DeviceId, DisplayName, EmailAddress, EndReason, Erasure,
    Event, Grant, Loss, Mail, Means, Passkey, PasskeyId, PasswordHash, RecoveryHash, SessionId,
    Standing, Step, TokenHash, TotpSecret,
};

/// One row to write.
#[derive(Debug, Clone)]
pub enum Write {
    /// Use up what proved the second factor; the change fails if it is used up already.
    Use(Means),
    /// The new password's hash.
    Password(PasswordHash),
    /// The new address; the change fails if another account has it.
    Email(EmailAddress),
    /// The new name.
    DisplayName(DisplayName),
    /// A new authenticator and the step of its enrolment's code: used.
    Totp(TotpSecret, Step),
    /// No authenticator any more.
    NoTotp,
    /// A fresh set of recovery codes instead of the old one; an empty set takes it away.
    Recovery(Vec<RecoveryHash>),
    /// One more passkey; the change fails if its id is known already, to any account.
    AddPasskey(Passkey),
    /// One passkey less.
    DropPasskey(PasskeyId),
    /// A link, in place of older ones of its purpose and holder.
    Grant(Grant),
    /// No links of this account any more.
    DropGrants,
    /// A recovery of the second factor under way, in place of an older one.
    Loss(Loss),
    /// None under way any more.
    DropLoss,
    /// This one is carried out; the change fails if it is not what is stored (it was stopped, or
    /// disproved by a sign-in, meanwhile).
    TakeLoss(Loss),
    /// The account knows this device from now on.
    Device(DeviceId),
    /// The account knows no device any more.
    DropDevices,
    /// End all API tokens and bots of the account.
    DropCredentials,
    /// An erasure under way, in place of an older one.
    Erasure(Erasure),
    /// None under way any more.
    DropErasure,
    /// Delete the rows of this kind.
    Delete(Belonging),
    /// Destroy the account's data key, and with it all that is sealed under it.
    DropDataKey,
}

/// Which sessions end with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// None.
    None,
    /// All but this one, whose access token is issued anew.
    AllBut(SessionId, EndReason),
    /// All.
    All(EndReason),
}

/// A change of one account. It is stored in one transaction, together with its events' leaves and
/// its letters' queue entries, and only if
///
/// - the account still is as in `before` (role, epoch, standing),
/// - the row of `spend`, if there is one, was there to delete, and
/// - those who decide about others still are `council`, where that was asked: two who remove each
///   other at the same time must not both succeed.
#[derive(Debug)]
pub struct Change {
    /// The account that was judged.
    pub before: AccountState,
    /// What it becomes.
    pub after: AccountState,
    /// Who decided about others when it was judged, where that matters.
    pub council: Option<Council>,
    /// The rows to write, in this order.
    pub writes: Vec<Write>,
    /// The link that admitted it.
    pub spend: Option<TokenHash>,
    /// Which sessions end.
    pub ends: Ends,
    /// What happened.
    pub events: Vec<Event>,
    /// Whom to tell.
    pub mails: Vec<Mail>,
}

impl Change {
    /// Nothing yet.
    pub(crate) const fn of(state: AccountState) -> Self {
        Self {
            before: state,
            after: state,
            council: None,
            writes: Vec::new(),
            spend: None,
            ends: Ends::None,
            events: Vec::new(),
            mails: Vec::new(),
        }
    }

    /// The epoch grows: older access tokens and links die.
    pub(crate) fn next_epoch(mut self) -> Self {
        self.after.epoch = self.before.epoch.saturating_add(1);
        self
    }

    pub(crate) fn under(mut self, council: &Council) -> Self {
        self.council = Some(council.clone());
        self
    }

    pub(crate) fn ending(mut self, ends: Ends) -> Self {
        self.ends = ends;
        self
    }

    pub(crate) fn spending(mut self, token: TokenHash) -> Self {
        self.spend = Some(token);
        self
    }

    pub(crate) fn standing(mut self, standing: Standing) -> Self {
        self.after.standing = standing;
        self
    }

    pub(crate) fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    pub(crate) fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    pub(crate) fn mail(mut self, mail: Mail) -> Self {
        self.mails.push(mail);
        self
    }
}

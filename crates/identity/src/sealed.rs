//! Changes, links and letters with all that identifies a person sealed: as they are stored.
//!
//! A change of an account is sealed by that account's own vault
//! ([`Vault::of_account`]), a link for an address without an account by the server's.

use crate::{
    AccountId, AccountState, Belonging, Change, Council, DeviceId, EmailAddress, EmailIndex, Ends,
    Erasure, Error, Event, Grant, Holder, Loss, Mail, Means, PasskeyId, PasswordHash, Purpose,
    RecoveryHash, Role, SealedPasskey, SealedTotp, Step, TokenHash, Vault, Write,
    vault::{DISPLAY_NAME, EMAIL, Place},
};
use jiff::Timestamp;
use seal::{Entropy, Secret};

/// An address as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedAddress {
    /// Finds it.
    pub index: EmailIndex,
    /// The address, sealed.
    pub sealed: Vec<u8>,
}

/// For whom a link is, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedHolder {
    /// An account in an epoch.
    Account(AccountId, u32),
    /// An address that has no account yet, and the role that following the link gives.
    Address(SealedAddress, Role),
    /// A new address of an account in an epoch.
    NewAddress(AccountId, u32, SealedAddress),
}

/// A link as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedGrant {
    /// The value's hash.
    pub hash: TokenHash,
    /// What it is good for.
    pub purpose: Purpose,
    /// For whom.
    pub holder: SealedHolder,
    /// The browser that may follow it, if only one may.
    pub device: Option<DeviceId>,
    /// Until when it is good.
    pub expires: Timestamp,
}

/// One row to write, as [`Write`] says it.
#[derive(Debug, Clone)]
pub enum SealedWrite {
    /// Use up a proof.
    Use(Means),
    /// The new password's hash.
    Password(PasswordHash),
    /// The new address.
    Email(SealedAddress),
    /// The new name.
    DisplayName(Vec<u8>),
    /// A new authenticator and the step of its enrolment's code.
    Totp(SealedTotp, Step),
    /// No authenticator any more.
    NoTotp,
    /// The set of recovery codes.
    Recovery(Vec<RecoveryHash>),
    /// One more passkey.
    AddPasskey(SealedPasskey),
    /// One passkey less.
    DropPasskey(PasskeyId),
    /// A link.
    Grant(SealedGrant),
    /// No links any more.
    DropGrants,
    /// A recovery under way.
    Loss(Loss),
    /// None under way any more.
    DropLoss,
    /// This very one is carried out.
    TakeLoss(Loss),
    /// A device is known.
    Device(DeviceId),
    /// No device is known.
    DropDevices,
    /// No token and no bot any more.
    DropCredentials,
    /// An erasure under way.
    Erasure(Erasure),
    /// None under way any more.
    DropErasure,
    /// Delete the rows of this kind.
    Delete(Belonging),
    /// Destroy the data key.
    DropDataKey,
}

/// A change as stored: whole, or not at all. What it asks for is said at [`Change`].
#[derive(Debug)]
pub struct SealedChange {
    /// The account that was judged.
    pub before: AccountState,
    /// What it becomes.
    pub after: AccountState,
    /// Who decided about others when it was judged, where that matters.
    pub council: Option<Council>,
    /// The rows to write, in this order.
    pub writes: Vec<SealedWrite>,
    /// The link that admitted it.
    pub spend: Option<TokenHash>,
    /// Which sessions end.
    pub ends: Ends,
    /// What happened.
    pub events: Vec<Event>,
}

/// A part of a letter that waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterPart {
    /// The address that it goes to.
    Recipient,
    /// Its subject.
    Subject,
    /// Its plain text.
    Text,
    /// The same as HTML.
    Html,
    /// What the other server said last.
    Answer,
}

impl LetterPart {
    const fn place(self) -> Place {
        let column = match self {
            Self::Recipient => "recipient",
            Self::Subject => "subject",
            Self::Text => "body_text",
            Self::Html => "body_html",
            Self::Answer => "answer",
        };
        Place { table: "postings", column }
    }
}

const LINK_EMAIL: Place = Place { table: "links", column: "email" };

impl Vault {
    /// Seals a change; the letters come back, to be put into words, sealed and stored with it.
    #[must_use]
    pub fn seal_change(
        &self,
        change: Change,
        entropy: &mut dyn Entropy,
    ) -> (SealedChange, Vec<Mail>) {
        let Change { before, after, council, writes, spend, ends, events, mails } = change;
        let account = before.account;
        let seal = |write| self.seal_write(account, write, entropy);
        let writes = writes.into_iter().map(seal).collect();
        (SealedChange { before, after, council, writes, spend, ends, events }, mails)
    }

    fn seal_write(
        &self,
        account: AccountId,
        write: Write,
        entropy: &mut dyn Entropy,
    ) -> SealedWrite {
        use SealedWrite as S;
        let row = account.to_string();
        match write {
            Write::Use(means) => S::Use(means),
            Write::Password(hash) => S::Password(hash),
            Write::Email(email) => {
                let sealed = self.seal(&EMAIL, (account, &row), email.as_str().as_bytes(), entropy);
                S::Email(SealedAddress { index: self.index(&email), sealed })
            }
            Write::DisplayName(name) => {
                let text = name.as_str().as_bytes();
                S::DisplayName(self.seal(&DISPLAY_NAME, (account, &row), text, entropy))
            }
            Write::Totp(secret, step) => S::Totp(self.seal_totp(account, &secret, entropy), step),
            Write::NoTotp => S::NoTotp,
            Write::Recovery(codes) => S::Recovery(codes),
            Write::AddPasskey(key) => S::AddPasskey(self.seal_passkey(key, entropy)),
            Write::DropPasskey(id) => S::DropPasskey(id),
            Write::Grant(grant) => S::Grant(self.seal_grant(&grant, entropy)),
            Write::DropGrants => S::DropGrants,
            Write::Loss(loss) => S::Loss(loss),
            Write::DropLoss => S::DropLoss,
            Write::TakeLoss(loss) => S::TakeLoss(loss),
            Write::Device(device) => S::Device(device),
            Write::DropDevices => S::DropDevices,
            Write::DropCredentials => S::DropCredentials,
            Write::Erasure(erasure) => S::Erasure(erasure),
            Write::DropErasure => S::DropErasure,
            Write::Delete(belonging) => S::Delete(belonging),
            Write::DropDataKey => S::DropDataKey,
        }
    }

    /// Seals a link's row.
    #[must_use]
    pub fn seal_grant(&self, grant: &Grant, entropy: &mut dyn Entropy) -> SealedGrant {
        let Grant { hash, purpose, device, expires, .. } = *grant;
        let mut address = |account: Option<AccountId>, email: &EmailAddress| {
            let text = email.as_str().as_bytes();
            let sealed = self.seal(&LINK_EMAIL, (account, &name(&hash)), text, entropy);
            SealedAddress { index: self.index(email), sealed }
        };
        let holder = match &grant.holder {
            Holder::Account { account, epoch } => SealedHolder::Account(*account, *epoch),
            Holder::Address { email, role } => SealedHolder::Address(address(None, email), *role),
            Holder::NewAddress { account, epoch, email } => {
                SealedHolder::NewAddress(*account, *epoch, address(Some(*account), email))
            }
        };
        SealedGrant { hash, purpose, holder, device, expires }
    }

    /// Opens a link's row.
    pub fn open_grant(&self, grant: &SealedGrant) -> Result<Grant, Error> {
        let SealedGrant { hash, purpose, device, expires, .. } = *grant;
        let address = |account: Option<AccountId>, email: &SealedAddress| {
            let text = self.open_text(&LINK_EMAIL, (account, &name(&hash)), &email.sealed)?;
            text.expose().parse().map_err(|_| Error::Content { field: LINK_EMAIL.column })
        };
        let holder = match &grant.holder {
            SealedHolder::Account(account, epoch) => {
                Holder::Account { account: *account, epoch: *epoch }
            }
            SealedHolder::Address(email, role) => {
                Holder::Address { email: address(None, email)?, role: *role }
            }
            SealedHolder::NewAddress(account, epoch, email) => Holder::NewAddress {
                account: *account,
                epoch: *epoch,
                email: address(Some(*account), email)?,
            },
        };
        Ok(Grant { hash, purpose, holder, device, expires })
    }

    /// Seals a part of a letter with this id, for the account that it is about or for the house.
    #[must_use]
    pub fn seal_letter(
        &self,
        letter: (Option<AccountId>, &str),
        part: LetterPart,
        text: &str,
        entropy: &mut dyn Entropy,
    ) -> Vec<u8> {
        self.seal(&part.place(), letter, text.as_bytes(), entropy)
    }

    /// Opens a part of a letter.
    pub fn open_letter(
        &self,
        letter: (Option<AccountId>, &str),
        part: LetterPart,
        sealed: &[u8],
    ) -> Result<Secret<String>, Error> {
        self.open_text(&part.place(), letter, sealed)
    }
}

/// A link's row in the seal: its hash in hexadecimal.
fn name(hash: &TokenHash) -> String {
    hash.as_bytes().iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::{MacKey, SealingKey, SeededEntropy};

    fn vault() -> Vault {
        Vault::new(SealingKey::new(Secret::new([1; 32])), MacKey::new(Secret::new([2; 32])))
    }

    #[test]
    fn a_link_opens_as_itself_and_in_its_own_row_only() {
        let mut entropy = SeededEntropy::new(1);
        let now = Timestamp::UNIX_EPOCH;
        let account = AccountId::new(now, &mut entropy);
        let email: EmailAddress = "ada@example.org".parse().expect("an address");
        let holders = [
            Holder::Account { account, epoch: 3 },
            Holder::Address { email: email.clone(), role: Role::Viewer },
            Holder::NewAddress { account, epoch: 3, email },
        ];
        for holder in holders {
            let (_, grant) = Grant::issue(Purpose::Invite, holder, None, now, &mut entropy);
            let (_, other) =
                Grant::issue(Purpose::Invite, grant.holder.clone(), None, now, &mut entropy);
            let sealed = vault().seal_grant(&grant, &mut entropy);
            assert_eq!(vault().open_grant(&sealed), Ok(grant.clone()));
            let moved = SealedGrant { hash: other.hash, ..sealed.clone() };
            let names_nobody = matches!(grant.holder, Holder::Account { .. });
            assert_eq!(vault().open_grant(&moved).is_ok(), names_nobody);
            assert!(!format!("{sealed:?}").contains("ada@"));
        }
    }

    #[test]
    fn a_letter_opens_for_its_owner_its_id_and_its_part_only() {
        let mut entropy = SeededEntropy::new(1);
        let account = AccountId::new(Timestamp::UNIX_EPOCH, &mut entropy);
        let own = (Some(account), "m1");
        let sealed = vault().seal_letter(own, LetterPart::Text, "a link", &mut entropy);
        let check = |letter, part, opens: bool| {
            let opened = vault().open_letter(letter, part, &sealed);
            assert_eq!(opened.is_ok(), opens, "{letter:?} {part:?}");
        };
        check(own, LetterPart::Text, true);
        check(own, LetterPart::Html, false);
        check((Some(account), "m2"), LetterPart::Text, false);
        check((None, "m1"), LetterPart::Text, false);
    }
}

//! Letters: what identity wants told is put into words, sealed, and made a row of the mail queue.

use super::{Accounts, Result, Visitor};
use identity::{
    AccountId, EmailAddress, FactorKind, Letter, LetterPart, Mail, OneTimeToken, Proposal, Purpose,
    Recipient, Vault,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use notify::{
    Decision, Due, Factor, Foreign, Language, Letterhead, Link, Mailbox, Occasion, Origin, Posting,
    Sender, Side,
};
use seal::random;
use std::{collections::BTreeMap, sync::Arc};
use store::{PostingRow, PostingStanding};

/// Where the page is that secures an account.
const SECURITY: &str = "/account/security";
/// Where the page is on which a reset begins.
const FORGOTTEN: &str = "/forgotten";

/// Where reports of weaknesses are answered.
const REPORTS: &str = "/admin/reports";
const WATCH: &str = "/admin/security";

/// How this installation writes its letters.
#[derive(Debug, Clone)]
pub struct Letters {
    /// Who they are from, and where their links lead.
    pub head: Letterhead,
    /// The language that they are written in.
    pub language: Language,
}

impl Letters {
    /// The sender of letters while none is set.
    pub(super) fn from_here_sender() -> Result<Sender> {
        Ok(Sender::new("Stockade", Mailbox::parse("stockade@localhost.localdomain")?))
    }

    /// Of an installation that nobody has set up for mail: from this machine, to this machine.
    pub fn from_here(url: &str) -> Result<Self> {
        let head = Letterhead { from: Self::from_here_sender()?, origin: Origin::parse(url)? };
        Ok(Self { head, language: Language::English })
    }
}

/// A letter of identity, with what its words and its seal need to know of its account.
pub(super) struct Addressed {
    pub mail: Mail,
    /// The account under whose key it lies; without one, the server's.
    pub about: Option<AccountId>,
    /// The account's address before the act.
    pub before: Option<EmailAddress>,
}

impl Addressed {
    pub(super) const fn plain(mail: Mail) -> Self {
        Self { mail, about: None, before: None }
    }
}

/// The act that letters tell of.
pub(super) struct Context<'a> {
    pub at: Timestamp,
    pub visitor: Option<&'a Visitor>,
    pub by: Option<AccountId>,
    pub proposal: Option<Proposal>,
    /// New addresses that the act gives.
    pub moved: &'a BTreeMap<AccountId, EmailAddress>,
}

/// One mailbox that a letter goes to, and what its row is sealed with.
pub(super) struct Target {
    pub(super) email: EmailAddress,
    account: Option<AccountId>,
    vault: Arc<Vault>,
}

/// What the words of an act's letters have in common.
pub(super) struct Words<'a> {
    letters: &'a Letters,
    at: Timestamp,
    done: Occasion,
    by: Foreign,
    act: Foreign,
    until: Timestamp,
    grants: u32,
    /// The address that the act gives.
    moved: Option<EmailAddress>,
}

impl Accounts {
    /// The rows of letters, to be kept in the transaction of the act that they tell of.
    pub(super) async fn write_letters(
        &self,
        mails: &[Addressed],
        context: &Context<'_>,
    ) -> Result<Vec<PostingRow>> {
        let mut rows = Vec::new();
        if mails.is_empty() {
            return Ok(rows);
        }
        let words = self.words(mails, context).await?;
        for addressed in mails {
            for target in self.targets(addressed, context).await? {
                match Self::row(addressed, &target, &words) {
                    Ok(row) => rows.push(row),
                    // An address that identity takes and mail does not: the act stands without it.
                    Err(error) => tracing::warn!(%error, "a letter could not be written"),
                }
            }
        }
        Ok(rows)
    }

    pub(super) async fn words<'a>(
        &'a self,
        mails: &[Addressed],
        context: &Context<'_>,
    ) -> Result<Words<'a>> {
        let by = match context.by {
            Some(account) => self.known(account).await?,
            None => None,
        };
        let name = by.map(|known| known.profile.display_name.to_string());
        let act = match context.proposal {
            Some(proposal) => self.said(&proposal).await?,
            None => String::new(),
        };
        let reviews = mails.iter().any(|one| matches!(one.mail.letter, Letter::ReviewDue(_)));
        let grants = if reviews { self.0.desk.store().grants().await?.lines().len() } else { 0 };
        let place = context.visitor.and_then(|visitor| visitor.address);
        let agent = context.visitor.map_or("", |visitor| visitor.agent.as_str());
        Ok(Words {
            letters: &self.0.letters,
            at: context.at,
            done: Occasion {
                at: context.at,
                place: Foreign::new(&place.map(|place| place.to_string()).unwrap_or_default()),
                device: Foreign::new(agent),
            },
            by: Foreign::new(name.as_deref().unwrap_or("Stockade")),
            act: Foreign::new(&act),
            until: context.proposal.map_or(context.at, |proposal| proposal.expires),
            grants: u32::try_from(grants).unwrap_or(u32::MAX),
            moved: context.moved.values().next().cloned(),
        })
    }

    /// A proposed act, with the name of the account that it is about.
    async fn said(&self, proposal: &Proposal) -> Result<String> {
        let text = proposal.act.to_string();
        let Some(target) = proposal.act.target() else { return Ok(text) };
        let known = self.known(target).await?;
        Ok(known.map_or(text.clone(), |known| {
            text.replace(&target.to_string(), known.profile.display_name.as_str())
        }))
    }

    pub(super) async fn targets(
        &self,
        addressed: &Addressed,
        context: &Context<'_>,
    ) -> Result<Vec<Target>> {
        match &addressed.mail.to {
            Recipient::Address(email) => {
                let vault = match addressed.about {
                    Some(account) => self.vault_of(account).await?,
                    None => Arc::clone(&self.0.vault),
                };
                Ok(vec![Target { email: email.clone(), account: addressed.about, vault }])
            }
            Recipient::Account(account) => {
                let target = self.target(*account, context).await?;
                Ok(target.into_iter().collect())
            }
            Recipient::Admins => {
                let mut targets = Vec::new();
                for account in self.0.desk.store().council().await?.members() {
                    targets.extend(self.target(account, context).await?);
                }
                Ok(targets)
            }
        }
    }

    async fn target(&self, account: AccountId, context: &Context<'_>) -> Result<Option<Target>> {
        let Some(known) = self.known(account).await? else { return Ok(None) };
        let email = context.moved.get(&account).cloned().unwrap_or(known.profile.email);
        Ok(Some(Target { email, account: Some(account), vault: known.vault }))
    }

    fn row(
        addressed: &Addressed,
        target: &Target,
        words: &Words<'_>,
    ) -> Result<PostingRow, notify::Error> {
        let id = hex::encode(random::<16>(&mut SystemEntropy::new()));
        Self::row_as(id, addressed, target, words)
    }

    /// A letter under this name: handed in twice, it is there once.
    pub(super) fn row_as(
        id: String,
        addressed: &Addressed,
        target: &Target,
        words: &Words<'_>,
    ) -> Result<PostingRow, notify::Error> {
        let to = Mailbox::parse(target.email.as_str())?;
        let letter = words.put(addressed, &to)?;
        let mut entropy = SystemEntropy::new();
        let letters = words.letters;
        let message = letter.write(&letters.head, &to, letters.language, (&id, words.at))?;
        let posting = Posting::new(message, letter.useful_until(), words.at);
        let message = posting.message;
        let mut seal = |part, text: &str| {
            target.vault.seal_letter((target.account, &id), part, text, &mut entropy)
        };
        let from = &message.from;
        Ok(PostingRow {
            account: target.account,
            sender: format!("{} <{}>", from.name(), from.mailbox().as_str()),
            language: message.language.clone(),
            date: message.date,
            recipient: seal(LetterPart::Recipient, message.to.as_str()),
            subject: seal(LetterPart::Subject, &message.subject),
            text: Some(seal(LetterPart::Text, message.text.expose())),
            html: message.html.as_ref().map(|html| seal(LetterPart::Html, html.expose())),
            since: posting.since,
            until: posting.until,
            tries: 0,
            standing: PostingStanding::Waiting(posting.since),
            answer: None,
            id,
        })
    }
}

impl Words<'_> {
    fn page(&self, path: &str) -> Result<Link, notify::Error> {
        self.letters.head.origin.link(path)
    }

    /// A link of one purpose: the page has its name.
    fn once(&self, purpose: Purpose, token: &OneTimeToken) -> Result<Link, notify::Error> {
        let path = format!("/link/{}", purpose.as_str());
        self.letters.head.origin.one_time(&path, &token.text())
    }

    fn ends(&self, purpose: Purpose) -> Timestamp {
        self.at.saturating_add(purpose.lifetime()).unwrap_or(Timestamp::MAX)
    }

    /// The letter's form, filled in.
    fn put(&self, addressed: &Addressed, to: &Mailbox) -> Result<notify::Letter, notify::Error> {
        let letter = &addressed.mail.letter;
        if let Some(form) = self.opening(letter)? {
            return Ok(form);
        }
        if let Some(form) = self.done_to(letter, addressed, to)? {
            return Ok(form);
        }
        let unknown = notify::Error::Malformed { what: "letter", why: "it has no form" };
        self.governing(letter)?.ok_or(unknown)
    }

    /// A letter with a link that works once.
    fn opening(&self, letter: &Letter) -> Result<Option<notify::Letter>, notify::Error> {
        use notify::Letter as Form;
        let (done, asked) = (self.done.clone(), self.done.clone());
        Ok(Some(match letter {
            Letter::Register(token) => {
                let purpose = Purpose::Register;
                Form::Verification { link: self.once(purpose, token)?, until: self.ends(purpose) }
            }
            Letter::AddressConfirm(token) => {
                let purpose = Purpose::AddressConfirm;
                Form::Verification { link: self.once(purpose, token)?, until: self.ends(purpose) }
            }
            Letter::Invitation(token, role) => Form::Invitation {
                by: self.by.clone(),
                role: Foreign::new(role.as_str()),
                link: self.once(Purpose::Invite, token)?,
                until: self.ends(Purpose::Invite),
            },
            Letter::Reset(token) => Form::PasswordReset {
                link: self.once(Purpose::Reset, token)?,
                until: self.ends(Purpose::Reset),
                asked,
            },
            Letter::DeviceLink(token) => Form::DeviceLink {
                link: self.once(Purpose::Device, token)?,
                until: self.ends(Purpose::Device),
                asked,
            },
            Letter::FactorLink(token) => Form::FactorLink {
                link: self.once(Purpose::Loss, token)?,
                until: self.ends(Purpose::Loss),
                asked,
            },
            Letter::AddressChanging(token) => {
                Form::AddressChanging { done, cancel: self.once(Purpose::AddressStop, token)? }
            }
            Letter::FactorLost(token, ends) => Form::RecoveryStarted {
                done,
                ends: *ends,
                cancel: self.once(Purpose::LossStop, token)?,
            },
            Letter::Erasing(token, ends) => {
                Form::Erasing { done, ends: *ends, cancel: self.once(Purpose::EraseStop, token)? }
            }
            _ => return Ok(None),
        }))
    }

    /// What was done to an account.
    fn done_to(
        &self,
        letter: &Letter,
        addressed: &Addressed,
        to: &Mailbox,
    ) -> Result<Option<notify::Letter>, notify::Error> {
        use notify::Letter as Form;
        let (at, done, secure) = (self.at, self.done.clone(), self.page(SECURITY)?);
        Ok(Some(match letter {
            Letter::AlreadyMember => {
                Form::AlreadyMember { link: self.page("/")?, asked: self.done.clone() }
            }
            Letter::PasswordChanged => Form::PasswordChanged { done, secure },
            Letter::AddressChanged => return self.moved(addressed, to).map(Some),
            Letter::FactorEnrolled(kind) => {
                Form::FactorAdded { factor: factor(*kind), done, secure }
            }
            Letter::FactorRemoved(kind) => {
                Form::FactorRemoved { factor: factor(*kind), done, secure }
            }
            Letter::FactorReplaced => Form::FactorReplaced { done, secure },
            Letter::FactorKept => Form::RecoveryCancelled { done },
            Letter::NewDevice => Form::NewDevice { done, secure },
            Letter::SessionRevoked => Form::SessionTheft { done, secure },
            Letter::HalfSignIns => Form::HalfSignIns { done, secure },
            Letter::PasskeyCloned => Form::PasskeyCloned { done, secure },
            Letter::Exported => Form::Exported { done, secure },
            Letter::SessionsEnded => Form::SessionsEnded { done, secure },
            Letter::ResetBegun => Form::ResetBegun { link: self.page(FORGOTTEN)?, asked: done },
            Letter::TokenExpires(at) => Form::TokenExpires { at: *at, link: secure },
            Letter::Erased => Form::Erased { at },
            Letter::RoleChanged(role) => {
                Form::RoleChanged { role: Foreign::new(role.as_str()), at }
            }
            Letter::RecoverIssued(until) => {
                let (account, link) = (addressed.account(to)?, self.page("/audit")?);
                Form::RecoveryLinkMade { account, done, until: *until, link }
            }
            Letter::Recovered => {
                let (account, link) = (addressed.account(to)?, self.page("/audit")?);
                Form::RecoveryLinkUsed { account, done, link }
            }
            _ => return Ok(None),
        }))
    }

    /// What asks for somebody's decision, or tells of one.
    fn governing(&self, letter: &Letter) -> Result<Option<notify::Letter>, notify::Error> {
        use notify::Letter as Form;
        let (act, by) = (self.act.clone(), self.by.clone());
        Ok(match letter {
            Letter::ActProposed(not_before) => Some(Form::ApprovalRequested {
                act,
                by,
                until: not_before.unwrap_or(self.until),
                link: self.page("/admin/approvals")?,
            }),
            Letter::ActCarried => {
                Some(Form::ApprovalDecided { act, by, decision: Decision::Approved, at: self.at })
            }
            Letter::ReviewDue(by) => Some(Form::AccessReview {
                due: if *by <= self.at { Due::Over } else { Due::Soon },
                by: *by,
                grants: self.grants,
                link: self.page("/admin/reviews")?,
            }),
            Letter::ReportReceived(by) => {
                Some(Form::ReportReceived { by: *by, link: self.page(REPORTS)? })
            }
            Letter::ReportDue(by) => Some(Form::ReportDue {
                due: if *by <= self.at { Due::Over } else { Due::Soon },
                by: *by,
                link: self.page(REPORTS)?,
            }),
            Letter::CertificateLate(ends) => {
                Some(Form::CertificateLate { ends: *ends, link: self.page(WATCH)? })
            }
            Letter::CertificateRenewed(ends) => {
                Some(Form::CertificateRenewed { ends: *ends, link: self.page(WATCH)? })
            }
            _ => None,
        })
    }

    fn moved(&self, addressed: &Addressed, to: &Mailbox) -> Result<notify::Letter, notify::Error> {
        let old = addressed.account(to)?;
        let new = match &self.moved {
            Some(email) => Mailbox::parse(email.as_str())?,
            None => to.clone(),
        };
        let side = if *to == new { Side::New } else { Side::Old };
        let secure = self.page(SECURITY)?;
        Ok(notify::Letter::AddressChanged { side, old, new, done: self.done.clone(), secure })
    }
}

impl Addressed {
    /// The address of the account that it is about, as it was before.
    fn account(&self, to: &Mailbox) -> Result<Mailbox, notify::Error> {
        let before = self.before.as_ref().map(|email| Mailbox::parse(email.as_str()));
        Ok(before.transpose()?.unwrap_or_else(|| to.clone()))
    }
}

const fn factor(kind: FactorKind) -> Factor {
    match kind {
        FactorKind::Totp | FactorKind::Password => Factor::Codes,
        FactorKind::Recovery => Factor::RecoveryCodes,
        FactorKind::Passkey => Factor::Passkey,
    }
}

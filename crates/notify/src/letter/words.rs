//! What a letter says, from its form, its blanks and a language's texts: the same in every language.

use super::{Decision, Due, Factor, Letter, Letterhead, Occasion, Side};
use crate::{Link, Mailbox};
use jiff::{Timestamp, tz::TimeZone};

/// A letter in one language, before it is set as text and as HTML.
pub struct Words<'a> {
    pub subject: &'static str,
    pub paragraphs: Vec<String>,
    pub facts: Vec<(&'static str, String)>,
    pub action: Option<(&'static str, &'a Link)>,
    pub after: Vec<String>,
}

/// The fixed texts of one form; empty where the form has none.
pub struct Form {
    pub subject: &'static str,
    pub text: &'static str,
    pub action: &'static str,
    pub after: &'static str,
}

/// The names of facts.
pub struct Labels {
    pub when: &'static str,
    pub place: &'static str,
    pub device: &'static str,
    pub invited_by: &'static str,
    pub role: &'static str,
    pub factor: &'static str,
    pub takes_effect: &'static str,
    pub old_address: &'static str,
    pub new_address: &'static str,
    pub act: &'static str,
    pub asked_by: &'static str,
    pub decided_by: &'static str,
    pub waits_until: &'static str,
    pub due: &'static str,
    pub grants: &'static str,
    pub account: &'static str,
    pub holds_until: &'static str,
}

/// All texts of one language.
pub struct Texts {
    pub months: [&'static str; 12],
    /// What stands behind the day of a date.
    pub day: &'static str,
    pub labels: Labels,
    pub verification: Form,
    pub invitation: Form,
    pub password_reset: Form,
    pub password_changed: Form,
    pub device_link: Form,
    pub new_device: Form,
    pub factor_added: Form,
    pub factor_removed: Form,
    pub recovery_started: Form,
    pub recovery_cancelled: Form,
    pub address_left: Form,
    pub address_taken: Form,
    pub session_theft: Form,
    pub approval_requested: Form,
    pub approved: Form,
    pub refused: Form,
    pub expired: Form,
    pub review_due: Form,
    pub review_overdue: Form,
    pub erased: Form,
    pub recovery_link_used: Form,
    pub already_member: Form,
    pub address_changing: Form,
    pub factor_link: Form,
    pub factor_replaced: Form,
    pub half_sign_ins: Form,
    pub passkey_cloned: Form,
    pub role_changed: Form,
    pub recovery_link_made: Form,
    pub token_expires: Form,
    pub erasing: Form,
    pub exported: Form,
    pub sessions_ended: Form,
    pub reset_begun: Form,
    pub report_received: Form,
    pub report_due: Form,
    pub report_overdue: Form,
    pub certificate_late: Form,
    pub certificate_none: Form,
    pub certificate_renewed: Form,
    pub test: Form,
    pub codes: &'static str,
    pub passkey: &'static str,
    pub recovery_codes: &'static str,
    /// Stands before the button of a letter that tells of something done.
    pub not_you: &'static str,
    /// How long a link works; `{}` is the time.
    pub works_until: &'static str,
    /// The foot of every letter; `{to}` and `{origin}` are filled in.
    pub footer: [&'static str; 3],
}

impl Texts {
    /// What stands below every letter.
    pub fn foot(&self, head: &Letterhead, to: &Mailbox) -> Vec<String> {
        let filled = |line: &&str| {
            line.replace("{to}", to.as_str()).replace("{origin}", head.origin.as_str())
        };
        self.footer.iter().map(filled).collect()
    }

    /// The letter's words.
    pub fn words<'a>(&self, letter: &'a Letter) -> Words<'a> {
        let labels = &self.labels;
        match letter {
            Letter::Verification { link, until } => self.once(&self.verification, link, *until),
            Letter::Invitation { by, role, link, until } => self
                .once(&self.invitation, link, *until)
                .fact(labels.invited_by, by.as_str())
                .fact(labels.role, role.as_str()),
            Letter::PasswordReset { link, until, asked }
            | Letter::DeviceLink { link, until, asked }
            | Letter::FactorLink { link, until, asked } => {
                self.on(self.once(self.of(letter), link, *until), asked)
            }
            Letter::PasswordChanged { done, secure }
            | Letter::NewDevice { done, secure }
            | Letter::SessionTheft { done, secure }
            | Letter::FactorReplaced { done, secure }
            | Letter::HalfSignIns { done, secure }
            | Letter::PasskeyCloned { done, secure }
            | Letter::SessionsEnded { done, secure }
            | Letter::Exported { done, secure } => self.told(self.of(letter), done, secure),
            Letter::FactorAdded { factor, done, secure }
            | Letter::FactorRemoved { factor, done, secure } => {
                self.told(self.of(letter), done, secure).fact(labels.factor, self.factor(*factor))
            }
            Letter::RecoveryStarted { done, ends, cancel }
            | Letter::Erasing { done, ends, cancel } => {
                let words = self.on(self.of(letter).words(Some(cancel)), done);
                words.fact(labels.takes_effect, self.time(*ends))
            }
            Letter::AlreadyMember { link, asked: done }
            | Letter::ResetBegun { link, asked: done }
            | Letter::AddressChanging { done, cancel: link } => {
                self.on(self.of(letter).words(Some(link)), done)
            }
            Letter::Erased { at } | Letter::Test { at } => {
                self.of(letter).words(None).fact(labels.when, self.time(*at))
            }
            Letter::AddressChanged { side, old, new, done, secure } => self
                .told(self.address(*side), done, secure)
                .fact(labels.old_address, old.as_str())
                .fact(labels.new_address, new.as_str()),
            Letter::RecoveryCancelled { done } => self.on(self.of(letter).words(None), done),
            Letter::ApprovalRequested { act, by, until, link } => {
                let words = self.approval_requested.words(Some(link));
                let words = words.fact(labels.act, act.as_str()).fact(labels.asked_by, by.as_str());
                words.fact(labels.waits_until, self.time(*until))
            }
            Letter::ApprovalDecided { act, by, decision, at } => {
                let words = self.decision(*decision).words(None).fact(labels.act, act.as_str());
                words.fact(labels.decided_by, by.as_str()).fact(labels.when, self.time(*at))
            }
            Letter::RecoveryLinkUsed { account, done, link } => self
                .on(self.of(letter).words(Some(link)), done)
                .fact(labels.account, account.as_str()),
            Letter::RoleChanged { role, at } => {
                let words = self.role_changed.words(None).fact(labels.role, role.as_str());
                words.fact(labels.when, self.time(*at))
            }
            Letter::RecoveryLinkMade { account, done, until, link } => self
                .on(self.recovery_link_made.words(Some(link)), done)
                .fact(labels.account, account.as_str())
                .fact(labels.waits_until, self.time(*until)),
            Letter::AccessReview { .. }
            | Letter::ReportReceived { .. }
            | Letter::ReportDue { .. }
            | Letter::CertificateLate { .. }
            | Letter::CertificateRenewed { .. }
            | Letter::TokenExpires { .. } => self.dated(letter),
        }
    }

    /// A letter that tells of a time, and where to do something about it.
    fn dated<'a>(&self, letter: &'a Letter) -> Words<'a> {
        let labels = &self.labels;
        match letter {
            Letter::AccessReview { due, by, grants, link } => {
                let words = self.review(*due).words(Some(link));
                words.fact(labels.due, self.time(*by)).fact(labels.grants, grants.to_string())
            }
            Letter::ReportReceived { by, link } => {
                self.report_received.words(Some(link)).fact(labels.due, self.time(*by))
            }
            Letter::ReportDue { due, by, link } => {
                self.report(*due).words(Some(link)).fact(labels.due, self.time(*by))
            }
            Letter::CertificateLate { ends: Some(ends), link } => {
                self.certificate_late.words(Some(link)).fact(labels.holds_until, self.time(*ends))
            }
            Letter::CertificateLate { ends: None, link } => self.certificate_none.words(Some(link)),
            Letter::CertificateRenewed { ends, link } => self
                .certificate_renewed
                .words(Some(link))
                .fact(labels.holds_until, self.time(*ends)),
            Letter::TokenExpires { at, link } => {
                self.token_expires.words(Some(link)).fact(labels.takes_effect, self.time(*at))
            }
            _ => self.of(letter).words(None),
        }
    }

    /// The form of a letter that differs from others by its form alone.
    const fn of(&self, letter: &Letter) -> &Form {
        match letter {
            Letter::PasswordReset { .. } => &self.password_reset,
            Letter::DeviceLink { .. } => &self.device_link,
            Letter::FactorLink { .. } => &self.factor_link,
            Letter::NewDevice { .. } => &self.new_device,
            Letter::SessionTheft { .. } => &self.session_theft,
            Letter::FactorReplaced { .. } => &self.factor_replaced,
            Letter::HalfSignIns { .. } => &self.half_sign_ins,
            Letter::PasskeyCloned { .. } => &self.passkey_cloned,
            Letter::Exported { .. } => &self.exported,
            Letter::SessionsEnded { .. } => &self.sessions_ended,
            Letter::ResetBegun { .. } => &self.reset_begun,
            Letter::FactorAdded { .. } => &self.factor_added,
            Letter::FactorRemoved { .. } => &self.factor_removed,
            Letter::RecoveryStarted { .. } => &self.recovery_started,
            Letter::Erasing { .. } => &self.erasing,
            Letter::AlreadyMember { .. } => &self.already_member,
            Letter::AddressChanging { .. } => &self.address_changing,
            Letter::Erased { .. } => &self.erased,
            Letter::Test { .. } => &self.test,
            Letter::RecoveryCancelled { .. } => &self.recovery_cancelled,
            Letter::RecoveryLinkUsed { .. } => &self.recovery_link_used,
            _ => &self.password_changed,
        }
    }

    const fn decision(&self, decision: Decision) -> &Form {
        match decision {
            Decision::Approved => &self.approved,
            Decision::Refused => &self.refused,
            Decision::Expired => &self.expired,
        }
    }

    const fn review(&self, due: Due) -> &Form {
        match due {
            Due::Soon => &self.review_due,
            Due::Over => &self.review_overdue,
        }
    }

    const fn report(&self, due: Due) -> &Form {
        match due {
            Due::Soon => &self.report_due,
            Due::Over => &self.report_overdue,
        }
    }

    const fn address(&self, side: Side) -> &Form {
        match side {
            Side::Old => &self.address_left,
            Side::New => &self.address_taken,
        }
    }

    /// A link that works once.
    fn once<'a>(&self, form: &Form, link: &'a Link, until: Timestamp) -> Words<'a> {
        let mut words = form.words(Some(link));
        words.after.insert(0, self.works_until.replace("{}", &self.time(until)));
        words
    }

    /// Something that was done to an account, and the way to undo it.
    fn told<'a>(&self, form: &Form, done: &Occasion, secure: &'a Link) -> Words<'a> {
        let mut words = self.on(form.words(Some(secure)), done);
        words.paragraphs.push(self.not_you.to_owned());
        words
    }

    fn on<'a>(&self, words: Words<'a>, occasion: &Occasion) -> Words<'a> {
        words
            .fact(self.labels.when, self.time(occasion.at))
            .fact(self.labels.place, occasion.place.as_str())
            .fact(self.labels.device, occasion.device.as_str())
    }

    const fn factor(&self, factor: Factor) -> &'static str {
        match factor {
            Factor::Codes => self.codes,
            Factor::Passkey => self.passkey,
            Factor::RecoveryCodes => self.recovery_codes,
        }
    }

    /// A date and a time of UTC, with the month's name.
    fn time(&self, at: Timestamp) -> String {
        let civil = TimeZone::UTC.to_datetime(at);
        let month = usize::try_from(civil.month() - 1).ok();
        let month = month.and_then(|month| self.months.get(month)).copied().unwrap_or_default();
        let (day, dot, year) = (civil.day(), self.day, civil.year());
        format!("{day}{dot} {month} {year}, {:02}:{:02} UTC", civil.hour(), civil.minute())
    }
}

impl Form {
    fn words<'a>(&self, link: Option<&'a Link>) -> Words<'a> {
        let after = if self.after.is_empty() { Vec::new() } else { vec![self.after.to_owned()] };
        Words {
            subject: self.subject,
            paragraphs: vec![self.text.to_owned()],
            facts: Vec::new(),
            action: link.map(|link| (self.action, link)),
            after,
        }
    }
}

impl Words<'_> {
    fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }
}

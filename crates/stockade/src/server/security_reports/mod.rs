//! Where weaknesses are reported: `security.txt` and its key, the terms, the form, the page of a receipt.

pub mod page;
mod words;

use crate::desk::{DisclosureTerms, Result};
use disclosure::{Contact, Form, Freshness};
use jiff::Timestamp;
use kms::{KeyRing, Purpose};
use seal::{AgeRecipient, OpenPgpKey};
use std::sync::{Mutex, PoisonError};

/// What of the form runs in a browser: it seals there.
pub const SCRIPT: &str = include_str!("report.js");
/// The key follows from the installation's keys and was made at no moment of its own; all servers of a database
/// must name the same, because it is a part of the fingerprint: 2026-01-01.
pub(super) const KEY_MADE: u32 = 1_767_225_600;

/// A `security.txt` as it is handed out.
#[derive(Debug, Clone)]
struct Made {
    at: Timestamp,
    ends: Timestamp,
    text: String,
}

/// Where weaknesses are reported, and to whom.
#[derive(Debug)]
pub struct Reporting {
    contact: Option<Contact>,
    address: String,
    recipients: Vec<AgeRecipient>,
    key: OpenPgpKey,
    /// The newest one.
    made: Mutex<Option<Made>>,
}

impl Reporting {
    /// Of the server that others know as `subject`.
    pub fn new(subject: &str, terms: DisclosureTerms, keys: &KeyRing) -> Result<Self> {
        let DisclosureTerms { contact, recipients } = terms;
        let form = if recipients.is_empty() { Form::Closed } else { Form::Open };
        let address = contact;
        let contact = Contact::new(subject, &address, form)?;
        let host = subject.trim_start_matches("https://").trim_end_matches('/');
        let name = format!("security.txt of {host}");
        let key = OpenPgpKey::new(keys.signing(Purpose::Disclosure), KEY_MADE, &name);
        Ok(Self { contact, address, recipients, key, made: Mutex::default() })
    }

    /// Whom to write to, if anybody.
    #[must_use]
    pub const fn contact(&self) -> Option<&Contact> {
        self.contact.as_ref()
    }

    /// The address of those who answer; empty where none is set.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Who can open reports.
    #[must_use]
    pub fn recipients(&self) -> &[AgeRecipient] {
        &self.recipients
    }

    /// The key that signs `security.txt`.
    #[must_use]
    pub const fn key(&self) -> &OpenPgpKey {
        &self.key
    }

    /// `security.txt`, signed; made anew when it is a day old. None where nobody can be written to: a contact
    /// that nobody reads is worse than none.
    #[must_use]
    pub fn security_txt(&self, now: Timestamp) -> Option<String> {
        let contact = self.contact.as_ref()?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |made: &&Made| Freshness::of(made.at, made.ends, now) == Freshness::Fresh;
        if let Some(made) = made.as_ref().filter(fresh) {
            return Some(made.text.clone());
        }
        let second = u32::try_from(now.as_second()).unwrap_or(KEY_MADE);
        let text = self.key.sign(&contact.text(now), second);
        *made = Some(Made { at: now, ends: Contact::ends(now), text: text.clone() });
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use kms::SystemEntropy;

    fn reporting(contact: &str) -> Reporting {
        let terms = DisclosureTerms { contact: contact.to_owned(), recipients: Vec::new() };
        let keys = KeyRing::generate(&mut SystemEntropy::new());
        Reporting::new("https://trade.example", terms, &keys).expect("an address")
    }

    #[test]
    fn a_text_is_kept_for_a_day_and_made_anew_after_it() {
        let reporting = reporting("security@trade.example");
        let start: Timestamp = "2026-05-01T00:00:00Z".parse().expect("a time");
        let at =
            |hours| reporting.security_txt(start + SignedDuration::from_hours(hours)).expect("one");
        let (first, same, next) = (at(0), at(23), at(25));
        assert_eq!(first, same);
        assert_ne!(first, next);
        for (text, ends) in [(&first, "2026-10-28T00"), (&next, "2026-10-29T01")] {
            let found = reporting.key().certificate().verify(text).expect("it is signed").text;
            assert!(found.contains(&format!("Expires: {ends}:00:00Z\n")), "{found}");
            assert!(found.contains("Contact: mailto:security@trade.example\n"), "{found}");
        }
    }

    #[test]
    fn where_nobody_can_be_written_to_there_is_no_text() {
        assert_eq!(reporting("").security_txt(Timestamp::UNIX_EPOCH), None);
    }
}

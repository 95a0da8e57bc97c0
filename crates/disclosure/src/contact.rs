//! `security.txt` (RFC 9116): where a finder of a weakness is told to write.

use crate::Error;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// How long one holds. The RFC recommends less than a year; a file that is made every day needs less.
const LIFE: SignedDuration = SignedDuration::from_hours(24 * 180);
/// It is made anew when it is this old.
const YOUTH: SignedDuration = SignedDuration::from_hours(24);
/// So long before its end it should have been made anew long ago.
const WARNING: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Characters of an address (RFC 5321 §4.5.3.1.3).
const ADDRESS_CHARS_MAX: usize = 254;

/// Whether reports are taken by a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It is there, and says to whom reports are sealed.
    Open,
    /// There is nobody to seal reports to.
    Closed,
}

/// Whom to write to, and where that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    origin: String,
    mail: Option<String>,
    form: Form,
}

/// How a `security.txt` stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Made within the last day.
    Fresh,
    /// It holds, and is to be made anew.
    Aged,
    /// It ends within 30 days: nobody has made it anew for months.
    Ending,
    /// It holds no more.
    Ended,
}

impl Contact {
    /// A server at `https://HOST`, the address of those who answer, and whether its form is open; nothing where
    /// nobody can be reached.
    pub fn new(origin: &str, mail: &str, form: Form) -> Result<Option<Self>, Error> {
        let mail = match mail.trim() {
            "" => None,
            text => Some(address(text)?),
        };
        let origin = origin.trim_end_matches('/').to_owned();
        Ok((mail.is_some() || form == Form::Open).then_some(Self { origin, mail, form }))
    }

    /// The address of those who answer.
    #[must_use]
    pub fn mail(&self) -> Option<&str> {
        self.mail.as_deref()
    }

    /// When a text ends that is made now.
    #[must_use]
    pub fn ends(now: Timestamp) -> Timestamp {
        now.saturating_add(LIFE).unwrap_or(Timestamp::MAX)
    }

    /// The text, before it is signed.
    #[must_use]
    pub fn text(&self, now: Timestamp) -> String {
        let at = &self.origin;
        let mut text = format!(
            "# Weaknesses of this server, and of Stockade, which it runs.\n\
             # The key that signs this: {at}/.well-known/stockade/security-key.asc\n"
        );
        // The one that is preferred stands first (RFC 9116 §2.5.3).
        if self.form == Form::Open {
            let _ = writeln!(text, "Contact: {at}/security/report");
        }
        if let Some(mail) = &self.mail {
            let _ = writeln!(text, "Contact: mailto:{mail}");
        }
        let _ = writeln!(text, "Expires: {}", Self::ends(now).strftime("%Y-%m-%dT%H:%M:%SZ"));
        if self.form == Form::Open {
            let _ = writeln!(text, "Encryption: {at}/security/report/recipients");
        }
        text + &format!(
            "Acknowledgments: {at}/security/thanks\n\
             Preferred-Languages: en, de\n\
             Canonical: {at}/.well-known/security.txt\n\
             Policy: {at}/security/policy\n\
             CSAF: {at}/.well-known/csaf/provider-metadata.json\n"
        )
    }
}

impl Freshness {
    /// Of a text that ends then and was signed at `made`.
    #[must_use]
    pub fn of(made: Timestamp, ends: Timestamp, now: Timestamp) -> Self {
        let left = ends.duration_since(now);
        if left <= SignedDuration::ZERO {
            Self::Ended
        } else if left < WARNING {
            Self::Ending
        } else if now.duration_since(made).abs() < YOUTH {
            Self::Fresh
        } else {
            Self::Aged
        }
    }
}

/// An address as it can stand behind `mailto:` without more ado.
fn address(text: &str) -> Result<String, Error> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "@.+-_".contains(c);
    let parts: Vec<&str> = text.split('@').collect();
    let is_one = matches!(parts.as_slice(), [name, host] if !name.is_empty() && host.contains('.'));
    if !is_one || text.len() > ADDRESS_CHARS_MAX || !text.chars().all(fine) {
        return Err(Error::Address { found: text.chars().take(80).collect() });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        start + SignedDuration::from_hours(24 * days)
    }

    #[test]
    fn the_text_says_where_to_write_until_when_and_where_it_belongs() {
        let contact = Contact::new("https://trade.example/", "security@trade.example", Form::Open);
        let text = contact.expect("an address").expect("somebody").text(at(0));
        assert_eq!(
            text,
            "# Weaknesses of this server, and of Stockade, which it runs.\n\
             # The key that signs this: https://trade.example/.well-known/stockade/security-key.asc\n\
             Contact: https://trade.example/security/report\n\
             Contact: mailto:security@trade.example\n\
             Expires: 2026-06-30T00:00:00Z\n\
             Encryption: https://trade.example/security/report/recipients\n\
             Acknowledgments: https://trade.example/security/thanks\n\
             Preferred-Languages: en, de\n\
             Canonical: https://trade.example/.well-known/security.txt\n\
             Policy: https://trade.example/security/policy\n\
             CSAF: https://trade.example/.well-known/csaf/provider-metadata.json\n"
        );
        let by_mail = Contact::new("https://trade.example", " a@b.example ", Form::Closed);
        let text = by_mail.expect("an address").expect("somebody").text(at(0));
        assert!(text.contains("Contact: mailto:a@b.example\n"), "{text}");
        assert!(!text.contains("Encryption") && !text.contains("/security/report\n"), "{text}");
        assert_eq!(Contact::new("https://trade.example", "", Form::Closed), Ok(None));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["security", "a@b", "@b.example", "a@b.example, c@d.example", "a@b.example\nX: y"]
        {
            let error = Contact::new("https://x", text, Form::Open).expect_err(text);
            assert!(error.to_string().contains("no address of mail"), "{error}");
        }
    }

    #[test]
    fn a_text_is_made_anew_every_day_and_alarms_thirty_days_before_its_end() {
        let check = |days: i64, want| {
            assert_eq!(Freshness::of(at(0), at(180), at(days)), want, "{days}");
        };
        check(0, Freshness::Fresh);
        check(1, Freshness::Aged);
        check(150, Freshness::Aged);
        check(151, Freshness::Ending);
        check(179, Freshness::Ending);
        check(180, Freshness::Ended);
        // A clock that went back a year does not leave an old text standing as fresh.
        check(-365, Freshness::Aged);
        assert!(Contact::ends(at(0)) < at(365), "the RFC recommends less than a year");
    }
}

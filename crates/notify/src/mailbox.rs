//! Addresses that mail goes to and comes from.

use crate::{Error, clean, cut};
use std::fmt;

/// The longest address (RFC 5321, section 4.5.3.1.3, without its brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// The longest part before the `@`.
const LOCAL_BYTES_MAX: usize = 64;
/// The longest name of a sender, in characters.
const NAME_CHARS_MAX: usize = 64;

/// An address, in ASCII: `ann@xn--bcher-kva.example`.
///
/// A domain may be written in any script; what is kept and shown is its ASCII form, in which no letter looks
/// like another. The part before the `@` must be ASCII: few servers take others, and a letter that cannot be
/// delivered is found out only when somebody waits for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mailbox(String);

impl Mailbox {
    /// From `ann@example.org`: no display name, no comment, no quoting, no address in brackets.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |why| Error::Malformed { what: "mail address", why };
        let text = text.trim();
        let (local, host) = text.rsplit_once('@').ok_or_else(|| refused("it has no @"))?;
        if !local.is_ascii() {
            return Err(refused("before the @ only letters, digits and signs of ASCII are taken"));
        }
        let atom = |atom: &str| {
            let taken = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
            !atom.is_empty() && atom.bytes().all(taken)
        };
        if local.len() > LOCAL_BYTES_MAX || !local.split('.').all(atom) {
            return Err(refused("write what stands before the @ without quotes and spaces"));
        }
        let host = domain(host)?;
        let whole = format!("{local}@{host}");
        if whole.len() > ADDRESS_BYTES_MAX {
            return Err(refused("it has more than 254 bytes"));
        }
        Ok(Self(whole))
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address is somebody's: it stays out of logs unless it is asked for.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox(..@{})", self.domain())
    }
}

/// A domain of at least two labels in its ASCII form (UTS 46), as it goes over the wire.
pub(crate) fn domain(text: &str) -> Result<String, Error> {
    let refused = |why| Error::Malformed { what: "mail domain", why };
    let text = text.trim().trim_end_matches('.');
    let ascii = idna::domain_to_ascii_strict(text)
        .map_err(|_| refused("it is no domain name; write it as example.org"))?;
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if !ascii.contains('.') || last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refused("write a whole domain name, as example.org, not a host or a number"));
    }
    Ok(ascii)
}

/// Who a mail is from: an address and the name that is shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    name: String,
    mailbox: Mailbox,
}

impl Sender {
    /// A name of at most 64 characters, cleaned, and an address.
    #[must_use]
    pub fn new(name: &str, mailbox: Mailbox) -> Self {
        Self { name: cut(&clean(name), NAME_CHARS_MAX), mailbox }
    }

    /// The name; empty if none is shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address.
    #[must_use]
    pub const fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ascii_and_nothing_else_than_an_address() {
        let check = |text: &str, want: &str| {
            let found = Mailbox::parse(text);
            let found = found.map_or_else(|error| format!("! {error}"), |found| found.0);
            assert!(found.starts_with(want), "{text:?}: {found}");
        };
        check("ann@example.org", "ann@example.org");
        check(" Ann.B+tag@Example.ORG. ", "Ann.B+tag@example.org");
        check("ann@bücher.example", "ann@xn--bcher-kva.example");
        // Cyrillic letters that look like Latin ones show what they are.
        check("ann@раураӏ.com", "ann@xn--80aa0cbo65f.com");
        check("müller@example.org", "! mail address: before the @");
        check("ann", "! mail address: it has no @");
        check("ann@localhost", "! mail domain");
        check("ann@127.0.0.1", "! mail domain");
        check("ann@[127.0.0.1]", "! mail domain");
        check("ann@exa mple.org", "! mail domain");
        check("ann@-a.org", "! mail domain");
        check("\"a b\"@example.org", "! mail address: write");
        check("a..b@example.org", "! mail address: write");
        check("Ann <ann@example.org>", "! mail");
        check("ann@example.org\r\nBcc: eve@example.net", "! mail");
        check("ann\r\nBcc: eve@example.net", "! mail address: write");
        check("ann\0@example.org", "! mail address: write");
        check(&format!("{}@example.org", "a".repeat(65)), "! mail address: write");
        check(&format!("a@{}example.org", "a.".repeat(125)), "! mail");
    }
}

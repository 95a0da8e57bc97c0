//! E-mail addresses: parsed at the border, so that nothing after it can smuggle a line.

use crate::Error;
use seal::MacKey;
use std::{fmt, str::FromStr};

/// An address in one spelling: lower case, ASCII, no quoted local part, no address literal.
///
/// Line breaks, spaces and header syntax cannot occur. `Debug` shows the domain only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

/// What finds an account by its address: a truncated MAC, so that the column tells no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailIndex([u8; 16]);

impl EmailAddress {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// The blind index under the key of this purpose.
    #[must_use]
    pub fn index(&self, key: &MacKey) -> EmailIndex {
        let tag = key.tag(&[b"stockade/v1 email index", self.0.as_bytes()]);
        let mut short = [0; 16];
        short.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
        EmailIndex(short)
    }
}

impl EmailIndex {
    /// From the stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::Content { field: "e-mail index" })
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |problem| Err(Error::Email { problem });
        let text = text.trim_matches(' ');
        if text.len() > 254 {
            return refuse("it is longer than 254 characters");
        }
        if !text.is_ascii() {
            return refuse("write the domain in its ASCII form (xn--…) and the name in ASCII");
        }
        let Some((local, domain)) = text.rsplit_once('@') else {
            return refuse("it has no @");
        };
        if local.is_empty() || local.len() > 64 || !local.split('.').all(is_atom) {
            return refuse(
                "before the @ stand 1 to 64 letters, digits, single dots or !#$%&'*+-/=?^_`{|}~",
            );
        }
        if domain.is_empty() || !domain.split('.').all(is_label) {
            return refuse("after the @ stands a host name");
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress(..@{})", self.domain())
    }
}

fn is_atom(part: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    !part.is_empty() && part.bytes().all(allowed)
}

fn is_label(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&part.len())
        && part.bytes().all(inner)
        && !part.starts_with('-')
        && !part.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use seal::Secret;

    #[test]
    fn addresses_have_one_spelling() {
        let check = |text: &str, want: &str| {
            assert_eq!(text.parse::<EmailAddress>().map(|a| a.to_string()), Ok(want.to_owned()));
        };
        check("Ada@Example.org", "ada@example.org");
        check(" ada+test@example.org ", "ada+test@example.org");
        check("root@localhost", "root@localhost");
        check("a.b-c@xn--bcher-kva.example", "a.b-c@xn--bcher-kva.example");
    }

    #[test]
    fn what_could_smuggle_a_header_is_refused() {
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a..b@example.org",
            ".a@example.org",
            "ada@-example.org",
            "ada@example..org",
            "ada@[127.0.0.1]",
            "\"a b\"@example.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada\n@example.org",
            "ada@example.org\0",
            "a@b@example.org",
            "Ada <ada@example.org>",
            "ädä@example.org",
            &format!("{}@example.org", "a".repeat(65)),
            &format!("a@{}", "abcdefgh.".repeat(40)),
        ] {
            assert!(matches!(bad.parse::<EmailAddress>(), Err(Error::Email { .. })), "{bad:?}");
        }
    }

    #[test]
    fn the_index_is_keyed_and_the_name_does_not_print() {
        let address: EmailAddress = "ada@example.org".parse().expect("an address");
        let key = |byte| MacKey::new(Secret::new([byte; 32]));
        assert_eq!(address.index(&key(1)), address.clone().index(&key(1)));
        assert_ne!(address.index(&key(1)), address.index(&key(2)));
        assert_eq!(format!("{address:?}"), "EmailAddress(..@example.org)");
    }

    proptest! {
        #[test]
        fn whatever_parses_is_printable_and_parses_again(text in "\\PC{0,20}@[a-z\\r\\n. ]{0,20}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(address.as_str().parse::<EmailAddress>(), Ok(address.clone()));
            }
        }
    }
}

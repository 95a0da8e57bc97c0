//! Words of others inside our letters.

use crate::{clean, cut};
use std::fmt;

/// The longest word of others in a letter, in characters.
const CHARS_MAX: usize = 120;

/// A name, a place or a device: somebody else's words, made harmless for a letter that bears our signature.
///
/// Mail programs turn whatever looks like an address of the web into a link. An inviter whose "name" is
/// `evil.example` would have our letter link there, so dots within words and `://` are written apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign(String);

impl Foreign {
    /// The words without control characters and links, at most 120 characters.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = cut(&clean(text), CHARS_MAX).replace("://", "[:]//");
        let mut out = String::with_capacity(text.len());
        let mut before = ' ';
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            // Versions and addresses of machines keep their dots: no link begins with a digit behind one.
            let word = chars.peek().is_some_and(|next| next.is_alphabetic());
            // What browsers take for the dot of a domain name, too.
            let dot = matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}');
            if dot && before.is_alphanumeric() && word {
                out.push_str("[.]");
            } else {
                out.push(c);
            }
            before = c;
        }
        Self(if out.is_empty() { "–".to_owned() } else { out })
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_make_no_links_and_no_lines() {
        let check = |text: &str, want: &str| assert_eq!(Foreign::new(text).as_str(), want);
        check("Ann B. Miller", "Ann B. Miller");
        check("Firefox 142.0 on Ubuntu 24.04", "Firefox 142.0 on Ubuntu 24.04");
        check("Vienna, AT (203.0.113.7)", "Vienna, AT (203.0.113.7)");
        check("http://evil.example/x", "http[:]//evil[.]example/x");
        check("www.evil.example", "www[.]evil[.]example");
        check("evil。example", "evil[.]example");
        check("Eve\r\nBcc: x@evil.example", "Eve  Bcc: x@evil[.]example");
        check("\u{202e}elpmaxe", "elpmaxe");
        check("", "–");
        assert_eq!(Foreign::new(&"a".repeat(500)).as_str().chars().count(), 120);
    }
}

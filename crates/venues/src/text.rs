//! Text from outside: read as it stands in a message, made safe to show, and sent back escaped.

use serde::{Deserialize, Deserializer, de};
use std::{borrow::Cow, fmt, ops::Deref};

/// The most characters of a venue's words that are kept.
const KEPT: usize = 200;

/// Without what moves a terminal's cursor or turns the direction of text round, and cut.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(shown).take(KEPT).collect()
}

/// A scalar of a message as text, lent by the message where it can be: null is empty, a flag is `true` or
/// `false`; a number with a fraction is refused, because its digits would be lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The text, if there is any.
    pub(crate) fn some(&self) -> Option<&str> {
        Some(&**self).filter(|text| !text.is_empty())
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> de::Visitor<'de> for Reader {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(if flag { "true" } else { "false" })))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }
}

/// Appends a text as JSON: names are plain ASCII, but a foreign one may hold a quote or a backslash.
pub(crate) fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Appends a text as part of a query: everything but letters, digits, `-._~` and what is named is escaped.
pub(crate) fn push_encoded(text: &str, kept: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_read_as_they_stand_in_a_message() {
        let check = |json: &str, want: Option<&str>| {
            let read = serde_json::from_str::<Text<'_>>(json);
            assert_eq!(read.as_deref().ok(), want, "{json}");
        };
        check(r#""a""#, Some("a"));
        check(r#""a\"b""#, Some("a\"b"));
        check("17", Some("17"));
        check("-17", Some("-17"));
        check("true", Some("true"));
        check("null", Some(""));
        check("1.5", None);
        check("[]", None);
    }

    #[test]
    fn what_is_sent_is_escaped() {
        let (mut quoted, mut query) = (String::new(), String::new());
        push_quoted("a\"b\\", &mut quoted);
        push_encoded("a b&c%3D,", b"%", &mut query);
        assert_eq!((quoted.as_str(), query.as_str()), ("\"a\\\"b\\\\\"", "a%20b%26c%3D%2C"));
    }

    #[test]
    fn words_of_a_venue_move_no_cursor() {
        assert_eq!(clean("no\u{1b}[2J \u{202e}money\r\n"), "no[2J money");
        assert_eq!(clean(&"ä".repeat(300)).chars().count(), 200);
    }
}

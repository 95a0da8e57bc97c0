//! The last fence of a log: what looks like a secret does not leave in it.
//!
//! Values that are secrets have a type that does not print. This is for those that came as somebody else's
//! text: an error that quotes a request, a driver that prints its address, a configuration that is shown.

use std::{borrow::Cow, ops::Range};

/// What stands where a secret stood.
const HIDDEN: &str = "[hidden]";
/// A value of one of these names is a secret, and so is one of a longer name that ends in it.
const NAMES: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "access-key",
    "private_key",
    "signature",
    "credential",
];
/// These name secrets only where they stand alone.
const WORDS: [&str; 3] = ["pin", "otp", "sign"];
/// What these name goes on to the end of the line.
const LINES: [&str; 3] = ["authorization", "cookie", "set-cookie"];
/// Secrets that say so themselves: tokens of ours, signed tokens (RFC 7519), keys of age.
const MARKS: [&str; 3] = ["stk_", "eyJ", "AGE-SECRET-KEY-1"];
/// Schemes of HTTP authentication (RFC 7617, RFC 6750); what follows is the secret.
const SCHEMES: [&str; 2] = ["Bearer ", "Basic "];
/// A marked value that is shorter is a word of a sentence.
const MARKED_MIN: usize = 8;
/// A fragment that is shorter names a place in a page; those of our links are longer.
const FRAGMENT_MIN: usize = 16;

/// The text with everything that looks like a secret replaced. Better one word too many than one
/// too few: nothing here is read back.
#[must_use]
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut found = Vec::new();
    named(text, &mut found);
    marked(text, &mut found);
    fragments(text, &mut found);
    private_keys(text, &mut found);
    logins(text, &mut found);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for range in found {
        if range.start >= copied {
            out.push_str(part(text, copied..range.start));
            out.push_str(HIDDEN);
        }
        copied = copied.max(range.end);
    }
    out.push_str(part(text, copied..text.len()));
    Cow::Owned(out)
}

/// A part of a text; nothing where the range is none of it.
fn part(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

/// The bytes of a text's beginning whose characters are all so.
fn run(text: &str, so: impl Fn(char) -> bool) -> usize {
    text.find(|c| !so(c)).unwrap_or(text.len())
}

const fn in_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '=' | '~')
}

const fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\')
}

/// `password=…`, `"api_key": "…"`, `Authorization: …`.
fn named(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, sign) in text.match_indices([':', '=']) {
        let before = part(text, 0..at).trim_end_matches(|c| is_quote(c) || c == ' ');
        let name = before.rsplit(|c| !in_name(c)).next().unwrap_or_default().to_ascii_lowercase();
        let line = LINES.contains(&name.as_str());
        let secret = WORDS.contains(&name.as_str()) || NAMES.iter().any(|end| name.ends_with(end));
        let after = part(text, at + sign.len()..text.len());
        // A path of Rust's has two colons.
        if !(line || secret) || after.starts_with(':') || before.ends_with(':') {
            continue;
        }
        let value = after.trim_start_matches(|c| is_quote(c) || c == ' ');
        let start = text.len() - value.len();
        let quoted = after.trim_start_matches(' ').starts_with(is_quote);
        let length = match (line, quoted) {
            (true, false) => run(value, |c| c != '\n'),
            (_, true) => run(value, |c| !is_quote(c)),
            (false, false) => run(value, |c| {
                !(c.is_whitespace()
                    || is_quote(c)
                    || matches!(c, ',' | '&' | ';' | ')' | '}' | ']'))
            }),
        };
        if length > 0 && !value.starts_with(HIDDEN) {
            found.push(start..start + length);
        }
    }
}

/// Values that begin as a secret of a known kind does.
fn marked(text: &str, found: &mut Vec<Range<usize>>) {
    let mut note = |mark: &str, from_mark: bool| {
        for (at, _) in text.match_indices(mark) {
            if part(text, 0..at).ends_with(|c: char| c.is_ascii_alphanumeric()) {
                continue;
            }
            let start = at + mark.len();
            let length = run(part(text, start..text.len()), in_token);
            if length >= MARKED_MIN {
                found.push(if from_mark { at } else { start }..start + length);
            }
        }
    };
    for mark in MARKS {
        note(mark, true);
    }
    for scheme in SCHEMES {
        note(scheme, false);
    }
}

/// What follows the `#` of a link that works once.
fn fragments(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, sign) in text.match_indices('#') {
        let start = at + sign.len();
        let length = run(part(text, start..text.len()), in_name);
        if length >= FRAGMENT_MIN {
            found.push(start..start + length);
        }
    }
}

/// Private keys in PEM (RFC 7468), whole or cut off.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices("-----BEGIN ") {
        let rest = part(text, at..text.len());
        let label = rest.split("-----").nth(1).unwrap_or_default();
        if !label.ends_with("PRIVATE KEY") {
            continue;
        }
        let end = rest.find("-----END ").map_or(rest.len(), |end| {
            end + run(part(rest, end..rest.len()), |c| c != '\n' && !is_quote(c))
        });
        found.push(at..at + end);
    }
}

/// Name and password before the host of an address (RFC 3986, section 3.2.1).
fn logins(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, sign) in text.match_indices("://") {
        let start = at + sign.len();
        let rest = part(text, start..text.len());
        let host = run(rest, |c| !(c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"')));
        if let Some(end) = part(rest, 0..host).rfind('@').filter(|end| *end > 0)
            && part(rest, 0..end) != HIDDEN
        {
            found.push(start..start + end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_of_every_kind_are_hidden_and_the_rest_stays() {
        for (said, shown) in [
            ("password=hunter2 and on", "password=[hidden] and on"),
            (r#"{"api_key": "abc", "n": 1}"#, r#"{"api_key": "[hidden]", "n": 1}"#),
            (r#"{\"client_secret\":\"abc\"}"#, r#"{\"client_secret\":\"[hidden]\"}"#),
            (
                "Login { passphrase: \"two words\", tries: 3 }",
                "Login { passphrase: \"[hidden]\", tries: 3 }",
            ),
            ("X-MBX-APIKEY: k1, next", "X-MBX-APIKEY: [hidden], next"),
            ("?timestamp=1&signature=00ff&x=1", "?timestamp=1&signature=[hidden]&x=1"),
            ("Cookie: a=b; c=d\nHost: x", "Cookie: [hidden]\nHost: x"),
            ("sent Bearer abcdefgh1234", "sent Bearer [hidden]"),
            ("the token stk_0123456789ab is old", "the token [hidden] is old"),
            ("got eyJhbGciOi.eyJzdWIi.c2ln.", "got [hidden]"),
            ("/link/reset#AbCdEfGhIjKlMnOpQr", "/link/reset#[hidden]"),
            ("postgres://ada:pw@db/x", "postgres://[hidden]@db/x"),
            ("-----BEGIN PRIVATE KEY-----\nMC4\n-----END PRIVATE KEY-----\nx", "[hidden]\nx"),
            ("cut -----BEGIN RSA PRIVATE KEY-----\nMC4", "cut [hidden]"),
            ("pin=1234 spin=left", "pin=[hidden] spin=left"),
        ] {
            assert_eq!(scrub(said), shown);
            assert_eq!(scrub(shown), shown, "a second time");
        }
    }

    #[test]
    fn what_is_no_secret_is_not_touched() {
        for plain in [
            "the password is wrong",
            "answered method=POST route=\"/api/v1/tokens\" status=429 ms=0",
            "crate::token::parse failed",
            "https://localhost:8443/docs#tokens",
            "a basic Basic idea, Bearer of news",
            "-----BEGIN CERTIFICATE-----\nMC4\n-----END CERTIFICATE-----",
            "mail to ada@example.org",
            "",
        ] {
            assert!(matches!(scrub(plain), Cow::Borrowed(same) if same == plain), "{plain}");
        }
    }

    proptest! {
        #[test]
        fn no_secret_passes_whatever_stands_around_it(
            before in any::<String>(),
            secret in "[A-Za-z0-9]{20,40}",
            after in any::<String>(),
            kind in 0_usize..6,
        ) {
            let told = match kind {
                0 => format!("{before} password={secret} {after}"),
                1 => format!("{before} \"token\": \"{secret}\" {after}"),
                2 => format!("{before} stk_{secret} {after}"),
                3 => format!("{before} https://x/setup#{secret} {after}"),
                4 => format!("{before} Authorization: Bearer {secret}\n{after}"),
                _ => format!("{before} https://ada:{secret}@host/ {after}"),
            };
            let once = scrub(&told);
            prop_assert!(!once.contains(&secret), "{once}");
            let twice = scrub(&once);
            prop_assert!(!twice.contains(&secret));
        }
    }
}

//! What the words of a mail server mean for the letter and for those behind it.

use crate::{Verdict, clean, cut};

/// The most of a server's words that is kept.
const WORDS_CHARS_MAX: usize = 200;

/// An enhanced status code (RFC 3463): class, subject, detail.
fn enhanced(text: &str) -> Option<(u16, u16, u16)> {
    let word = text.split_whitespace().next()?;
    let mut parts = word.split('.');
    let mut part = |digits_max: usize| {
        let part = parts.next()?;
        let plain = part.len() <= digits_max && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    let code = (part(1)?, part(3)?, part(3)?);
    (parts.next().is_none() && matches!(code.0, 2 | 4 | 5)).then_some(code)
}

/// What a negative reply means; `text` is what stands behind the code.
pub(crate) fn verdict(code: u16, text: &str) -> Verdict {
    let why = cut(&clean(&format!("{code} {text}")), WORDS_CHARS_MAX);
    let detail = enhanced(text).map(|(_, subject, detail)| (subject, detail));
    if !(500..600).contains(&code) {
        return Verdict::Later { after: None, why };
    }
    // The login (RFC 4954), or mail that nobody may send without one.
    if matches!(code, 530 | 534 | 535 | 538) {
        return Verdict::Denied { why };
    }
    match (code, detail) {
        // The same by its status; the sender's address or domain, its signatures and its records (RFC 3463,
        // 7372, 8616): no letter gets through until they are mended.
        (_, Some((1, 7 | 8) | (7, 8 | 9 | 11 | 14 | 20..=27))) => Verdict::Denied { why },
        // A full mailbox is emptied some day, and a server's storage too (RFC 3463: persistent, not permanent).
        (_, Some((2, 2) | (3, 1))) | (552, None) => Verdict::Later { after: None, why },
        _ => Verdict::Refused { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_by_its_code_and_its_status() {
        let check = |code, text: &str, want: &str| {
            let found = match verdict(code, text) {
                Verdict::Sent => "sent",
                Verdict::Later { .. } => "later",
                Verdict::Refused { .. } => "refused",
                Verdict::Denied { .. } => "denied",
            };
            assert_eq!(found, want, "{code} {text}");
        };
        check(421, "4.3.2 shutting down", "later");
        check(450, "mailbox busy", "later");
        check(451, "4.7.1 greylisted", "later");
        check(452, "4.2.2 mailbox full", "later");
        check(550, "5.1.1 no such user", "refused");
        check(550, "no such user", "refused");
        check(550, "5.2.2 over quota", "later");
        check(552, "mailbox full", "later");
        check(552, "5.3.4 message too big", "refused");
        check(553, "5.1.8 bad sender's domain", "denied");
        check(530, "5.7.0 authentication required", "denied");
        check(535, "5.7.8 bad credentials", "denied");
        check(535, "no", "denied");
        check(550, "5.7.26 unauthenticated mail is prohibited", "denied");
        check(550, "5.7.1 looks like spam", "refused");
        check(554, "5.7.20 no passing DKIM signature found", "denied");
        check(554, "5.7.200.1 nonsense", "refused");
        check(554, "5..8 nonsense", "refused");
        // No mail server says this; it is not taken for an acceptance.
        check(354, "go", "later");
    }
}

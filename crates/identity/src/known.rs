//! Passwords that are known before anybody guesses: the commonest of all, and those that leaked.

use crate::Candidate;
use seal::sha1;

/// The commonest, in lower case; where they are from stands at the head of the file.
const COMMON: &str = include_str!("common_passwords.txt");
/// What people put behind a common password when it is refused.
const TAIL_CHARS_MAX: usize = 4;

/// Whether a text in lower case is a common password, or one with a few digits or signs behind it.
pub(crate) fn is_common(text: &str) -> bool {
    let stems = std::iter::successors(Some(text), |stem| shorter(stem)).take(1 + TAIL_CHARS_MAX);
    let stems: Vec<&str> = stems.collect();
    common().any(|known| stems.contains(&known))
}

/// Without its last character, if that is no letter.
fn shorter(text: &str) -> Option<&str> {
    text.strip_suffix(|c: char| !c.is_alphabetic())
}

fn common() -> impl Iterator<Item = &'static str> {
    COMMON.lines().filter(|line| !line.starts_with("# "))
}

/// What is kept of a leaked password: the first eight bytes of its SHA-1. Two different passwords
/// share them once in 2^64, so a list of ten million refuses no good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

impl Mark {
    /// Of a line of a list: forty hexadecimal digits of a SHA-1, with a colon and a count behind
    /// them or not, as the lists of Have I Been Pwned have them; any other line is the password
    /// itself. `None` for an empty line.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii_end();
        let digits = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let hashed = digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit);
        let first = digits.get(..16).filter(|_| hashed).and_then(|some| str::from_utf8(some).ok());
        let number = first.and_then(|some| u64::from_str_radix(some, 16).ok());
        match number {
            Some(number) => Some(Self(number)),
            None if line.is_empty() => None,
            None => Some(Self::of(line)),
        }
    }

    fn of(password: &[u8]) -> Self {
        let first = sha1(password).into_iter().take(8);
        Self(first.fold(0, |number, byte| number << 8 | u64::from(byte)))
    }
}

/// Passwords that leaked, as the operator gives them; none by default.
#[derive(Clone, Default)]
pub struct BreachedPasswords(Vec<Mark>);

impl BreachedPasswords {
    /// The longest list: eighty megabytes of memory.
    pub const MAX: usize = 10_000_000;

    /// Of these marks.
    #[must_use]
    pub fn new(mut marks: Vec<Mark>) -> Self {
        marks.sort_unstable();
        marks.dedup();
        Self(marks)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a password is one of them, as it was sent or as it is kept.
    #[must_use]
    pub fn has(&self, candidate: &Candidate) -> bool {
        let known = |text: &str| self.0.binary_search(&Mark::of(text.as_bytes())).is_ok();
        !self.is_empty() && (known(candidate.text()) || known(candidate.sent()))
    }
}

impl std::fmt::Debug for BreachedPasswords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BreachedPasswords({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::Secret;

    #[test]
    fn a_common_password_is_known_with_a_trivial_change_too() {
        let check = |text: &str, known| assert_eq!(is_common(text), known, "{text}");
        check("1qaz2wsx", true);
        check("iloveyou", true);
        check("iloveyou1", true);
        check("iloveyou2026", true);
        check("dragon!!", true);
        check("iloveyou-20261", false);
        check("1234567891!", true);
        check("abc1231!", true);
        check("iloveyou and the sea", false);
        check("qvzkxwjb", false);
        check("", false);
        check("#", false);
        assert_eq!(common().count(), 19_640);
    }

    #[test]
    fn a_leaked_password_is_found_by_itself_and_by_its_digest() {
        // SHA-1 of "marmot under nine bridges", from sha1sum.
        let lines: [&[u8]; 5] = [
            b"e6093d16f3abcb270a6e8098c275b0e4dc0ce7de:23\r\n",
            b"plain words of somebody\n",
            b"\n",
            b"p\xe4ssword in latin-1",
            b"  a blank before counts",
        ];
        let list = BreachedPasswords::new(lines.into_iter().filter_map(Mark::of_line).collect());
        assert_eq!(list.len(), 4);
        let check = |text: &str, known| {
            let candidate = Candidate::new(&Secret::new(text.to_owned()));
            assert_eq!(list.has(&candidate), known, "{text}");
        };
        check("marmot under nine bridges", true);
        check("plain words of somebody", true);
        check("  a blank before counts", true);
        check("a blank before counts", false);
        check("Marmot under nine bridges", false);
        check("", false);
        assert!(!BreachedPasswords::default().has(&Candidate::new(&Secret::new("x".to_owned()))));
        assert_eq!(format!("{list:?}"), "BreachedPasswords(4)");
    }
}

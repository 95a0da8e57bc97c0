//! What is told, before any channel puts it into its own words.

use crate::clean::{clean, cut};
use jiff::Timestamp;
use seal::sha256_parts;

/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 160;
/// The longest line, in characters.
const LINE_CHARS_MAX: usize = 400;
/// The most lines; what is beyond is counted.
const LINES_MAX: usize = 30;
/// The longest key, in characters.
const KEY_CHARS_MAX: usize = 120;

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Level {
    /// The level's name, as it stands in payloads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// What stands before a title.
    const fn mark(self) -> &'static str {
        match self {
            Self::Info => "",
            Self::Warning => "[warning] ",
            Self::Critical => "[CRITICAL] ",
        }
    }
}

/// One message to the owner: cleaned of control characters and bounded when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    key: String,
    level: Level,
    title: String,
    lines: Vec<String>,
    at: Timestamp,
}

impl Notice {
    /// A notice; those with the same non-empty `key` within a while are told once and counted.
    #[must_use]
    pub fn new(key: &str, level: Level, title: &str, at: Timestamp) -> Self {
        let title = cut(&clean(title), TITLE_CHARS_MAX);
        let title = if title.is_empty() { "(no title)".to_owned() } else { title };
        Self { key: cut(&clean(key), KEY_CHARS_MAX), level, title, lines: Vec::new(), at }
    }

    /// The same with one more line; a notice keeps the first thirty and says so.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        if self.lines.len() < LINES_MAX {
            self.lines.push(cut(&clean(line), LINE_CHARS_MAX));
        } else if let Some(last) = self.lines.last_mut() {
            "(more lines are left out)".clone_into(last);
        }
        self
    }

    /// What makes two notices the same.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How much it matters.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// The first line.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The lines below the title.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// An id that is the same on every retry, so that a receiver can drop a doubled delivery.
    #[must_use]
    pub fn id(&self) -> String {
        let at = self.at.as_nanosecond().to_be_bytes();
        let lengths: Vec<u8> =
            self.lines.iter().flat_map(|line| (line.len() as u64).to_be_bytes()).collect();
        let text = self.lines.concat();
        let parts: [&[u8]; 8] = [
            &at,
            self.level.name().as_bytes(),
            b"\0",
            self.key.as_bytes(),
            b"\0",
            self.title.as_bytes(),
            &lengths,
            text.as_bytes(),
        ];
        let mut id = hex::encode(sha256_parts(&parts));
        id.truncate(32);
        id
    }

    /// The title with its level before it.
    pub(crate) fn headline(&self) -> String {
        format!("{}{}", self.level.mark(), self.title)
    }

    /// The whole as plain lines, the time last.
    pub(crate) fn text_lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline()];
        lines.extend(self.lines.iter().cloned());
        lines.push(self.at.strftime("%F %T UTC").to_string());
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_notice_is_bounded_and_clean_when_it_is_made() {
        let long = "x".repeat(10_000);
        let mut notice = Notice::new(&long, Level::Info, &format!("\u{1b}[31m{long}"), at(0));
        for _ in 0..100 {
            notice = notice.line(&long);
        }
        assert_eq!(notice.title().chars().count(), TITLE_CHARS_MAX);
        assert!(notice.title().ends_with('…') && !notice.title().contains('\u{1b}'));
        assert_eq!(notice.lines().len(), LINES_MAX);
        assert_eq!(notice.lines().last().map(String::as_str), Some("(more lines are left out)"));
        assert_eq!(Notice::new("", Level::Info, "\n", at(0)).title(), "(no title)");
    }

    #[test]
    fn an_id_names_one_notice() {
        let notice = |key: &str, line: &str, second| {
            Notice::new(key, Level::Info, "title", at(second)).line(line).id()
        };
        let id = notice("k", "a", 1);
        assert_eq!((id.len(), &id), (32, &notice("k", "a", 1)));
        for other in [notice("l", "a", 1), notice("k", "b", 1), notice("k", "a", 2)] {
            assert_ne!(id, other);
        }
        let two = Notice::new("k", Level::Info, "title", at(1)).line("a").line("");
        assert_ne!(two.id(), id, "an empty line is a line");
    }
}

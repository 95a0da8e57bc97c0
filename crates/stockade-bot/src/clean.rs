//! Text from outside on its way to a terminal, a log or a notification.

/// One line of it: no escapes, no control characters, at most 200 characters.
#[must_use]
pub fn line(text: &str) -> String {
    notify::cut(&notify::clean(text), 200)
}

/// The same with at most 2,000 characters and without what looks like a secret, for the log.
#[must_use]
pub fn long(text: &str) -> String {
    notify::cut(&notify::clean(&notify::scrub(text)), 2_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_venue_cannot_drive_a_terminal() {
        for bad in
            ["a\u{1b}[31mb", "a\rb", "a\u{9b}2Jb", "a\u{202e}b", "a\u{7}b", "\u{1b}]0;x\u{7}b"]
        {
            let cleaned = line(bad);
            assert!(!cleaned.chars().any(|c| c.is_control() || c == '\u{202e}'), "{cleaned:?}");
        }
        assert!(line(&"x".repeat(1000)).chars().count() <= 200);
    }
}

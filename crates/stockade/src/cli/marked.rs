//! A finding in a text, drawn under its line.

use factor::Span;
use std::fmt;

/// What is wrong, with the line it is in and a marker under the place.
pub(super) struct Marked<'a> {
    /// The name to put before the line and column.
    pub file: &'a str,
    /// The whole text.
    pub text: &'a str,
    /// Which bytes of it.
    pub span: Span,
    /// What is wrong.
    pub message: &'a str,
    /// The stable word for it.
    pub code: &'a str,
    /// What to write instead.
    pub help: Option<&'a str>,
}

/// Characters of a line that are shown at most, and of those before the place.
const WINDOW: usize = 100;
const BEFORE: usize = 60;

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.text.get(..self.span.start).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(start..).unwrap_or("").chars().count();
        let shown = self.text.get(start..).unwrap_or("").lines().next().unwrap_or("");
        let skipped = column.saturating_sub(BEFORE);
        let window: String = shown.chars().skip(skipped).take(WINDOW).map(printable).collect();
        let indent = column - skipped;
        let covered = self.span.of(self.text).lines().next().map_or(1, |s| s.chars().count());
        let marker = "^".repeat(covered.clamp(1, (WINDOW - indent.min(WINDOW - 1)).max(1)));
        let (file, at) = (self.file, column + 1);
        writeln!(f, "{file}:{line}:{at}: {} [{}]", self.message, self.code)?;
        write!(f, "  {window}\n  {}{marker}", " ".repeat(indent))?;
        match self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// A tab is one column wide here, and nothing else moves the cursor.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

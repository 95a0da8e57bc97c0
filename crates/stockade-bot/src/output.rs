//! Text for people, JSON for programs; a closed pipe is no failure.

use serde::Serialize;
use std::io::{self, Write};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Exit code 0.
    Done,
    /// Exit code 3: done, and there is something to look at.
    Findings,
}

/// What was asked for: text or JSON, and how much on stderr.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    notes: Notes,
}

/// What goes to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables and sentences.
    Text,
    /// One JSON document.
    Json,
}

/// What goes to stderr besides errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notes {
    /// Progress and remarks.
    Shown,
    /// Nothing.
    Hidden,
}

impl Output {
    /// As the flags say.
    #[must_use]
    pub const fn new(format: Format, notes: Notes) -> Self {
        Self { format, notes }
    }

    /// Whether JSON was asked for.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// The value as JSON, or the text, to stdout.
    pub fn show<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let mut printed = match self.format {
            Format::Json => serde_json::to_string_pretty(value)?,
            Format::Text => text(value),
        };
        if !printed.ends_with('\n') {
            printed.push('\n');
        }
        Ok(write_stdout(printed.as_bytes())?)
    }

    /// A remark on stderr.
    pub fn note(self, text: &str) {
        if self.notes == Notes::Shown {
            // Nobody is left to tell if stderr is gone.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }
}

/// Writes to stdout; a reader that has gone away (`| head`) ends the output, not the program.
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Columns side by side: the first row is the heading, numbers stand to the right.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, c: usize| row.get(c).map_or("", String::as_str).to_owned();
    let mut lines = vec![String::new(); rows.len()];
    for c in 0..columns {
        let cells: Vec<String> = rows.iter().map(|row| cell(row, c)).collect();
        let width = cells.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        let numeric = cells.iter().skip(1).all(|text| is_number(text)) && cells.len() > 1;
        for (line, text) in lines.iter_mut().zip(cells) {
            let fill = " ".repeat(width - text.chars().count());
            let gap = if c == 0 { "" } else { "  " };
            let (left, right) = if numeric { (fill.as_str(), "") } else { ("", fill.as_str()) };
            line.push_str(&format!("{gap}{left}{text}{right}"));
        }
    }
    let trimmed: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    trimmed.join("\n")
}

fn is_number(text: &str) -> bool {
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let plain = |b: u8| b.is_ascii_digit() || b" .,-+%".contains(&b);
    text.is_empty() || text == "–" || (digits && text.bytes().all(plain))
}

/// Replaces control characters, so that text from a file cannot drive the terminal.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_words_to_the_left() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let drawn = table(&[row("name", "rows"), row("us", "12"), row("europe", "1,024")]);
        assert_eq!(drawn, "name     rows\nus         12\neurope  1,024");
    }

    #[test]
    fn escapes_from_a_file_stay_harmless() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\nc");
    }
}
